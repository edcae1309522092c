// SPDX-License-Identifier: Apache-2.0

// Command quote asks for a TDX quote as go-tdx-guest's own attestation tool does and prints it.
//
//	quote HEX    report data, 64 bytes; the quote goes to standard output
package main

import (
	"encoding/hex"
	"log"
	"os"

	"github.com/google/go-tdx-guest/client"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: quote HEX")
	}
	given, err := hex.DecodeString(os.Args[1])
	if err != nil || len(given) != 64 {
		log.Fatal("report data is 64 bytes in hex")
	}
	var reportData [64]byte
	copy(reportData[:], given)
	provider, err := client.GetQuoteProvider()
	if err != nil {
		log.Fatal(err)
	}
	quote, err := client.GetRawQuote(provider, reportData)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(quote); err != nil {
		log.Fatal(err)
	}
}
