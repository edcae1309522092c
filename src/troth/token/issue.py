# SPDX-License-Identifier: Apache-2.0
"""Signing results."""

from __future__ import annotations

from typing import Final

from troth.token.claims import TOKEN_MAX_LIFETIME_S, Ear
from troth.token.jws import sign_jws
from troth.token.keys import SigningKey
from troth.wire import json

__all__ = ["TOKEN_TYPE", "issue"]

TOKEN_TYPE: Final = "jwt"  # noqa: S105 - a media type


def issue(ear: Ear, key: SigningKey) -> str:
    """Return a result as a signed token.

    Raises:
        ValueError: it would live longer than five minutes. This is a bug, never peer data.
    """
    if not 0 < ear.exp - ear.iat <= TOKEN_MAX_LIFETIME_S:
        message = f"a lifetime of {ear.exp - ear.iat} seconds"
        raise ValueError(message)
    return sign_jws(json.encode(ear), key, typ=TOKEN_TYPE)
