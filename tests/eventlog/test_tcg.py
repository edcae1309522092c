# SPDX-License-Identifier: Apache-2.0
"""Firmware logs: what is built is read, and each fault has its code."""

from __future__ import annotations

import hashlib
import struct
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eventlog.logs import (
    BOOT,
    EVENT_BYTES,
    HEADER_BYTES,
    IPL,
    NO_ACTION,
    SEPARATOR,
    VARIABLE,
    cc_log,
    chained,
    cuts,
    patched,
    u32,
)
from tests.refusals import refused
from troth.errors import MalformedError
from troth.evidence.eventlog import (
    MAPPINGS,
    CcelTable,
    Data,
    TcgEvent,
    TcgLog,
    build_cc_log,
    build_sha1_log,
    build_tpm_log,
    parse_cc_log,
    parse_tpm_log,
    replay,
)
from troth.evidence.eventlog.columns import LOG_MAX_BYTES, LOG_MAX_ENTRIES, UNEXTENDED
from troth.evidence.eventlog.spec_id import SpecId

ALGORITHM_AT: Final = 32 + 28  # of the header: behind the signature, 12 bytes and the count
SECOND: Final = HEADER_BYTES + EVENT_BYTES + len(BOOT[0].data)
LOCALITY: Final = TcgEvent(0, NO_ACTION, {"sha256": bytes(32)}, b"StartupLocality\0\x03")


def tpm_event(register: int, kind: int, data: bytes, *banks: str) -> TcgEvent:
    return TcgEvent.of_data(register, kind, data, banks or ("sha256",))


_events = st.lists(
    st.builds(
        lambda register, kind, data: tpm_event(register, kind, data, "sha1", "sha256", "sha384"),
        st.integers(0, 23),
        st.integers(0, 0xFFFFFFFF),
        st.binary(max_size=40),
    ),
    max_size=8,
)


@given(_events)
def test_what_is_built_is_read(events: list[TcgEvent]) -> None:
    log = parse_tpm_log(build_tpm_log(events, banks=("sha1", "sha256", "sha384")))
    assert list(log) == events
    assert log.banks == ("sha1", "sha256", "sha384")
    old = [one._replace(digests={"sha1": one.digests["sha1"]}) for one in events]
    if old and old[0].register == 0:
        assert list(parse_tpm_log(build_sha1_log(old))) == old


@given(_events)
def test_a_cc_log_is_read_with_and_without_padding(events: list[TcgEvent]) -> None:
    kept = [
        one._replace(register=one.register % 4 + 1, digests={"sha384": one.digests["sha384"]})
        for one in events
    ]
    log = build_cc_log(kept)
    for data in (log, log + b"\xff" * 100, log + bytes(100), build_cc_log(kept, area=4096)):
        assert list(parse_cc_log(data)) == kept
        assert parse_cc_log(data).size == len(log)


@given(st.binary(max_size=200))
def test_only_our_errors_escape(data: bytes) -> None:
    for parse in (parse_cc_log, parse_tpm_log):
        for whole in (data, cc_log()[:HEADER_BYTES] + data):
            try:
                parse(whole)
            except MalformedError:
                continue


def test_a_log_cut_anywhere_is_refused_or_a_prefix() -> None:
    data = cc_log()
    whole = list(parse_cc_log(data))
    found = cuts(data, parse_cc_log)
    shorter = [one for one in found.values() if isinstance(one, TcgLog)]
    assert {one for one in found.values() if isinstance(one, str)} == {"wire.truncated"}
    assert [len(one) for one in shorter] == [*range(len(whole))]  # only where an event ends
    assert all(list(one) == whole[: len(one)] for one in shorter)


def sha1_log() -> bytes:
    """A log in the SHA-1 form: an event that extends nothing first, as firmware may write it."""
    first = TcgEvent(0, NO_ACTION, {"sha1": bytes(20)}, b"quiet")
    return build_sha1_log([first, *(tpm_event(n, 8, b"x" * n, "sha1") for n in (1, 4, 23))])


def test_a_log_in_the_sha1_form_cut_anywhere_is_refused_or_a_prefix() -> None:
    data = sha1_log()
    whole = list(parse_tpm_log(data))
    found = cuts(data, parse_tpm_log)
    shorter = [one for one in found.values() if isinstance(one, TcgLog)]
    assert {one for one in found.values() if isinstance(one, str)} == {"wire.truncated"}
    assert [len(one) for one in shorter] == [*range(1, len(whole))]
    assert all(list(one) == whole[: len(one)] for one in shorter)


@pytest.mark.parametrize("padding", [b"\xff", b"\0"])
@pytest.mark.parametrize("size", [1, 12, 31, 32, 33, 200])
def test_padding_ends_any_firmware_log(padding: bytes, size: int) -> None:
    agile = build_tpm_log([tpm_event(4, IPL, b"x")])
    for log in (sha1_log(), agile):
        plain, padded = parse_tpm_log(log), parse_tpm_log(log + padding * size)
        assert (list(padded), padded.size) == (list(plain), len(log))
        with refused("eventlog.trailing"):
            parse_tpm_log(log + padding * 200 + b"\1")


def test_a_log_in_the_sha1_form_has_no_register_24() -> None:
    with refused("eventlog.register"):
        parse_tpm_log(sha1_log() + build_sha1_log([tpm_event(24, 8, b"", "sha1")]))


def test_the_header_of_a_cc_log_may_be_filed_under_mrtd() -> None:
    data = patched(cc_log(), 0, u32(0))  # as td-shim does
    assert list(parse_cc_log(data)) == BOOT


def test_what_extended_nothing_or_another_register_may_stand_before_the_locality() -> None:
    quiet = TcgEvent(0, NO_ACTION, {"sha256": bytes(32)}, b"quiet")
    for before in (quiet, tpm_event(1, 8, b"1")):
        log = parse_tpm_log(build_tpm_log([before, LOCALITY, tpm_event(0, 8, b"1")]))
        assert log.start == {"sha256": bytes(31) + b"\3"}


def test_registers_are_those_of_a_bare_loop() -> None:
    digests = [one.digests["sha384"] for one in BOOT]
    assert replay(parse_cc_log(cc_log()).extends("sha384"), MAPPINGS["cc"]) == {
        "rtmr0": chained("sha384", *digests[:2]),
        "rtmr1": chained("sha384", *digests[2:4]),
        "rtmr2": chained("sha384", *digests[4:]),
    }


FAULTS: Final = {
    "no-spec-id": (patched(cc_log(), 32, b"Spec ID Event02\0"), "eventlog.header"),
    "header-type": (patched(cc_log(), 4, u32(8)), "eventlog.header"),
    "header-register": (patched(cc_log(), 0, u32(2)), "eventlog.header"),
    "header-version": (patched(cc_log(), 32 + 21, b"\3"), "eventlog.header"),
    "header-uintn": (patched(cc_log(), 32 + 23, b"\3"), "eventlog.header"),
    "header-no-algorithm": (patched(cc_log(), 32 + 24, u32(0)), "eventlog.header"),
    "header-many-algorithms": (patched(cc_log(), 32 + 24, u32(9)), "eventlog.header"),
    "header-vendor-beyond": (patched(cc_log(), HEADER_BYTES - 1, b"\1"), "wire.truncated"),
    "digest-size": (patched(cc_log(), ALGORITHM_AT + 2, b"\x20\0"), "eventlog.algorithm"),
    "unknown-digest-size": (
        patched(cc_log(), ALGORITHM_AT, b"\x12\0\0\0"),
        "eventlog.algorithm",
    ),
    "event-algorithm": (patched(cc_log(), HEADER_BYTES + 12, b"\x0b\0"), "eventlog.algorithm"),
    "event-no-digest": (patched(cc_log(), HEADER_BYTES + 8, u32(0)), "eventlog.algorithm"),
    "event-two-digests": (patched(cc_log(), HEADER_BYTES + 8, u32(2)), "eventlog.algorithm"),
    "mr-index-0": (patched(cc_log(), HEADER_BYTES, u32(0)), "eventlog.register"),
    "mr-index-5": (patched(cc_log(), HEADER_BYTES, u32(5)), "eventlog.register"),
    "mr-index-all-ones": (patched(cc_log(), HEADER_BYTES, b"\xff" * 4), "eventlog.register"),
    "size-beyond": (
        patched(cc_log(), HEADER_BYTES + EVENT_BYTES - 4, b"\xff" * 4),
        "wire.truncated",
    ),
    "behind-padding": (cc_log() + b"\xff" * 40 + b"\1", "eventlog.trailing"),
    "padding-mixed": (cc_log() + bytes(40) + b"\xff", "eventlog.trailing"),
    "hidden-event": (cc_log() + b"\xff" * 16 + cc_log()[HEADER_BYTES:], "eventlog.trailing"),
    "empty": (b"", "wire.truncated"),
    "header-cut": (cc_log()[:31], "wire.truncated"),
    "too-large": (bytes(LOG_MAX_BYTES + 1), "wire.too-large"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_code(name: str) -> None:
    data, code = FAULTS[name]
    with refused(code):
        parse_cc_log(data)


def test_more_events_than_any_log_has() -> None:
    one = TcgEvent(0, IPL, {"sha1": bytes(19) + b"\1"}, b"")
    with refused("wire.too-large"):
        parse_tpm_log(build_sha1_log([one]) * (LOG_MAX_ENTRIES + 1))
    assert len(parse_tpm_log(build_sha1_log([one]) * LOG_MAX_ENTRIES)) == LOG_MAX_ENTRIES


def test_an_algorithm_named_twice_in_the_header() -> None:
    header = SpecId(((12, 48), (12, 48))).build()
    with refused("eventlog.algorithm", "twice"):
        SpecId.parse(header)
    with refused("eventlog.header"):
        SpecId.parse(SpecId(((12, 48),)).build() + b"x")
    assert SpecId.parse(SpecId(((12, 48),), vendor=b"td-shim").build()).vendor == b"td-shim"


@pytest.mark.parametrize(
    ("algorithms", "code"),
    [
        ([(0x100 + n, 32) for n in range(8)], ""),
        ([(0x100 + n, 32) for n in range(9)], "eventlog.header"),
        ([], "eventlog.header"),
        ([(0x100, 1)], ""),
        ([(0x100, 64)], ""),
        ([(0x100, 0)], "eventlog.algorithm"),
        ([(0x100, 65)], "eventlog.algorithm"),
        ([(0x0B, 31)], "eventlog.algorithm"),
    ],
)
def test_how_many_algorithms_a_header_names_and_of_which_sizes(
    algorithms: list[tuple[int, int]], code: str
) -> None:
    header = SpecId(tuple(algorithms))
    if not code:
        assert SpecId.parse(header.build()) == header
        return
    with refused(code):
        SpecId.parse(header.build())


def test_a_tpm_log_has_no_register_24() -> None:
    log = build_tpm_log([tpm_event(24, IPL, b"")])
    with refused("eventlog.register"):
        parse_tpm_log(log)
    with refused("eventlog.header"):
        parse_tpm_log(patched(log, 0, u32(7)))


def test_digests_in_another_order_are_sorted() -> None:
    event = tpm_event(4, IPL, b"x", "sha1", "sha256")
    log = build_tpm_log([event], banks=("sha1", "sha256"))
    begin = 32 + 37 + 12
    sha1, sha256 = log[begin : begin + 22], log[begin + 22 : begin + 22 + 34]
    turned = patched(log, begin, sha256 + sha1)
    assert turned != log
    assert list(parse_tpm_log(turned)) == [event]
    with refused("eventlog.algorithm"):
        parse_tpm_log(patched(log, begin, sha1 + sha1 + b"\x0b\0" + bytes(10)))


def test_an_algorithm_that_nobody_computes_is_left_out_and_the_log_is_read() -> None:
    header = SpecId(((0x12, 32), (0x0B, 32))).build()
    event = struct.pack("<III", 4, IPL, 2) + b"\x12\0" + bytes(32) + b"\x0b\0" + b"d" * 32 + u32(0)
    log = parse_tpm_log(
        struct.pack("<II20sI", 0, NO_ACTION, bytes(20), len(header)) + header + event
    )
    assert log.banks == ("sha256",)
    assert log.extends("sha256").digests == [b"d" * 32]
    with refused("eventlog.bank", "the log has sha256"):
        log.extends("sm3_256")
    with refused("eventlog.bank"):
        log.examine("sha1")


def test_an_event_that_extends_nothing_is_unproven_and_may_be_of_no_register() -> None:
    quiet = TcgEvent(0xFFFFFFFF, NO_ACTION, {"sha256": b"\1" * 32}, b"SP800-155 Event\0")
    log = parse_tpm_log(build_tpm_log([quiet, tpm_event(0, 8, b"1")]))
    assert log.extended == [UNEXTENDED, 0]
    assert log.examine("sha256").data == [Data.UNEXTENDED, Data.MEASURED]
    values = replay(log.extends("sha256"), MAPPINGS["pcr"])
    assert values == {"pcr0": chained("sha256", hashlib.sha256(b"1").digest())}


def test_the_locality_of_the_start_up_sets_pcr0() -> None:
    events = [LOCALITY, tpm_event(0, 8, b"1")]
    log = parse_tpm_log(build_tpm_log(events))
    start = bytes(31) + b"\3"
    expected = hashlib.sha256(start + hashlib.sha256(b"1").digest()).digest()
    assert replay(log.extends("sha256"), MAPPINGS["pcr"]) == {"pcr0": expected}


@pytest.mark.parametrize(
    "events",
    [
        [tpm_event(0, 8, b"1"), LOCALITY],  # behind an extend
        [LOCALITY, LOCALITY],
        [LOCALITY._replace(register=1)],
        [LOCALITY._replace(data=LOCALITY.data + b"\0")],
        [LOCALITY._replace(data=LOCALITY.data[:-1])],
        [LOCALITY._replace(data=LOCALITY.data[:-1] + b"\2")],
    ],
)
def test_an_unusable_locality(events: list[TcgEvent]) -> None:
    with refused("eventlog.locality"):
        parse_tpm_log(build_tpm_log(events))


def variable(name: str, value: bytes) -> bytes:
    return (
        struct.pack("<16sQQ", bytes(16), len(name), len(value)) + name.encode("utf-16-le") + value
    )


def digest(data: bytes) -> dict[str, bytes]:
    return {"sha384": hashlib.sha384(data).digest()}


@pytest.mark.parametrize(
    ("kind", "data", "measured", "status"),
    [
        (VARIABLE, b"x", b"x", Data.MEASURED),
        (VARIABLE, b"x", b"y", Data.DIFFERS),
        (SEPARATOR, bytes(4), bytes(4), Data.MEASURED),
        (SEPARATOR, bytes(4), b"\1\0\0\0", Data.DIFFERS),
        (0x80000002, variable("Boot0", b"v"), b"v", Data.PART),
        (0x80000002, variable("Boot0", b"v"), variable("Boot0", b"v"), Data.MEASURED),
        (0x80000002, variable("Boot0", b"v"), b"w", Data.DIFFERS),
        (0x80000002, variable("Boot0", b"v") + b"v", b"v", Data.DIFFERS),
        (0x80000002, variable("", b""), b"", Data.PART),
        (0x80000002, b"cut short", b"x", Data.DIFFERS),
        (VARIABLE, variable("Boot0", b"v"), b"v", Data.DIFFERS),  # its digest is of all of it
        (IPL, b"grub_cmd: ls\0", b"ls", Data.PART),
        (IPL, b"p" * 32 + b": ls", b"ls", Data.PART),
        (IPL, b"p" * 33 + b": ls", b"ls", Data.UNPROVEN),
        (IPL, b"no prefix", b"", Data.UNPROVEN),
        (IPL, b"grub_cmd: ls\0", b"grub_cmd: ls", Data.PART),
        (IPL, b"/vmlinuz", b"the kernel", Data.UNPROVEN),
        (0x80000003, b"path", b"path", Data.UNPROVEN),  # a digest of an image is of no data
        (0x6, b"tag", b"tag", Data.MEASURED),
        (0x6, b"tag", b"initrd", Data.UNPROVEN),
        (0x12345678, b"x", b"x", Data.UNPROVEN),
    ],
)
def test_what_of_an_events_data_is_measured(
    kind: int, data: bytes, measured: bytes, status: Data
) -> None:
    log = parse_cc_log(build_cc_log([TcgEvent(3, kind, digest(measured), data)]))
    examined = log.examine("sha384")
    assert examined.data == [status]
    differs = status is Data.DIFFERS
    assert ("data-differs" in [one.name for one in examined.findings]) is differs
    assert examined.recomputed == ({0: digest(data)["sha384"]} if differs else {})


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (BOOT, []),
        ([*BOOT, BOOT[1]], [(6, "second-separator")]),
        (BOOT[:1], [(None, "no-separator")]),
        ([TcgEvent.of_data(1, SEPARATOR, b"\1\0\0\0")], [(0, "separator-value")]),
        ([TcgEvent.of_data(1, SEPARATOR, b"\xff" * 4)], []),
    ],
)
def test_separators(events: list[TcgEvent], found: list[tuple[int | None, str]]) -> None:
    examined = parse_cc_log(build_cc_log(events)).examine("sha384")
    assert [(one.index, one.name) for one in examined.findings] == found


def test_a_type_changed_is_not_noticed_by_any_register() -> None:
    """The hole that LIMITATIONS must name: a separator under another type has the same digest."""
    spoofed = [BOOT[0], BOOT[1]._replace(type=0x80000007), *BOOT[2:]]
    ours, theirs = (parse_cc_log(build_cc_log(one)) for one in (BOOT, spoofed))
    values = [replay(one.extends("sha384"), MAPPINGS["cc"]) for one in (ours, theirs)]
    assert values[0] == values[1]
    assert [one.name for one in theirs.examine("sha384").findings] == ["no-separator"]


TABLE: Final = CcelTable(2, 0, 65536, 0x1000).build()


def test_a_ccel_table_byte_by_byte() -> None:
    """ACPI's header, which the software TEE fills in, and UEFI's five fields behind it."""
    header = b"CCEL" + u32(56) + b"\1%bTROTH SOFTTEE " + u32(1) + b"TRTH" + u32(1)
    assert header % TABLE[9:10] + b"\2\0\0\0" + struct.pack("<QQ", 65536, 0x1000) == TABLE
    assert sum(TABLE) % 256 == 0
    assert CcelTable.parse(TABLE) == CcelTable(2, 0, 65536, 0x1000)


def summed(table: bytes) -> bytes:
    """Return a table with the checksum made anew: what else is wrong with it is all that is."""
    return patched(table, 9, bytes([(table[9] - sum(table)) % 256]))


@pytest.mark.parametrize(
    "data",
    [
        TABLE[:-1],
        TABLE + b"\0",
        summed(patched(TABLE, 0, b"TPM2")),
        patched(TABLE, 9, bytes([TABLE[9] ^ 1])),
        summed(patched(TABLE, 4, u32(57))),
        summed(patched(TABLE, 36, b"\3")),
    ],
)
def test_no_ccel_table(data: bytes) -> None:
    assert summed(TABLE) == TABLE
    with refused("eventlog.table"):
        CcelTable.parse(data)


def test_a_log_that_does_not_fit_its_area_is_our_bug() -> None:
    with pytest.raises(ValueError, match="in an area of 100"):
        build_cc_log(BOOT, area=100)
    assert build_cc_log(BOOT, area=len(cc_log())) == cc_log()
