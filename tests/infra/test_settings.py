# SPDX-License-Identifier: Apache-2.0
"""Configuration files: what is wrong is named with file, key and line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from troth.errors import UsageError
from troth.infra.settings import SETTINGS_MAX_BYTES, parse_settings, read_settings
from troth.wire.toml import line_of


class Leaf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    size: int = 0


class Branch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    label: str
    leaf: list[Leaf] = []


class Tree(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    height: int
    branch: list[Branch] = []


class Forest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: Leaf
    others: tuple[Leaf, ...]
    names: list[str]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "section [first] is missing"),
        (b"[first]\nname = 'a'", "section [[others]] is missing"),
        (b"[first]\nname = 'a'\n[[others]]\nname = 'b'", "names is missing"),
        (b"names = []\n[first]\n[[others]]\nname = 'b'", "first.name is missing (line 2)"),
    ],
)
def test_what_is_missing_is_called_as_it_is_written(text: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings(text, Forest, "f.toml")
    assert caught.value.detail == f"f.toml: {message}"


GOOD = b"""# a comment
height = 3
[[branch]]
label = "a"
[[branch]]
label = "b"
  [[branch.leaf]]
  name = "x"
  [[branch.leaf]]
  name = "y"
  size = 2
"""


def test_a_good_file_is_a_struct_with_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(GOOD)
    loaded = read_settings(str(path), Tree)
    assert loaded.value.branch[1].leaf[1] == Leaf("y", 2)
    assert loaded.digest == hashlib.sha256(GOOD).digest()
    assert loaded.where("branch", 1, "label") == f"{path}: branch[1].label (line 6)"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"size = 2", b"sise = 2", "branch[1].leaf[1].sise (line 11) is unknown"),
        (b"size = 2", b"size = '2'", "branch[1].leaf[1].size (line 11): Expected `int`"),
        (b'label = "b"', b"", "branch[1].label is missing (line 5)"),
        (b"height = 3", b"", "height is missing"),
        (b"height = 3", b"height = 3\nwidth = 4", "width (line 3) is unknown"),
        (b"height = 3", b"height = ", "Invalid value"),
        (b"height = 3", b"height = 3\nheight = 3", "Cannot overwrite a value"),
        (b"height", b"\xff", "invalid start byte"),
    ],
)
def test_a_fault_is_named(old: bytes, new: bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_settings(GOOD.replace(old, new, 1), Tree, "c.toml")
    assert caught.value.code == "usage.configuration"
    assert caught.value.detail.startswith("c.toml: ")
    assert message in caught.value.detail


def test_large_and_deep_files_are_refused() -> None:
    for data in (b"#" * (SETTINGS_MAX_BYTES + 1), b"a = " + b"[" * 100_000):
        with pytest.raises(UsageError, match=r"usage.configuration"):
            parse_settings(data, Tree, "c.toml")


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"usage.file"):
        read_settings(str(tmp_path / "none"), Tree)


def test_lines_of_plain_tables_and_quoted_keys_are_found() -> None:
    text = '[a]\n"b" = 1\n[a.c] # here\nd.e = 2\n'
    assert line_of(text, ["a"]) == " (line 1)"
    assert line_of(text, ["a", "b"]) == " (line 2)"
    assert line_of(text, ["a", "c"]) == " (line 3)"
    assert line_of(text, ["a", "c", "d"]) == " (line 4)"
    assert line_of(text, ["a", "x"]) == ""
