# SPDX-License-Identifier: Apache-2.0
"""What a statement says of a namespace: its log, its model, its registers (BINDING 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, Self

from troth.errors import MalformedError
from troth.evidence.binding import _check
from troth.evidence.binding.log import LogHead

__all__ = ["ImageDigest", "ModelClaims", "Namespace", "Origin", "Phase"]

_NAMESPACE_DUE: Final = frozenset({1, 2, 3, 4, 5})
_IMAGE, _MODEL, _REGISTERS = 6, 7, 8
_NAMESPACE_MAY: Final = frozenset({_IMAGE, _MODEL, _REGISTERS})
_MODEL_DUE: Final = frozenset({1, 2, 3, 4, 5, 6})
_MODEL_MAY: Final = frozenset({7, 8, 9})
_MAX_REGISTER: Final = 15
_IMAGE_DIGESTS: Final = {-16: 32, -43: 48, -44: 64}  # COSE hash ids: SHA-256, -384, -512


class Origin(IntEnum):
    """Who made a namespace."""

    CONFIGURATION = 1
    ADMINISTRATOR = 2
    CONTAINER_RUNTIME = 3


class Phase(IntEnum):
    """What a model does with an event that it does not know."""

    LEARNING = 0
    SEALED = 1
    ENFORCING = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDigest:
    """An image digest, as the creator of the namespace gave it.

    Attributes:
        algorithm: COSE hash id: -16 SHA-256, -43 SHA-384, -44 SHA-512.
        digest: of that algorithm's size.
    """

    algorithm: int
    digest: bytes
    value: list[object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds: `binding.type`, `binding.range`."""
        size = _IMAGE_DIGESTS.get(self.algorithm) if type(self.algorithm) is int else None
        if size is None:
            raise MalformedError("binding.range", "an image digest's algorithm is not supported")
        digest = _check.exact_bytes(self.digest, size, "image digest")
        object.__setattr__(self, "value", [self.algorithm, digest])

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded array says."""
        algorithm, digest = _check.items(value, 2, "image digest")
        return cls(algorithm=algorithm, digest=digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelClaims:
    """What a statement says of an event model.

    Attributes:
        profile: how events become points, such as `A1`.
        phase: learning, sealed or enforcing.
        points: how many points, forensic ones not counted.
        forensic: how many points came after sealing and are not in the model.
        state: digest of the set of points, in which order has no part.
        measurement: chain over the points in the order of first appearance.
        base: mixed into both; None stands for zero.
        aggregate: mixed into both; None stands for zero.
        file: SHA-256 of the model file's bytes.
    """

    profile: str
    phase: int
    points: int
    forensic: int
    state: bytes
    measurement: bytes
    base: bytes | None = None
    aggregate: bytes | None = None
    file: bytes | None = None
    value: dict[int, object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds: `binding.type`, `binding.range`."""
        value: dict[int, object] = {
            1: _check.text(self.profile, 1, 128, "profile"),
            2: _check.unsigned(self.phase, 0, 2, "phase"),
            3: _check.unsigned(self.points, 0, _check.MAX_UINT, "points"),
            4: _check.unsigned(self.forensic, 0, _check.MAX_UINT, "forensic points"),
            5: _check.exact_bytes(self.state, _check.HASH32, "state"),
            6: _check.exact_bytes(self.measurement, _check.HASH32, "measurement"),
        }
        if self.base is not None:
            value[7] = _check.mixed_in(self.base, "base")
        if self.aggregate is not None:
            value[8] = _check.mixed_in(self.aggregate, "aggregate")
        if self.file is not None:
            value[9] = _check.exact_bytes(self.file, _check.HASH32, "model file digest")
        object.__setattr__(self, "value", value)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded map says.

        Raises:
            MalformedError: `binding.…`.
        """
        got = _check.members(value, _MODEL_DUE, _MODEL_MAY, "model")
        return cls(
            profile=got[1],
            phase=got[2],
            points=got[3],
            forensic=got[4],
            state=got[5],
            measurement=got[6],
            base=got.get(7),
            aggregate=got.get(8),
            file=got.get(9),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """The state of a namespace at one instant, the freeze.

    Attributes:
        id: 16 random bytes, new at each creation.
        label: unique among the living; the creator's word.
        origin: who made it.
        log: number of log entries and the head over them.
        gaps: known interruptions of its event sources.
        image: the image's digest, as the creator gave it.
        model: what its event model says.
        registers: (index, value) of its virtual registers, ascending; None where it has none.
    """

    id: bytes
    label: str
    origin: int
    log: LogHead
    gaps: int = 0
    image: ImageDigest | None = None
    model: ModelClaims | None = None
    registers: tuple[tuple[int, bytes], ...] | None = None
    value: dict[int, object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the bounds.

        Raises:
            MalformedError: `binding.…`.
        """
        value: dict[int, object] = {
            1: _check.exact_bytes(self.id, 16, "namespace id"),
            2: _check.text(self.label, 1, 128, "label"),
            3: _check.unsigned(self.origin, 1, 3, "origin"),
            4: self.log.value,
            5: _check.unsigned(self.gaps, 0, _check.MAX_UINT, "gaps"),
        }
        if self.image is not None:
            value[6] = self.image.value
        if self.model is not None:
            value[7] = self.model.value
        if self.registers is not None:
            value[8] = _registers(self.registers)
        object.__setattr__(self, "value", value)

    @classmethod
    def of(cls, value: object) -> Self:
        """Return what a decoded map says.

        Raises:
            MalformedError: `binding.…`.
        """
        got = _check.members(value, _NAMESPACE_DUE, _NAMESPACE_MAY, "namespace")
        registers = None
        if _REGISTERS in got:
            if type(got[_REGISTERS]) is not dict:
                raise MalformedError("binding.type", "virtual registers are a map")
            registers = tuple(got[_REGISTERS].items())
        return cls(
            id=got[1],
            label=got[2],
            origin=got[3],
            log=LogHead.of(got[4]),
            gaps=got[5],
            image=ImageDigest.of(got[_IMAGE]) if _IMAGE in got else None,
            model=ModelClaims.of(got[_MODEL]) if _MODEL in got else None,
            registers=registers,
        )


def _registers(registers: tuple[tuple[int, bytes], ...]) -> dict[int, bytes]:
    value = {
        _check.unsigned(index, 0, _MAX_REGISTER, "register index"): _check.exact_bytes(
            digest, _check.HASH48, "register"
        )
        for index, digest in registers
    }
    if not value or list(value) != sorted(index for index, _ in registers):
        raise MalformedError("binding.order", "no registers, or they do not ascend")
    return value
