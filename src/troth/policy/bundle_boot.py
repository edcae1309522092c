# SPDX-License-Identifier: Apache-2.0
"""[boot] and [root] of a policy: from TOML to values, then held to the kind of TEE of the bundles.

What a key means stands with the struct that holds it, in `troth.verify.bundle.wanted`.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Final

from troth.evidence.binding import REGISTER_BYTES
from troth.policy import values
from troth.policy.values import ANY
from troth.verify import AnyValue
from troth.verify.bundle import BUNDLE_KINDS, BootWanted, BundleTee, Image, RootWanted

__all__ = ["before", "boot_problem", "images", "root_problem"]

LOG: Final = "log"
_MOST_IMAGES: Final = 64
_MOST_VALUES: Final = 32
_MOST_DIGESTS: Final = 1024  # of an image
_EVENT_BYTES: Final = 48  # a log is replayed with SHA-384
_SIZES: Final = frozenset(REGISTER_BYTES.values())
_NOT_VALUES: Final = frozenset({"name", "events"})


def images(value: object) -> tuple[Image, ...] | type[AnyValue]:
    """Return tables as images, or AnyValue for "any". Raises ValueError for people."""
    if value == ANY:
        return AnyValue
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_IMAGES:
        message = f'1 to {_MOST_IMAGES} tables [[boot.images]], or "any", are due'
        raise ValueError(message)
    found = tuple(_image(one) for one in value)
    if len({one.name for one in found}) != len(found):
        message = "two images have one name"
        raise ValueError(message)
    return found


def before(value: object) -> frozenset[bytes]:
    """Return the values that the root register may have before. Raises ValueError for people."""
    if value == ANY:
        message = 'a list of values is due; "any" would be no root: say register = "none"'
        raise ValueError(message)
    return frozenset(_hex(one, _SIZES) for one in values.word_set(value))


def boot_problem(boot: BootWanted, tee: BundleTee) -> str | None:
    """Return why no TEE of a kind could boot any of the images, for people; None if one could."""
    kind = BUNDLE_KINDS[tee]
    for image in () if isinstance(boot.images, type) else boot.images:
        name = f"image {image.name!r}"
        if not kind.is_boot(frozenset(image.values) | image.events.keys()):
            return f"{name}: of [{tee}] it has {kind.boot_words}, and nothing else besides its name"
        if not image.events.keys() <= kind.logged:
            can = ", ".join(sorted(kind.logged)) or "none"
            return f'{name}: registers of [{tee}] that can be "log": {can}'
        sizes = {len(one) for one in image.values.values()} - kind.sizes
        if sizes:
            return f"{name}: {_sizes(kind.sizes)} are due, not {min(sizes)}"
    return None


def root_problem(root: RootWanted, tee: BundleTee) -> str | None:
    """Return why no TEE of a kind could have this root, for people; None if one could."""
    kind = BUNDLE_KINDS[tee]
    if root.register not in (kind.register, "none"):
        has = "no root register" if kind.register == "none" else f'"{kind.register}"'
        return f'"{root.register}" is no register of [{tee}], which has {has}; or "none"'
    sizes = {len(one) for one in root.before} - kind.sizes
    if root.register != "none" and sizes:
        return f"before: {_sizes(kind.sizes)} are due, not {min(sizes)}"
    return None


def _image(value: object) -> Image:
    if not isinstance(value, dict) or not _is_name(value.get("name")):
        message = "an image is a table, and its name is a text"
        raise ValueError(message)
    given = {key: one for key, one in value.items() if key not in _NOT_VALUES}
    if len(given) > _MOST_VALUES:
        message = f"more than {_MOST_VALUES} values"
        raise ValueError(message)
    logged = frozenset(key for key, one in given.items() if one == LOG)
    return Image(
        name=value["name"],
        values={key: _hex(one, _SIZES) for key, one in given.items() if key not in logged},
        events=_events(value.get("events", {}), logged),
    )


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(name)


def _events(value: object, logged: AbstractSet[str]) -> dict[str, tuple[frozenset[bytes], ...]]:
    """Return the history of each register that is "log", and of no other."""
    table = value if isinstance(value, dict) else None
    if table is None:
        message = (
            "events are a table by register: events = {rtmr0 = [first, second, …]}, with every "
            "event of the register in its order; each is a digest, or a list of digests of which "
            "any one may stand there"
        )
        raise ValueError(message)
    if table.keys() != logged:
        due, given = (", ".join(sorted(one)) or "none" for one in (logged, table.keys()))
        message = (
            f'events: a list for each register that is "log" is due: for {due}, not for {given}'
        )
        raise ValueError(message)
    found = {register: _history(register, one) for register, one in table.items()}
    if sum(len(digests) for one in found.values() for digests in one) > _MOST_DIGESTS:
        message = f"events: more than {_MOST_DIGESTS} digests"
        raise ValueError(message)
    return found


def _history(register: str, value: object) -> tuple[frozenset[bytes], ...]:
    if not isinstance(value, list) or not value:
        message = (
            f"events.{register}: a list of its events is due; a register that nothing extended is "
            "zeros, and not a log's"
        )
        raise ValueError(message)
    return tuple(
        _position(one, f"events.{register}, position {at}") for at, one in enumerate(value, 1)
    )


def _position(value: object, where: str) -> frozenset[bytes]:
    """Return the digests of which any one may stand at a position."""
    allowed = value if isinstance(value, list) else [value]
    if not allowed:
        message = f"{where}: no digest"
        raise ValueError(message)
    try:
        return frozenset(_hex(one, frozenset({_EVENT_BYTES})) for one in allowed)
    except ValueError as error:
        message = f"{where}: {error}"
        raise ValueError(message) from None


def _hex(text: object, sizes: frozenset[int]) -> bytes:
    """Return hex of one of some sizes as bytes; no value that is due is empty."""
    size = len(text) // 2 if isinstance(text, str) else 0
    if size not in sizes:
        message = f"{text!r}: {_sizes(sizes)} in hex are due"
        raise ValueError(message)
    found = values.values([text], size)
    return b"" if isinstance(found, type) else next(iter(found))  # a list is never "any"


def _sizes(sizes: frozenset[int]) -> str:
    return " or ".join(str(one) for one in sorted(sizes)) + " bytes"
