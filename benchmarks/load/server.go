package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

const (
	guid      = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455, section 1.3
	chunkSize = 1 << 16
)

// server is the single-user server behind a proxy; it ends when its standard input does.
//
// A path that ends with /down/N gets N bytes, a body is counted, a websocket is echoed, and
// everything else gets a small text. With -status it answers everything with that status: the hub
// behind the proxies, which a user's request must not reach.
func server(arguments []string) error {
	flags := flag.NewFlagSet("server", flag.ExitOnError)
	address := flags.String("address", "127.0.0.1:0", "where to listen")
	status := flags.String("status", "200 OK", "of small answers")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	listener, err := net.Listen("tcp4", *address)
	if err != nil {
		return err
	}
	say(map[string]any{"port": listener.Addr().(*net.TCPAddr).Port})
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(connection, *status)
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func serve(connection net.Conn, status string) {
	defer connection.Close()
	body := strings.Repeat("hello, user\n", 10)
	small := fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s",
		status, len(body), body)
	from := bufio.NewReader(connection)
	for {
		asked, err := readHead(from)
		if err != nil {
			return
		}
		if asked.upgrade {
			echo(connection, from, asked.key)
			return
		}
		size, err := skipBody(from, asked.length)
		if err != nil {
			return
		}
		words := strings.Fields(asked.first)
		if len(words) < 2 {
			return
		}
		_, count, down := strings.Cut(words[1], "/down/")
		switch {
		case down:
			err = send(connection, count)
		case words[0] == "PUT":
			text := strconv.FormatInt(size, 10)
			_, err = fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s",
				len(text), text)
		default:
			_, err = connection.Write(small)
		}
		if err != nil || asked.close {
			return
		}
	}
}

func send(to io.Writer, count string) error {
	left, err := strconv.ParseInt(count, 10, 64)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(to, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"+
		"Content-Length: %d\r\n\r\n", left)
	return write(to, left, err)
}

// write sends so many bytes.
func write(to io.Writer, left int64, err error) error {
	chunk := make([]byte, chunkSize)
	for left > 0 && err == nil {
		var done int
		done, err = to.Write(chunk[:min(left, chunkSize)])
		left -= int64(done)
	}
	return err
}

func echo(connection net.Conn, from *bufio.Reader, key string) {
	sum := sha1.Sum([]byte(key + guid))
	_, err := fmt.Fprintf(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"+
		"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	for err == nil {
		var frame []byte
		var code byte
		if code, frame, err = readFrame(from); err == nil {
			if code == opClose {
				return
			}
			_, err = connection.Write(serverFrame(code, frame))
		}
	}
}
