# SPDX-License-Identifier: Apache-2.0
"""Quotes of a software TDX: another implementation accepts them, and refuses each forgery."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace as respec
from datetime import timedelta
from typing import Literal

import pytest
from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA, peer_status, peer_status_under_intel
from troth.crypto.issue import certificate_pem
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.errors import DriverError
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import Bundle, Settings, SoftwareTdx
from troth.tsm.emulated.tdx.pki import ROLES, Role
from troth.tsm.emulated.tdx.qe import BodyVersion
from troth.tsm.emulated.tdx.settings import Module, Platform, Qe, Td

FORMATS: list[tuple[Literal[4, 5], BodyVersion | None, int | None]] = [
    (4, None, None),
    (5, "1.0", 2),
    (5, "1.5", 3),
    (5, None, 3),
]
PROCESSOR = Settings(platform=Platform(ca="processor"))
TEE = SoftwareTdx.create(at=AT)
OTHER = SoftwareTdx.create(at=AT)
DAY = timedelta(days=1)


def parsed(tee: SoftwareTdx = TEE) -> TdxQuote:
    return TdxQuote.parse(tee.quote(REPORT_DATA))


@pytest.mark.parametrize("settings", [Settings(), PROCESSOR], ids=["platform", "processor"])
@pytest.mark.parametrize(("version", "body_version", "body_type"), FORMATS)
def test_the_peer_accepts_every_format_under_its_root_and_not_under_intels(
    settings: Settings,
    version: Literal[4, 5],
    body_version: BodyVersion | None,
    body_type: int | None,
) -> None:
    tee = SoftwareTdx.create(settings, at=AT)
    quote = tee.quote(REPORT_DATA, version=version, body_version=body_version)
    read = TdxQuote.parse(quote)
    assert (read.header.version, read.body_type, read.tail) == (version, body_type, b"")
    assert peer_status(tee, quote) == "UpToDate"
    with pytest.raises(ValueError, match="InvalidCrlSignature"):
        peer_status_under_intel(tee, quote)


def test_a_quote_says_what_the_td_is() -> None:
    tee = SoftwareTdx.create(at=AT)
    tee.extend(3, b"\x01" * 48)
    body = TdxQuote.parse(tee.quote(REPORT_DATA, version=5)).body
    td, module = tee.settings.td, tee.settings.module
    assert body.report_data == REPORT_DATA
    assert body.rtmrs == tee.registers()
    assert body.mr_td.hex() == td.mr_td
    assert body.td_attributes.hex() == td.attributes
    assert body.mr_seam.hex() == module.mr_seam
    assert body.tee_tcb_svn2 == bytes.fromhex(module.tee_tcb_svn2)


def test_the_settings_choose_the_format() -> None:
    tee = SoftwareTdx.create(Settings(quote_version=5), at=AT)
    assert TdxQuote.parse(tee.quote(REPORT_DATA)).body_type == 3


def test_the_pck_certificate_says_what_the_platform_is() -> None:
    read = parsed().pck_chain.extension
    platform = TEE.settings.platform
    assert read.components == platform.components
    assert (read.pce_svn, read.sgx_type) == (platform.pce_svn, platform.sgx_type)
    assert (read.fmspc.hex(), read.pce_id.hex()) == (platform.fmspc, platform.pce_id)
    assert (read.ppid.hex(), read.cpu_svn.hex()) == (platform.ppid, platform.cpu_svn)
    assert read.platform_instance_id is not None
    assert read.platform_instance_id.hex() == platform.platform_instance_id
    under_processor = parsed(SoftwareTdx.create(PROCESSOR, at=AT)).pck_chain
    assert under_processor.extension.platform_instance_id is None
    assert under_processor.intermediate.common_name == "Intel SGX PCK Processor CA"


def test_two_platforms_share_neither_keys_nor_identifiers() -> None:
    ours, theirs = TEE.settings.platform, OTHER.settings.platform
    assert ours.ppid != theirs.ppid
    assert ours.platform_instance_id != theirs.platform_instance_id
    keys = {one.pki.keys[role].public.raw for one in (TEE, OTHER) for role in ROLES}
    assert len(keys | {one.attestation_key.public.raw for one in (TEE, OTHER)}) == 12


@pytest.mark.parametrize("role", ROLES)
def test_nobody_takes_a_certificate_for_intels(role: Role) -> None:
    subject = Certificate(TEE.pki.certificates[role]).subject
    assert b"troth emulated platform" in subject
    assert b"Intel Corporation" not in subject


@pytest.mark.parametrize("size", [0, 1, 32, 1000])
def test_qe_auth_data_of_any_size_is_bound(size: int) -> None:
    auth_data = b"\xa5" * size
    tee = SoftwareTdx.create(Settings(qe=Qe(auth_data=auth_data.hex())), at=AT)
    read = parsed(tee)
    assert read.section.qe_auth_data == auth_data
    bound = hashlib.sha256(read.section.attestation_key + auth_data).digest()
    assert read.qe_report.report_data == bound + bytes(32)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"platform": "SWHardeningNeeded"}, "SWHardeningNeeded"),
        ({"platform": "OutOfDate"}, "OutOfDate"),
        ({"module": "OutOfDate"}, "OutOfDate"),
        ({"qe": "OutOfDate"}, "OutOfDate"),
        ({"platform": "ConfigurationNeeded", "qe": "OutOfDate"}, "OutOfDateConfigurationNeeded"),
    ],
)
def test_the_status_of_each_part_is_adjustable(parts: dict[str, str], status: str) -> None:
    tee = SoftwareTdx.create(Settings().with_status(**parts), at=AT)
    assert peer_status(tee, tee.quote(REPORT_DATA)) == status


@pytest.mark.parametrize(
    "settings",
    [
        Settings(platform=Platform(pce_svn=10)),
        Settings(platform=Platform(components=(3, 4, 2, 2, 4, 1, 0, 5, *(0,) * 8))),
        Settings(module=Module(tee_tcb_svn="0b01030000000000" + "00" * 8)),
        Settings(module=Module(tee_tcb_svn="0601040000000000" + "00" * 8)),
        Settings(qe=Qe(isv_svn=5)),
    ],
    ids=["PCESVN", "SGX component", "TDX component", "module SVN", "QE SVN"],
)
def test_a_lower_svn_finds_a_lower_level(settings: Settings) -> None:
    tee = SoftwareTdx.create(settings, at=AT)
    assert peer_status(tee, tee.quote(REPORT_DATA)) == "OutOfDate"


def test_collateral_can_be_issued_for_a_later_instant() -> None:
    later = AT + 60 * DAY
    quote = TEE.quote(REPORT_DATA)
    with pytest.raises(ValueError, match="expired"):
        peer_status(TEE, quote, at=later)
    assert peer_status(TEE, quote, TEE.collateral(later), at=later) == "UpToDate"


def test_what_is_changed_before_signing_is_signed() -> None:
    quote = TEE.quote(
        REPORT_DATA,
        header=lambda h: replace(h, user_data=b"\x07" * 20),
        body=lambda b: replace(b, mr_td=b"\x07" * 48),
    )
    assert TdxQuote.parse(quote).body.mr_td == b"\x07" * 48
    assert peer_status(TEE, quote) == "UpToDate"


EVIL = PrivateKey.generate()

# How to forge, and for what the peer refuses it: a forgery has no fault but the one it is for.
FORGED_QUOTES: dict[str, tuple[Callable[[], bytes], str]] = {
    "attestation key replaced": (
        lambda: TEE.quote(REPORT_DATA, attestation_key=EVIL),
        "QE report hash mismatch",
    ),
    "QE vouches for another key": (
        lambda: TEE.quote(REPORT_DATA, vouched=EVIL.public.raw),
        "QE report hash mismatch",
    ),
    "QE report by another key": (
        lambda: TEE.quote(REPORT_DATA, pck_key=EVIL),
        "Signature is invalid for qe_report",
    ),
    "quote signature zero": (
        lambda: TEE.quote(REPORT_DATA, section=lambda s: replace(s, signature=bytes(64))),
        "ISV enclave report signature is invalid",
    ),
    "key off the curve, vouched for": (
        lambda: TEE.quote(
            REPORT_DATA, vouched=bytes(64), section=lambda s: replace(s, attestation_key=bytes(64))
        ),
        "ISV enclave report signature is invalid",
    ),
    "QE of another signer": (
        lambda: TEE.quote(REPORT_DATA, qe_report=lambda r: replace(r, mr_signer=bytes(32))),
        "QE MRSIGNER mismatch",
    ),
    "platform of another root": (
        lambda: TEE.quote(REPORT_DATA, pck_key=OTHER.pki.keys["pck"], chain=OTHER.pki.pck_chain()),
        "InvalidSignatureForPublicKey",
    ),
    "PCK expired": (
        lambda: TEE.quote(
            REPORT_DATA,
            chain=TEE.pki.pck_chain(
                leaf=TEE.pki.certificate("pck", lambda s: respec(s, not_after=AT - DAY))
            ),
        ),
        "CertExpired",
    ),
    "quote version": (
        lambda: TEE.quote(REPORT_DATA, header=lambda h: replace(h, version=6)),
        "Unsupported quote version",
    ),
    "body type": (
        lambda: TEE.quote(REPORT_DATA, version=5, signed=lambda b: b[:48] + b"\x09\0" + b[50:]),
        "Unsupported body type",
    ),
    "certification data type": (
        lambda: TEE.quote(REPORT_DATA, section=lambda s: replace(s, certification_type=1)),
        "Unsupported DCAP PCK cert format: 1",
    ),
}


@pytest.mark.parametrize(("forge", "reason"), FORGED_QUOTES.values(), ids=list(FORGED_QUOTES))
def test_the_peer_refuses_a_forged_quote_for_its_fault(
    forge: Callable[[], bytes], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        peer_status(TEE, forge())


FORGED_COLLATERAL: dict[str, tuple[Callable[[], Bundle], str]] = {
    "signed by another key": (
        lambda: TEE.collateral(signer=EVIL),
        "Signature is invalid for tcb_info",
    ),
    "signature of the other document": (
        lambda: replace(
            TEE.collateral(), tcb_info_signature=TEE.collateral().qe_identity_signature
        ),
        "Signature is invalid for tcb_info",
    ),
    "TCB info of another platform": (
        lambda: TEE.collateral(tcb_info=lambda doc: doc.update(fmspc="ABABABABABAB")),
        "Fmspc mismatch",
    ),
    "no level": (
        lambda: TEE.collateral(tcb_info=lambda doc: doc["tcbLevels"].clear()),
        "No matching TCB level",
    ),
    "QE identity of another signer": (
        lambda: TEE.collateral(qe_identity=lambda doc: doc.update(mrsigner="00" * 32)),
        "QE MRSIGNER mismatch",
    ),
    "PCK revoked": (
        lambda: TEE.collateral(
            pck_crl=TEE.pki.crl("platform-ca", revoked=(TEE.pki.serial("pck"),))
        ),
        "CertRevoked",
    ),
    "CA revoked": (
        lambda: TEE.collateral(
            root_crl=TEE.pki.crl("root", revoked=(TEE.pki.serial("platform-ca"),))
        ),
        "CertRevoked",
    ),
    "list expired": (
        lambda: TEE.collateral(
            pck_crl=TEE.pki.crl("platform-ca", lambda s: respec(s, next_update=AT - DAY))
        ),
        "CrlExpired",
    ),
    "list by another key": (
        lambda: TEE.collateral(pck_crl=TEE.pki.crl("platform-ca", signed_by=EVIL)),
        "InvalidCrlSignature",
    ),
    "signer expired": (
        lambda: TEE.collateral(
            signer_chain=certificate_pem(
                TEE.pki.certificate("tcb-signing", lambda s: respec(s, not_after=AT - DAY)),
                TEE.pki.certificates["root"],
            )
        ),
        "CertExpired",
    ),
}


@pytest.mark.parametrize(
    ("forge", "reason"), FORGED_COLLATERAL.values(), ids=list(FORGED_COLLATERAL)
)
def test_the_peer_refuses_forged_collateral_for_its_fault(
    forge: Callable[[], Bundle], reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        peer_status(TEE, TEE.quote(REPORT_DATA), forge())


def test_a_document_can_be_spelt_otherwise_before_it_is_signed() -> None:
    bundle = TEE.collateral(spelling=lambda doc: json.dumps(doc, indent=1, sort_keys=True))
    assert bundle.tcb_info.startswith('{\n "fmspc"')
    assert peer_status(TEE, TEE.quote(REPORT_DATA), bundle) == "UpToDate"


def test_a_module_1_0_has_no_body_1_5() -> None:
    tee = SoftwareTdx.create(Settings(module=Module(version="1.0")), at=AT)
    assert TdxQuote.parse(tee.quote(REPORT_DATA, version=5)).body_type == 2
    with pytest.raises(DriverError) as caught:
        tee.quote(REPORT_DATA, version=5, body_version="1.5")
    assert caught.value.code == "tsm.tdreport"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(td=Td(mr_td="00" * 47)),
        Settings(td=Td(mr_td="0A" * 48)),
        Settings(platform=Platform(components=(0,) * 15)),
        Settings(platform=Platform(pce_svn=0x10000)),
        Settings(qe=Qe(auth_data="0")),
    ],
    ids=["short", "upper case", "fifteen components", "SVN too large", "odd hex"],
)
def test_a_setting_out_of_its_range_is_refused(settings: Settings) -> None:
    with pytest.raises(ValueError, match="Expected"):
        SoftwareTdx.create(settings, at=AT)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SoftwareTdx.create(at=AT.replace(tzinfo=None))
