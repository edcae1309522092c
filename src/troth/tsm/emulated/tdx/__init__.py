# SPDX-License-Identifier: Apache-2.0
"""A software TDX: a TD with registers, a quoting enclave, a PCK hierarchy, and its collateral.

    tee = SoftwareTdx.create(Settings().with_status(platform="OutOfDate"), at=now)
    tee.quote(report_data, version=5)                      # sound, under tee.root_pem
    tee.quote(report_data, attestation_key=another)        # a forgery, sound in all else
    tee.collateral(tcb_info=lambda doc: doc.update(tcbType=1))

It quotes as hardware does, so it is also the factory of evidence with exactly one fault.
"""

from troth.tsm.emulated.tdx.boot import boot_log, booted
from troth.tsm.emulated.tdx.collateral import Bundle
from troth.tsm.emulated.tdx.pki import Pki
from troth.tsm.emulated.tdx.settings import Settings
from troth.tsm.emulated.tdx.store import create_in, load, load_boot_log, opened, save
from troth.tsm.emulated.tdx.tee import SoftwareTdx

__all__ = [
    "Bundle",
    "Pki",
    "Settings",
    "SoftwareTdx",
    "boot_log",
    "booted",
    "create_in",
    "load",
    "load_boot_log",
    "opened",
    "save",
]
