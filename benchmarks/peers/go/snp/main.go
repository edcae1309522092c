// SPDX-License-Identifier: Apache-2.0

// Command snp lets go-sev-guest verify one report under VCEK certificates, with revocation, in turn.
//
//	snp DIRECTORY UNIX-TIME SECONDS
//
// DIRECTORY has product (Milan, Genoa or Turin), report, vceks/, and in DER ask, ark and crl. They
// are read once, before the clock starts, and root certificates and list are decoded then too: the
// library keeps these. It decodes the VCEK and verifies chain, list and report each time.
package main

import (
	"crypto/x509"
	"fmt"
	"log"
	"strings"

	"github.com/google/go-sev-guest/abi"
	spb "github.com/google/go-sev-guest/proto/sevsnp"
	"github.com/google/go-sev-guest/verify"
	"github.com/google/go-sev-guest/verify/trust"

	"troth.example/peers/timing"
)

const module = "github.com/google/go-sev-guest"

type list []byte

func (l list) Get(address string) ([]byte, error) {
	if strings.HasSuffix(address, "/crl") {
		return l, nil
	}
	return nil, fmt.Errorf("no answer for %s", address)
}

func certificate(parts ...string) *x509.Certificate {
	found, err := x509.ParseCertificate(timing.Read(parts...))
	if err != nil {
		log.Fatal(err)
	}
	return found
}

func main() {
	directory, at, length := timing.Arguments()
	product := string(timing.Read(directory, "product"))
	report, vceks := timing.Read(directory, "report"), timing.ReadAll(directory, "vceks")
	getter := list(timing.Read(directory, "crl"))
	root := trust.AMDRootCertsProduct(product)
	root.ProductCerts = &trust.ProductCerts{
		Ask: certificate(directory, "ask"),
		Ark: certificate(directory, "ark"),
	}
	roots := map[string][]*trust.AMDRootCerts{product: {root}}
	timing.Report(module, len(vceks), length, func(turn int) error {
		decoded, err := abi.ReportToProto(report)
		if err != nil {
			return err
		}
		attestation := &spb.Attestation{
			Report: decoded,
			CertificateChain: &spb.CertificateChain{
				VcekCert: vceks[turn%len(vceks)],
				AskCert:  root.ProductCerts.Ask.Raw,
				ArkCert:  root.ProductCerts.Ark.Raw,
			},
		}
		return verify.SnpAttestation(attestation, &verify.Options{
			CheckRevocations:    true,
			DisableCertFetching: true,
			Getter:              getter,
			Now:                 at,
			TrustedRoots:        roots,
		})
	})
}
