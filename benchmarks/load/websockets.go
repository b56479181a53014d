package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"net"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

type socket struct {
	connection net.Conn
	from       *bufio.Reader
}

// websockets opens many, says so, waits for a line on its standard input, sends messages through
// each of them in turns, says how that went, and waits for another line before it closes them.
func websockets(arguments []string) error {
	flags := flag.NewFlagSet("websockets", flag.ExitOnError)
	address := flags.String("address", "", "host:port of the proxy")
	file := flags.String("paths", "", "file with one path on each line")
	count := flags.Int("sockets", 1000, "to open")
	messages := flags.Int("messages", 1, "through each socket")
	size := flags.Int("size", 1024, "bytes of a message")
	workers := flags.Int("workers", 32, "messages under way at once")
	sources := flags.Int("sources", 4, "addresses 127.0.0.x to connect from")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	paths, err := readPaths(*file)
	if err != nil {
		return err
	}
	start := time.Now()
	sockets := make([]socket, *count)
	failed := each(*count, *workers, func(i int) (err error) {
		sockets[i], err = open(*address, paths[i%len(paths)], i%*sources)
		return err
	})
	say(map[string]any{"opened": *count - failed, "failed": failed,
		"seconds": time.Since(start).Seconds()})
	wait := bufio.NewReader(os.Stdin)
	if _, err := wait.ReadString('\n'); err != nil {
		return err
	}
	talk(sockets, *messages, *size, *workers)
	_, _ = wait.ReadString('\n')
	return nil
}

func talk(sockets []socket, messages, size, workers int) {
	payload := bytes.Repeat([]byte("x"), size)
	frame := clientFrame(opBinary, payload)
	took := make([]time.Duration, messages*len(sockets))
	start := time.Now()
	failed := each(len(took), workers, func(i int) error {
		one := sockets[i%len(sockets)]
		if one.connection == nil {
			return errors.New("not open")
		}
		sent := time.Now()
		if _, err := one.connection.Write(frame); err != nil {
			return err
		}
		_, back, err := readFrame(one.from)
		if err == nil && len(back) != size {
			err = errors.New("another message came back")
		}
		took[i] = time.Since(sent)
		return err
	})
	seconds := time.Since(start).Seconds()
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	mib := float64(2*size*(len(took)-failed)) / (1 << 20)
	say(map[string]any{"echoes": len(took) - failed, "failed": failed, "seconds": seconds,
		"mib_per_second": mib / seconds, "p50_ms": at(took, 0.5), "p99_ms": at(took, 0.99)})
}

// each calls work(0) to work(count-1), so many at once, and returns how many failed.
func each(count, workers int, work func(int) error) int {
	var next, failed atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := next.Add(1) - 1; i < int64(count); i = next.Add(1) - 1 {
				if work(int(i)) != nil {
					failed.Add(1)
				}
			}
		}()
	}
	all.Wait()
	return int(failed.Load())
}

func open(address, path string, source int) (socket, error) {
	connection, err := dial(address, source)
	if err != nil {
		return socket{}, err
	}
	from := bufio.NewReaderSize(connection, 2048)
	text := request("GET", path, address, "Connection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
	var answer head
	if _, err = connection.Write(text); err == nil {
		_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
		answer, err = readHead(from)
		_ = connection.SetReadDeadline(time.Time{})
	}
	if err == nil && !answer.ok("101") {
		err = errors.New(answer.first)
	}
	if err != nil {
		connection.Close()
		return socket{}, err
	}
	return socket{connection, from}, nil
}
