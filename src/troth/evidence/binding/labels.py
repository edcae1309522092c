# SPDX-License-Identifier: Apache-2.0
"""Labels and digests: what separates one use of a hash or key from all others (BINDING 4.3)."""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = [
    "AAD_EPOCH",
    "AAD_STATEMENT",
    "ANCHOR_TYPE",
    "COLLATERAL_TYPE",
    "EVIDENCE_TYPE",
    "STATEMENT_PROFILE",
    "TLS_EXPORTER",
    "Media",
    "channel_context",
    "report_data",
    "report_data_32",
    "root_digest",
    "root_event",
    "secret_info",
]

AAD_EPOCH: Final = b"troth/epoch/v1"
AAD_STATEMENT: Final = b"troth/statement/v1"
TLS_EXPORTER: Final = "EXPERIMENTAL-troth-v1"  # RFC 8446 §7.5; the exported value is 32 bytes

STATEMENT_PROFILE: Final = "tag:troth.example,2026:statement#1"
EVIDENCE_TYPE: Final = "tag:troth.example,2026:evidence#1"
ANCHOR_TYPE: Final = "tag:troth.example,2026:anchor#1"
COLLATERAL_TYPE: Final = "tag:troth.example,2026:collateral#1"

_EPOCH: Final = b"troth/epoch/v1\0"
_ROOT: Final = b"troth/root/v1\0"
_SECRET: Final = b"troth/secret/v1\0"


class Media:
    """Media types of the records in an evidence bundle (BINDING 4.4, `evidence`)."""

    REPORT: Final = "application/vnd.veraison.tsm-report+cbor"
    ROOT: Final = "application/vnd.troth.root+cbor"
    EPOCH: Final = "application/vnd.troth.epoch+cose"
    LOG: Final = "application/vnd.troth.log+cbor"
    CCEL: Final = "application/vnd.troth.ccel"
    IMA: Final = "application/vnd.troth.ima"
    FRESH: Final = "application/eat-ucs+cbor"
    SIGNED: Final = "application/eat+cwt"
    PROOF: Final = "application/vnd.troth.proof+cbor"


def report_data(epoch: bytes) -> bytes:
    """Return the report data of an epoch's bytes, 64 bytes."""
    return hashlib.sha512(_EPOCH + epoch).digest()


def report_data_32(epoch: bytes) -> bytes:
    """Return the same for carriers of 32 bytes (TPM quotes); not a part of the 64 bytes."""
    return hashlib.sha256(_EPOCH + epoch).digest()


def root_digest(root_statement: bytes) -> bytes:
    """Return the digest of a root statement's bytes, 48 bytes."""
    return hashlib.sha384(_ROOT + root_statement).digest()


def root_event(root_statement: bytes) -> bytes:
    """Return what a TPM's register is extended with the digest of, by the bank's own hash."""
    return _ROOT + root_statement


def secret_info(statement_digest: bytes, path: str) -> bytes:
    """Return the context under which a secret is sealed: HPKE `info`, JWE `apv`."""
    return _SECRET + statement_digest + path.encode()


def channel_context(role: int, nonce: bytes) -> bytes:
    """Return the context of the TLS exporter: role (1 client, 2 server) and nonce."""
    return bytes((role,)) + nonce
