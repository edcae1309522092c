// SPDX-License-Identifier: Apache-2.0

// Command tdx lets go-tdx-guest verify quotes, with collateral and revocation, in turn.
//
//	tdx DIRECTORY UNIX-TIME SECONDS
//
// DIRECTORY has quotes/, root.pem, and Intel's answers: bodies in tcb, identity, pckcrl and root
// (the root's revocation list), issuer chains in FILE.chain. They are read once, before the clock
// starts; the library decodes and verifies all of them each time, as it remembers nothing.
package main

import (
	"crypto/x509"
	"fmt"
	"log"
	"net/url"
	"path"

	"github.com/google/go-tdx-guest/verify"

	"troth.example/peers/timing"
)

const module = "github.com/google/go-tdx-guest"

var chainHeaders = map[string]string{
	"tcb":      "Tcb-Info-Issuer-Chain",
	"identity": "Sgx-Enclave-Identity-Issuer-Chain",
	"pckcrl":   "Sgx-Pck-Crl-Issuer-Chain",
}

type answer struct {
	headers map[string][]string
	body    []byte
}

type service map[string]answer

func (s service) Get(address string) (map[string][]string, []byte, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, nil, err
	}
	name := path.Base(parsed.Path)
	if extension := path.Ext(name); extension == ".der" || extension == ".crl" {
		name = "root"
	}
	found, known := s[name]
	if !known {
		return nil, nil, fmt.Errorf("no answer for %s", address)
	}
	return found.headers, found.body, nil
}

func answers(directory string) service {
	found := service{"root": {body: timing.Read(directory, "root")}}
	for name, header := range chainHeaders {
		chain := url.QueryEscape(string(timing.Read(directory, name+".chain")))
		found[name] = answer{map[string][]string{header: {chain}}, timing.Read(directory, name)}
	}
	return found
}

func main() {
	directory, at, length := timing.Arguments()
	quotes, getter := timing.ReadAll(directory, "quotes"), answers(directory)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(timing.Read(directory, "root.pem")) {
		log.Fatal("no certificate in root.pem")
	}
	timing.Report(module, len(quotes), length, func(turn int) error {
		options := &verify.Options{
			TrustedRoots:     roots,
			Now:              at,
			GetCollateral:    true,
			CheckRevocations: true,
			Getter:           getter,
		}
		return verify.RawTdxQuote(quotes[turn%len(quotes)], options)
	})
}
