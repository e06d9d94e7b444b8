package main

import (
	"encoding/xml"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"
)

const mostKeys = 1000

type content struct {
	Key          string
	LastModified string
	ETag         string
	Size         int
	StorageClass string
}

type commonPrefix struct{ Prefix string }

type listing struct {
	XMLName               xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name                  string
	Prefix                string
	StartAfter            string `xml:",omitempty"`
	Delimiter             string `xml:",omitempty"`
	MaxKeys               int
	KeyCount              int
	IsTruncated           bool
	NextContinuationToken string         `xml:",omitempty"`
	Contents              []content      `xml:"Contents"`
	CommonPrefixes        []commonPrefix `xml:"CommonPrefixes"`
}

// list is ListObjectsV2. A continuation token is the last key or prefix given.
func (s *sink) list(w http.ResponseWriter, r *http.Request, bucket string) {
	query := r.URL.Query()
	answer := listing{
		Name: bucket, Prefix: query.Get("prefix"), Delimiter: query.Get("delimiter"),
		StartAfter: query.Get("start-after"), MaxKeys: mostKeys,
	}
	if asked, err := strconv.Atoi(query.Get("max-keys")); err == nil && asked < mostKeys {
		answer.MaxKeys = asked
	}
	after := max(answer.StartAfter, query.Get("continuation-token"))
	s.mutex.RLock()
	s.fill(&answer, bucket, after)
	s.mutex.RUnlock()
	w.Header().Set("Content-Type", "application/xml")
	_ = xml.NewEncoder(w).Encode(answer)
}

func (s *sink) fill(answer *listing, bucket, after string) {
	for _, key := range s.keys(bucket, answer.Prefix) {
		group := groupOf(key, answer.Prefix, answer.Delimiter)
		name := key
		if group != "" {
			name = group
		}
		if name <= after || (group != "" && answer.lastGroup() == group) {
			continue
		}
		if answer.KeyCount == answer.MaxKeys {
			answer.IsTruncated = true
			return
		}
		answer.KeyCount++
		answer.NextContinuationToken = name
		if group != "" {
			answer.CommonPrefixes = append(answer.CommonPrefixes, commonPrefix{group})
			continue
		}
		stored := s.objects[bucket+"/"+key]
		answer.Contents = append(answer.Contents, content{
			Key: key, Size: len(stored.body), ETag: stored.etag, StorageClass: "STANDARD",
			LastModified: stored.modified.UTC().Format("2006-01-02T15:04:05.000Z"),
		})
	}
	answer.NextContinuationToken = ""
}

func (l *listing) lastGroup() string {
	if len(l.CommonPrefixes) == 0 {
		return ""
	}
	return l.CommonPrefixes[len(l.CommonPrefixes)-1].Prefix
}

func groupOf(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	head, _, found := strings.Cut(key[len(prefix):], delimiter)
	if !found {
		return ""
	}
	return prefix + head + delimiter
}

// keys are the bucket's keys under a prefix, in order. Called under the lock.
func (s *sink) keys(bucket, prefix string) []string {
	var keys []string
	for path := range s.objects {
		if strings.HasPrefix(path, bucket+"/"+prefix) {
			keys = append(keys, path[len(bucket)+1:])
		}
	}
	sort.Strings(keys)
	return keys
}

type entry struct {
	Path       string `json:"path"`
	Bytes      int    `json:"bytes"`
	ModifiedMs int64  `json:"modified_ms"`
}

// all names every object, for the benchmark itself.
func (s *sink) all() []entry {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	entries := []entry{}
	for path, stored := range s.objects {
		entries = append(entries, entry{path, len(stored.body), stored.modified.Round(time.Millisecond).UnixMilli()})
	}
	sort.Slice(entries, func(a, b int) bool { return entries[a].Path < entries[b].Path })
	return entries
}
