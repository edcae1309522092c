# SPDX-License-Identifier: Apache-2.0
"""A software SEV-SNP: a guest on a chip, its firmware, AMD's hierarchy, and an SVSM if wanted.

    tee = SoftwareSnp.create(Settings(), at=now)           # some seconds: three RSA keys
    tee.report(report_data)                                # sound, under tee.root_pem
    tee.report(report_data, change=lambda one: replace(one, vmpl=3))     # a forgery, signed
    tee.attest(report_data, service="svsm")                # report, certificate table, manifest

It reports as the firmware does, so it is also the factory of evidence with exactly one fault.
"""

from troth.tsm.emulated.snp.pki import SnpKeys, SnpPki
from troth.tsm.emulated.snp.settings import Settings
from troth.tsm.emulated.snp.store import create_in, load, opened
from troth.tsm.emulated.snp.tee import Attested, SoftwareSnp

__all__ = [
    "Attested",
    "Settings",
    "SnpKeys",
    "SnpPki",
    "SoftwareSnp",
    "create_in",
    "load",
    "opened",
]
