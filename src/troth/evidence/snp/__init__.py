# SPDX-License-Identifier: Apache-2.0
"""SNP attestation reports, versions 2 to 5, of Milan, Genoa and Turin: layout, parser, builder.

report = SnpReport.parse(data)   # MalformedError, or a report of 1184 bytes
report.measurement               # claims; nothing is verified
report.build() == data
"""

from troth.evidence.snp.certificates import CertificateTable
from troth.evidence.snp.describe import SnpClaim, describe_report
from troth.evidence.snp.policy import GuestPolicy, PlatformInfo
from troth.evidence.snp.product import Product, Tcb
from troth.evidence.snp.report import SigningKey, SnpReport

__all__ = [
    "CertificateTable",
    "GuestPolicy",
    "PlatformInfo",
    "Product",
    "SigningKey",
    "SnpClaim",
    "SnpReport",
    "Tcb",
    "describe_report",
]
