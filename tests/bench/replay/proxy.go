package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
)

// newProxy passes a request on under DynamoDB's own name, by which a server of
// many services chooses. Without a target it refuses.
func newProxy(target string) (http.Handler, error) {
	if target == "" {
		return http.NotFoundHandler(), nil
	}
	address, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(address)
		r.Out.Host = "dynamodb.us-east-1.amazonaws.com"
	}}, nil
}
