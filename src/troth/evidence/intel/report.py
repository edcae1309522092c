# SPDX-License-Identifier: Apache-2.0
"""The SGX enclave report (REPORT body): what the CPU says of an enclave, quoting ones included."""

from __future__ import annotations

from typing import Self

import msgspec

from troth.evidence.intel.layout import ENCLAVE_REPORT

__all__ = ["EnclaveReport"]


class EnclaveReport(msgspec.Struct, frozen=True):
    """An enclave report body, 384 bytes, fields in the order of the layout."""

    cpu_svn: bytes
    misc_select: int
    reserved1: bytes
    isv_ext_prod_id: bytes
    attributes: bytes
    mr_enclave: bytes
    reserved2: bytes
    mr_signer: bytes
    reserved3: bytes
    config_id: bytes
    isv_prod_id: int
    isv_svn: int
    config_svn: int
    reserved4: bytes
    family_id: bytes
    report_data: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Take the fields of a body of exactly 384 bytes; every bit pattern is a report."""
        return cls(*ENCLAVE_REPORT.unpack(body))

    def build(self) -> bytes:
        """Return the 384 bytes of this report."""
        return ENCLAVE_REPORT.pack(*msgspec.structs.astuple(self))
