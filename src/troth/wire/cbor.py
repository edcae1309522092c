# SPDX-License-Identifier: Apache-2.0
"""The only door through which our own CBOR comes in and goes out (BINDING 4.2).

The rule of the reader: decode, check the types, encode again, compare with what was received. The
library is fast and far more generous than we are, and this is what keeps its generosity out:

- tags: every tag that the caller did not allow is refused before the library acts on it;
- floats, null, undefined, simple values, huge integers, keys of other kinds: by a walk;
- order of map keys: by the same walk, since the library's canonical order is length first;
- long integers, indefinite lengths, keys given twice, bytes behind the end: encoded again, they
  come out shorter than they came in.

Map keys are unsigned integers up to 65,535, negative integers below -65,536, the labels -1 to -3
of COSE keys, or text under 24 bytes.

What others encode (`decode_foreign`: tokens of silicon vendors) may be in any encoding, and its
signatures cover the bytes as they came. Depth, size, duplicate keys, tags and tail are checked all
the same; nothing is encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from io import BytesIO
from typing import Any, Final, NoReturn

import cbor2

from troth.errors import MalformedError

__all__ = ["Tag", "decode", "decode_foreign", "encode"]

Tag = cbor2.CBORTag
"""A tagged value, `Tag(number, value)`."""

_MAX_UINT: Final = (1 << 64) - 1
_MIN_INT: Final = -(1 << 64)
_MAX_KEY: Final = 65_535
_MAX_PRIVATE_KEY: Final = -65_537  # the largest of the negative keys; smaller ones go on down
_MIN_COSE_LABEL: Final = -3
_MAX_TEXT_KEY_BYTES: Final = 23
_BEHIND_UINTS: Final = 1 << 65  # added to a negative key's distance, so that it sorts behind

# The low five bits of a head, from which on they are no value (RFC 8949 §3).
_ONE_BYTE: Final = 24
_EIGHT_BYTES: Final = 27
_INDEFINITE: Final = 31
_STRINGS: Final = (2, 3)  # major types whose length is one of bytes

# What a foreign value may be besides maps, arrays and tags. No integer is longer than 64 bits: a
# longer one has tag 2 or 3, and nobody allows those.
_PLAIN: Final = frozenset({int, bytes, str, bool})

_DISORDER: Final = "map keys do not ascend"


def encode(value: object) -> bytes:
    """Return the one encoding of `value`; the order of a dict's members does not matter.

    Args:
        value: of int, bytes, str, bool, list or tuple, dict and `Tag`, nothing else.

    Raises:
        ValueError: the value holds something that has no encoding here. A bug, never peer data.
    """
    problem = _problem(value, None)
    if problem == _DISORDER:
        value = _in_order(value)
        problem = _problem(value, None)
    if problem:
        raise ValueError(problem)
    return cbor2.dumps(value)


def decode(
    data: bytes,
    *,
    max_bytes: int,
    max_depth: int = 8,
    max_items: int = 4096,
    tags: Collection[int] = (),
    text_keys: bool = False,
) -> object:
    """Return the value of one CBOR item, which is all of `data` and its only encoding.

    Args:
        data: the item's bytes.
        max_bytes: limit on `data`.
        max_depth: limit on nested arrays, maps and tags.
        max_items: limit on items of all depths: a byte of input can cost a hundred of memory.
        tags: the tag numbers that may occur.
        text_keys: whether map keys must be text. For large inputs: keys of other kinds can be
            chosen so that a hash table is slow.

    Raises:
        MalformedError: `cbor.too-large`, `cbor.syntax`, `cbor.type`, `cbor.trailing` or
            `cbor.not-canonical`.
    """
    if len(data) > max_bytes:
        raise MalformedError("cbor.too-large", f"{len(data)} bytes, {max_bytes} allowed")
    if len(data) > max_items:
        _check_count(data, max_items)
    value = _load(data, max_depth, tags, text_keys=text_keys)
    problem = _problem(value, tags)
    if problem:
        code = "cbor.not-canonical" if problem == _DISORDER else "cbor.type"
        raise MalformedError(code, problem)
    again = cbor2.dumps(value)
    if again != data:
        if data.startswith(again):
            raise MalformedError("cbor.trailing", f"{len(data) - len(again)} bytes left over")
        raise MalformedError("cbor.not-canonical", "encoded again, the bytes are others")
    return value


def decode_foreign(
    data: bytes,
    *,
    max_bytes: int,
    max_depth: int = 16,
    max_items: int = 4096,
    tags: Collection[int] = (),
) -> object:
    """Return the value of one CBOR item, which is all of `data`, in whatever encoding it has.

    Args:
        data: the item's bytes.
        max_bytes: limit on `data`.
        max_depth: limit on nested arrays, maps and tags.
        max_items: limit on items of all depths.
        tags: the tag numbers that may occur.

    Raises:
        MalformedError: `cbor.too-large`, `cbor.syntax`, `cbor.duplicate-key`, `cbor.type` or
            `cbor.trailing`.
    """
    if len(data) > max_bytes:
        raise MalformedError("cbor.too-large", f"{len(data)} bytes, {max_bytes} allowed")
    if len(data) > max_items:
        _check_count(data, max_items)
    stream = BytesIO(data)
    value = _load_foreign(stream, max_depth, tags)
    if left := len(data) - stream.tell():
        raise MalformedError("cbor.trailing", f"{left} bytes left over")
    if problem := _foreign_problem(value):
        raise MalformedError("cbor.type", problem)
    return value


def _check_count(data: bytes, most: int) -> None:
    """Refuse more than `most` items, by their heads alone; other faults are for the library."""
    at = count = 0
    while at < len(data):
        count += 1
        if count > most:
            raise MalformedError("cbor.too-large", f"more than {most} items")
        major, length = data[at] >> 5, data[at] & 31
        at += 1
        if _ONE_BYTE <= length <= _EIGHT_BYTES:
            width = 1 << (length - _ONE_BYTE)
            length = int.from_bytes(data[at : at + width], "big")
            at += width
        elif length == _INDEFINITE:
            length = 0
        elif length > _EIGHT_BYTES:
            return
        if major in _STRINGS:
            at += length


def _load(data: bytes, max_depth: int, tags: Collection[int], *, text_keys: bool) -> object:
    """Run the library, and turn whatever it says into an error of ours."""
    try:
        return cbor2.loads(
            data,
            semantic_decoders=_OnlyThese(tags) if tags else _NO_TAGS,
            max_depth=max_depth,
            strict_hashable_types=text_keys,
        )
    except cbor2.CBORDecodeError as error:
        raise _refusal(error) from None


def _load_foreign(stream: BytesIO, max_depth: int, tags: Collection[int]) -> object:
    """Run the library; what it refuses and would take with duplicate keys has such."""
    decoders = _OnlyThese(tags) if tags else _NO_TAGS

    def load(*, duplicates: bool) -> object:
        stream.seek(0)
        return cbor2.load(
            stream,
            semantic_decoders=decoders,
            max_depth=max_depth,
            allow_duplicate_keys=duplicates,
        )

    try:
        return load(duplicates=False)
    except cbor2.CBORDecodeError as error:
        refusal = _refusal(error)
    try:
        load(duplicates=True)
    except cbor2.CBORDecodeError:
        raise refusal from None
    raise MalformedError("cbor.duplicate-key", refusal.detail)


def _refusal(error: BaseException) -> MalformedError:
    """Return what stands behind an error of the library: our own refusal, or bad syntax."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MalformedError):
            return cause
        cause = cause.__cause__
    return MalformedError("cbor.syntax", str(error))


def _foreign_problem(value: object) -> str:
    """Say what in a foreign value is of a kind that no claim has; nothing, if there is nothing."""
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        kind = type(one)
        if kind is dict:
            for key in one:
                if type(key) is not int and type(key) is not str:
                    return f"a map key of type {type(key).__name__}"
            stack += one.values()
        elif kind is list:
            stack += one
        elif kind is Tag:
            stack.append(one.value)
        elif kind not in _PLAIN:
            return f"a value of type {kind.__name__}"
    return ""


class _OnlyThese(dict[int, Callable[[object, bool], Tag]]):
    """A table of tag decoders: an allowed tag becomes a plain `Tag`, every other one raises.

    The library asks its caller's table first, for each tag that it meets.
    """

    def __init__(self, tags: Collection[int]) -> None:
        super().__init__({tag: _tagger(tag) for tag in tags})

    def __missing__(self, tag: int) -> NoReturn:
        raise MalformedError("cbor.type", f"tag {tag}")


def _tagger(tag: int) -> Callable[[object, bool], Tag]:
    def tagged(value: object, _immutable: bool) -> Tag:
        return Tag(tag, value)

    return tagged


_NO_TAGS: Final = _OnlyThese(())


def _problem(value: object, tags: Collection[int] | None) -> str:
    """Say what keeps `value` from having an encoding here; nothing, if it has one.

    Args:
        value: what was decoded, or is to be encoded.
        tags: the tag numbers that may occur; None for any, and for tuples as arrays.
    """
    stack: list[Any] = [value]
    while stack:
        one = stack.pop()
        kind = type(one)
        if kind is bytes or kind is str or kind is bool:
            continue
        if kind is int:
            if not _MIN_INT <= one <= _MAX_UINT:
                return "an integer of more than 64 bits"
        elif kind is dict:
            if problem := _key_problem(one):
                return problem
            stack += one.values()
        elif kind is list or (kind is tuple and tags is None):
            stack += one
        elif isinstance(one, Tag) and (tags is None or one.tag in tags):
            stack.append(one.value)
        else:
            return f"a value of type {kind.__name__}"
    return ""


def _key_problem(value: dict[object, object]) -> str:
    """Say what is wrong with the keys of a map; nothing, if they are allowed and ascend."""
    last = -1
    last_text = b""
    for key in value:
        if type(key) is int:
            if 0 <= key <= _MAX_KEY:
                rank = key
            elif key <= _MAX_PRIVATE_KEY or _MIN_COSE_LABEL <= key < 0:
                rank = _BEHIND_UINTS - key
            else:
                return f"the map key {key}"
            if rank <= last or last_text:
                return _DISORDER
            last = rank
        elif type(key) is str:
            # A text that has no UTF-8 form is for the encoder to refuse.
            text = key.encode("utf-8", "surrogatepass")
            if len(text) > _MAX_TEXT_KEY_BYTES:
                return "a text of more than 23 bytes as a map key"
            ranked = bytes((len(text) + 1,)) + text
            if ranked <= last_text:
                return _DISORDER
            last_text = ranked
        else:
            return f"a map key of type {type(key).__name__}"
    return ""


def _in_order(value: object) -> object:
    """Return `value` with the members of every map in the order of their encoded keys."""
    if isinstance(value, dict):
        members = ((cbor2.dumps(key), key, _in_order(one)) for key, one in value.items())
        return {key: one for _, key, one in sorted(members, key=lambda member: member[0])}
    if isinstance(value, list | tuple):
        return [_in_order(one) for one in value]
    if isinstance(value, Tag):
        return Tag(value.tag, _in_order(value.value))
    return value
