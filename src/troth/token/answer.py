# SPDX-License-Identifier: Apache-2.0
"""The broker's answer: signed, so that the host can neither swap secrets nor put in its own.

A JWS (RFC 7515, compact) by the broker's key over

    {"nonce", "namespace", "path", "statement", "jwe"}

The caller knows all but the last beforehand and compares them. The key is one that the measured
configuration names (BINDING, "What this asks of tokens and secrets"); it has no other use.
"""

from __future__ import annotations

from typing import Final

import msgspec

from troth.crypto.digest import same
from troth.errors import MalformedError, UntrustedError
from troth.token.jws import open_jws, sign_jws
from troth.token.keys import KeySet, SigningKey
from troth.wire import json

__all__ = ["ANSWER_MAX_BYTES", "Answer", "sign_answer", "verify_answer"]

ANSWER_MAX_BYTES: Final = 96 * 1024  # the largest secret, twice in base64url
_TYPE: Final = "troth-secret+jws"


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the broker vouches for.

    Attributes:
        nonce: the caller's, base64url.
        namespace: id of the caller's namespace, hex.
        path: the secret's.
        statement: SHA-256 of the statement that the token was earned with, hex.
        jwe: the secret, sealed to the caller's key.
    """

    nonce: str
    namespace: str
    path: str
    statement: str
    jwe: str


def sign_answer(answer: Answer, key: SigningKey) -> str:
    """Return an answer as a JWS."""
    return sign_jws(json.encode(answer), key, typ=_TYPE)


def verify_answer(text: str, keys: KeySet, *, asked: Answer) -> str:
    """Return the sealed secret of an answer that is signed and for exactly this request.

    Args:
        text: the JWS.
        keys: the broker keys that the configuration names.
        asked: what the request was; its `jwe` is not looked at.

    Raises:
        MalformedError: `token.malformed`, or `secret.answer-form`.
        UntrustedError: `token.algorithm`, `token.type`, `token.key`, `token.signature`, or
            `secret.answer`: it answers another request.
    """
    payload = open_jws(text, keys, typ=_TYPE, max_bytes=ANSWER_MAX_BYTES)
    try:
        answer = json.decode(payload, Answer, max_bytes=ANSWER_MAX_BYTES, max_depth=1)
    except MalformedError as error:
        raise MalformedError("secret.answer-form", str(error)) from None
    for name in ("nonce", "namespace", "path", "statement"):
        if not same(getattr(answer, name).encode(), getattr(asked, name).encode()):
            raise UntrustedError("secret.answer", f"it is for another {name}")
    return answer.jwe
