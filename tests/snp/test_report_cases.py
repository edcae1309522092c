# SPDX-License-Identifier: Apache-2.0
"""Well-formed reports that do not hold: signature, certificate, chip, product, TCBs, data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Final

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.refusals import refused
from tests.snp.reports import with_bytes
from tests.snp.table import (
    Accepted,
    Given,
    Refused,
    Table,
    bundled,
    extended,
    on,
    outcome,
    patched,
    reported,
    settle,
    sound_report,
    unsigned,
)
from tests.snp.test_sound import masked, with_tcbs
from tests.snp.world import AT, REPORT_DATA, anchors, settings_of, snp, stranger
from troth.crypto.der import encode_integer
from troth.endorse.amd import parse_snp_bundle
from troth.errors import TrothError
from troth.evidence.snp import SnpReport, Tcb
from troth.tsm.emulated.snp.settings import Tcb as TcbSettings
from troth.verify import Anchors, ChipId, Revocation, Trace
from troth.verify.snp import verify_snp

LEGACY: Final = Tcb(None, 4, 1, 24, 219)
PARTS: Final = {"bootloader": "3.1", "tee": "3.2", "snp": "3.3", "microcode": "3.8"}
FIELDS: Final = {  # each by its first byte
    "guest-svn": 0x004,
    "policy": 0x00B,
    "family-id": 0x010,
    "image-id": 0x020,
    "vmpl": 0x030,
    "current-tcb": 0x038,
    "platform-info": 0x040,
    "report-data": 0x050,
    "measurement": 0x090,
    "host-data": 0x0C0,
    "id-key-digest": 0x0E0,
    "author-key-digest": 0x110,
    "report-id": 0x140,
    "report-id-ma": 0x160,
    "stepping": 0x18A,
    "current-firmware": 0x1E8,
    "committed-firmware": 0x1EC,
    "launch-mitigations": 0x1F8,
    "current-mitigations": 0x200,
}


def turin_report_of_version_2() -> Given:
    """A chip of Turin whose report has version 2 and, as that has it, the older TCB words."""
    tee = snp(settings_of("Turin"))

    def change(one: SnpReport) -> SnpReport:
        names = ("current_tcb", "reported_tcb", "committed_tcb", "launch_tcb")
        words = dict.fromkeys(names, LEGACY)
        return replace(one, version=2, cpuid=bytes(3), **words)

    return Given(report=tee.report(REPORT_DATA, change=change), bundles=(tee.bundle(),))


def flipped(at: int) -> Given:
    return unsigned(at, bytes((sound_report()[at] ^ 1,)))


def certified(number: str, svn: int) -> Given:
    """Return the sound report under a certificate for another security version of one part."""
    return bundled(leaf=extended({number: encode_integer(svn)}))


def with_newer(tcb: str, part: str) -> Given:
    """Return a chip of which one TCB is newer than the others in one part."""
    return on(with_tcbs(**{tcb: replace(TcbSettings(), **{part: 250})}))


def with_data(expected: bytes, data: bytes = REPORT_DATA) -> Given:
    return Given(report=snp().report(data), report_data=expected)


def masked_but_named() -> Given:
    """A report that says that its chip is masked, and names it all the same."""
    return dataclasses.replace(reported(flags=0b10), chip=ChipId.MASKED)


def masked_vlek(**fields: bytes) -> Given:
    """A report under a VLEK that says that its chip is masked."""
    tee = snp(settings_of(signing_key="VLEK"))
    return reported(tee, flags=1 << 2 | 0b10, **fields)


CASES: Final[Table] = {
    "other-key": (
        lambda: Given(report=snp().report(REPORT_DATA, signed_by=stranger())),
        "snp.signature",
    ),
    "signed-by-the-other-leaf": (
        lambda: Given(report=snp().report(REPORT_DATA, signed_by=snp().pki.keys.leaves["vlek"])),
        "snp.signature",
    ),
    **{
        f"flipped-{name}": (
            partial(flipped, at),
            "snp.signature",
        )
        for name, at in FIELDS.items()
    },
    # The certificate is another one than the report's.
    "no-collateral": (lambda: Given(bundles=()), "collateral.missing"),
    "vcek-report-with-a-vlek": (
        lambda: Given(bundles=(snp(settings_of(signing_key="VLEK")).bundle(),)),
        "collateral.missing",
    ),
    "vlek-report-with-a-vcek": (
        lambda: Given(
            report=snp(settings_of(signing_key="VLEK")).report(REPORT_DATA),
            bundles=(snp().bundle(),),
        ),
        "collateral.missing",
    ),
    "vlek-of-another-product": (
        lambda: Given(
            report=snp(settings_of(signing_key="VLEK")).report(REPORT_DATA),
            bundles=(snp(settings_of("Genoa", "VLEK")).bundle(),),
        ),
        "collateral.missing",
    ),
    "chip-id-differs": (lambda: reported(chip_id=b"\xc2" * 64), "collateral.missing"),
    "chip-id-of-turin-differs": (
        lambda: reported(snp(settings_of("Turin")), chip_id=bytes([9] * 8 + [0] * 56)),
        "collateral.missing",
    ),
    "chip-id-zero-unmasked": (lambda: reported(chip_id=bytes(64)), "snp.chip-id"),
    "chip-masked": (lambda: dataclasses.replace(masked(), chip=ChipId.NAMED), "snp.chip-masked"),
    "chip-masked-but-named": (masked_but_named, "snp.chip-id"),
    "chip-masked-under-a-vlek": (masked_vlek, "snp.chip-masked"),
    "chip-masked-but-named-under-a-vlek": (
        lambda: dataclasses.replace(masked_vlek(chip_id=b"\x11" * 64), chip=ChipId.MASKED),
        "snp.chip-id",
    ),
    "cpuid-of-another-product": (
        lambda: patched(0x188, bytes((0x19, 0x11, 1))),
        "snp.product",
    ),
    "certificate-of-another-product": (
        lambda: Given(
            report=snp().report(REPORT_DATA),
            bundles=(snp(settings_of("Genoa")).bundle(),),
        ),
        "snp.product",
    ),
    "v2-with-turin": (turin_report_of_version_2, "snp.product"),
    # Security versions.
    **{
        f"certificate-{part}-differs": (
            partial(certified, number, 5),
            "collateral.tcb",
        )
        for part, number in PARTS.items()
    },
    "certificate-fmc-differs": (
        lambda: bundled(
            snp(settings_of("Turin")),
            leaf=extended({"3.9": encode_integer(5)}, tee=snp(settings_of("Turin"))),
        ),
        "collateral.tcb",
    ),
    **{
        f"{name}-{part}": (
            partial(with_newer, tcb, part),
            "snp.tcb-order",
        )
        for part in PARTS
        for name, tcb in {
            "reported-above-committed": "reported",
            "committed-above-current": "committed",
            "launch-above-current": "launch",
        }.items()
    },
    "reported-above-committed-fmc": (
        lambda: on(
            replace(
                settings_of("Turin"),
                tcbs=replace(settings_of().tcbs, reported=TcbSettings(fmc=2)),
            )
        ),
        "snp.tcb-order",
    ),
    # Report data.
    "report-data-differs": (lambda: with_data(bytes(64)), "snp.report-data"),
    "report-data-last-byte": (lambda: with_data(REPORT_DATA[:63] + b"\0"), "snp.report-data"),
    "report-data-prefix": (lambda: with_data(REPORT_DATA[:32]), "snp.report-data"),
    "report-data-longer": (lambda: with_data(REPORT_DATA + b"\0"), "snp.report-data"),
    "report-data-shorter-with-zeros": (
        lambda: with_data(b"nonce", b"nonce".ljust(64, b"\0")),
        Accepted(),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_its_code(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize(
    ("make", "got", "source"),
    [(Given, "named", "VCEK certificate"), (masked, "masked", "nothing, as masked")],
    ids=["named", "masked"],
)
def test_the_trace_says_whether_the_chip_is_named(
    make: Callable[[], Given], got: str, source: str
) -> None:
    trace = Trace()
    judged(make(), trace)
    rows = {row.rule: row for row in trace}
    assert rows["6.chip-masked"].got == got
    assert rows["6.chip-id"].source == source


def test_more_report_data_than_there_is_room_for_is_said_to_be_so() -> None:
    with refused("snp.report-data", "65 bytes are expected, 64 exist"):
        judged(with_data(REPORT_DATA + b"\0"), Trace())


def judged(given: Given, trace: Trace) -> None:
    verify_snp(
        given.report,
        collateral=[parse_snp_bundle(one, "a bundle") for one in given.bundles],
        anchors=anchors(given.root),
        at=given.at,
        report_data=given.report_data,
        revocation=given.revocation,
        chip=given.chip,
        trace=trace,
    )


@pytest.mark.parametrize("group", ["format_cases", "report_cases", "chain_cases"])
def test_a_refusal_ends_its_trace(group: str) -> None:
    """The last rule that was noted is the one that failed, and every one before it did not."""
    for name, (make, due) in import_module(f"tests.snp.test_{group}").CASES.items():
        if isinstance(due, Accepted) or name == "report-data-longer":
            continue
        given, trace = make(), Trace()
        with pytest.raises(TrothError):
            judged(given, trace)
        verdicts = [row.verdict for row in trace]
        assert verdicts[-1] == "failed", name
        assert verdicts.count("failed") == 1, name


def test_missing_collateral_is_named() -> None:
    wanted = "wanted: VCEK Milan chip " + "c0" * 64 + " TCB bootloader=4 tee=1 snp=24 microcode=219"
    given = snp(settings_of("Turin")).collateral()
    for sets, told in (
        ((), "none"),
        ((given,), "VCEK Turin chip c1c1c1c1c1c1c1c1 TCB fmc=1 bootloader=4"),
    ):
        with refused("collateral.missing", f"{wanted}; given: {told}"):
            verify_snp(
                sound_report(),
                collateral=sets,
                anchors=Anchors([]),
                at=AT,
                report_data=REPORT_DATA,
                revocation=Revocation.REQUIRED,
                chip=ChipId.NAMED,
            )


@drawn(st.integers(0, 0x4A0 * 8 - 1))
def test_no_bit_may_flip(bit: int) -> None:
    report = sound_report()
    flipped = bytes((report[bit // 8] ^ 1 << bit % 8,))
    got = outcome(Given(report=with_bytes(report, bit // 8, flipped)))
    assert isinstance(got, Refused)
