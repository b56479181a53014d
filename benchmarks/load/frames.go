package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
)

// Operation codes of RFC 6455, section 5.2.
const (
	opBinary = 2
	opClose  = 8
)

const longestMessage = 1 << 20

// readFrame returns one frame; messages of several frames are not made here.
func readFrame(from *bufio.Reader) (byte, []byte, error) {
	var start [2]byte
	if _, err := io.ReadFull(from, start[:]); err != nil {
		return 0, nil, err
	}
	size := uint64(start[1] & 0x7f)
	if size >= 126 {
		long := make([]byte, 2)
		if size == 127 {
			long = make([]byte, 8)
		}
		if _, err := io.ReadFull(from, long); err != nil {
			return 0, nil, err
		}
		size = 0
		for _, digit := range long {
			size = size<<8 | uint64(digit)
		}
	}
	if size > longestMessage {
		return 0, nil, fmt.Errorf("a message of %d bytes", size)
	}
	var mask [4]byte
	if start[1]&0x80 != 0 {
		if _, err := io.ReadFull(from, mask[:]); err != nil {
			return 0, nil, err
		}
	}
	payload := make([]byte, size)
	_, err := io.ReadFull(from, payload)
	if mask != [4]byte{} {
		for i := range payload {
			payload[i] ^= mask[i%4]
		}
	}
	return start[0] & 0x0f, payload, err
}

func serverFrame(code byte, payload []byte) []byte {
	return append(frameStart(code, len(payload), 0), payload...)
}

// clientFrame is masked with zeros: a mask must be there, and this one costs nothing.
func clientFrame(code byte, payload []byte) []byte {
	start := append(frameStart(code, len(payload), 0x80), 0, 0, 0, 0)
	return append(start, payload...)
}

func frameStart(code byte, size int, masked byte) []byte {
	start := []byte{0x80 | code}
	switch {
	case size < 126:
		return append(start, masked|byte(size))
	case size < 1<<16:
		return binary.BigEndian.AppendUint16(append(start, masked|126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(start, masked|127), uint64(size))
	}
}
