# SPDX-License-Identifier: Apache-2.0
"""Issue revocation lists, sound ones and ones with a fault (RFC 5280 §5).

The library's builder refuses some lists that a verifier must refuse too, such as one without
nextUpdate, so the structure is written out here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from troth.crypto import _tbs
from troth.crypto._tbs import Digest, Extension, Name
from troth.crypto.der import TAG_ENUMERATED, encode_integer, encode_tlv
from troth.crypto.p256 import PrivateKey, PublicKey

__all__ = ["CrlSpec", "issue_crl"]

_CRL_NUMBER: Final = "2.5.29.20"
_REASON_CODE: Final = "2.5.29.21"
_KEY_COMPROMISE: Final = b"\x01"  # RFC 5280 §5.3.1, CRLReason


@dataclass(frozen=True, slots=True, kw_only=True)
class CrlSpec:
    """What a revocation list says.

    Attributes:
        issuer: who is named as its issuer.
        authority: the key that authorityKeyIdentifier names.
        this_update: aware; whole seconds count. Also the date of each revocation.
        next_update: None leaves the field out.
        revoked: serial numbers.
        number: cRLNumber.
        extensions: what follows cRLNumber and authorityKeyIdentifier.
        digest: what the signature is made with.
    """

    issuer: Name
    authority: PublicKey
    this_update: datetime
    next_update: datetime | None
    revoked: tuple[int, ...] = ()
    number: int = 1
    extensions: tuple[Extension, ...] = ()
    digest: Digest = "sha256"


def issue_crl(spec: CrlSpec, *, signed_by: PrivateKey) -> bytes:
    """Return the DER of a version 2 list that says what `spec` says."""
    number = Extension(oid=_CRL_NUMBER, value=encode_integer(spec.number))
    extensions = (number, _tbs.authority_key(spec.authority), *spec.extensions)
    entries = [_entry(serial, spec.this_update) for serial in spec.revoked]
    tbs = _tbs.sequence(
        _tbs.version(2),
        _tbs.algorithm(spec.digest),
        spec.issuer.der,
        _tbs.time(spec.this_update),
        b"" if spec.next_update is None else _tbs.time(spec.next_update),
        _tbs.sequence(*entries) if entries else b"",
        _tbs.explicit(0, _tbs.sequence(*(one.der for one in extensions))),
    )
    return _tbs.signed(tbs, signed_by, spec.digest)


def _entry(serial: int, at: datetime) -> bytes:
    reason = Extension(oid=_REASON_CODE, value=encode_tlv(TAG_ENUMERATED, _KEY_COMPROMISE))
    return _tbs.sequence(encode_integer(serial), _tbs.time(at), _tbs.sequence(reason.der))
