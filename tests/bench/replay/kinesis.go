package main

import (
	"io"
	"log"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	streamName = "ev"
	streamARN  = "arn:aws:kinesis:us-east-1:123456789012:stream/ev"
	behindMs   = 60_000
)

var (
	iteratorPattern = regexp.MustCompile(`it:(\d+):(\d+)`)
	shardPattern    = regexp.MustCompile(`shardId-(\d{12})`)
	// CBOR writes a text's length before it, and 56 looks like the digit 8: the prefix tells them apart.
	sequencePattern = regexp.MustCompile(`4966\d{52}`)
	buffers         = sync.Pool{New: func() any { return new([]byte) }}
)

// stream serves the same events in a cycle from every shard.
type stream struct {
	events         []event
	total          int
	shards         int
	batch          int
	bytesPerSecond float64
	firstMs        int64
	served         atomic.Int64
	calls          atomic.Int64
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	e := &encoder{out: (*buffer)[:0], cbor: strings.Contains(r.Header.Get("Content-Type"), "cbor")}
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	switch operation {
	case "DescribeStreamSummary":
		s.describe(e, "StreamDescriptionSummary", false)
	case "DescribeStream":
		s.describe(e, "StreamDescription", true)
	case "ListShards":
		e.openMap(1)
		s.listShards(e)
		e.closeMap()
	case "GetShardIterator":
		s.iterator(e, body)
	case "GetRecords":
		s.getRecords(e, body)
	default:
		log.Println("operation not served:", operation)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	*buffer = e.out
	kind := "application/x-amz-json-1.1"
	if e.cbor {
		kind = "application/x-amz-cbor-1.1"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("x-amzn-RequestId", "00000000-0000-0000-0000-000000000000")
	w.Header().Set("Content-Length", strconv.Itoa(len(e.out)))
	_, _ = w.Write(e.out)
}

func (s *stream) iterator(e *encoder, body []byte) {
	text := string(body)
	shard, index := 0, 0
	if match := shardPattern.FindStringSubmatch(text); match != nil {
		shard, _ = strconv.Atoi(match[1])
	}
	if match := sequencePattern.FindString(text); match != "" {
		index = indexAfter(match)
		if strings.Contains(text, "AT_SEQUENCE_NUMBER") && index > 0 {
			index--
		}
	}
	if strings.Contains(text, "LATEST") {
		index = s.total
	}
	e.openMap(1)
	e.key("ShardIterator")
	e.text(iteratorText(shard, index))
	e.closeMap()
}

func iteratorText(shard, index int) string {
	return "it:" + strconv.Itoa(shard) + ":" + strconv.Itoa(index)
}

func (s *stream) getRecords(e *encoder, body []byte) {
	match := iteratorPattern.FindSubmatch(body)
	shard, _ := strconv.Atoi(string(match[1]))
	first, _ := strconv.Atoi(string(match[2]))
	count := max(0, min(s.total-first, s.batch))
	behind := int64(0)
	if first+count < s.total {
		behind = behindMs
	}
	e.openMap(3)
	e.key("NextShardIterator")
	e.text(iteratorText(shard, first+count))
	e.key("MillisBehindLatest")
	e.number(behind)
	e.key("Records")
	e.openList(count)
	size := 0
	for index := first; index < first+count; index++ {
		event := s.events[index%len(s.events)]
		size += len(event.data)
		s.record(e, event, shard, index)
	}
	e.closeList()
	e.closeMap()
	s.calls.Add(1)
	s.served.Add(int64(count))
	if s.bytesPerSecond > 0 {
		time.Sleep(time.Duration(float64(size) / s.bytesPerSecond * float64(time.Second)))
	}
}

func (s *stream) record(e *encoder, event event, shard, index int) {
	e.openMap(4)
	e.key("Data")
	e.binary(event)
	e.key("PartitionKey")
	e.text(event.key)
	e.key("SequenceNumber")
	e.sequence(shard, index)
	e.key("ApproximateArrivalTimestamp")
	e.time(s.firstMs + int64(index))
	e.closeMap()
}
