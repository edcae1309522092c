// SPDX-License-Identifier: Apache-2.0

// Command verify judges a TDX quote with go-tdx-guest under a root of the caller's.
//
//	verify QUOTE ROOT.pem [COLLATERAL]
//
// COLLATERAL is a directory that stands in for Intel's service: the bodies of its answers in tcb,
// identity, pckcrl and root (the root's revocation list), their issuer chains in FILE.chain. With it, revocation and TCB are judged too; without it, the chain and the
// signatures alone.
package main

import (
	"crypto/x509"
	"log"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-tdx-guest/verify"
)

var chainHeaders = map[string]string{
	"tcb":      "Tcb-Info-Issuer-Chain",
	"identity": "Sgx-Enclave-Identity-Issuer-Chain",
	"pckcrl":   "Sgx-Pck-Crl-Issuer-Chain",
}

type directory string

func (d directory) Get(address string) (map[string][]string, []byte, error) {
	parsed, err := url.Parse(address)
	if err != nil {
		return nil, nil, err
	}
	name := filepath.Base(parsed.Path)
	if extension := filepath.Ext(name); extension == ".der" || extension == ".crl" {
		name = "root"
	}
	body, err := os.ReadFile(filepath.Join(string(d), name))
	if err != nil {
		return nil, nil, err
	}
	headers := map[string][]string{}
	if header, known := chainHeaders[name]; known {
		chain, err := os.ReadFile(filepath.Join(string(d), name+".chain"))
		if err != nil {
			return nil, nil, err
		}
		headers[header] = []string{url.QueryEscape(string(chain))}
	}
	return headers, body, nil
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 || len(os.Args) > 4 {
		log.Fatal("usage: verify QUOTE ROOT.pem [COLLATERAL]")
	}
	quote, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	root, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(root) {
		log.Fatal("no certificate in " + os.Args[2])
	}
	options := &verify.Options{TrustedRoots: roots, Now: time.Now()}
	if len(os.Args) == 4 {
		options.GetCollateral, options.CheckRevocations = true, true
		options.Getter = directory(os.Args[3])
	}
	if err := verify.RawTdxQuote(quote, options); err != nil {
		log.Fatal(err)
	}
	log.Print("genuine")
}
