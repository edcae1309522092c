// SPDX-License-Identifier: Apache-2.0

// Command snpverify judges an SEV-SNP report with go-sev-guest under a root of the caller's.
//
//	snpverify REPORT PRODUCT DIRECTORY
//
// REPORT has the host's certificate table behind it, with the VCEK or the VLEK. DIRECTORY holds the
// ARK of the product, and its ASK and ASVK, in certificates/, and in crl.der the ARK's revocation
// list. Nothing is fetched.
package main

import (
	"crypto/x509"
	"log"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-sev-guest/abi"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: snpverify REPORT PRODUCT DIRECTORY")
	}
	quote, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	attestation, err := abi.ReportCertsToProto(quote)
	if err != nil {
		log.Fatal(err)
	}
	product := os.Args[2]
	root, err := trusted(product, os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	options := &verify.Options{
		CheckRevocations:    true,
		DisableCertFetching: true,
		Now:                 time.Now(),
		TrustedRoots:        map[string][]*trust.AMDRootCerts{product: {root}},
	}
	if err := verify.SnpAttestation(attestation, options); err != nil {
		log.Fatal(err)
	}
	log.Print("genuine")
}

func trusted(product, directory string) (*trust.AMDRootCerts, error) {
	root := trust.AMDRootCertsProduct(product)
	root.ProductCerts = &trust.ProductCerts{}
	for name, place := range map[string]**x509.Certificate{
		"ark.der":  &root.ProductCerts.Ark,
		"ask.der":  &root.ProductCerts.Ask,
		"asvk.der": &root.ProductCerts.Asvk,
	} {
		der, err := os.ReadFile(filepath.Join(directory, "certificates", name))
		if err != nil {
			return nil, err
		}
		if *place, err = x509.ParseCertificate(der); err != nil {
			return nil, err
		}
	}
	list, err := os.ReadFile(filepath.Join(directory, "crl.der"))
	if err != nil {
		return nil, err
	}
	root.CRL, err = x509.ParseRevocationList(list)
	return root, err
}
