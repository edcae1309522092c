# SPDX-License-Identifier: Apache-2.0
"""What a file is, told by its first bytes or its members: words for whoever named a wrong one.

Nothing is trusted by these words. A file is read as what it was named for, or it is refused, or
left out of a directory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from troth.crypto.pss_crl import is_list
from troth.endorse.intel import is_bundle
from troth.endorse.intel.bundle import BUNDLE_MAX_BYTES
from troth.errors import MalformedError
from troth.evidence.snp import CertificateTable
from troth.wire import json

__all__ = [
    "AMD_BUNDLE",
    "AMD_SORTS",
    "COVE_ROOTS",
    "CPAKS",
    "INTEL_BUNDLE",
    "JWK",
    "NO_JSON",
    "PEM_CERTIFICATE",
    "PEM_PUBLIC_KEY",
    "UNKNOWN",
    "sort_of",
]

PEM_CERTIFICATE: Final = "a certificate in PEM"
PEM_LIST: Final = "a revocation list in PEM"
PEM_PUBLIC_KEY: Final = "a public key in PEM"
DER_LIST: Final = "a revocation list in DER"
DER: Final = "DER, as certificates are"
TABLE: Final = "a host's certificate table"
EMPTY: Final = "an empty file"  # such is the table of a host that has no certificates
UNKNOWN: Final = "of no form that is known here"
AMD_BUNDLE: Final = "a collateral bundle for SNP"
INTEL_BUNDLE: Final = "a collateral bundle for TDX and SGX"
CPAKS: Final = "a list of the keys of CCA platforms"
COVE_ROOTS: Final = "a list of CoVE's roots of trust"
JWK: Final = "a public key as JWK"
NO_JSON: Final = "JSON that cannot be read"

AMD_SORTS: Final = frozenset(
    {PEM_CERTIFICATE, PEM_LIST, DER_LIST, DER, TABLE, EMPTY, AMD_BUNDLE, NO_JSON}
)
"""What AMD's endorsements come as. Who made it, what is in it, and whether it is whole is left open
here: what begins like one of them and is broken is refused, not overlooked."""

_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_SEQUENCE: Final = b"\x30"
_LABELS: Final[Mapping[bytes, str]] = {
    b"CERTIFICATE": PEM_CERTIFICATE,
    b"X509 CRL": PEM_LIST,
    b"PUBLIC KEY": PEM_PUBLIC_KEY,
}
_IN_ARRAYS: Final = {"pkey": CPAKS, "public_key": COVE_ROOTS}
_MEMBERS: Final = {  # by a member that no other of these has
    "leaf": AMD_BUNDLE,
    "chain": AMD_BUNDLE,
    "crl": AMD_BUNDLE,
    "kty": JWK,
    "hcl_report": "the evidence of an Azure VM",
    "message": "the evidence of a TPM",
    "settings": "the settings of a software TEE",
}


def sort_of(data: bytes) -> str:
    """Return what the bytes of a file look like, as words in a sentence."""
    start = data.lstrip()
    pem = _PEM.match(start)
    if pem is not None:
        return _LABELS.get(pem[1], "another kind of PEM")
    if start.startswith(b"-----"):
        return PEM_CERTIFICATE  # as whoever wrote it meant it to be, and broken
    if start.startswith((b"[", b"{")):
        return _array(data) if start.startswith(b"[") else _object(data)
    if data.startswith(_SEQUENCE):
        return DER_LIST if is_list(data) else DER
    return _table(data)


def _array(data: bytes) -> str:
    try:
        entries = json.decode(data, list[dict[str, msgspec.Raw]], max_bytes=BUNDLE_MAX_BYTES)
    except MalformedError as error:
        return "JSON of another kind" if error.code == "json.type" else NO_JSON
    members = entries[0] if entries else {}
    return _by_member(members, _IN_ARRAYS)


def _object(data: bytes) -> str:
    try:
        if is_bundle(data):
            return INTEL_BUNDLE
        members = json.decode(data, dict[str, msgspec.Raw], max_bytes=BUNDLE_MAX_BYTES)
    except MalformedError:
        return NO_JSON
    return _by_member(members, _MEMBERS)


def _by_member(members: Mapping[str, object], words: Mapping[str, str]) -> str:
    return next((said for name, said in words.items() if name in members), "JSON of another kind")


def _table(data: bytes) -> str:
    """Return whether this is a table, also one that is cut off or leads astray, in words."""
    if not data:
        return EMPTY
    try:
        is_table = CertificateTable.extent(data) > 0
    except MalformedError:
        is_table = CertificateTable.begins(data)
    return TABLE if is_table else UNKNOWN
