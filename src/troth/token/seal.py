# SPDX-License-Identifier: Apache-2.0
"""A secret on its way: encrypted to the caller's key, for one statement and one path.

JWE compact serialisation (RFC 7516), `ECDH-ES+A256KW` with `A256GCM` (RFC 7518 §4.6, §5.3), to a
P-256 or X25519 key (RFC 8037). The header member `apv` is base64url of

    "troth/secret/v1" ‖ 0x00 ‖ H(statement) ‖ path

It enters the key derivation (RFC 7518 §4.6.2) and, as part of the header, the associated data. So a
secret sealed for another statement or path does not open, whatever its header says. Nothing is
negotiated: a header with other members or values is refused before any key is used.
"""

from __future__ import annotations

from typing import Final, Literal, NoReturn

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from troth.crypto.cose_key import AGREEMENT
from troth.crypto.digest import same
from troth.crypto.secret import Secret
from troth.errors import DeniedError, MalformedError, UntrustedError
from troth.evidence.binding.labels import secret_info
from troth.token.confirmation import Jwk, key_of
from troth.wire import base64url, json

__all__ = ["SECRET_MAX_BYTES", "AgreementKey", "check_agreement", "seal"]

SECRET_MAX_BYTES: Final = 32 * 1024
_ALG: Final = "ECDH-ES+A256KW"
_ENC: Final = "A256GCM"
_HEADER_MAX_BYTES: Final = 2048
_SEGMENTS: Final = 5
_KINDS: Final[dict[str, type[ECKey | OKPKey]]] = {"EC": ECKey, "OKP": OKPKey}


def seal(secret: Secret, jwk: Jwk, *, statement_digest: bytes, path: str) -> str:
    """Return `secret` encrypted to `jwk`, bound to a statement and a path.

    Raises:
        DeniedError: `secret.key`; a key for signatures, or none that an agreement is possible with.
    """
    check_agreement(jwk)
    header = {
        "alg": _ALG,
        "enc": _ENC,
        "apv": base64url.encode(secret_info(statement_digest, path)),
    }
    try:
        key = _KINDS[jwk.kty].import_key(msgspec.to_builtins(jwk))
        with secret as plain:
            return jwe.encrypt_compact(header, bytes(plain), key, algorithms=[_ALG, _ENC])
    except (JoseError, ValueError) as error:  # such as a point of small order
        raise DeniedError("secret.key", type(error).__name__) from None


def check_agreement(jwk: Jwk) -> None:
    """Return if `jwk` is a key that secrets are sealed to.

    Raises:
        DeniedError: `secret.key`.
    """
    try:
        key = key_of(jwk)
    except MalformedError as error:
        raise DeniedError("secret.key", str(error)) from None
    if key.algorithm != AGREEMENT:
        raise DeniedError("secret.key", f"a key for {jwk.alg}, {_ALG} is due")


class _Ephemeral(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sender's key, on the curve of ours; the library checks the rest."""

    kty: Literal["OKP"]
    crv: Literal["X25519"]
    x: str


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that stands in the header of a sealed secret."""

    alg: Literal["ECDH-ES+A256KW"]
    enc: Literal["A256GCM"]
    apv: str
    epk: _Ephemeral


class AgreementKey:
    """A key that lives for one exchange: made here, its private half never leaves."""

    __slots__ = ("_key",)

    def __init__(self) -> None:
        """Make a fresh X25519 key."""
        self._key = OKPKey.generate_key("X25519", {"alg": _ALG})

    def __repr__(self) -> str:
        return "AgreementKey(X25519)"

    def __reduce__(self) -> NoReturn:
        message = "a key is not serialised"
        raise TypeError(message)

    @property
    def jwk(self) -> dict[str, str]:
        """The public half with its `alg`, as `cnf` wants it."""
        public = self._key.as_dict(private=False)
        return {name: str(public[name]) for name in ("kty", "crv", "x")} | {"alg": _ALG}

    def open(self, sealed: str, *, statement_digest: bytes, path: str) -> Secret:
        """Return the secret that was sealed to this key for this statement and path.

        Raises:
            MalformedError: `secret.sealed-form`, not the one form that there is.
            UntrustedError: `secret.sealed`, sealed to another key, statement or path, or altered.
        """
        header = _header_of(sealed)
        try:
            told = base64url.decode(header.apv)
        except MalformedError as error:
            raise MalformedError("secret.sealed-form", f"apv: {error}") from None
        if not same(told, secret_info(statement_digest, path)):
            raise UntrustedError("secret.sealed", "it is for another statement or path")
        try:
            opened = jwe.decrypt_compact(sealed, self._key, algorithms=[_ALG, _ENC])
        except (JoseError, ValueError, TypeError, LookupError):
            raise UntrustedError("secret.sealed", "it does not open with this key") from None
        if opened.plaintext is None:
            raise UntrustedError("secret.sealed", "there is nothing in it")
        return Secret(opened.plaintext)


def _header_of(sealed: str) -> _Header:
    segments = sealed.split(".")
    if len(segments) != _SEGMENTS:
        raise MalformedError("secret.sealed-form", f"{len(segments)} segments")
    try:
        raw = base64url.decode(segments[0])
        return json.decode(raw, _Header, max_bytes=_HEADER_MAX_BYTES, max_depth=2)
    except MalformedError as error:
        raise MalformedError("secret.sealed-form", str(error)) from None
