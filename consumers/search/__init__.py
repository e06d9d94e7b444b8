"""OpenSearch and Elasticsearch: bulk requests, their answers, and the server behind them."""
