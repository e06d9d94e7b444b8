package main

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// readBody reads a PUT's body, also one in the SDKs' own chunks ("aws-chunked":
// size in hex, extensions, CRLF, data, CRLF; trailers after the last).
func readBody(r *http.Request) ([]byte, error) {
	if !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return io.ReadAll(r.Body)
	}
	in := bufio.NewReader(r.Body)
	var body []byte
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		count, err := strconv.ParseInt(size, 16, 64)
		if err != nil {
			return nil, err
		}
		if count == 0 {
			_, err = io.Copy(io.Discard, in)
			return body, err
		}
		start := len(body)
		body = append(body, make([]byte, count)...)
		if _, err = io.ReadFull(in, body[start:]); err != nil {
			return nil, err
		}
		if _, err = in.Discard(len("\r\n")); err != nil {
			return nil, err
		}
	}
}

// contentEncoding is the client's own, without the SDK's transport coding.
func contentEncoding(r *http.Request) string {
	var kept []string
	for _, coding := range strings.Split(r.Header.Get("Content-Encoding"), ",") {
		if coding = strings.TrimSpace(coding); coding != "" && coding != "aws-chunked" {
			kept = append(kept, coding)
		}
	}
	return strings.Join(kept, ",")
}
