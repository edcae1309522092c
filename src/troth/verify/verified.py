# SPDX-License-Identifier: Apache-2.0
"""`Verified`: a value that has passed every step, as a type."""

from __future__ import annotations

from typing import Final, Generic, NoReturn, TypeVar, final

__all__ = ["Verified"]

T = TypeVar("T")

_SEAL: Final = object()


@final
class Verified(Generic[T]):
    """Proof that `value` passed every step of its verifier; only this package can make one.

    Absence of an exception is no evidence that a check was made. A function that takes a
    `Verified` cannot be handed anything that was merely parsed.
    """

    __slots__ = ("value",)

    value: T

    def __init__(self, value: T, *, _seal: object) -> None:
        """Refuse everybody who does not hold the package's seal."""
        if _seal is not _SEAL:
            message = "Verified is made by troth.verify, not by its callers"
            raise TypeError(message)
        object.__setattr__(self, "value", value)

    def __init_subclass__(cls) -> None:
        message = "Verified has no subclasses: one could make instances without the seal"
        raise TypeError(message)

    def __setattr__(self, name: str, value: object) -> None:
        message = "Verified cannot be changed"
        raise AttributeError(message)

    def __delattr__(self, name: str) -> None:
        message = "Verified cannot be changed"
        raise AttributeError(message)

    def __reduce__(self) -> NoReturn:
        message = "Verified is not saved and not copied: what is read back was not verified"
        raise TypeError(message)

    def __repr__(self) -> str:
        return f"Verified({self.value!r})"


def seal(value: T) -> Verified[T]:
    """Mark `value` as verified: the last act of a verifier, and of nobody else."""
    return Verified(value, _seal=_SEAL)
