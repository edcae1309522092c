# SPDX-License-Identifier: Apache-2.0
"""Azure evidence with one fault each: its form, its bindings, the hardware's part, the vTPM's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.azure.table import (
    CHALLENGE,
    EVIDENCE,
    ON_SNP,
    ON_TDX,
    OTHER_TPM,
    SNP,
    SNP_INPUTS,
    TDX,
    TDX_INPUTS,
    TPM,
    Given,
    Table,
    hcl,
    on_snp,
    on_tdx,
    settle,
    template,
    with_bytes,
)
from tests.tdx import AT
from troth.crypto.digest import sha256, sha384
from troth.evidence.azure import AzureEvidence
from troth.evidence.azure.layout import HARDWARE_BYTES, HEADER, RUNTIME
from troth.verify import Anchors
from troth.wire import base64url

RUNTIME_AT: Final = HEADER.size + HARDWARE_BYTES
CLAIMS_AT: Final = RUNTIME_AT + RUNTIME.size
REPORT_DATA_AT: Final = 128  # in a TDREPORT
DAY: Final = timedelta(days=1)


def u32(value: int) -> bytes:
    return value.to_bytes(4, "little")


def member(**members: Any) -> Given:
    """Return evidence with other members of the JSON; None takes one out."""

    def put(document: dict[str, Any]) -> None:
        for name, value in members.items():
            if value is None:
                del document[name]
            else:
                document[name] = value

    return on_tdx(document=put)


def quote_member(name: str, change: Callable[[Any], Any]) -> Given:
    def put(document: dict[str, Any]) -> None:
        document["tpm_quote"][name] = change(document["tpm_quote"][name])

    return on_tdx(document=put)


def claims(change: Callable[[dict[str, Any]], object]) -> Given:
    return on_tdx(claims=change)


def key(**members: Any) -> Given:
    return claims(lambda one: one["keys"][0].update(members))


def configuration(**members: Any) -> Given:
    return claims(lambda one: one["vm-configuration"].update(members))


def policy(*changes: tuple[str, str], kind: str = "tdx", without: str = "") -> Given:
    """Return sound evidence under its template, with texts replaced, or without a section."""
    text = template(EVIDENCE[kind])
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    if without:
        found = {
            "azure": azure_of(text),
            "tpm": tpm_of(text, kind),
            kind: text[hardware_at(text, kind) :],
        }
        text = text.replace(found[without], "")
    return Given(evidence=EVIDENCE[kind], policy=text)


def hardware_at(text: str, kind: str) -> int:
    return text.index(f"[{kind}]\n")


def azure_of(text: str) -> str:
    return text[: text.index("[tpm]\n")]


def tpm_of(text: str, kind: str) -> str:
    return text[text.index("[tpm]\n") : hardware_at(text, kind)]


def swapped_hardware() -> Given:
    """A TDX VM's HCL report with the VCEK of an SNP one."""
    vcek = base64url.encode(SNP.pki.certificates["vcek"])
    return member(td_quote=None, vcek=vcek)


FORM: Final[Table] = {
    "empty": (lambda: Given(evidence=b""), "json.syntax"),
    "too-large": (lambda: Given(evidence=EVIDENCE["tdx"] + b" " * 128 * 1024), "json.too-large"),
    "version-2": (lambda: member(version=2), "unsupported.version"),
    "member-unknown": (lambda: member(azure=True), "json.type"),
    "no-quote": (lambda: member(tpm_quote=None), "json.type"),
    "hcl-not-base64": (lambda: member(hcl_report="****"), "wire.base64url"),
    "hcl-two-paddings": (
        lambda: on_tdx(document=lambda one: one.update(hcl_report=one["hcl_report"] + "=" * 4)),
        "wire.base64url",
    ),
    "no-hardware": (lambda: member(td_quote=None), "azure.hardware"),
    "both-hardware": (lambda: member(vcek="AA"), "azure.hardware"),
    "hardware-swapped": (swapped_hardware, "azure.hardware"),
    "registers-23": (lambda: quote_member("pcrs", lambda one: one[:23]), "tpm.pcr-values"),
    "registers-25": (lambda: quote_member("pcrs", lambda one: [*one, one[0]]), "tpm.pcr-values"),
    "register-short": (lambda: quote_member("pcrs", lambda one: ["00", *one[1:]]), "wire.hex"),
    "quote-of-no-tpm": (
        lambda: on_tdx(quote={"message": lambda one: bytes(4) + one[4:]}),
        "tpm.magic",
    ),
    "quote-of-another-bank": (
        lambda: on_tdx(
            quote={"message": lambda one: one.replace(b"\0\0\0\1\0\x0b\3", b"\0\0\0\1\0\x0c\3")}
        ),
        "tpm.pcr-values",
    ),
}
HCL: Final[Table] = {
    "magic": (lambda: hcl(0, b"HCLB"), "azure.header"),
    "reserved": (lambda: hcl(31, b"\1"), "azure.header"),
    "version-0": (lambda: hcl(4, u32(0)), "unsupported.version"),
    "version-3": (lambda: hcl(4, u32(3)), "unsupported.version"),
    "size-another": (lambda: hcl(8, u32(2000)), "azure.header"),
    "behind-the-tdreport": (lambda: hcl(HEADER.size + 1024, b"\1"), "azure.hardware"),
    "runtime-version": (lambda: hcl(RUNTIME_AT + 4, u32(2)), "unsupported.version"),
    "report-type-tvm": (lambda: hcl(RUNTIME_AT + 8, u32(3)), "unsupported.tee"),
    "hash-sha384": (lambda: hcl(RUNTIME_AT + 12, u32(2)), "unsupported.algorithm"),
    "runtime-size": (lambda: hcl(RUNTIME_AT, u32(1)), "azure.runtime"),
    "claims-size": (lambda: hcl(RUNTIME_AT + 16, u32(1)), "azure.runtime"),
    "claims-huge": (
        lambda: on_tdx(
            hcl=lambda one: with_bytes(
                with_bytes(one, RUNTIME_AT, u32(20 + 0x7000_0000)),
                RUNTIME_AT + 16,
                u32(0x7000_0000),
            )
        ),
        "wire.truncated",
    ),
    "tail": (lambda: on_tdx(hcl=lambda one: one + b"\1"), "azure.trailing"),
    "over-16k": (lambda: on_tdx(hcl=lambda one: one + bytes(16 * 1024)), "wire.too-large"),
    **{
        f"cut-at-{size}": (
            lambda size=size: on_tdx(hcl=lambda one: one[:size]),  # type: ignore[misc]  # mypy reads no default here
            "wire.truncated",
        )
        for size in (0, 31, 32, RUNTIME_AT - 1, RUNTIME_AT, CLAIMS_AT - 1, CLAIMS_AT + 100)
    },
}
CLAIMS: Final[Table] = {
    "not-json": (lambda: on_tdx(runtime=lambda _: b"keys"), "json.syntax"),
    "too-large": (
        lambda: on_tdx(runtime=lambda one: one + b" " * 8192),
        "json.too-large",
    ),
    "member-twice": (
        lambda: on_tdx(runtime=lambda one: one.replace(b'"keys"', b'"keys":[],"keys"', 1)),
        "json.duplicate",
    ),
    "no-keys": (lambda: claims(lambda one: one.pop("keys")), "json.type"),
    "user-data-short": (lambda: claims(lambda one: one.update({"user-data": "00"})), "wire.hex"),
    "attestation-key-missing": (lambda: key(kid="HCLEkPub"), "azure.ak"),
    "attestation-key-twice": (
        lambda: claims(lambda one: one["keys"].append(one["keys"][0])),
        "azure.ak",
    ),
    "attestation-key-encrypts": (lambda: key(key_ops=["encrypt"]), "azure.ak"),
    "attestation-key-without-use": (lambda: key(key_ops=[]), "azure.ak"),
    "attestation-key-ec": (lambda: key(kty="EC"), "json.type"),
    "exponent-of-5-bytes": (lambda: key(e=base64url.encode(bytes(5))), "azure.ak"),
    "exponent-3": (lambda: key(e="Aw"), "tpm.key"),
    "modulus-short": (lambda: key(n=base64url.encode(b"\xff" * 128)), "tpm.key"),
    "modulus-not-base64": (lambda: key(n="=="), "wire.base64url"),
    "vm-id-not-one": (lambda: configuration(vmUniqueId='x"\n[tdx]'), "json.type"),
    "thumbprint-not-one": (lambda: configuration(**{"root-cert-thumbprint": '"'}), "json.type"),
    "secure-boot-text": (lambda: configuration(**{"secure-boot": "true"}), "json.type"),
}
BINDING: Final[Table] = {
    "claims-changed": (
        lambda: on_tdx(hcl=lambda one: one.replace(b'"secure-boot":true', b'"secure-boot":null')),
        "azure.binding",
    ),
    "claims-changed-on-snp": (
        lambda: on_snp(hcl=lambda one: one.replace(b'"secure-boot":true', b'"secure-boot":null')),
        "azure.binding",
    ),
    "report-data-of-sha384": (
        lambda: on_tdx(report_data=sha384(b"").ljust(64, b"\0")),
        "azure.binding",
    ),
    "report-data-zero": (lambda: on_snp(report_data=bytes(64)), "azure.binding"),
    "second-half-set": (
        lambda: on_tdx(tdreport=lambda one: with_bytes(one, REPORT_DATA_AT + 63, b"\1")),
        "azure.binding",
    ),
    "td-quote-of-another": (
        lambda: on_tdx(td_quote=lambda _: TDX.quote(sha256(b"another").ljust(64, b"\0"))),
        "tdx.report-data",
    ),
    "td-quote-second-half-set": (
        lambda: on_tdx(td_quote=second_half_set),
        "tdx.report-data",
    ),
}
HARDWARE: Final[Table] = {
    "td-quote-cut": (lambda: on_tdx(td_quote=lambda one: one[:100]), "wire.truncated"),
    "td-quote-flipped": (
        lambda: on_tdx(td_quote=lambda one: with_bytes(one, 200, bytes((one[200] ^ 1,)))),
        "quote.signature",
    ),
    "tdx-no-anchor": (
        lambda: Given(tdx=dataclasses.replace(TDX_INPUTS, anchors=Anchors([]))),
        "chain.root",
    ),
    "tdx-no-collateral": (
        lambda: Given(tdx=dataclasses.replace(TDX_INPUTS, collateral=())),
        "collateral.missing",
    ),
    "tdx-below-the-floor": (
        lambda: Given(tdx=dataclasses.replace(TDX_INPUTS, evaluation_floor=9999)),
        "collateral.below-floor",
    ),
    "tdx-much-later": (lambda: Given(at=AT + 90 * DAY), "crl.expired"),
    "snp-report-flipped": (
        lambda: on_snp(snp_report=lambda one: with_bytes(one, 0x90, bytes((one[0x90] ^ 1,)))),
        "snp.signature",
    ),
    **{
        f"snp-report-of-level-{level}": (
            lambda level=level: on_snp(privlevel=level),  # type: ignore[misc]  # mypy reads no default here
            "azure.vmpl",
        )
        for level in (1, 2, 3)
    },
    "snp-no-anchor": (
        lambda: dataclasses.replace(
            on_snp(), snp=dataclasses.replace(SNP_INPUTS, anchors=Anchors([]))
        ),
        "chain.root",
    ),
    "snp-no-cas": (
        lambda: dataclasses.replace(on_snp(), snp=dataclasses.replace(SNP_INPUTS, certificates=())),
        "collateral.missing",
    ),
    "snp-no-list": (
        lambda: dataclasses.replace(on_snp(), snp=dataclasses.replace(SNP_INPUTS, crls=())),
        "crl.missing",
    ),
    "snp-vcek-broken": (
        lambda: on_snp(document=lambda one: one.update(vcek="MAA")),
        "x509.malformed",
    ),
}
QUOTE: Final[Table] = {
    "signed-by-another-tpm": (lambda: on_tdx(quote={"key": OTHER_TPM.key}), "tpm.signature"),
    "signature-empty": (lambda: quote_member("signature", lambda _: ""), "tpm.signature"),
    "signature-with-sha384": (lambda: on_tdx(quote={"hash_name": "sha384"}), "tpm.signature"),
    "challenge-of-another": (lambda: Given(challenge=bytes(32)), "tpm.challenge"),
    "challenge-padded": (lambda: Given(challenge=CHALLENGE.ljust(64, b"\0")), "tpm.challenge"),
    "no-challenge": (lambda: Given(challenge=b""), "tpm.challenge"),
    "quote-of-before": (
        lambda: Given(evidence=ON_SNP.evidence(b"an earlier challenge")),
        "tpm.challenge",
    ),
    "register-changed": (
        lambda: quote_member("pcrs", lambda one: ["01" * 32, *one[1:]]),
        "tpm.pcr-digest",
    ),
}
POLICY: Final[Table] = {
    "no-azure": (lambda: policy(without="azure"), "policy.section"),
    "no-tpm": (lambda: policy(without="tpm"), "policy.section"),
    "no-tdx": (lambda: policy(without="tdx"), "policy.section"),
    "no-snp": (lambda: policy(kind="snp", without="snp"), "policy.section"),
    "hardware": (
        lambda: policy(('hardware = ["tdx"]', 'hardware = ["snp"]')),
        "policy.hardware",
    ),
    "secure-boot-off": (
        lambda: changed(configuration(**{"secure-boot": False})),
        "policy.vm",
    ),
    "secure-boot-not-said": (
        lambda: changed(claims(lambda one: one["vm-configuration"].pop("secure-boot"))),
        "policy.vm",
    ),
    "console-on": (lambda: changed(configuration(**{"console-enabled": True})), "policy.vm"),
    "console-not-said": (
        lambda: changed(claims(lambda one: one["vm-configuration"].pop("console-enabled"))),
        "policy.vm",
    ),
    "vm-another": (lambda: changed(configuration(vmUniqueId="0" * 36)), "policy.vm"),
    "vm-not-said": (
        lambda: changed(claims(lambda one: one["vm-configuration"].pop("vmUniqueId"))),
        "policy.vm",
    ),
    "user-data": (
        lambda: changed(claims(lambda one: one.update({"user-data": "01" * 64}))),
        "policy.report-data",
    ),
    "register": (
        lambda: policy(('\n14 = ["' + "00" * 32, '\n14 = ["' + "01" * 32)),
        "policy.measurement",
    ),
    "attestation-key": (
        lambda: policy((TPM.key.public.spki_sha256.hex(), "01" * 32)),
        "policy.ak",
    ),
    "td": (lambda: policy(('status = ["UpToDate"]', "status = []")), "policy.status"),
    "snp": (
        lambda: policy(("measurement = [", "measurement = [] # ["), kind="snp"),
        "policy.measurement",
    ),
}


def changed(given: Given) -> Given:
    """Return another VM's evidence under the template of the sound one."""
    return dataclasses.replace(given, policy=template(EVIDENCE["tdx"]))


def second_half_set(_: bytes) -> bytes:
    """Return a genuine quote whose report data goes on behind the digest of the claims."""
    runtime = AzureEvidence.parse(EVIDENCE["tdx"]).hcl.runtime
    return TDX.quote(sha256(runtime) + bytes(31) + b"\1")


CASES: Final[Table] = {
    f"{group}-{name}": case
    for group, table in (
        ("form", FORM),
        ("hcl", HCL),
        ("claims", CLAIMS),
        ("binding", BINDING),
        ("hardware", HARDWARE),
        ("quote", QUOTE),
        ("policy", POLICY),
    )
    for name, case in table.items()
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_one_code(name: str) -> None:
    settle(CASES[name])


def test_what_is_changed_is_one_vm() -> None:
    assert ON_TDX.tpm is ON_SNP.tpm
