// SPDX-License-Identifier: Apache-2.0

// Command snpreport asks for an SEV-SNP report as go-sev-guest's own attestation tool does and
// prints it, the certificate table behind it.
//
//	snpreport HEX [VMPL]    report data, 64 bytes
package main

import (
	"encoding/hex"
	"log"
	"os"
	"strconv"

	"github.com/google/go-sev-guest/client"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 || len(os.Args) > 3 {
		log.Fatal("usage: snpreport HEX [VMPL]")
	}
	given, err := hex.DecodeString(os.Args[1])
	if err != nil || len(given) != 64 {
		log.Fatal("report data is 64 bytes in hex")
	}
	quote, err := asked([64]byte(given), os.Args[2:])
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.Write(quote); err != nil {
		log.Fatal(err)
	}
}

func asked(reportData [64]byte, level []string) ([]byte, error) {
	if len(level) == 0 {
		provider, err := client.GetQuoteProvider()
		if err != nil {
			return nil, err
		}
		return provider.GetRawQuote(reportData)
	}
	vmpl, err := strconv.ParseUint(level[0], 10, 2)
	if err != nil {
		return nil, err
	}
	provider, err := client.GetLeveledQuoteProvider()
	if err != nil {
		return nil, err
	}
	return provider.GetRawQuoteAtLevel(reportData, uint(vmpl))
}
