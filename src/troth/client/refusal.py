# SPDX-License-Identifier: Apache-2.0
"""What a program of troth says when it refuses becomes the same error on this side.

The body of every refusal is `{"code", "class", "detail"}` and, from the verifier, `"step"`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from troth.client.message import Answer
from troth.errors import (
    CODES,
    DeniedError,
    DriverError,
    MalformedError,
    StaleError,
    TrothError,
    UntrustedError,
    UsageError,
)
from troth.wire import json

__all__ = ["REFUSAL_MAX_BYTES", "check"]

REFUSAL_MAX_BYTES: Final = 16 * 1024
_GOOD: Final = range(200, 300)
_CLASSES: Final[dict[str, type[TrothError | UsageError]]] = {
    kind.__name__: kind
    for kind in (MalformedError, UntrustedError, StaleError, DeniedError, DriverError, UsageError)
}


class _Refusal(msgspec.Struct, frozen=True):
    """Members that a later version adds are not ours to refuse."""

    code: str
    detail: str = ""
    step: int | None = None


def check(answer: Answer) -> bytes:
    """Return the body of a good answer.

    Raises:
        TrothError, UsageError: the peer refused, with its code; the step of an appraisal, where
            the peer names one, is a note of the error.
        DriverError: `client.refused`, it refused with a code that this version does not know.
        MalformedError: `client.answer`, what it said is no refusal of ours.
    """
    if answer.status in _GOOD:
        return answer.body
    try:
        told = json.decode(answer.body, _Refusal, max_bytes=REFUSAL_MAX_BYTES, max_depth=8)
    except MalformedError as error:
        raise MalformedError("client.answer", f"status {answer.status}: {error}") from None
    entry = CODES.get(told.code)
    if entry is None:
        raise DriverError("client.refused", f"status {answer.status}, {told.code}: {told.detail}")
    refused = _CLASSES[entry[0]](told.code, told.detail)
    if told.step is not None:
        refused.add_note(f"step {told.step}")
    raise refused
