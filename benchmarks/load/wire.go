package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// head is what the benchmarks need of the beginning of a request or an answer.
type head struct {
	first   string // the first line
	length  int64  // of the body; -1 when it is chunked
	upgrade bool
	key     string // Sec-WebSocket-Key
	close   bool
}

func readHead(from *bufio.Reader) (head, error) {
	found := head{}
	for {
		line, err := from.ReadSlice('\n')
		if err != nil {
			return found, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if found.first == "" {
			found.first = string(line)
			continue
		}
		if len(line) == 0 {
			return found, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case is(name, "content-length"):
			if found.length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return found, err
			}
		case is(name, "transfer-encoding"):
			found.length = -1
		case is(name, "upgrade"):
			found.upgrade = is(value, "websocket")
		case is(name, "sec-websocket-key"):
			found.key = string(value)
		case is(name, "connection"):
			found.close = is(value, "close")
		}
	}
}

func is(text []byte, lower string) bool {
	return len(text) == len(lower) && bytes.EqualFold(text, []byte(lower))
}

// skipBody reads a body to its end and returns how long it was.
func skipBody(from *bufio.Reader, length int64) (int64, error) {
	if length >= 0 {
		return io.CopyN(io.Discard, from, length)
	}
	total := int64(0)
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			return total, err
		}
		size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
		if err != nil {
			return total, err
		}
		if _, err := io.CopyN(io.Discard, from, size+2); err != nil {
			return total, err
		}
		if total += size; size == 0 {
			return total, nil
		}
	}
}

func (answer head) ok(status string) bool {
	return len(answer.first) >= 12 && answer.first[9:12] == status
}

// request is the beginning of a request, with a user's cookies and few other headers.
func request(method, path, host, more string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench-load\r\n"+
		"Accept: */*\r\nCookie: _xsrf=2%%7C1%%7C2; jupyterhub-session-id=abcdef\r\n%s\r\n",
		method, path, host, more)
}

// dial connects from 127.0.0.<1+source>: one address has too few ports for many sockets.
func dial(address string, source int) (net.Conn, error) {
	dialer := net.Dialer{
		Timeout:   20 * time.Second,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+source))},
	}
	return dialer.Dial("tcp4", address)
}

func readPaths(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	paths := strings.Fields(string(text))
	if len(paths) == 0 {
		return nil, errors.New(name + " names no path")
	}
	return paths, nil
}
