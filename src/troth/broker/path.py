# SPDX-License-Identifier: Apache-2.0
"""Paths of secrets: one spelling each.

    path    = segment *15("/" segment), at most 255 bytes
    segment = 1*64(ALPHA / DIGIT / "-" / "_" / ".") and neither "." nor ".."

All of these stand in a URL as they are (RFC 3986 §2.3), so the canonical percent-encoding of a
path is the path: a percent sign is refused, and with it every second spelling.
"""

from __future__ import annotations

import re
from typing import Final

from troth.errors import MalformedError

__all__ = ["PATH_MAX_BYTES", "check_path", "path_of_target"]

PATH_MAX_BYTES: Final = 255
_MOST_SEGMENTS: Final = 16
_SEGMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def check_path(path: str) -> str:
    """Return `path`, which is one.

    Raises:
        MalformedError: `secret.path`.
    """
    segments = path.split("/")
    if len(path) > PATH_MAX_BYTES or len(segments) > _MOST_SEGMENTS:
        raise MalformedError("secret.path", f"at most {PATH_MAX_BYTES} bytes in 16 segments")
    for segment in segments:
        if not _SEGMENT.fullmatch(segment) or segment in {".", ".."}:
            raise MalformedError("secret.path", f"the segment {segment!r}")
    return path


def path_of_target(raw: bytes, prefix: bytes) -> str:
    """Return the path in a request's target, before anything was decoded.

    Args:
        raw: path of the target as it was received.
        prefix: what stands in front of the secret's path.

    Raises:
        MalformedError: `secret.path`.
    """
    if not raw.startswith(prefix) or not raw.isascii():
        raise MalformedError("secret.path", "another prefix, or bytes that are not ASCII")
    return check_path(raw.removeprefix(prefix).decode("ascii"))
