# SPDX-License-Identifier: Apache-2.0
"""Which kind of evidence is this? Decided by the first bytes, and never by trying parsers."""

from __future__ import annotations

from typing import Final

from troth.errors import MalformedError
from troth.evidence.intel.layout import HEADER_BYTES, QE_VENDOR_INTEL, TEE_SGX, TEE_TDX

__all__ = ["detect_tee"]

_TEE_TYPE: Final = slice(4, 8)
_VENDOR_ID: Final = slice(12, 28)


def detect_tee(data: bytes) -> str:
    """Return `tdx`, the one kind of evidence that is supported yet.

    Raises:
        MalformedError: `unsupported.tee`, a known kind that is not supported;
            `evidence.unknown`, nothing known begins like this.
    """
    if len(data) >= HEADER_BYTES:
        tee_type = int.from_bytes(data[_TEE_TYPE], "little")
        if tee_type == TEE_TDX:
            return "tdx"
        if tee_type == TEE_SGX and data[_VENDOR_ID] == QE_VENDOR_INTEL:
            raise MalformedError("unsupported.tee", "an SGX quote; TDX quotes are")
    raise MalformedError("evidence.unknown", f"{len(data)} bytes")
