// Command replay is the benchmark's endpoint: Kinesis GetRecords from memory
// (JSON and CBOR, HTTP/1.1 and HTTP/2 without TLS), an S3 sink that keeps its
// objects in memory, and everything else (DynamoDB) passed on to another server.
//
// It checks no signatures and knows one stream. Its own CPU is never counted.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strings"
)

func main() {
	addr := flag.String("listen", "127.0.0.1:5700", "address to listen on")
	file := flag.String("events", "events.ndjson", "file of events, one a line, replayed in a cycle")
	dynamo := flag.String("dynamodb", "", "URL of the server that answers DynamoDB")
	total := flag.Int("records", 1_000_000, "records in each shard")
	shards := flag.Int("shards", 2, "open shards")
	batch := flag.Int("batch", 10_000, "most records in one GetRecords answer")
	mbps := flag.Float64("mbps", 0, "most MB/s from each shard, 0 for no limit")
	firstMs := flag.Int64("first-ms", 0, "arrival time of the first record, Unix milliseconds; one more each record")
	flag.Parse()

	events, err := loadEvents(*file)
	if err != nil {
		log.Fatal(err)
	}
	stream := &stream{
		events: events, total: *total, shards: *shards, batch: *batch,
		bytesPerSecond: *mbps * 1e6, firstMs: *firstMs,
	}
	proxy, err := newProxy(*dynamo)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *addr, Handler: route(stream, newSink(), proxy)}
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	log.Fatal(server.ListenAndServe())
}

func route(stream *stream, sink *sink, proxy http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/_stats":
			_ = json.NewEncoder(w).Encode(map[string]int64{
				"served": stream.served.Load(), "get_records": stream.calls.Load(),
				"puts": sink.puts.Load(), "put_bytes": sink.putBytes.Load(),
				"refused": sink.refused.Load(),
			})
		case r.URL.Path == "/_objects":
			_ = json.NewEncoder(w).Encode(sink.all())
		case strings.HasPrefix(r.Header.Get("X-Amz-Target"), "Kinesis_"):
			stream.ServeHTTP(w, r)
		case r.Method == http.MethodPost && r.URL.Path == "/":
			proxy.ServeHTTP(w, r)
		default:
			sink.ServeHTTP(w, r)
		}
	})
}
