package main

import (
	"encoding/binary"
	"strconv"
)

// encoder writes one answer, in the language that the client asked in.
// Arrays and maps announce their size, which CBOR needs and JSON ignores.
type encoder struct {
	out   []byte
	cbor  bool
	comma bool
}

func (e *encoder) head(major byte, n uint64) {
	switch {
	case n < 24:
		e.out = append(e.out, major<<5|byte(n))
	case n < 1<<8:
		e.out = append(e.out, major<<5|24, byte(n))
	case n < 1<<16:
		e.out = binary.BigEndian.AppendUint16(append(e.out, major<<5|25), uint16(n))
	case n < 1<<32:
		e.out = binary.BigEndian.AppendUint32(append(e.out, major<<5|26), uint32(n))
	default:
		e.out = binary.BigEndian.AppendUint64(append(e.out, major<<5|27), n)
	}
}

// separate puts the comma that JSON wants before all but the first.
func (e *encoder) separate() {
	if e.comma {
		e.out = append(e.out, ',')
	}
	e.comma = true
}

func (e *encoder) open(major byte, bracket byte, size int) {
	if e.cbor {
		e.head(major, uint64(size))
		return
	}
	e.separate()
	e.out = append(e.out, bracket)
	e.comma = false
}

func (e *encoder) close(bracket byte) {
	if !e.cbor {
		e.out = append(e.out, bracket)
		e.comma = true
	}
}

func (e *encoder) openMap(size int)  { e.open(5, '{', size) }
func (e *encoder) closeMap()         { e.close('}') }
func (e *encoder) openList(size int) { e.open(4, '[', size) }
func (e *encoder) closeList()        { e.close(']') }

func (e *encoder) text(s string) {
	if e.cbor {
		e.head(3, uint64(len(s)))
		e.out = append(e.out, s...)
		return
	}
	e.separate()
	e.out = append(append(append(e.out, '"'), s...), '"')
}

func (e *encoder) key(name string) {
	e.text(name)
	if !e.cbor {
		e.out = append(e.out, ':')
		e.comma = false
	}
}

func (e *encoder) number(n int64) {
	if e.cbor {
		e.head(0, uint64(n))
		return
	}
	e.separate()
	e.out = strconv.AppendInt(e.out, n, 10)
}

// time writes Unix milliseconds: tagged integer in CBOR, seconds in JSON.
func (e *encoder) time(ms int64) {
	if e.cbor {
		e.out = append(e.out, 0xc1)
		e.head(0, uint64(ms))
		return
	}
	e.separate()
	e.out = strconv.AppendInt(e.out, ms/1000, 10)
	rest := ms % 1000
	e.out = append(e.out, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}

func (e *encoder) binary(v event) {
	if e.cbor {
		e.head(2, uint64(len(v.data)))
		e.out = append(e.out, v.data...)
		return
	}
	e.separate()
	e.out = append(append(append(e.out, '"'), v.base64...), '"')
}

func (e *encoder) sequence(shard, index int) {
	if e.cbor {
		e.head(3, 6+sequenceDigits)
		e.out = appendSequence(e.out, shard, index)
		return
	}
	e.separate()
	e.out = append(appendSequence(append(e.out, '"'), shard, index), '"')
}
