# SPDX-License-Identifier: Apache-2.0
"""A program's configuration file: TOML into a strict msgspec struct, or an error with its line.

    class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...

    loaded = read_settings("trothd.toml", Settings)
    loaded.value, loaded.digest

A misspelt key is an error that names file, key and line: a setting that is not read is a setting
that is not in force. Durations end in `_s`, sizes in `_bytes`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from troth.crypto.digest import sha256
from troth.errors import UsageError
from troth.infra.files import read_bounded
from troth.wire.toml import line_of, parse_toml, spell

__all__ = ["SETTINGS_MAX_BYTES", "Loaded", "parse_settings", "read_settings"]

T = TypeVar("T", bound=msgspec.Struct)

SETTINGS_MAX_BYTES: Final = 1024 * 1024
_CODE: Final = "usage.configuration"

_AT: Final = re.compile(r" - at `(?:key in )?\$(?P<path>[^`]*)`")
_MEMBER: Final = re.compile(r"field `(?P<name>[^`]*)`")
_PART: Final = re.compile(r"\.(?P<name>[^.\[\]]+)|\[(?P<index>\d+)\]")


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """A configuration as it was read."""

    value: T
    name: str  # for errors
    digest: bytes  # SHA-256 of the file's bytes
    text: str  # for `where`

    def where(self, *path: str | int) -> str:
        """Return `name: key (line N)` of a value, for an error that a program finds itself."""
        return f"{self.name}: {spell(path)}{line_of(self.text, path)}"


def read_settings(path: str, kind: type[T]) -> Loaded[T]:
    """Return the settings in a file.

    Raises:
        UsageError: `usage.file`, it cannot be read; `usage.configuration`, it cannot be used.
    """
    return parse_settings(read_bounded(path, SETTINGS_MAX_BYTES), kind, path)


def parse_settings(data: bytes, kind: type[T], name: str) -> Loaded[T]:
    """Return the settings in a TOML text.

    Args:
        data: UTF-8, at most 1 MiB.
        kind: a struct that forbids unknown fields, as do those it consists of.
        name: what to call the text in errors.

    Raises:
        UsageError: `usage.configuration`.
    """
    document, text = parse_toml(data, name, _CODE, max_bytes=SETTINGS_MAX_BYTES)
    try:
        value = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise UsageError(_CODE, f"{name}: {_explain(str(error), text, kind)}") from None
    return Loaded(value, name, sha256(data), text)


def _explain(message: str, text: str, kind: type[msgspec.Struct]) -> str:
    """Return what is wrong, with the key and its line."""
    at = _AT.search(message)
    path: list[str | int] = [
        part["name"] or int(part["index"]) for part in _PART.finditer(at["path"] if at else "")
    ]
    what = _AT.sub("", message)
    member = _MEMBER.search(what)
    if not member:
        return f"{spell(path)}{line_of(text, path)}: {what}"
    key = [*path, member["name"]]
    if "unknown" in what:
        return f"{spell(key)}{line_of(text, key)} is unknown"
    if not path and (section := _section(kind, member["name"])):
        return f"section {section} is missing"
    return f"{spell(key)} is missing{line_of(text, path) if path else ''}"


def _section(kind: type[msgspec.Struct], name: str) -> str:
    """Return how a top member is written if it is a table, or many of them; empty if not."""
    found = msgspec.inspect.type_info(kind)
    fields = found.fields if isinstance(found, msgspec.inspect.StructType) else ()
    (type_,) = (one.type for one in fields if one.encode_name == name)
    if isinstance(type_, msgspec.inspect.StructType):
        return f"[{name}]"
    if isinstance(type_, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
        is_tables = isinstance(type_.item_type, msgspec.inspect.StructType)
        return f"[[{name}]]" if is_tables else ""
    return ""
