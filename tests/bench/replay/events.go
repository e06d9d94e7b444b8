package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
)

// event is one record's data, with what each GetRecords answer needs of it.
type event struct {
	data   []byte
	base64 []byte
	key    string
}

var session = []byte(`"sessionId":"`)

// loadEvents reads one event a line. The partition key is the session, as the
// players' gateway chooses it.
func loadEvents(path string) ([]event, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var events []event
	for _, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		encoded := make([]byte, base64.StdEncoding.EncodedLen(len(line)))
		base64.StdEncoding.Encode(encoded, line)
		events = append(events, event{data: line, base64: encoded, key: partitionKey(line)})
	}
	if len(events) == 0 {
		return nil, fmt.Errorf("%s holds no events", path)
	}
	return events, nil
}

func partitionKey(line []byte) string {
	_, after, found := bytes.Cut(line, session)
	if !found {
		return "none"
	}
	key, _, _ := bytes.Cut(after, []byte(`"`))
	return string(key)
}
