# SPDX-License-Identifier: Apache-2.0
"""Quotes and collateral of a software TDX, sound ones and ones with one fault, by name.

Two verifiers judge each of them. A case is a function that makes quote and bundle, because every
fault is signed over again, so that nothing but the named thing is wrong.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from tests.tdx import AT, REPORT_DATA
from troth.crypto.issue import CertificateSpec, KeyUsage, certificate_pem
from troth.crypto.issue_crl import CrlSpec
from troth.crypto.p256 import PrivateKey
from troth.evidence.intel import EnclaveReport, SignatureSection
from troth.evidence.tdx import QuoteHeader, TdReportBody
from troth.tsm.emulated.tdx import Settings, SoftwareTdx

Made = tuple[SoftwareTdx, bytes, bytes]
"""A platform, a quote and a bundle."""

Document = dict[str, Any]
Field = Any  # of a struct: each has a type of its own, and a case names some of them

_SOUND: Final = Settings()
_TEE: Final = SoftwareTdx.create(_SOUND, at=AT)
_BUNDLE: Final = _TEE.bundle()
_QUOTE: Final = _TEE.quote(REPORT_DATA)
_OTHER_KEY: Final = PrivateKey.generate()
_DAY: Final = timedelta(days=1)


def of(settings: Settings, **quote: Field) -> Made:
    """A platform of its own, with its own collateral."""
    tee = SoftwareTdx.create(settings, at=AT)
    return tee, tee.quote(REPORT_DATA, **quote), tee.bundle()


def quoted(**changes: Field) -> Made:
    """The shared platform with another quote."""
    return _TEE, _TEE.quote(REPORT_DATA, **changes), _BUNDLE


def endorsed(**changes: Field) -> Made:
    """The shared platform's sound quote with another bundle."""
    return _TEE, _QUOTE, _TEE.collateral(**changes).json()


def chained(**changes: Field) -> Made:
    """The shared platform's quote with another PCK chain."""
    return quoted(chain=_TEE.pki.pck_chain(**changes))


def header(**fields: Field) -> Made:
    def change(one: QuoteHeader) -> QuoteHeader:
        return replace(one, **fields)

    return quoted(header=change)


def body(version: int = 4, **fields: bytes) -> Made:
    def change(one: TdReportBody) -> TdReportBody:
        return replace(one, **fields)

    return quoted(version=version, body=change)


def enclave(**fields: Field) -> Made:
    def change(one: EnclaveReport) -> EnclaveReport:
        return replace(one, **fields)

    return quoted(qe_report=change)


def section(change: Callable[[SignatureSection], SignatureSection]) -> Made:
    return quoted(section=change)


def info(change: Callable[[Document], object]) -> Made:
    return endorsed(tcb_info=change)


def identity(change: Callable[[Document], object]) -> Made:
    return endorsed(qe_identity=change)


def certificate(role: Field, **fields: Field) -> bytes:
    def change(spec: CertificateSpec) -> CertificateSpec:
        return dataclasses.replace(spec, **fields)

    return _TEE.pki.certificate(role, change)


def crl(issuer: Field, **fields: Field) -> bytes:
    def change(spec: CrlSpec) -> CrlSpec:
        return dataclasses.replace(spec, **fields)

    return _TEE.pki.crl(issuer, change)


def levels(document: Document) -> list[Document]:
    found: list[Document] = document["tcbLevels"]
    return found


def newest(document: Document) -> Document:
    found: Document = levels(document)[0]["tcb"]
    return found


def _signer(**fields: Field) -> Made:
    chain = certificate("tcb-signing", **fields)
    return endorsed(signer_chain=certificate_pem(chain, _TEE.pki.certificates["root"]))


def _signed_by(role: Field, *chain: Field) -> Made:
    return endorsed(signer=_TEE.pki.keys[role], signer_chain=_TEE.pki.pem(*chain))


def _signer_below_the_platform_ca() -> Made:
    pki = _TEE.pki

    def change(spec: CertificateSpec) -> CertificateSpec:
        above = pki.spec("platform-ca")
        return dataclasses.replace(spec, issuer=above.subject, authority=above.key)

    signer = pki.certificate("tcb-signing", change, signed_by=pki.keys["platform-ca"])
    chain = certificate_pem(signer, *(pki.certificates[one] for one in ("platform-ca", "root")))
    return endorsed(signer_chain=chain)


def _slack_behind_the_chain_length() -> Made:
    """Slack inside the type-6 block: the PCK chain's length is one less than what is there."""
    made = _TEE.quote(REPORT_DATA)
    chain = _TEE.pki.pck_chain()
    at = made.index(chain) - 4
    shorter = (len(chain) - 1).to_bytes(4, "little")
    return _TEE, made[:at] + shorter + made[at + 4 :], _BUNDLE


def _outer_type_five() -> Made:
    made = _TEE.quote(REPORT_DATA)
    at = 48 + 584 + 4 + 128
    assert made[at : at + 2] == b"\6\0"
    return _TEE, made[:at] + b"\5\0" + made[at + 2 :], _BUNDLE


def _with_svn(document: Document, kind: str, index: int, svn: int) -> None:
    newest(document)[kind][index]["svn"] = svn


def _module(**fields: Field) -> Settings:
    return replace(_SOUND, module=replace(_SOUND.module, **fields))


def _status(**statuses: str) -> Settings:
    return _SOUND.with_status(**statuses)


PLATFORM: Final = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
    "Revoked",
)
PARTS: Final = ("UpToDate", "OutOfDate", "Revoked")

CASES: Final[dict[str, Callable[[], Made]]] = {
    "sound-v4": lambda: (_TEE, _QUOTE, _BUNDLE),
    "sound-v5-body-1.0": lambda: quoted(version=5, body_version="1.0"),
    "sound-v5-body-1.5": lambda: quoted(version=5, body_version="1.5"),
    "processor-ca": lambda: of(replace(_SOUND, platform=replace(_SOUND.platform, ca="processor"))),
    "module-version-0": lambda: of(_module(tee_tcb_svn="05000400" + "00" * 12)),
    "module-version-0-low": lambda: of(_module(tee_tcb_svn="04000400" + "00" * 12)),
    "module-version-3": lambda: of(_module(tee_tcb_svn="05030400" + "00" * 12)),
    "module-version-unknown": lambda: of(_module(tee_tcb_svn="05070400" + "00" * 12)),
    "module-svn-old": lambda: of(_module(tee_tcb_svn="06010400" + "00" * 12)),
    "module-svn-below-all": lambda: of(_module(tee_tcb_svn="05010400" + "00" * 12)),
    "tdx-component-2-low": lambda: of(_module(tee_tcb_svn="0b010300" + "00" * 12)),
    "tdx-component-2-below-all": lambda: of(_module(tee_tcb_svn="0b010100" + "00" * 12)),
    "module-signer": lambda: of(_module(mr_signer_seam="01" + "00" * 47)),
    "module-attributes": lambda: of(_module(seam_attributes="01" + "00" * 7)),
    "relaunch": lambda: of(_module(tee_tcb_svn="06010400" + "00" * 12), version=5),
    "relaunch-from-an-old-platform": lambda: of(
        _module(tee_tcb_svn="0b010300" + "00" * 12), version=5
    ),
    "current-behind-launch": lambda: of(_module(tee_tcb_svn2="06010400" + "00" * 12), version=5),
    "current-below-all": lambda: of(_module(tee_tcb_svn2="05010400" + "00" * 12), version=5),
    "relaunch-with-configuration": lambda: of(
        replace(
            _status(platform="ConfigurationNeeded"),
            module=_module(tee_tcb_svn="06010400" + "00" * 12).module,
        ),
        version=5,
    ),
    **{
        f"platform-{platform}-module-{part}": partial(of, _status(platform=platform, module=part))
        for platform in PLATFORM
        for part in PARTS
    },
    **{
        f"platform-{platform}-qe-{part}": partial(of, _status(platform=platform, qe=part))
        for platform in PLATFORM
        for part in PARTS[1:]
    },
    "qe-ConfigurationNeeded": lambda: of(_status(qe="ConfigurationNeeded")),
    "pce-svn-low": lambda: of(replace(_SOUND, platform=replace(_SOUND.platform, pce_svn=10))),
    "sgx-component-low": lambda: of(
        replace(
            _SOUND,
            platform=replace(_SOUND.platform, components=(4, 3, 2, 2, 4, 1, 0, 5, *(0,) * 8)),
        )
    ),
    "sgx-component-below-all": lambda: of(
        replace(
            _SOUND,
            platform=replace(_SOUND.platform, components=(4, 1, 2, 2, 4, 1, 0, 5, *(0,) * 8)),
        )
    ),
    "debug-td": lambda: body(td_attributes=bytes.fromhex("0100001000000000")),
    "td-under-debug-bit": lambda: body(td_attributes=bytes.fromhex("0200001000000000")),
    "sept-ve-disable-clear": lambda: body(td_attributes=bytes(8)),
    "migratable-td": lambda: body(td_attributes=bytes.fromhex("0000003000000000")),
    "pks": lambda: body(td_attributes=bytes.fromhex("0000005000000000")),
    "key-locker": lambda: body(td_attributes=bytes.fromhex("0000009000000000")),
    "perfmon": lambda: body(td_attributes=bytes.fromhex("0000001000000080")),
    "unnamed-attribute": lambda: body(td_attributes=bytes.fromhex("0001001000000000")),
    "service-td": lambda: body(5, mr_service_td=b"\1" * 48),
    "header-version-3": lambda: header(version=3),
    "header-version-6": lambda: header(version=6),
    "header-key-type-3": lambda: header(key_type=3),
    "header-sgx": lambda: header(tee_type=0),
    "header-tee-unknown": lambda: header(tee_type=0x82),
    "header-vendor": lambda: header(qe_vendor_id=bytes(16)),
    "header-svns-and-user-data": lambda: header(qe_svn=9, pce_svn=9, user_data=b"\xff" * 20),
    "attestation-key-replaced": lambda: quoted(attestation_key=_OTHER_KEY),
    "other-key-vouched": lambda: quoted(vouched=_OTHER_KEY.public.raw),
    "qe-report-by-other-key": lambda: quoted(pck_key=_OTHER_KEY),
    "auth-data-empty": lambda: quoted(auth_data=b""),
    "auth-data-1000": lambda: quoted(auth_data=bytes(1000)),
    "auth-data-changed": lambda: section(lambda one: replace(one, qe_auth_data=bytes(32))),
    "qe-report-data-second-half": lambda: quoted(
        qe_report=lambda one: replace(one, report_data=one.report_data[:32] + b"\1" * 32)
    ),
    "qe-report-data-zero": lambda: enclave(report_data=bytes(64)),
    "qe-misc-select": lambda: enclave(misc_select=1),
    "qe-debug": lambda: enclave(attributes=bytes.fromhex("17" + "00" * 7 + "e7" + "00" * 7)),
    "qe-mr-signer": lambda: enclave(mr_signer=bytes(32)),
    "qe-isv-prod-id": lambda: enclave(isv_prod_id=1),
    "qe-isv-svn-old": lambda: enclave(isv_svn=6),
    "qe-isv-svn-below-all": lambda: enclave(isv_svn=3),
    "qe-reserved": lambda: enclave(reserved4=b"\1" * 42),
    "quote-signature-zero": lambda: section(lambda one: replace(one, signature=bytes(64))),
    "quote-signature-of-others": lambda: section(
        lambda one: replace(one, signature=_OTHER_KEY.sign(b""))
    ),
    "key-off-curve": lambda: section(lambda one: replace(one, attestation_key=b"\1" * 64)),
    "body-flipped": lambda: (
        _TEE,
        _QUOTE[:200] + bytes((_QUOTE[200] ^ 1,)) + _QUOTE[201:],
        _BUNDLE,
    ),
    "trailing-zeros": lambda: (_TEE, _QUOTE + bytes(70), _BUNDLE),
    "trailing-garbage": lambda: (_TEE, _QUOTE + b"\1", _BUNDLE),
    "truncated": lambda: (_TEE, _QUOTE[:-1], _BUNDLE),
    "empty": lambda: (_TEE, b"", _BUNDLE),
    "outer-type-5": _outer_type_five,
    "slack-in-type-6": _slack_behind_the_chain_length,
    "chain-crlf": lambda: quoted(chain=_TEE.pki.pck_chain().replace(b"\n", b"\r\n")),
    "chain-empty": lambda: quoted(chain=b""),
    "chain-leaf-only": lambda: quoted(chain=_TEE.pki.pem("pck")),
    "chain-without-root": lambda: quoted(chain=_TEE.pki.pem("pck", "platform-ca")),
    "chain-order": lambda: quoted(chain=_TEE.pki.pem("root", "platform-ca", "pck")),
    "chain-four": lambda: quoted(chain=_TEE.pki.pem("pck", "platform-ca", "root", "root")),
    "chain-junk": lambda: quoted(chain=b"junk\n" + _TEE.pki.pck_chain()),
    "leaf-expired": lambda: chained(leaf=certificate("pck", not_after=AT - _DAY)),
    "leaf-future": lambda: chained(leaf=certificate("pck", not_before=AT + _DAY)),
    "leaf-is-ca": lambda: chained(leaf=certificate("pck", ca=True)),
    "leaf-sha384": lambda: chained(leaf=certificate("pck", digest="sha384")),
    "leaf-without-extension": lambda: chained(leaf=certificate("pck", extensions=())),
    "intermediate-expired": lambda: chained(
        intermediate=certificate("platform-ca", not_after=AT - _DAY)
    ),
    "intermediate-not-ca": lambda: chained(intermediate=certificate("platform-ca", ca=False)),
    "intermediate-usage": lambda: chained(
        intermediate=certificate("platform-ca", key_usage=KeyUsage.DIGITAL_SIGNATURE)
    ),
    "root-expired": lambda: chained(root=certificate("root", not_after=AT - _DAY)),
    "tcb-signer-as-leaf": lambda: quoted(chain=_TEE.pki.pem("tcb-signing", "platform-ca", "root")),
    "pck-revoked": lambda: endorsed(pck_crl=crl("platform-ca", revoked=(_TEE.pki.serial("pck"),))),
    "intermediate-revoked": lambda: endorsed(
        root_crl=crl("root", revoked=(_TEE.pki.serial("platform-ca"),))
    ),
    "tcb-signer-revoked": lambda: endorsed(
        root_crl=crl("root", revoked=(_TEE.pki.serial("tcb-signing"),))
    ),
    "pck-serial-on-root-list": lambda: endorsed(
        root_crl=crl("root", revoked=(_TEE.pki.serial("pck"),))
    ),
    "pck-list-expired": lambda: endorsed(pck_crl=crl("platform-ca", next_update=AT - _DAY / 2)),
    "pck-list-future": lambda: endorsed(pck_crl=crl("platform-ca", this_update=AT + _DAY)),
    "root-list-expired": lambda: endorsed(root_crl=crl("root", next_update=AT - _DAY / 2)),
    "root-list-future": lambda: endorsed(root_crl=crl("root", this_update=AT + _DAY)),
    "list-without-next-update": lambda: endorsed(pck_crl=crl("platform-ca", next_update=None)),
    "list-by-other-key": lambda: endorsed(
        pck_crl=_TEE.pki.crl("platform-ca", signed_by=_OTHER_KEY)
    ),
    "list-of-other-ca": lambda: endorsed(pck_crl=crl("processor-ca")),
    "root-list-twice": lambda: endorsed(pck_crl=crl("root")),
    "info-tampered": lambda: (
        _TEE,
        _QUOTE,
        _BUNDLE.replace(b"UpToDate", b"OutOfDate"),
    ),
    "info-fmspc": lambda: info(lambda one: one.update(fmspc="00" * 6)),
    "info-fmspc-lower-case": lambda: info(lambda one: one.update(fmspc=one["fmspc"].lower())),
    "info-pce-id": lambda: info(lambda one: one.update(pceId="0001")),
    "info-tcb-type-1": lambda: info(lambda one: one.update(tcbType=1)),
    "info-version-2": lambda: info(lambda one: one.update(version=2)),
    "info-id-sgx": lambda: info(lambda one: one.update(id="SGX")),
    "info-expired": lambda: info(lambda one: one.update(nextUpdate="2026-10-31T12:00:00Z")),
    "info-future": lambda: info(lambda one: one.update(issueDate="2026-11-02T12:00:00Z")),
    "info-unknown-member": lambda: info(lambda one: one.update(somethingNew="x")),
    "info-no-levels": lambda: info(lambda one: one.update(tcbLevels=[])),
    "info-levels-reversed": lambda: info(lambda one: levels(one).reverse()),
    "info-level-twice": lambda: info(lambda one: levels(one).append(levels(one)[0])),
    "info-sgx-short": lambda: info(lambda one: newest(one)["sgxtcbcomponents"].pop()),
    "info-sgx-empty": lambda: info(lambda one: newest(one)["sgxtcbcomponents"].clear()),
    "info-tdx-short": lambda: info(lambda one: newest(one)["tdxtcbcomponents"].pop()),
    "info-tdx-absent": lambda: info(lambda one: newest(one).pop("tdxtcbcomponents")),
    "info-sgx-seventeen": lambda: info(
        lambda one: newest(one)["sgxtcbcomponents"].append({"svn": 0})
    ),
    "info-status-word": lambda: info(lambda one: levels(one)[0].update(tcbStatus="Splendid")),
    "info-module-0-svn-high": lambda: info(lambda one: _with_svn(one, "tdxtcbcomponents", 0, 255)),
    "info-modules-absent": lambda: info(lambda one: one.pop("tdxModuleIdentities")),
    "info-module-lower-case": lambda: info(
        lambda one: one["tdxModuleIdentities"][1].update(id="tdx_01")
    ),
    "identity-qve": lambda: identity(lambda one: one.update(id="QVE")),
    "identity-qe": lambda: identity(lambda one: one.update(id="QE")),
    "identity-version-3": lambda: identity(lambda one: one.update(version=3)),
    "identity-expired": lambda: identity(lambda one: one.update(nextUpdate="2026-10-31T12:00:00Z")),
    "identity-future": lambda: identity(lambda one: one.update(issueDate="2026-11-02T12:00:00Z")),
    "identity-status-word": lambda: identity(
        lambda one: levels(one)[0].update(tcbStatus="Splendid")
    ),
    "identity-hardening-word": lambda: identity(
        lambda one: levels(one)[0].update(tcbStatus="SWHardeningNeeded")
    ),
    "signer-expired": lambda: _signer(not_after=AT - _DAY / 2),
    "signer-future": lambda: _signer(not_before=AT + _DAY),
    "signer-other-name": lambda: _signer(
        subject=dataclasses.replace(_TEE.pki.spec("tcb-signing").subject, common_name="Somebody")
    ),
    "signer-is-the-pck": lambda: _signed_by("pck", "pck", "platform-ca", "root"),
    "signer-is-the-platform-ca": lambda: _signed_by("platform-ca", "platform-ca", "root"),
    "signer-below-the-platform-ca": _signer_below_the_platform_ca,
    "evaluation-numbers-mixed": lambda: identity(
        lambda one: one.update(tcbEvaluationDataNumber=19)
    ),
    "collateral-of-another": lambda: (
        _TEE,
        _QUOTE,
        SoftwareTdx.create(_SOUND, at=AT).bundle(),
    ),
}
"""Every case by name. Both verifiers must say the same, or the difference is listed."""
