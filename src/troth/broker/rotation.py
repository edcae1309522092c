# SPDX-License-Identifier: Apache-2.0
"""Change the key that signs answers, in three steps, since workloads know it from their image.

    next      a second key is made; it signs nothing yet
              (both public keys go into the measured image, and the VMs start from it)
    rotate    the second key takes the place of the first, which is gone
    show      the public keys, the one that signs first, as a JWK set

So at no time does a workload meet an answer of a key that its image does not name.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from troth.broker.keys import load_signing_key, make_signing_key
from troth.errors import UsageError
from troth.token.keys import jwks_json

__all__ = ["make_next", "public_keys", "rotate"]

_SUFFIX: Final = ".next"


def make_next(answer_key: str) -> bytes:
    """Make the key that is to sign answers later; return what `public_keys` does.

    Raises:
        UsageError: `usage.key-file`, there is one already, or a file cannot be written.
    """
    load_signing_key(answer_key)
    make_signing_key(_next(answer_key))
    return public_keys(answer_key)


def public_keys(answer_key: str) -> bytes:
    """Return the JWK set of the key that signs answers, and of the next one if there is one.

    Raises:
        UsageError: `usage.key-file`.
    """
    paths = [Path(answer_key), _next(answer_key)]
    keys = [load_signing_key(str(one)) for one in paths[: 1 + paths[1].exists()]]
    return jwks_json(one.key.public for one in keys)


def rotate(answer_key: str) -> str:
    """Let the next key sign from the next start on; return its name. The one before it is gone.

    Raises:
        UsageError: `usage.key-file`, there is no next key, or it cannot be put in place.
    """
    following = _next(answer_key)
    kid = load_signing_key(str(following)).kid
    try:
        following.replace(answer_key)
        folder = os.open(following.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise UsageError("usage.key-file", f"{answer_key}: {error.strerror}") from None
    return kid


def _next(answer_key: str) -> Path:
    return Path(f"{answer_key}{_SUFFIX}")
