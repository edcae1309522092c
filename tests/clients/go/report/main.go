// SPDX-License-Identifier: Apache-2.0

// Command report asks configfs-tsm for a report through go-configfs-tsm and prints what it got.
//
//	report HEX    report data, 64 bytes
package main

import (
	"encoding/hex"
	"encoding/json"
	"log"
	"os"

	"github.com/google/go-configfs-tsm/configfs/linuxtsm"
	"github.com/google/go-configfs-tsm/report"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: report HEX")
	}
	inblob, err := hex.DecodeString(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client, err := linuxtsm.MakeClient()
	if err != nil {
		log.Fatal(err)
	}
	got, err := report.Get(client, &report.Request{InBlob: inblob})
	if err != nil {
		log.Fatal(err)
	}
	answer := map[string]string{"provider": got.Provider, "outblob": hex.EncodeToString(got.OutBlob)}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		log.Fatal(err)
	}
}
