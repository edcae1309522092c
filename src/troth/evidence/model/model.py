# SPDX-License-Identifier: Apache-2.0
"""An event model as a value: learnt, then sealed; what comes later is forensic.

A model never changes. `observe` gives the next one, or the same where an event adds nothing, so a
freeze is a reference. The costly part, the sorted state, is derived when it is asked for, from
what was frozen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, unique
from typing import Final, Self, final

from troth.errors import DeniedError, MalformedError
from troth.evidence.binding.namespace import ModelClaims, Phase
from troth.evidence.model import a1
from troth.evidence.model._points import Points
from troth.wire import cbor

__all__ = ["MAX_POINTS", "SNAPSHOT_MAX_BYTES", "Model", "Step", "Verdict"]

MAX_POINTS: Final = 65_536
SNAPSHOT_MAX_BYTES: Final = MAX_POINTS * a1.POINT_BYTES + 256


@unique
class Verdict(Enum):
    """What a model says of an event."""

    KNOWN = "known"  # a point of the model
    LEARNT = "learnt"  # a new point, while learning
    FORENSIC = "forensic"  # the first event at a point outside the sealed model
    FORENSIC_AGAIN = "forensic-again"  # a further event at such a point

    @property
    def outside(self) -> bool:
        """Whether the event is outside the model: an enforcer refuses it."""
        return self in {Verdict.FORENSIC, Verdict.FORENSIC_AGAIN}


@unique
class Step(Enum):
    """What an administrator does to a model."""

    SEAL = "seal"
    ENFORCE = "enforce"


# Every step that exists. A pair that is not here is refused.
_NEXT: Final = {
    (Phase.LEARNING, Step.SEAL): Phase.SEALED,
    (Phase.SEALED, Step.ENFORCE): Phase.ENFORCING,
}


@final
@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """Points in the order of first appearance, and a phase. Profile A1.

    Made by `empty`, `of` and `restore`, and by the methods of another model.

    Attributes:
        phase: learning, sealed or enforcing.
        points: number of points of the model.
        forensic: number of points that came after sealing.
        measurement: chain over all points, forensic ones included, in order of first appearance.
        base: mixed into state and measurement.
        aggregate: likewise.
    """

    phase: Phase
    points: int
    forensic: int
    measurement: bytes
    base: bytes
    aggregate: bytes
    _shared: Points = field(repr=False)

    @classmethod
    def empty(cls, *, base: bytes = a1.ZERO, aggregate: bytes = a1.ZERO) -> Self:
        """Return a model that has learnt nothing yet.

        Args:
            base: 32 bytes.
            aggregate: 32 bytes.

        Raises:
            MalformedError: `binding.range`, a size.
        """
        return cls.of(base=base, aggregate=aggregate)

    @classmethod
    def of(
        cls,
        *,
        points: Iterable[bytes] = (),
        forensic: Iterable[bytes] = (),
        phase: Phase = Phase.LEARNING,
        base: bytes = a1.ZERO,
        aggregate: bytes = a1.ZERO,
    ) -> Self:
        """Return a model of given points.

        Args:
            points: of the model, in order of first appearance.
            forensic: those that came after sealing, likewise.
            phase: learning has no forensic points.
            base: 32 bytes.
            aggregate: 32 bytes.

        Raises:
            MalformedError: `binding.range`, a size; `binding.order`, a point occurs twice;
                `binding.members`, forensic points in a model that learns.
        """
        own, later = list(points), list(forensic)
        together = own + later
        if any(len(one) != a1.POINT_BYTES for one in (*together, base, aggregate)):
            raise MalformedError("binding.range", "a point, base or aggregate is not 32 bytes")
        if len(together) > MAX_POINTS:
            raise MalformedError("binding.range", f"{len(together)} points")
        shared = Points(together)
        if len(shared) != len(together):
            raise MalformedError("binding.order", "a point occurs twice")
        if later and phase is Phase.LEARNING:
            raise MalformedError("binding.members", "a model that learns has forensic points")
        measurement = a1.measurement_start(base, aggregate)
        for point in together:
            measurement = a1.measurement_next(measurement, point)
        return cls(
            phase=phase,
            points=len(own),
            forensic=len(later),
            measurement=measurement,
            base=base,
            aggregate=aggregate,
            _shared=shared,
        )

    def observe(self, point: bytes) -> tuple[Verdict, Model]:
        """Return what the model says of a point, and the model behind it.

        Args:
            point: of an event, from `a1.point_of`.

        Raises:
            DeniedError: `model.full`, there is no room for a new point. Nothing is dropped
                silently: the caller counts a gap.
        """
        place = self._shared.place(point)
        if place < self.points:
            return Verdict.KNOWN, self
        count = self.points + self.forensic
        if place < count:
            return Verdict.FORENSIC_AGAIN, self
        if count >= MAX_POINTS:
            raise DeniedError("model.full", f"{count} points")
        behind = replace(
            self,
            _shared=self._shared.grown(count, point),
            measurement=a1.measurement_next(self.measurement, point),
        )
        if self.phase is Phase.LEARNING:
            return Verdict.LEARNT, replace(behind, points=self.points + 1)
        return Verdict.FORENSIC, replace(behind, forensic=self.forensic + 1)

    def take(self, step: Step) -> Model:
        """Return the model behind a step of its administrator.

        Raises:
            DeniedError: `model.phase`, the step does not exist from here.
        """
        phase = _NEXT.get((self.phase, step))
        if phase is None:
            raise DeniedError("model.phase", f"{step.value} while {self.phase.name.lower()}")
        return replace(self, phase=phase)

    def known_points(self) -> Iterator[bytes]:
        """Yield the points of the model in order of first appearance."""
        return self._shared.first(self.points)

    def forensic_points(self) -> list[bytes]:
        """Return the points that came after sealing, in order of first appearance."""
        return list(self._shared.first(self.points + self.forensic))[self.points :]

    @property
    def state(self) -> bytes:
        """Digest of the set of all points, in which their order has no part."""
        count = self.points + self.forensic
        state = self._shared.known_state(count)
        if state is None:
            state = a1.state_of(self._shared.first(count), self.base, self.aggregate)
            self._shared.remember_state(count, state)
        return state

    def claims(self, file: bytes | None = None) -> ModelClaims:
        """Return what a statement says of the model.

        Args:
            file: SHA-256 of the model file that it was loaded from.
        """
        return ModelClaims(
            profile=a1.PROFILE,
            phase=self.phase,
            points=self.points,
            forensic=self.forensic,
            state=self.state,
            measurement=self.measurement,
            base=self.base if self.base != a1.ZERO else None,
            aggregate=self.aggregate if self.aggregate != a1.ZERO else None,
            file=file,
        )

    def snapshot(self) -> bytes:
        """Return the whole model as bytes, for `restore`."""
        value = {
            1: a1.PROFILE,
            2: int(self.phase),
            3: b"".join(self.known_points()),
            4: b"".join(self.forensic_points()),
            5: self.base,
            6: self.aggregate,
        }
        return cbor.encode(value)

    @classmethod
    def restore(cls, data: bytes) -> Self:
        """Return the model that a snapshot holds; its digests are computed anew.

        Raises:
            MalformedError: `cbor.…`, `binding.…` or `unsupported.profile`.
        """
        value = cbor.decode(data, max_bytes=SNAPSHOT_MAX_BYTES)
        match value:
            case {
                1: str(profile),
                2: int(phase),
                3: bytes(points),
                4: bytes(forensic),
                5: bytes(base),
                6: bytes(aggregate),
                **rest,
            } if not rest and type(phase) is int:
                pass
            case _:
                raise MalformedError("binding.members", "not the snapshot of a model")
        if profile != a1.PROFILE:
            raise MalformedError("unsupported.profile", profile)
        if phase not in set(Phase):
            raise MalformedError("binding.range", f"phase {phase}")
        return cls.of(
            points=_split(points),
            forensic=_split(forensic),
            phase=Phase(phase),
            base=base,
            aggregate=aggregate,
        )


def _split(joined: bytes) -> list[bytes]:
    return [joined[at : at + a1.POINT_BYTES] for at in range(0, len(joined), a1.POINT_BYTES)]
