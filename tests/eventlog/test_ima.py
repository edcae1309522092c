# SPDX-License-Identifier: Apache-2.0
"""IMA lists: every template in both forms, each fault with its code, and hashes not believed."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Final
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventlog.logs import chained, cuts, ima_list, ima_rows, u32
from tests.refusals import refused
from troth.errors import MalformedError
from troth.evidence.eventlog import (
    MAPPINGS,
    Data,
    ImaList,
    build_ima_ascii,
    build_ima_binary,
    parse_ima,
    parse_ima_ascii,
    parse_ima_binary,
    replay,
)
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES
from troth.evidence.eventlog.ima_template import Order, legacy_data

PCR: Final = MAPPINGS["pcr"]
DIGEST: Final = b"sha256:\0" + b"\5" * 32
AGGREGATE: Final = (b"ima-ng", [DIGEST, b"boot_aggregate\0"])
SHELL: Final = (b"ima-ng", [b"sha256:\0" + b"\6" * 32, b"/bin/sh\0"])
TWO: Final = [AGGREGATE, SHELL]
ZEROS: Final = b"0" * 40
NG: Final = b"sha256:" + b"05" * 32


def line(text: bytes, *, recorded: bytes = b"11" * 20, register: bytes = b"10") -> bytes:
    return b"%b %b %b\n" % (register, recorded, text)


@given(
    ima_rows(),
    st.sampled_from(["sha1", "sha256", "sha384", "sha512"]),
    st.sampled_from(["little", "big"]),
)
def test_every_template_comes_back_from_both_forms(
    rows: list[tuple[bytes, list[bytes]]], bank: str, order: Order
) -> None:
    made = ima_list(rows, bank=bank, order=order)
    assert parse_ima_binary(build_ima_binary(made)) == made
    assert parse_ima(build_ima_binary(made)) == made
    assert parse_ima_ascii(build_ima_ascii(made), order=order) == made
    assert set(made.examine(bank).data) == {Data.MEASURED}


def test_a_digest_may_hold_what_ends_an_algorithms_name() -> None:
    digest = b":\0" * 16
    made = ima_list([(b"ima-ng", [b"sha256:\0" + digest, b"/x\0"])])
    assert parse_ima(build_ima_ascii(made)) == parse_ima(build_ima_binary(made)) == made
    assert made.describe(0)["digest"] == f"sha256:{digest.hex()}"


@given(st.binary(max_size=300))
def test_only_our_errors_escape(data: bytes) -> None:
    for whole in (
        data,
        build_ima_binary(ima_list(TWO)) + data,
        build_ima_ascii(ima_list(TWO)) + data,
    ):
        try:
            parse_ima(whole)
        except MalformedError:
            continue


def test_the_legacy_template() -> None:
    """No lengths: 20 bytes and the name, padded with zeros to 256 bytes."""
    digest, name = b"\7" * 20, b"/bin/sh"
    data = digest + name + bytes(256 - len(name))
    recorded = hashlib.sha1(data, usedforsecurity=False).digest()
    text = line(b"ima " + digest.hex().encode() + b" " + name, recorded=recorded.hex().encode())
    binary = u32(10) + recorded + u32(3) + b"ima" + digest + u32(len(name)) + name
    for log in (parse_ima(text), parse_ima(binary)):
        assert log.template_data == [data]
        assert log.examine("sha1").data == [Data.MEASURED]
        assert log.describe(0) == {
            "type": "ima",
            "content": "/bin/sh",
            "digest": f"sha1:{digest.hex()}",
        }
    assert build_ima_binary(parse_ima(text)) == binary
    with refused("eventlog.ima"):
        legacy_data(digest, b"n" * 256)


def test_a_violation_extends_ones_in_every_bank() -> None:
    made = ima_list(TWO)
    log = replace(made, hashes=[made.hashes[0], bytes(20)])
    for bank, ones in (("sha1", 20), ("sha256", 32)):
        first = hashlib.new(bank, made.template_data[0]).digest()
        due = chained(bank, first, b"\xff" * ones)
        assert replay(log.extends(bank), PCR) == {"pcr10": due}
    examined = log.examine("sha1")
    assert examined.data == [Data.MEASURED, Data.UNPROVEN]
    assert [(one.index, one.name) for one in examined.findings] == [(1, "violation")]


def test_a_hash_that_is_not_of_the_fields_is_named() -> None:
    made = ima_list(TWO)
    log = replace(made, hashes=[made.hashes[0], b"\1" * 20])
    examined = log.examine("sha1")
    assert examined.data == [Data.MEASURED, Data.DIFFERS]
    assert examined.recomputed == {1: made.hashes[1]}
    assert log.examine("sha256").recomputed == {}  # that bank is computed from the fields
    # Registers agree with the list either way: only the examination tells.
    assert replay(log.extends("sha1"), PCR) != replay(made.extends("sha1"), PCR)


def test_kernels_before_5_8_padded_the_sha1_hash() -> None:
    made = replace(ima_list(TWO), padded=True)
    due = chained("sha256", *(one + bytes(12) for one in made.hashes))
    assert replay(made.extends("sha256"), PCR) == {"pcr10": due}
    with refused("eventlog.bank"):
        replace(ima_list(TWO, bank="sha384"), padded=True).extends("sha256")
    with refused("eventlog.bank"):
        made.examine("md5")


def test_a_list_begins_with_the_boot_aggregate() -> None:
    assert [one.name for one in ima_list([SHELL]).examine("sha1").findings] == ["no-boot-aggregate"]
    assert ima_list(TWO).examine("sha1").findings == []


def test_a_register_of_one_digit_has_a_space_in_front() -> None:
    log = parse_ima(line(b"ima-ng " + NG + b" /x", register=b" 2"))
    assert log.registers == [2]
    assert list(replay(log.extends("sha1"), MAPPINGS["rtmr"])) == ["rtmr2"]


def test_a_name_of_an_old_kernel_may_hold_spaces() -> None:
    plain = parse_ima(line(b"ima-ng " + NG + b" /a file"))
    signed = parse_ima(line(b"ima-sig " + NG + b" /a file 0302"))
    assert plain.name(0) == signed.name(0) == b"/a file"
    assert signed.fields(0)["sig"] == b"\3\2"


ASCII_FAULTS: Final = {
    "one-part": (b"nonsense\n", "eventlog.ima"),
    "empty-line": (line(b"ima-ng " + NG + b" /x") + b"\n", "eventlog.ima"),
    "carriage-return": (
        line(b"ima-ng " + NG + b" /x", recorded=b"11" * 20 + b"\r"),
        "eventlog.ima",
    ),
    "register-24": (line(b"ima-ng " + NG + b" /x", register=b"24"), "eventlog.register"),
    "register-spelt": (line(b"ima-ng " + NG + b" /x", register=b"010"), "eventlog.register"),
    "hash-no-hex": (line(b"ima-ng " + NG + b" /x", recorded=b"zz" * 20), "eventlog.ima"),
    "hash-of-no-bank": (line(b"ima-ng " + NG + b" /x", recorded=b"11" * 21), "eventlog.ima"),
    "hashes-of-two-banks": (
        line(b"ima-ng " + NG + b" /x") + line(b"ima-ng " + NG + b" /x", recorded=b"11" * 32),
        "eventlog.ima",
    ),
    "template": (line(b"ima-cgpath " + NG + b" /x"), "unsupported.ima-template"),
    "no-algorithm": (line(b"ima-ng " + b"05" * 32 + b" /x"), "eventlog.ima"),
    "algorithm-spelt": (line(b"ima-ng SHA256:" + b"05" * 32 + b" /x"), "eventlog.ima"),
    "digest-short": (line(b"ima-ng sha256:" + b"05" * 31 + b" /x"), "eventlog.ima"),
    "digest-no-hex": (line(b"ima-ng sha256:" + b"0g" * 32 + b" /x"), "eventlog.ima"),
    "digest-empty": (line(b"ima-ng wp999: /x"), "eventlog.ima"),
    "digest-type": (line(b"ima-ngv2 blob:" + NG + b" /x"), "eventlog.ima"),
    "digest-type-missing": (line(b"ima-ngv2 " + NG + b" /x"), "eventlog.ima"),
    "name-missing": (line(b"ima-ng " + NG), "eventlog.ima"),
    "name-empty": (line(b"ima-ng " + NG + b" "), "eventlog.ima"),
    "signature-missing": (line(b"ima-sig " + NG + b" /x"), "eventlog.ima"),
    "signature-no-hex": (line(b"ima-sig " + NG + b" /x 030"), "eventlog.ima"),
    "mode-too-large": (line(b"evm-sig " + NG + b" /x     0 0 65536"), "eventlog.ima"),
    "mode-spelt": (line(b"evm-sig " + NG + b" /x     0 0 007"), "eventlog.ima"),
    "legacy-digest": (line(b"ima " + b"05" * 32 + b" /x"), "eventlog.ima"),
    "legacy-name": (line(b"ima " + b"05" * 20), "eventlog.ima"),
    "nul": (line(b"ima-ng " + NG + b" /x\0y"), "eventlog.ima"),
    "too-large": (bytes(LOG_MAX_BYTES + 1), "wire.too-large"),
    "too-many": (line(b"ima-ng a1:00 x") * (LOG_MAX_ENTRIES + 1), "wire.too-large"),
}


@pytest.mark.parametrize("name", ASCII_FAULTS)
def test_each_fault_of_a_line_has_its_code(name: str) -> None:
    data, code = ASCII_FAULTS[name]
    with refused(code):
        parse_ima_ascii(data)


def test_a_list_may_be_as_long_as_any() -> None:
    shortest = line(b"ima-ng a1:00 x")
    assert len(parse_ima_ascii(shortest * LOG_MAX_ENTRIES)) == LOG_MAX_ENTRIES


def test_fields_that_are_missing_are_counted() -> None:
    with refused("eventlog.ima", "3 fields are due"):
        parse_ima_ascii(line(b"ima-sig " + NG + b" /x"))


def test_an_algorithm_seen_before_is_held_to_its_size_again() -> None:
    good = line(b"ima-ng " + NG + b" /x")
    with refused("eventlog.ima"):
        parse_ima(good + line(b"ima-ng sha256:" + b"05" * 20 + b" /x"))


def entry(template: bytes, data: bytes, *, register: int = 10) -> bytes:
    return u32(register) + bytes(20) + u32(len(template)) + template + u32(len(data)) + data


def field(data: bytes) -> bytes:
    return u32(len(data)) + data


GOOD: Final = entry(b"ima-ng", field(DIGEST) + field(b"/x\0"))
BINARY_FAULTS: Final = {
    "empty": (b"", "eventlog.unknown"),
    "no-list": (b"\xff" * 200, "eventlog.unknown"),
    "first-register": (entry(b"ima-ng", b"", register=24), "eventlog.unknown"),
    "first-template-length": (GOOD[:24] + u32(100) + b"ima-ng", "eventlog.unknown"),
    "first-template": (entry(b"ima-cgpath", b""), "eventlog.unknown"),
    "register": (GOOD + entry(b"ima-ng", b"", register=24), "eventlog.register"),
    "template": (GOOD + entry(b"ima-cgpath", b""), "unsupported.ima-template"),
    "template-length": (GOOD + GOOD[:24] + b"\xff" * 4 + GOOD[28:], "eventlog.ima"),
    "cut": (GOOD[:-1], "wire.truncated"),
    "field-cut": (entry(b"ima-ng", field(DIGEST) + u32(4) + b"/x\0"), "eventlog.ima"),
    "field-missing": (entry(b"ima-ng", field(DIGEST)), "eventlog.ima"),
    "field-too-many": (entry(b"ima-ng", field(DIGEST) + field(b"/x\0") * 2), "eventlog.ima"),
    "name-without-nul": (entry(b"ima-ng", field(DIGEST) + field(b"/x")), "eventlog.ima"),
    "name-with-two": (entry(b"ima-ng", field(DIGEST) + field(b"/\0x\0")), "eventlog.ima"),
    "digest-short": (entry(b"ima-ng", field(DIGEST[:-1]) + field(b"/x\0")), "eventlog.ima"),
    "digest-without-nul": (entry(b"ima-ng", field(b"sha256:") + field(b"/x\0")), "eventlog.ima"),
    "too-large": (bytes(LOG_MAX_BYTES + 1), "wire.too-large"),
}


@pytest.mark.parametrize("name", BINARY_FAULTS)
def test_each_fault_of_a_binary_entry_has_its_code(name: str) -> None:
    data, code = BINARY_FAULTS[name]
    with refused(code):
        parse_ima_binary(data)


SHORTEST: Final = entry(b"ima-ng", field(b"a1:\0\0") + field(b"x\0"))


def test_a_binary_list_may_be_as_long_as_any_and_no_longer() -> None:
    with mock.patch("troth.evidence.eventlog.ima_binary.LOG_MAX_ENTRIES", 50):
        assert len(parse_ima_binary(SHORTEST * 50)) == 50
        with refused("wire.too-large"):
            parse_ima_binary(SHORTEST * 51)


@pytest.mark.parametrize("register", [0, 23])
def test_the_first_and_the_last_register_of_a_binary_list(register: int) -> None:
    data = entry(b"ima-ng", field(DIGEST) + field(b"/x\0"), register=register)
    assert parse_ima_binary(data).registers == [register]
    assert parse_ima_binary(GOOD + data).registers == [10, register]


def test_how_long_a_templates_name_may_be() -> None:
    with refused("unsupported.ima-template"):
        parse_ima_binary(GOOD + entry(b"i" * 16, b""))
    with refused("eventlog.ima"):
        parse_ima_binary(GOOD + entry(b"i" * 17, b""))


def test_a_binary_list_of_the_legacy_template_cut_anywhere() -> None:
    one = u32(10) + bytes(20) + u32(3) + b"ima" + b"\7" * 20 + u32(7) + b"/bin/sh"
    found = cuts(one * 2, parse_ima_binary)
    shorter = [one for one in found.values() if isinstance(one, ImaList)]
    assert {one for one in found.values() if isinstance(one, str)} == {
        "wire.truncated",
        "eventlog.unknown",
    }
    assert [len(one) for one in shorter] == [1]
    with refused("eventlog.ima"):
        parse_ima_binary(one[:-11] + u32(256) + b"n" * 256)


def test_a_binary_list_cut_anywhere_is_refused_or_a_prefix() -> None:
    made = ima_list(TWO)
    found = cuts(build_ima_binary(made), parse_ima_binary)
    shorter = [one for one in found.values() if isinstance(one, ImaList)]
    codes = {one for one in found.values() if isinstance(one, str)}
    assert codes == {"wire.truncated", "eventlog.unknown"}
    assert [one.hashes for one in shorter] == [made.hashes[:1]]


def test_a_list_can_be_replayed_in_every_bank_its_own_first() -> None:
    assert ima_list(TWO, bank="sha256").banks == ("sha256", "sha1", "sha384", "sha512")


def test_the_first_entry_shows_bank_and_byte_order() -> None:
    for bank in ("sha1", "sha256", "sha384", "sha512"):
        made = ima_list(TWO, bank=bank, order="big")
        log = parse_ima(build_ima_binary(made))
        assert (log.bank, log.order, log.banks[0]) == (bank, "big", bank)
