package main

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
)

const sequenceDigits = 50

// appendSequence writes the sequence number of a record: 56 digits, as the real
// service's, of which the last 50 are the record's index plus one.
func appendSequence(out []byte, shard, index int) []byte {
	out = append(out, "4966"...)
	out = append(out, byte('0'+shard/10), byte('0'+shard%10))
	var digits [20]byte
	number := strconv.AppendInt(digits[:0], int64(index+1), 10)
	for range sequenceDigits - len(number) {
		out = append(out, '0')
	}
	return append(out, number...)
}

// indexAfter is the index of the record that follows a sequence number.
func indexAfter(sequence string) int {
	index, err := strconv.Atoi(strings.TrimLeft(sequence[6:], "0"))
	if err != nil {
		return 0
	}
	return index
}

func shardID(shard int) string { return fmt.Sprintf("shardId-%012d", shard) }

// hashRange is the shard's equal part of the 128-bit hash key space.
func hashRange(shard, shards int) (string, string) {
	space := new(big.Int).Lsh(big.NewInt(1), 128)
	bound := func(i int) *big.Int {
		product := new(big.Int).Mul(space, big.NewInt(int64(i)))
		return product.Div(product, big.NewInt(int64(shards)))
	}
	last := new(big.Int).Sub(bound(shard+1), big.NewInt(1))
	return bound(shard).String(), last.String()
}
