// bench-load is the load generator of the benchmarks, and the server behind the proxies.
//
// It speaks HTTP/1.1 on bare sockets: generator, proxy and server share the cores, so what the
// generator takes is missing to the proxy. Each command prints JSON objects, one on a line.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"syscall"
)

var commands = map[string]func(arguments []string) error{
	"server":     server,
	"requests":   requests,
	"websockets": websockets,
	"transfer":   transfer,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: bench-load server|requests|websockets|transfer [options]")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench-load:", err)
		os.Exit(1)
	}
}

func say(what any) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err) // only for types that cannot be encoded: a mistake in this program
	}
	os.Stdout.Write(append(line, '\n'))
}

// cpuSeconds is what this process has used so far, so that nobody takes it for the proxy's.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}
