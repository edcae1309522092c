# SPDX-License-Identifier: Apache-2.0
"""The policy file, version 1: TOML, every key of a section required, `"any"` the only gap.

A misspelt or missing key is an error that names file, key and line, because a rule that is not
read is a rule that is not enforced.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

import msgspec

from troth.errors import UsageError
from troth.policy.tdx import TdxPolicy

__all__ = ["POLICY_MAX_BYTES", "Policy", "parse_policy"]

POLICY_MAX_BYTES: Final = 256 * 1024
_VERSION: Final = 1
_SECTIONS: Final = {"tdx": TdxPolicy}


class Policy(msgspec.Struct, frozen=True):
    """One policy; a section that the file does not have is None and denies its evidence."""

    name: str
    tdx: TdxPolicy | None


def parse_policy(data: bytes, name: str) -> Policy:
    """Return the policy of a TOML text.

    Args:
        data: UTF-8, at most 256 KiB.
        name: what to call it in errors and traces, such as the file's name.

    Raises:
        UsageError: `usage.policy`.
    """
    if len(data) > POLICY_MAX_BYTES:
        raise UsageError("usage.policy", f"{name}: more than {POLICY_MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8")
        document = tomllib.loads(text)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError("usage.policy", f"{name}: {error}") from None
    except RecursionError:
        raise UsageError("usage.policy", f"{name}: nested too deeply") from None
    version = document.pop("version", None)
    if type(version) is not int or version != _VERSION:
        raise UsageError("usage.policy", f"{name}: version = {_VERSION} is due, not {version!r}")
    for key in document:
        if key not in _SECTIONS:
            known = ", ".join(f"[{one}]" for one in _SECTIONS)
            where = _line(text, None, key)
            raise UsageError("usage.policy", f"{name}: {key!r}{where} is unknown; {known} is")
    tdx = document.get("tdx")
    return Policy(name, None if tdx is None else _section(tdx, "tdx", name, text))


def _section(raw: object, section: str, name: str, text: str) -> TdxPolicy:
    kind = _SECTIONS[section]
    if not isinstance(raw, dict):
        raise UsageError("usage.policy", f"{name}: [{section}] is not a section")
    _check_keys(raw, kind, section, name, text)
    for key, value in raw.items():
        try:
            kind.check(key, value)
        except ValueError as error:
            where = _line(text, section, key)
            raise UsageError("usage.policy", f"{name}: {section}.{key}{where}: {error}") from None
    return kind.of(raw)


def _check_keys(
    raw: dict[str, Any], kind: type[TdxPolicy], section: str, name: str, text: str
) -> None:
    due = set(kind.__struct_fields__)
    for key in raw:
        if key not in due:
            where = _line(text, section, key)
            raise UsageError("usage.policy", f"{name}: {section}.{key}{where} is unknown")
    missing = sorted(due - raw.keys())
    if missing:
        raise UsageError(
            "usage.policy",
            f"{name}: [{section}]{_line(text, None, section)} lacks {', '.join(missing)}; "
            'write "any" for what is not to be compared',
        )


def _line(text: str, section: str | None, key: str) -> str:
    """Return ` (line N)` of a key or a section header, or nothing where it cannot be found."""
    inside = section is None
    for number, line in enumerate(text.splitlines(), 1):
        header = re.fullmatch(r"\s*\[\s*\"?([^\"\]]+?)\"?\s*\]\s*(#.*)?", line)
        if header:
            if section is None and header[1] == key:
                return f" (line {number})"
            inside = header[1] == section
        elif inside and re.match(rf"\s*\"?{re.escape(key)}\"?\s*(=|\.)", line):
            return f" (line {number})"
    return ""
