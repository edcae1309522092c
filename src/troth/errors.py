# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, who is at fault, and the stable code that says so.

    UsageError              the caller of the program asked for something impossible
    TrothError
    ├── MalformedError      the peer sent bytes that do not follow the format
    ├── UntrustedError      well-formed, but a signature, chain, role or register does not hold
    ├── StaleError          would hold at another time or with other collateral; a retry helps
    ├── DeniedError         trustworthy facts, and the policy says no
    └── DriverError         this machine's TSM, kernel or database failed; the peer is not to blame

A code is `area.kebab` and a promise: tests, metrics and API clients match codes, never text.
`CODES`, in `troth.codes`, is the one table of them. An error cannot be made with a code that is not
in the table or that belongs to another class, so a reader who greps the table has seen every
outcome there is.
"""

from __future__ import annotations

from typing import ClassVar, Final

from troth.codes import CODES

__all__ = [
    "CODES",
    "DeniedError",
    "DriverError",
    "MalformedError",
    "StaleError",
    "TrothError",
    "UntrustedError",
    "UsageError",
    "printable",
]

_MAX_DETAIL: Final = 400  # characters; a detail may quote a peer, who must not flood a log


class _Coded(Exception):  # noqa: N818 - an abstract base; the classes below carry the suffix
    """An error with a code of `CODES` and a detail for people."""

    verdict: ClassVar[str]
    exit_code: ClassVar[int]

    def __init__(self, code: str, detail: str = "") -> None:
        """Take a code of this class and an optional detail.

        Args:
            code: a key of `CODES` whose class is this one.
            detail: text for people; escaped and cut here, so that peer data is safe to pass.

        Raises:
            ValueError: the code is unknown or another class's. This is a bug, never peer data.
        """
        entry = CODES.get(code)
        if entry is None or entry[0] != type(self).__name__:
            message = f"{code!r} is not a code of {type(self).__name__}"
            raise ValueError(message)
        self.code = code
        self.detail = printable(detail)
        super().__init__(f"{code}: {self.detail}" if detail else code)

    def __reduce__(self) -> tuple[type[_Coded], tuple[str, str]]:
        return type(self), (self.code, self.detail)

    @property
    def meaning(self) -> str:
        """The sentence of `CODES` for this code."""
        return CODES[self.code][1]


class UsageError(_Coded):
    """The command, a file named in it, or a policy file cannot be used as given."""

    verdict = "error"
    exit_code = 2


class TrothError(_Coded):
    """Base of every judgement that is not a yes.

    Attributes:
        step: of BINDING 4.9, where a verifier of bundles refused; None for every other error.
    """

    step: int | None = None


class MalformedError(TrothError):
    """The peer's bytes do not follow the format, or follow one that is not supported."""

    verdict = "malformed"
    exit_code = 3


class UntrustedError(TrothError):
    """Well-formed, but something that should hold the evidence together does not."""

    verdict = "untrusted"
    exit_code = 4


class StaleError(TrothError):
    """Only time or missing collateral stands in the way; fresher input can help."""

    verdict = "stale"
    exit_code = 5


class DeniedError(TrothError):
    """The facts are authentic, and policy does not accept them."""

    verdict = "denied"
    exit_code = 6


class DriverError(TrothError):
    """This machine failed: its kernel, TSM, disk, database or network."""

    verdict = "error"
    exit_code = 7


def printable(text: str) -> str:
    """Return `text` on one line, control characters escaped, at most 400 characters."""
    cut = text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
