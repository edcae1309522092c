# SPDX-License-Identifier: Apache-2.0
"""generation, provider, privlevel and the service attributes in the model."""

from __future__ import annotations

import errno
import os
import uuid

import pytest

from tests.view.errnos import refused_with
from tests.view.models import NONCE, Model
from tests.view.scripted import SNP, SVSM
from troth.tsm.emulated.view.numbers import guid, unsigned

GUID = "c476f1eb-0123-45a5-9641-b4e7dde5bfe3"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1),
        (b"3", 3),
        (b"0x2", 2),
        (b"0X2", 2),
        (b"02", 2),
        (b"+2", 2),
        (b"2\n", 2),
        (b"2\0rest", 2),
        (b"0", 0),
        (b"017", 15),
        (b"4294967295", 2**32 - 1),
    ],
)
def test_numbers(text: bytes, value: int) -> None:
    assert unsigned(text) == value


@pytest.mark.parametrize(
    "text",
    [b"-1", b"abc", b" 1", b"1 ", b"1\n\n", b"2x", b"0b1", b"", b"\n", b"0x", b"08", b"++1", b"+"],
)
def test_no_numbers(text: bytes) -> None:
    with refused_with(errno.EINVAL):
        unsigned(text)


@pytest.mark.parametrize(
    "text", [b"4294967296", b"18446744073709551616", b"99999999999999999999x", b"0x100000000"]
)
def test_numbers_too_large(text: bytes) -> None:
    with refused_with(errno.ERANGE):
        unsigned(text)


@pytest.mark.parametrize("text", [GUID, GUID.upper(), GUID + "\n", GUID + "anything"])
def test_guids(text: str) -> None:
    assert guid(text.encode()) == uuid.UUID(GUID).bytes_le


@pytest.mark.parametrize("text", ["", GUID[:-1], GUID.replace("-", ""), "{" + GUID + "}"])
def test_no_guids(text: str) -> None:
    with refused_with(errno.EINVAL):
        guid(text.encode())


def test_privlevel_from_the_floor_to_3() -> None:
    model = Model(style=SNP, floor=1)
    x = model.make()
    for count, text in enumerate((b"1", b"3", b"0x2\n"), 1):
        model.write(f"{x}/privlevel", text)
        assert model.generation(x) == count
    for text in (b"0", b"4", b"4294967295"):
        with refused_with(errno.EINVAL):
            model.write(f"{x}/privlevel", text)
    assert model.generation(x) == 3
    assert model.read(f"{x}/privlevel_floor") == b"1\n"


def test_a_setting_counts_at_write_and_wherever_it_is_written() -> None:
    model = Model(style=SNP)
    x = model.make()
    with model.opened(f"{x}/privlevel", os.O_WRONLY) as handle:
        handle.write(b"1", 0)
        assert model.generation(x) == 1
        handle.write(b"2", 100)
    assert model.generation(x) == 2
    assert model.tsm.entry("x").request.privlevel == 2


def test_text_is_cut_to_4095_bytes() -> None:
    model = Model(style=SVSM)
    x = model.make()
    with model.opened(f"{x}/service_provider", os.O_WRONLY) as handle:
        assert handle.write(b"s" * 5000, 0) == 4095
    assert model.tsm.entry("x").request.service_provider == b"s" * 4095


def test_a_service_provider_is_taken_without_its_newline() -> None:
    model = Model(style=SVSM)
    x = model.make()
    model.write(f"{x}/service_provider", b"svsm\n\n")
    assert model.tsm.entry("x").request.service_provider == b"svsm\n"


def test_a_bad_guid_is_counted_and_asks_for_all_services() -> None:
    model = Model(style=SVSM)
    x = model.make()
    model.write(f"{x}/service_guid", GUID.encode())
    with refused_with(errno.EINVAL):
        model.write(f"{x}/service_guid", b"junk")
    assert model.generation(x) == 2
    assert model.tsm.entry("x").request.service_guid == bytes(16)


def test_a_bad_manifest_version_is_not_counted() -> None:
    model = Model(style=SVSM)
    x = model.make()
    for text, code in ((b"x", errno.EINVAL), (b"4294967296", errno.ERANGE)):
        with refused_with(code):
            model.write(f"{x}/service_manifest_version", text)
    assert model.generation(x) == 0
    model.write(f"{x}/service_manifest_version", b"7")
    assert model.tsm.entry("x").request.service_manifest_version == 7


@pytest.mark.parametrize(
    "name", ["privlevel", "service_provider", "service_guid", "service_manifest_version"]
)
def test_the_busy_guard_holds_for_every_setting(name: str) -> None:
    model = Model(style=SVSM)
    x = model.make()
    entry = model.tsm.entry("x")
    entry.made, entry.written = 5, 4
    with refused_with(errno.EBUSY):
        model.write(f"{x}/{name}", b"1")
    assert entry.written == 4


def test_text_is_a_snapshot_of_its_first_read() -> None:
    model = Model()
    x = model.make()
    with model.opened(f"{x}/generation") as handle:
        assert handle.read(4096, 0) == b"0\n"
        model.write(f"{x}/inblob", NONCE)
        assert handle.read(1, 0) == b"0"
    assert model.generation(x) == 1


def test_a_setting_of_a_removed_entry_is_absent() -> None:
    model = Model(style=SNP)
    x = model.make()
    with model.opened(f"{x}/privlevel", os.O_WRONLY) as handle:
        model.tree.remove_directory(x)
        with refused_with(errno.ENOENT):
            handle.write(b"1", 0)
