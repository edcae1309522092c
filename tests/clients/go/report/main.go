// SPDX-License-Identifier: Apache-2.0

// Command report asks configfs-tsm for a report through go-configfs-tsm and prints what it got.
//
//	report HEX [SERVICE [GUID]]    report data, as many bytes as the provider takes
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
	if len(os.Args) < 2 || len(os.Args) > 4 {
		log.Fatal("usage: report HEX [SERVICE [GUID]]")
	}
	inblob, err := hex.DecodeString(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	client, err := linuxtsm.MakeClient()
	if err != nil {
		log.Fatal(err)
	}
	request := &report.Request{InBlob: inblob}
	if len(os.Args) > 2 {
		request.ServiceProvider, request.GetAuxBlob = os.Args[2], true
	}
	if len(os.Args) > 3 {
		request.ServiceGuid = os.Args[3]
	}
	got, err := report.Get(client, request)
	if err != nil {
		log.Fatal(err)
	}
	answer := map[string]string{
		"provider":     got.Provider,
		"outblob":      hex.EncodeToString(got.OutBlob),
		"auxblob":      hex.EncodeToString(got.AuxBlob),
		"manifestblob": hex.EncodeToString(got.ManifestBlob),
	}
	if err := json.NewEncoder(os.Stdout).Encode(answer); err != nil {
		log.Fatal(err)
	}
}
