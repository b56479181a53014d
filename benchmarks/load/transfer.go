package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"time"
)

// transfer moves many bytes in one request, down or up.
func transfer(arguments []string) error {
	flags := flag.NewFlagSet("transfer", flag.ExitOnError)
	address := flags.String("address", "", "host:port of the proxy")
	path := flags.String("path", "/", "ends with a slash")
	up := flags.Bool("up", false, "send a body instead of getting one")
	size := flags.Int64("bytes", 1<<28, "to move")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	connection, err := dial(*address, 0)
	if err != nil {
		return err
	}
	defer connection.Close()
	start := time.Now()
	text := request("GET", fmt.Sprintf("%sdown/%d", *path, *size), *address, "")
	if *up {
		text = request("PUT", *path, *address, fmt.Sprintf("Content-Length: %d\r\n", *size))
	}
	if _, err = connection.Write(text); err == nil && *up {
		err = write(connection, *size, nil)
	}
	if err != nil {
		return err
	}
	moved, err := received(bufio.NewReaderSize(connection, chunkSize), *up)
	if err == nil && moved != *size {
		err = fmt.Errorf("%d of %d bytes arrived", moved, *size)
	}
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	say(map[string]any{"seconds": seconds, "mib_per_second": float64(*size) / (1 << 20) / seconds})
	return nil
}

// received is how many bytes came down, or how many the server says that it got.
func received(from *bufio.Reader, up bool) (int64, error) {
	answer, err := readHead(from)
	if err != nil {
		return 0, err
	}
	if !answer.ok("200") {
		return 0, errors.New(answer.first)
	}
	if !up {
		return skipBody(from, answer.length)
	}
	if answer.length < 0 {
		return 0, errors.New("the count came in chunks")
	}
	text, err := io.ReadAll(io.LimitReader(from, answer.length))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(string(text), 10, 64)
}
