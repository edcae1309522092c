# SPDX-License-Identifier: Apache-2.0
"""AMD's endorsements: VCEK and VLEK certificates, their chains, revocation lists, in sets."""

from troth.endorse.amd.bundle import (
    SNP_BUNDLE_MAX_BYTES,
    assemble,
    parse_snp_bundle,
    parse_table,
    read_certificates,
    read_crl,
    snp_bundle,
)
from troth.endorse.amd.collateral import SnpCollateral, choose_snp
from troth.endorse.amd.leaf import LeafCertificate, LeafKind, describe_leaf

__all__ = [
    "SNP_BUNDLE_MAX_BYTES",
    "LeafCertificate",
    "LeafKind",
    "SnpCollateral",
    "assemble",
    "choose_snp",
    "describe_leaf",
    "parse_snp_bundle",
    "parse_table",
    "read_certificates",
    "read_crl",
    "snp_bundle",
]
