# SPDX-License-Identifier: Apache-2.0
"""SNP reports are parsed whole or refused, and built back to the same bytes."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA384
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from tests.snp.reports import CPUIDS, LEGACY, REPORT_DATA, made, u32, with_bytes
from tests.vectors import VectorCase, vector_params
from troth.errors import MalformedError
from troth.evidence.snp import (
    GuestPolicy,
    PlatformInfo,
    Product,
    SigningKey,
    SnpReport,
    Tcb,
    describe_report,
)

SOUND: Final = {
    f"v{version}-{product}": made(product, version).build()
    for version in (2, 3, 4, 5)
    for product in CPUIDS
    if (version, product) != (2, "turin")
}
V5: Final = SOUND["v5-milan"]


def entries() -> list[Any]:
    return [pytest.param(one.values[0], id=one.id) for one in vector_params("snp", "fields")]


# --- the real ones --------------------------------------------------------------------------------


@pytest.mark.parametrize("case", entries())
def test_what_is_signed_and_the_signature_are_the_right_bytes(
    case: VectorCase, vectors: Path
) -> None:
    named = case.entry["expect"].get("endorsement")
    if named is None:
        assert case.entry["expect"]["signature"].startswith("unchecked")
        return
    report = SnpReport.parse((vectors / case.file).read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # AMD's serial number is 0
        key = x509.load_der_x509_certificate((vectors / named).read_bytes()).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = (int.from_bytes(report.signature[at : at + 48], "big") for at in (0, 48))
    der = utils.encode_dss_signature(r, s)
    key.verify(der, report.signed, ec.ECDSA(SHA384()))
    with pytest.raises(InvalidSignature):
        key.verify(der, report.signed[:-1] + b"\1", ec.ECDSA(SHA384()))


def test_a_real_report_cut_short_at_any_byte_is_malformed(vectors: Path) -> None:
    data = (vectors / "snp" / "snp-v5-turin-vcek-3f44a09b.report").read_bytes()
    for size in range(len(data)):
        with refused("snp.size"):
            SnpReport.parse(data[:size])
    for tail in (b"\0", bytes(4000 - len(data))):
        with refused("snp.size"):
            SnpReport.parse(data + tail)


# --- made ones ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOUND)
def test_a_report_is_built_back_to_the_same_bytes(name: str) -> None:
    report = SnpReport.parse(SOUND[name])
    assert report.build() == SOUND[name]
    version, product = name.split("-")
    assert report == made(product, int(version[1:]))
    assert report.report_data == SOUND[name][0x50:0x90] == REPORT_DATA
    wanted = None if version == "v2" else Product(product.title())
    assert report.product is wanted
    assert report.signing_key is SigningKey.VCEK
    assert report.has_author_key
    assert not report.is_chip_key_masked


def test_the_parts_are_where_the_documents_say() -> None:
    report = SnpReport.parse(V5)
    places = {
        "family_id": (0x010, 16),
        "image_id": (0x020, 16),
        "measurement": (0x090, 48),
        "host_data": (0x0C0, 32),
        "id_key_digest": (0x0E0, 48),
        "author_key_digest": (0x110, 48),
        "report_id": (0x140, 32),
        "report_id_ma": (0x160, 32),
        "cpuid": (0x188, 3),
        "chip_id": (0x1A0, 64),
        "current_firmware": (0x1E8, 3),
        "committed_firmware": (0x1EC, 3),
    }
    for name, (offset, size) in places.items():
        assert getattr(report, name) == V5[offset : offset + size], name
    for name, offset in {
        "current_tcb": 0x038,
        "reported_tcb": 0x180,
        "committed_tcb": 0x1E0,
        "launch_tcb": 0x1F0,
    }.items():
        assert getattr(report, name).build() == V5[offset : offset + 8], name
    assert V5[0x1F8:0x208] == bytes((1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0))
    assert report.signature == V5[0x2A0:0x2D0][::-1] + V5[0x2E8:0x318][::-1]


CASES: Final = {
    "version-0": (0x000, u32(0), "unsupported.version"),
    "version-1": (0x000, u32(1), "unsupported.version"),
    "version-6": (0x000, u32(6), "unsupported.version"),
    "version-big-endian": (0x000, bytes((0, 0, 0, 5)), "unsupported.version"),
    "policy-bit-17": (0x00A, b"\1", "snp.policy"),
    "vmpl-4": (0x030, u32(4), "snp.vmpl"),
    "vmpl-almost-host": (0x030, u32(0xFFFFFFFE), "snp.vmpl"),
    "algorithm-0": (0x034, u32(0), "snp.algorithm"),
    "algorithm-2": (0x034, u32(2), "snp.algorithm"),
    "signing-key-2": (0x048, u32(2 << 2), "snp.signing-key"),
    "signing-key-6": (0x048, u32(6 << 2), "snp.signing-key"),
    "flag-5": (0x048, u32(1 << 5), "snp.reserved"),
    "flag-31": (0x048, u32(1 << 31), "snp.reserved"),
    "r-upper": (0x2A0 + 48, b"\1", "snp.signature-form"),
    "r-top": (0x2A0 + 71, b"\1", "snp.signature-form"),
    "s-upper": (0x2E8 + 48, b"\1", "snp.signature-form"),
    "s-top": (0x2E8 + 71, b"\1", "snp.signature-form"),
    "tail-first": (0x330, b"\1", "snp.signature-form"),
    "tail-last": (0x49F, b"\1", "snp.signature-form"),
    "family-unknown": (0x188, b"\x17", "unsupported.product"),
    "model-unknown": (0x189, b"\x20", "unsupported.product"),
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_its_code(name: str) -> None:
    offset, value, code = CASES[name]
    with refused(code):
        SnpReport.parse(with_bytes(V5, offset, value))


RESERVED: Final = (
    *range(0x04C, 0x050),
    *range(0x18B, 0x1A0),
    0x1EB,
    0x1EF,
    *range(0x208, 0x2A0),
    *(tcb + byte for tcb in (0x038, 0x180, 0x1E0, 0x1F0) for byte in range(2, 6)),
)


@pytest.mark.parametrize("name", SOUND)
def test_each_reserved_byte_is_zero(name: str) -> None:
    data = SOUND[name]
    turin = name.endswith("turin")
    for offset in RESERVED:
        bad = with_bytes(data, offset, b"\x80")
        if turin and offset in {
            tcb + byte for tcb in (0x38, 0x180, 0x1E0, 0x1F0) for byte in (2, 3)
        }:
            assert SnpReport.parse(bad).build() == bad  # Turin has its TEE and SNP versions there
            continue
        with refused("snp.reserved"):
            SnpReport.parse(bad)


@pytest.mark.parametrize("tcb", [0x038, 0x180, 0x1E0, 0x1F0])
def test_turins_reserved_bytes_of_a_tcb_are_others(tcb: int) -> None:
    for byte in (4, 5, 6):
        with refused("snp.reserved"):
            SnpReport.parse(with_bytes(SOUND["v5-turin"], tcb + byte, b"\1"))


def test_what_came_later_is_zero_before() -> None:
    for offset in (0x188, 0x189, 0x18A):
        with refused("snp.reserved"):
            SnpReport.parse(with_bytes(SOUND["v2-milan"], offset, b"\x19"))
    for name in ("v2-milan", "v3-genoa", "v4-turin"):
        for offset in range(0x1F8, 0x208):
            with refused("snp.reserved"):
                SnpReport.parse(with_bytes(SOUND[name], offset, b"\1"))


def test_a_chip_id_of_turin_has_eight_bytes() -> None:
    for offset in (0x1A8, 0x1DF):
        with refused("snp.reserved", "chip id"):
            SnpReport.parse(with_bytes(SOUND["v5-turin"], offset, b"\1"))


@pytest.mark.parametrize(
    ("flags", "key"), [(0, SigningKey.VCEK), (1 << 2, SigningKey.VLEK), (7 << 2, SigningKey.NONE)]
)
def test_a_signing_key_has_a_name(flags: int, key: SigningKey) -> None:
    assert SnpReport.parse(with_bytes(V5, 0x048, u32(flags))).signing_key is key


def test_a_report_that_the_host_asked_for_is_known() -> None:
    report = SnpReport.parse(with_bytes(V5, 0x030, u32(0xFFFFFFFF)))
    assert report.is_of_host
    assert not SnpReport.parse(V5).is_of_host
    assert SnpReport.parse(with_bytes(V5, 0x048, u32(2))).is_chip_key_masked


@pytest.mark.parametrize(
    ("family", "model", "product"),
    [
        (0x19, 0x00, Product.MILAN),
        (0x19, 0x0F, Product.MILAN),
        (0x19, 0x10, Product.GENOA),
        (0x19, 0x1F, Product.GENOA),
        (0x19, 0xA0, Product.GENOA),
        (0x19, 0xAF, Product.GENOA),
        (0x1A, 0x00, Product.TURIN),
        (0x1A, 0x11, Product.TURIN),
    ],
)
def test_a_product_is_known_by_its_cpuid(family: int, model: int, product: Product) -> None:
    assert Product.of_cpuid(family, model) is product


@pytest.mark.parametrize(
    ("family", "model"), [(0x18, 0), (0x19, 0x20), (0x19, 0x9F), (0x19, 0xB0), (0x1A, 0x12), (0, 0)]
)
def test_another_cpuid_is_of_no_product(family: int, model: int) -> None:
    with refused("unsupported.product"):
        Product.of_cpuid(family, model)


@given(st.binary(max_size=1300))
def test_bytes_are_a_report_or_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        SnpReport.parse(data)


@given(st.integers(0, 0x4A0 * 8 - 1), st.sampled_from(sorted(SOUND)))
def test_no_bit_is_lost(bit: int, name: str) -> None:
    """A report of any bits is built back to them or refused: none of them is left out."""
    bad = bytearray(SOUND[name])
    bad[bit // 8] ^= 1 << bit % 8
    try:
        report = SnpReport.parse(bytes(bad))
    except MalformedError:
        return
    assert report.build() == bytes(bad)


# --- words of bits --------------------------------------------------------------------------------


def test_a_policy_by_name() -> None:
    policy = GuestPolicy(0x3_01_37 | 1 << 63 | 1 << 25)
    assert policy.abi == (1, 0x37)
    assert policy.is_well_formed
    assert (policy.smt, policy.debug, policy.migration_agent) == (True, False, False)
    assert policy.names == {"SMT", "PAGE_SWAP_DISABLE", "BIT_63"}
    assert policy.unknown == {"BIT_63"}
    assert GuestPolicy(1 << 19).debug
    assert GuestPolicy(1 << 18).migration_agent
    assert not GuestPolicy(1 << 19).is_well_formed
    assert GuestPolicy(0xFFFF).names == frozenset()


def test_platform_info_by_name() -> None:
    assert PlatformInfo(0x67).names == {"SMT", "TSME", "ECC", "ALIAS_CHECK_COMPLETE", "BIT_6"}
    assert PlatformInfo(0).names == frozenset()


def test_tcbs_are_compared_part_by_part() -> None:
    assert LEGACY.covers(LEGACY)
    assert Tcb(None, 5, 0, 24, 219).covers(LEGACY)
    assert not Tcb(None, 255, 255, 255, 218).covers(LEGACY)
    assert not Tcb(None, 3, 255, 255, 255).covers(LEGACY)
    assert not Tcb(9, 9, 9, 255, 255).covers(LEGACY)
    assert not LEGACY.covers(Tcb(0, 0, 0, 0, 0))
    assert Tcb.parse(bytes((1, 2, 3, 4, 0, 0, 0, 5)), Product.TURIN, "x") == Tcb(1, 2, 3, 4, 5)
    assert Tcb.parse(bytes((1, 2, 0, 0, 0, 0, 3, 4)), None, "x") == Tcb(None, 1, 2, 3, 4)


def test_a_description_names_every_field() -> None:
    told = describe_report(made())
    assert set(made().__struct_fields__) <= told.keys()
    assert told["policy_set"] == ["SMT"]
    assert told["current_tcb"] == {"bootloader": 4, "tee": 0, "snp": 24, "microcode": 219}
