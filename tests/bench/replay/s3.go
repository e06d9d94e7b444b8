package main

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const metadataPrefix = "x-amz-meta-"

// object is what one PUT stored.
type object struct {
	body     []byte
	etag     string
	headers  http.Header
	modified time.Time
}

// sink is S3 with path-style addresses; a bucket exists as soon as it is named.
type sink struct {
	mutex    sync.RWMutex
	objects  map[string]*object
	puts     atomic.Int64
	putBytes atomic.Int64
	refused  atomic.Int64
}

func newSink() *sink { return &sink{objects: map[string]*object{}} }

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/")
	bucket, key, _ := strings.Cut(path, "/")
	switch {
	case key == "" && r.Method == http.MethodGet:
		s.list(w, r, bucket)
	case key == "":
		w.WriteHeader(http.StatusOK)
	case r.Method == http.MethodPut:
		s.put(w, r, path)
	case r.Method == http.MethodDelete:
		s.mutex.Lock()
		delete(s.objects, path)
		s.mutex.Unlock()
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.get(w, r, path)
	default:
		fail(w, r, http.StatusNotImplemented, "NotImplemented")
	}
}

func (s *sink) put(w http.ResponseWriter, r *http.Request, path string) {
	body, err := readBody(r)
	if err != nil {
		fail(w, r, http.StatusBadRequest, "IncompleteBody")
		return
	}
	sum := md5.Sum(body)
	stored := &object{body: body, etag: `"` + hex.EncodeToString(sum[:]) + `"`, headers: http.Header{}, modified: time.Now()}
	stored.headers["Content-Type"] = r.Header["Content-Type"]
	for name, values := range r.Header {
		// In lower case, as S3 answers: clients take the name of a field from it.
		if lower := strings.ToLower(name); strings.HasPrefix(lower, metadataPrefix) {
			stored.headers[lower] = values
		}
	}
	if encoding := contentEncoding(r); encoding != "" {
		stored.headers.Set("Content-Encoding", encoding)
	}
	if !s.keep(path, stored, r.Header.Get("If-None-Match") == "*") {
		s.refused.Add(1)
		fail(w, r, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	s.puts.Add(1)
	s.putBytes.Add(int64(len(body)))
	w.Header().Set("ETag", stored.etag)
	w.WriteHeader(http.StatusOK)
}

// keep stores the object, unless only a first one may be and one stands.
func (s *sink) keep(path string, stored *object, onlyFirst bool) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if _, stands := s.objects[path]; stands && onlyFirst {
		return false
	}
	s.objects[path] = stored
	return true
}

func (s *sink) get(w http.ResponseWriter, r *http.Request, path string) {
	s.mutex.RLock()
	stored, found := s.objects[path]
	s.mutex.RUnlock()
	if !found {
		fail(w, r, http.StatusNotFound, "NoSuchKey")
		return
	}
	for name, values := range stored.headers {
		w.Header()[name] = values
	}
	w.Header().Set("ETag", stored.etag)
	http.ServeContent(w, r, "", stored.modified, bytes.NewReader(stored.body))
}

func fail(w http.ResponseWriter, r *http.Request, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_ = xml.NewEncoder(w).Encode(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: code})
}
