# SPDX-License-Identifier: Apache-2.0
"""A software SGX: an enclave, a quoting enclave, a PCK hierarchy, and its collateral.

    tee = SoftwareSgx.create(SgxSettings().with_status(platform="OutOfDate"), at=now)
    tee.quote(report_data, version=3)                      # sound, under tee.root_pem
    tee.quote(report_data, attestation_key=another)        # a forgery, sound in all else
    tee.collateral(tcb_info=lambda doc: doc.update(tcbType=1))

Platform, hierarchy and collateral are those of the software TDX; an enclave has no registers, so
there is nothing to extend.
"""

from troth.tsm.emulated.sgx.settings import Enclave, SgxSettings
from troth.tsm.emulated.sgx.store import create_in, load, opened
from troth.tsm.emulated.sgx.tee import SoftwareSgx

__all__ = ["Enclave", "SgxSettings", "SoftwareSgx", "create_in", "load", "opened"]
