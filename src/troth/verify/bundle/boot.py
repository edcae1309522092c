# SPDX-License-Identifier: Apache-2.0
"""Step 9 of BINDING 4.9: the boot is an image that is wanted, by its values or by its boot log.

A log is read after the report was made, so some prefix of it must lead to each register that the
image leaves to it; entries behind the match are no evidence. Of an entry the register proves the
digest alone, and its place. Its type and its data are whatever the writer chose, so that nothing
rests on them. The prefix that leads to a register is all that this register was extended with; an
image names it from the first position to the last, and a position may have several digests. Were
order or number free, a boot that measures less, or into another register, would be the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from troth.errors import DeniedError
from troth.evidence.eventlog import MAPPINGS, Extends, RegisterMatch, compare, parse_cc_log
from troth.verify.bundle.kinds import Reported
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import Image, Wanted

__all__ = ["check_boot"]

_BANK: Final = "sha384"  # of RTMRs, which alone have a log with a published mapping
_MAPPING: Final = MAPPINGS["cc"]
_SHOWN_BYTES: Final = 16  # of a digest that is not wanted


def check_boot(ccel: bytes | None, reported: Reported, wanted: Wanted, steps: Steps) -> str | None:
    """Return the name of the image that booted; None if there are no reference values.

    Args:
        ccel: the boot event log that came with the report, if any did.
        reported: what the report says.
        wanted: section [boot].
        steps: where the rules are noted.

    Raises:
        DeniedError: `policy.boot`, none of the images; `policy.boot-log`, the log is missing, does
            not lead to a register, or proves another history of it than the image has.
        MalformedError: `eventlog.…`, `wire.…`: the log is unusable.
    """
    images = wanted.boot.images
    source = f"{wanted.name}: boot.images"
    if isinstance(images, type):
        steps.skipped("boot", why=f'no reference values: {wanted.name}: boot.images = "any"')
        return None
    alike = [one for one in images if _is_alike(one, reported)]
    steps.check(
        "boot",
        bool(alike),
        "policy.boot",
        expected=frozenset(one.name for one in images),
        got=" or ".join(one.name for one in alike) or tuple(reported.boot.values()),
        source=source,
    )
    plain = next((one.name for one in alike if not one.events), None)
    return plain or _logged(ccel, alike, reported, steps, source)


def _is_alike(image: Image, reported: Reported) -> bool:
    """Say whether all values are the image's, but those that it leaves to the log."""
    held = {name: value for name, value in reported.boot.items() if name not in image.events}
    return held == image.values and not image.events.keys() - reported.boot.keys()


def _logged(
    ccel: bytes | None, images: Sequence[Image], reported: Reported, steps: Steps, source: str
) -> str:
    """Return the name of the first image that the log leads to."""
    steps.check(
        "boot-log",
        ccel is not None,
        "policy.boot-log",
        expected=f"a boot log, for {images[0].name}",
        got="none" if ccel is None else f"{len(ccel)} bytes",
        source=source,
    )
    with steps.noted("boot-log-format", expected="a log of the firmware", source="UEFI 2.11 §38.4"):
        extends = parse_cc_log(ccel or b"").extends(_BANK)
    refusals: list[DeniedError] = []
    for image in images:
        try:
            return _led_to(image, extends, reported, steps, source)
        except DeniedError as error:
            refusals.append(error)
    raise refusals[0]


def _led_to(image: Image, extends: Extends, reported: Reported, steps: Steps, source: str) -> str:
    due = {name: reported.boot[name] for name in sorted(image.events)}
    for match in compare(extends, _MAPPING, due):
        _check_match(match, image, extends, steps, source)
    steps.skipped("boot-log-data", why="types and data of events: no register proves them")
    return image.name


def _check_match(
    match: RegisterMatch, image: Image, extends: Extends, steps: Steps, source: str
) -> None:
    rule = f"boot-log.{image.name}.{match.register}"
    told = f"{match.register}: {match.parted or 'no prefix of the log leads to it'}"
    steps.check(
        rule,
        match.matched is not None,
        "policy.boot-log",
        expected=match.expected,
        got=told if match.matched is None else f"{match.prefix} entries, {match.behind} behind",
        source="boot log",
    )
    proven = match.entries[: match.matched or 0]
    due = image.events[match.register]
    parted = _parted([extends.digests[at] for at in proven], due)
    steps.check(
        f"{rule}.events",
        parted is None,
        "policy.boot-log",
        expected=f"the {len(due)} events of {image.name}, in their order",
        got=f"{len(due)} of them"
        if parted is None
        else _told(parted, proven, match.register, extends),
        source=source,
    )


def _parted(history: Sequence[bytes], wanted: Sequence[frozenset[bytes]]) -> int | None:
    """Return the first position, from 0, at which a history is not the wanted one, or ends."""
    for position, (digest, allowed) in enumerate(zip_longest(history, wanted)):
        if allowed is None or digest not in allowed:
            return position
    return None


def _told(position: int, proven: Sequence[int], register: str, extends: Extends) -> str:
    where = f"{register}: position {position + 1}"
    if position == len(proven):
        return f"{where}: nothing was extended"
    at = proven[position]
    return f"{where}: entry {at}, {extends.digests[at][:_SHOWN_BYTES].hex()}…"
