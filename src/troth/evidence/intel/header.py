# SPDX-License-Identifier: Apache-2.0
"""The header that quotes of every format begin with, and the descriptor of format 5.

Sources: Intel TDX DCAP Quoting Library API, appendix A.3.1; Intel SGX ECDSA Quote Library
Reference, appendix A.4.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, Self

import msgspec

from troth.errors import MalformedError
from troth.evidence.intel import layout
from troth.wire.reader import Reader

__all__ = ["QuoteHeader", "read_descriptor"]

_TEES: Final = {layout.TEE_SGX: "SGX", layout.TEE_TDX: "TDX"}
_FORMAT_3: Final = 3  # SGX alone; where later formats name the TEE, it has zeros


class QuoteHeader(msgspec.Struct, frozen=True):
    """The first 48 bytes. SVNs here decide nothing: the QE report and the PCK certificate do."""

    version: int
    key_type: int = layout.KEY_TYPE_P256
    tee_type: int = layout.TEE_TDX
    qe_svn: int = 0
    pce_svn: int = 0
    qe_vendor_id: bytes = layout.QE_VENDOR_INTEL
    user_data: bytes = bytes(20)

    @classmethod
    def parse(cls, raw: bytes, *, versions: Collection[int], tee_type: int) -> Self:
        """Take the header of a quote of one TEE.

        Args:
            raw: 48 bytes.
            versions: the formats that are supported for this TEE.
            tee_type: the TEE whose quote is due.

        Raises:
            MalformedError: `unsupported.version`, `unsupported.key-type`, `unsupported.tee`,
                `quote.tee-type` or `quote.vendor-id`.
        """
        header = cls(*layout.HEADER.unpack(raw))
        if header.version not in versions:
            known = ", ".join(str(one) for one in versions)
            raise MalformedError(
                "unsupported.version", f"quote version {header.version}; supported: {known}"
            )
        if header.key_type != layout.KEY_TYPE_P256:
            raise MalformedError("unsupported.key-type", f"{header.key_type}; 2, P-256, is")
        if header.tee_type != tee_type:
            raise _other_tee(header, tee_type)
        if header.qe_vendor_id != layout.QE_VENDOR_INTEL:
            raise MalformedError("quote.vendor-id", header.qe_vendor_id.hex())
        return header

    def build(self) -> bytes:
        """Return the 48 bytes of this header."""
        return layout.HEADER.pack(*msgspec.structs.astuple(self))


def read_descriptor(reader: Reader, tee_type: int) -> tuple[int, int]:
    """Read the body descriptor of format 5; return the body's type and size.

    Args:
        reader: behind the header.
        tee_type: the header's TEE, whose body is due.

    Raises:
        MalformedError: `wire.truncated`, `quote.body-type` or `unsupported.body-type`.
    """
    kind, size = layout.DESCRIPTOR.unpack(reader.take(layout.DESCRIPTOR.size, "body descriptor"))
    if layout.BODY_BYTES.get(kind) != size:
        raise MalformedError("quote.body-type", f"body type {kind} of {size} bytes")
    own = layout.TEE_SGX if kind == layout.BODY_TYPE_SGX else layout.TEE_TDX
    if own != tee_type:
        raise MalformedError("quote.body-type", f"body type {kind} under another TEE's header")
    if kind == layout.BODY_TYPE_1_5_EX:
        raise MalformedError("unsupported.body-type", "TD report 1.5Ex")
    return kind, size


def _other_tee(header: QuoteHeader, tee_type: int) -> MalformedError:
    """Return what to say of a TEE that is not the one that is due."""
    if header.version == _FORMAT_3 or header.tee_type not in _TEES:
        return MalformedError("quote.tee-type", f"TEE type {header.tee_type:#x}")
    other, due = _TEES[header.tee_type], _TEES[tee_type]
    return MalformedError("unsupported.tee", f"quotes of {other}; those of {due} are, here")
