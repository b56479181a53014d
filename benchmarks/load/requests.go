package main

import (
	"bufio"
	"flag"
	"math/rand/v2"
	"net"
	"sort"
	"sync"
	"time"
)

type outcome struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	All      int     `json:"all"` // also those before the seconds that count
	Seconds  float64 `json:"seconds"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Worst    float64 `json:"worst_ms"`
	CPU      float64 `json:"generator_cpu_seconds"`
}

// requests sends GETs over connections that are kept, each to a path drawn at random, as fast as
// they are answered or at a steady rate over all connections.
func requests(arguments []string) error {
	flags := flag.NewFlagSet("requests", flag.ExitOnError)
	address := flags.String("address", "", "host:port of the proxy")
	file := flags.String("paths", "", "file with one path on each line")
	connections := flags.Int("connections", 32, "connections at once")
	seconds := flags.Float64("seconds", 2, "of load")
	warmup := flags.Float64("warmup", 0.5, "seconds before it that do not count")
	header := flags.String("header", "", "of each request, besides the usual ones")
	rate := flags.Float64("rate", 0, "requests per second; 0 is as many as are answered")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	paths, err := readPaths(*file)
	if err != nil {
		return err
	}
	if *header != "" {
		*header += "\r\n"
	}
	texts := make([][]byte, len(paths))
	for i, path := range paths {
		texts[i] = request("GET", path, *address, *header)
	}
	begin := time.Now().Add(seconds2(*warmup))
	end := begin.Add(seconds2(*seconds))
	clients := make([]client, *connections)
	var all sync.WaitGroup
	for i := range clients {
		clients[i] = client{address: *address, texts: texts, begin: begin, end: end}
		if *rate > 0 {
			clients[i].pause = seconds2(float64(*connections) / *rate)
		}
		all.Add(1)
		go func(number int) {
			defer all.Done()
			time.Sleep(clients[number].pause * time.Duration(number) / time.Duration(*connections))
			clients[number].run()
		}(i)
	}
	all.Wait()
	say(sum(clients, *seconds))
	return nil
}

func seconds2(count float64) time.Duration { return time.Duration(count * float64(time.Second)) }

type client struct {
	address    string
	texts      [][]byte
	begin, end time.Time
	pause      time.Duration // from one request to the next; 0: at once
	took       []time.Duration
	failed     int
	all        int
}

func (c *client) run() {
	var connection net.Conn
	var from *bufio.Reader
	defer func() {
		if connection != nil {
			connection.Close()
		}
	}()
	due := time.Now()
	for time.Now().Before(c.end) || len(c.took)+c.failed == 0 {
		if c.pause > 0 {
			time.Sleep(time.Until(due))
		}
		// A late answer makes the next requests late; that counts as their latency too.
		start := time.Now()
		if c.pause > 0 {
			start = due
			due = due.Add(c.pause)
		}
		var err error
		if connection == nil {
			if connection, err = dial(c.address, 0); err == nil {
				from = bufio.NewReaderSize(connection, 4096)
			}
		}
		good := false
		if err == nil {
			good, err = exchange(connection, from, c.texts[rand.IntN(len(c.texts))])
		}
		if err != nil && connection != nil {
			connection.Close()
			connection = nil
		}
		c.all++
		if start.Before(c.begin) {
			continue
		}
		if good {
			c.took = append(c.took, time.Since(start))
		} else {
			c.failed++
			time.Sleep(time.Millisecond)
		}
	}
}

func exchange(connection net.Conn, from *bufio.Reader, text []byte) (bool, error) {
	if _, err := connection.Write(text); err != nil {
		return false, err
	}
	answer, err := readHead(from)
	if err != nil {
		return false, err
	}
	_, err = skipBody(from, answer.length)
	return err == nil && answer.ok("200"), err
}

func sum(clients []client, seconds float64) outcome {
	var took []time.Duration
	result := outcome{Seconds: seconds, CPU: cpuSeconds()}
	for _, each := range clients {
		took = append(took, each.took...)
		result.Failed += each.failed
		result.All += each.all
	}
	result.Requests = len(took) + result.Failed
	sort.Slice(took, func(a, b int) bool { return took[a] < took[b] })
	result.P50, result.P99, result.Worst = at(took, 0.5), at(took, 0.99), at(took, 1)
	return result
}

// at is the time in milliseconds within which a share of the sorted times lies.
func at(sorted []time.Duration, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	index := min(len(sorted)-1, int(share*float64(len(sorted))))
	return float64(sorted[index].Microseconds()) / 1000
}
