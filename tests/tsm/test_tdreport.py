# SPDX-License-Identifier: Apache-2.0
"""The TDREPORT of a software TD: its layout, its digests and MAC, its registers."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA
from troth.errors import DriverError
from troth.tsm.emulated.tdx import Settings, SoftwareTdx
from troth.tsm.emulated.tdx.settings import Module, Td
from troth.tsm.emulated.tdx.tdreport import TDREPORT_BYTES, TdReport

# Every field has a value of its own, so that two that are swapped are seen.
SETTINGS = Settings(
    td=Td(
        attributes="a1" * 8,
        xfam="a2" * 8,
        mr_td="a3" * 48,
        mr_config_id="a4" * 48,
        mr_owner="a5" * 48,
        mr_owner_config="a6" * 48,
        mr_service_td="a7" * 48,
        rtmrs=("b0" * 48, "b1" * 48, "b2" * 48, "b3" * 48),
    ),
    module=Module(
        tee_tcb_svn="c1" * 16,
        tee_tcb_svn2="c2" * 16,
        mr_seam="c3" * 48,
        mr_signer_seam="c4" * 48,
        seam_attributes="c5" * 8,
    ),
)
# Offset, size and content of each field (Intel TDX Module ABI, TDREPORT_STRUCT).
FIELDS = {
    "type, subtype, version": (0, "810001"),
    "CPUSVN": (16, "04040202040100050000000000000000"),
    "REPORTDATA": (128, REPORT_DATA.hex()),
    "VALID": (256, "ff01030000000000"),
    "TEE_TCB_SVN": (264, "c1" * 16),
    "MRSEAM": (280, "c3" * 48),
    "MRSIGNERSEAM": (328, "c4" * 48),
    "SEAMATTRIBUTES": (376, "c5" * 8),
    "TEE_TCB_SVN2": (384, "c2" * 16),
    "ATTRIBUTES": (512, "a1" * 8),
    "XFAM": (520, "a2" * 8),
    "MRTD": (528, "a3" * 48),
    "MRCONFIGID": (576, "a4" * 48),
    "MROWNER": (624, "a5" * 48),
    "MROWNERCONFIG": (672, "a6" * 48),
    "RTMR0": (720, "b0" * 48),
    "RTMR1": (768, "b1" * 48),
    "RTMR2": (816, "b2" * 48),
    "RTMR3": (864, "b3" * 48),
    "SERVTD_HASH": (912, "a7" * 48),
}


@pytest.fixture(scope="module")
def tee() -> SoftwareTdx:
    return SoftwareTdx.create(SETTINGS, at=AT)


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_is_in_its_place(tee: SoftwareTdx, field: str) -> None:
    offset, content = FIELDS[field]
    report = tee.tdreport(REPORT_DATA)
    assert len(report) == TDREPORT_BYTES == 1024
    assert report[offset : offset + len(content) // 2].hex() == content


def test_all_else_but_digests_and_mac_is_zero(tee: SoftwareTdx) -> None:
    report = bytearray(tee.tdreport(REPORT_DATA))
    for offset, content in FIELDS.values():
        report[offset : offset + len(content) // 2] = bytes(len(content) // 2)
    report[32:128] = bytes(96)
    report[224:256] = bytes(32)
    assert report == bytes(1024)


def test_digests_and_mac_cover_what_they_should(tee: SoftwareTdx) -> None:
    report = tee.tdreport(REPORT_DATA)
    assert report[32:80] == hashlib.sha384(report[256:495]).digest()
    assert report[80:128] == hashlib.sha384(report[512:1024]).digest()
    assert report[224:256] == hmac.digest(tee.secret.cpu_key, report[:224], "sha256")


def test_a_module_1_0_leaves_out_what_came_with_1_5() -> None:
    settings = replace(SETTINGS, module=replace(SETTINGS.module, version="1.0"))
    report = TdReport.parse(SoftwareTdx.create(settings, at=AT).tdreport(REPORT_DATA))
    assert (report.version, report.tcb_info.valid) == (0, 0x1FF)
    assert report.tcb_info.tee_tcb_svn2 == bytes(16)
    assert report.td_info.mr_service_td == bytes(48)


def test_what_is_parsed_builds_the_same_bytes(tee: SoftwareTdx) -> None:
    report = tee.tdreport(REPORT_DATA)
    assert TdReport.parse(report).build() == report


def test_the_quoting_enclave_refuses_every_flipped_bit(tee: SoftwareTdx) -> None:
    report = tee.tdreport(REPORT_DATA)
    tee.quote_of(report)
    for bit in range(8 * TDREPORT_BYTES):
        flipped = bytearray(report)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DriverError) as caught:
            tee.quote_of(bytes(flipped))
        assert caught.value.code == "tsm.tdreport"


@pytest.mark.parametrize("size", [0, 1023, 1025])
def test_the_quoting_enclave_refuses_another_size(tee: SoftwareTdx, size: int) -> None:
    with pytest.raises(DriverError) as caught:
        tee.quote_of((tee.tdreport(REPORT_DATA) + b"\0")[:size])
    assert caught.value.code == "tsm.tdreport"


def test_the_quoting_enclave_refuses_another_machines_report(tee: SoftwareTdx) -> None:
    other = SoftwareTdx.create(SETTINGS, at=AT)
    with pytest.raises(DriverError) as caught:
        tee.quote_of(other.tdreport(REPORT_DATA))
    assert caught.value.code == "tsm.tdreport"


@pytest.mark.parametrize("size", [0, 63, 65])
def test_report_data_of_another_size_is_refused(tee: SoftwareTdx, size: int) -> None:
    with pytest.raises(DriverError) as caught:
        tee.tdreport(bytes(size))
    assert caught.value.code == "tsm.report-data"


def test_extend_is_sha384_of_old_value_and_digest() -> None:
    tee = SoftwareTdx.create(SETTINGS, at=AT)
    first, second = b"\x11" * 48, b"\x22" * 48
    tee.extend(2, first)
    tee.extend(2, second)
    once = hashlib.sha384(b"\xb2" * 48 + first).digest()
    twice = hashlib.sha384(once + second).digest()
    assert tee.registers() == (b"\xb0" * 48, b"\xb1" * 48, twice, b"\xb3" * 48)
    assert tee.tdreport(REPORT_DATA)[816:864] == twice


@pytest.mark.parametrize(("index", "size"), [(-1, 48), (4, 48), (0, 47), (0, 49), (0, 0)])
def test_a_wrong_extend_is_refused_and_changes_nothing(
    tee: SoftwareTdx, index: int, size: int
) -> None:
    before = tee.registers()
    with pytest.raises(DriverError) as caught:
        tee.extend(index, bytes(size))
    assert caught.value.code == "tsm.register"
    assert tee.registers() == before
