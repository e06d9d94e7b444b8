module kinesis-fleet/bench/replay

go 1.24
