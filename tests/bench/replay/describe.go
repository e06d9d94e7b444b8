package main

const hourMs = 3_600_000

func (s *stream) describe(e *encoder, name string, withShards bool) {
	size := 7
	if withShards {
		size = 8
	}
	e.openMap(1)
	e.key(name)
	e.openMap(size)
	e.key("StreamName")
	e.text(streamName)
	e.key("StreamARN")
	e.text(streamARN)
	e.key("StreamStatus")
	e.text("ACTIVE")
	e.key("RetentionPeriodHours")
	e.number(24)
	e.key("EnhancedMonitoring")
	e.openList(0)
	e.closeList()
	e.key("StreamCreationTimestamp")
	e.time(s.firstMs - hourMs)
	if withShards {
		s.listShards(e)
		e.key("HasMoreShards")
		e.flag(false)
	} else {
		e.key("OpenShardCount")
		e.number(int64(s.shards))
	}
	e.closeMap()
	e.closeMap()
}

func (s *stream) listShards(e *encoder) {
	e.key("Shards")
	e.openList(s.shards)
	for shard := range s.shards {
		low, high := hashRange(shard, s.shards)
		e.openMap(3)
		e.key("ShardId")
		e.text(shardID(shard))
		e.key("HashKeyRange")
		e.openMap(2)
		e.key("StartingHashKey")
		e.text(low)
		e.key("EndingHashKey")
		e.text(high)
		e.closeMap()
		e.key("SequenceNumberRange")
		e.openMap(1)
		e.key("StartingSequenceNumber")
		e.sequence(shard, -1)
		e.closeMap()
		e.closeMap()
	}
	e.closeList()
}

func (e *encoder) flag(value bool) {
	switch {
	case e.cbor && value:
		e.out = append(e.out, 0xf5)
	case e.cbor:
		e.out = append(e.out, 0xf4)
	default:
		e.separate()
		e.out = append(e.out, map[bool]string{true: "true", false: "false"}[value]...)
	}
}
