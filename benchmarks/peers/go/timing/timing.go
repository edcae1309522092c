// SPDX-License-Identifier: Apache-2.0

// Package timing does one piece of work again and again, and says how often it was done.
package timing

import (
	"encoding/json"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

type result struct {
	Module  string  `json:"module"`
	Version string  `json:"version"`
	Done    int     `json:"done"`
	Seconds float64 `json:"seconds"`
}

// Arguments returns the three of every program here: a directory with what is verified, the
// instant (Unix seconds) at which, and for how many seconds.
func Arguments() (string, time.Time, time.Duration) {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: PROGRAM DIRECTORY UNIX-TIME SECONDS")
	}
	at, err := strconv.ParseInt(os.Args[2], 10, 64)
	if err != nil {
		log.Fatal(err)
	}
	seconds, err := strconv.ParseFloat(os.Args[3], 64)
	if err != nil {
		log.Fatal(err)
	}
	return os.Args[1], time.Unix(at, 0), time.Duration(seconds * float64(time.Second))
}

// Report prints how often work is done, as JSON; seconds are of the processor, as the callers' are.
// Every time must succeed; work gets the number of the turn. The first turn of each file does not
// count.
func Report(module string, files int, length time.Duration, work func(turn int) error) {
	turn := 0
	do := func() {
		if err := work(turn); err != nil {
			log.Fatal(err)
		}
		turn++
	}
	for turn < files {
		do()
	}
	started := spent()
	for spent()-started < length {
		do()
	}
	passed := spent() - started
	found := result{module, version(module), turn - files, passed.Seconds()}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

// Read returns the bytes of a file.
func Read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		log.Fatal(err)
	}
	return data
}

// ReadAll returns the bytes of the files of a directory, in the order of their names.
func ReadAll(parts ...string) [][]byte {
	directory := filepath.Join(parts...)
	entries, err := os.ReadDir(directory)
	if err != nil {
		log.Fatal(err)
	}
	if len(entries) == 0 {
		log.Fatal("nothing in " + directory)
	}
	var all [][]byte
	for _, entry := range entries {
		all = append(all, Read(directory, entry.Name()))
	}
	return all
}

func spent() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func version(module string) string {
	info, known := debug.ReadBuildInfo()
	if !known {
		log.Fatal("the program does not know what it was built from")
	}
	for _, one := range info.Deps {
		if one.Path == module {
			return one.Version
		}
	}
	log.Fatal("not built from " + module)
	return ""
}
