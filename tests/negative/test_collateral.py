# SPDX-License-Identifier: Apache-2.0
"""Collateral: who signed which bytes, when they count, whose they are, and what they may say."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative.table import (
    DAY,
    EVIL,
    OTHER,
    PKI,
    SOUND,
    TEE,
    Accepted,
    Case,
    Change,
    Given,
    Table,
    Which,
    bundled,
    certificate,
    chained,
    document,
    endorsed,
    flipped,
    header,
    instant,
    on,
    parsed,
    pem,
    settle,
    written,
)
from tests.tdx import AT
from troth.crypto.issue import KeyUsage
from troth.endorse.intel.fields import DOCUMENT_MAX_BYTES
from troth.tsm.emulated.tdx.pki import Role
from troth.tsm.emulated.tdx.settings import Platform

SIGNATURE_AT: Final = 48 + 584 + 4  # of a quote of version 4 with a TD report 1.0
ROOT: Final = PKI.certificates["root"]
SOUND_SET: Final = TEE.collateral()
WORDS: Final[dict[Which, str]] = {"tcb_info": "tcb-info", "qe_identity": "qe-identity"}


def under_another_root(role: Role) -> str:
    """Return the chain of a sound issuer that ends in somebody else's root."""
    return (PKI.pem(role) + OTHER.pki.pem("root")).decode()


def spelt(which: Which, old: str, new: str) -> Given:
    """Spell the first `old` in the text of one document as `new`, and sign that."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return written(which, change)


def unsigned(which: Which, change: Callable[[str], str]) -> Given:
    """Change the text of one document, and sign nothing again."""
    return bundled(**{which: change(getattr(SOUND_SET, which))})


def respelt(text: str) -> str:
    return json.dumps(json.loads(text), indent=1)


def signer(**fields: Change) -> Given:
    """Another certificate of the signer, for both documents."""
    return endorsed(signer_chain=pem(certificate("tcb-signing", **fields), ROOT))


def seen_before(given: Given, *, at: datetime) -> Given:
    """Judge at this instant what was sound and remembered at another."""
    return dataclasses.replace(given, at=at, seen=given)


def signed_by(role: Role, *chain: Role) -> Given:
    return endorsed(signer=PKI.keys[role], signer_chain=PKI.pem(*chain))


def below_the_platform_ca(*above: bytes) -> Given:
    """The signer's name and key are right, and its issuer is the Platform CA."""
    ca = PKI.spec("platform-ca")
    der = certificate(
        "tcb-signing", signed_by=PKI.keys["platform-ca"], issuer=ca.subject, authority=ca.key
    )
    return endorsed(signer_chain=pem(der, *above))


def one_signer_unsound(which: Which) -> Given:
    """One of the two documents is signed by a certificate of the same name under another root."""
    other = OTHER.collateral()
    return bundled(
        **{
            which: getattr(other, which),
            f"{which}_signature": getattr(other, f"{which}_signature"),
            f"{which}_issuer_chain": getattr(other, f"{which}_issuer_chain"),
        }
    )


def with_pce_id(text: str) -> Given:
    """A platform whose PCEID is ABCD, and collateral that spells it as `text`."""
    given = on(replace(SOUND, platform=Platform(pce_id="abcd")))
    bundle = given.tee.collateral(tcb_info=lambda one: one.update(pceId=text))
    return dataclasses.replace(given, bundles=(bundle.json(),))


def nested(depth: int, text: str) -> str:
    return text[:-1] + ',"more":' + "[" * depth + "]" * depth + "}"


def without_levels(text: str) -> str:
    return json.dumps({name: one for name, one in parsed(text).items() if name != "tcbLevels"})


def padded(text: str, size: int) -> str:
    return text[:-1] + " " * (size - len(text)) + "}"


def of_both(which: Which) -> dict[str, Case]:
    """Return the faults that either document can have."""
    signature = f"{which}_signature"
    other: Which = "qe_identity" if which == "tcb_info" else "tcb_info"
    number = '"tcbEvaluationDataNumber":20'
    huge = "9" * 5000
    cases: dict[str, Case] = {
        "tampered": (
            partial(unsigned, which, lambda one: one.replace("UpToDate", "OutOfDate", 1)),
            "collateral.signature",
        ),
        "re-formatted-after-signing": (partial(unsigned, which, respelt), "collateral.signature"),
        "space-behind-after-signing": (
            partial(unsigned, which, lambda one: one + " "),
            "collateral.signature",
        ),
        "signature-of-the-other-document": (
            partial(bundled, **{signature: getattr(SOUND_SET, f"{other}_signature")}),
            "collateral.signature",
        ),
        "signature-zero": (partial(bundled, **{signature: "00" * 64}), "collateral.signature"),
        "signature-short": (partial(bundled, **{signature: "00" * 63}), "wire.hex"),
        "expired-alone": (
            partial(document, which, nextUpdate=instant(-0.5)),
            "collateral.expired",
        ),
        "future-alone": (
            partial(document, which, issueDate=instant(0.5)),
            "collateral.not-yet-valid",
        ),
        "to-the-second": (
            partial(document, which, issueDate=instant(0), nextUpdate=instant(0)),
            Accepted(),
        ),
        "not-an-instant": (
            partial(document, which, nextUpdate="2027-13-01T00:00:00Z"),
            "wire.time",
        ),
        "instant-with-an-offset": (
            partial(document, which, nextUpdate="2027-01-01T00:00:00+00:00"),
            "wire.time",
        ),
        "own-root": (partial(one_signer_unsound, which), "chain.root"),
        "version-1": (partial(document, which, version=1), "unsupported.version"),
        "version-4": (partial(document, which, version=4), "unsupported.version"),
        "indented-and-signed": (partial(written, which, respelt), Accepted()),
        "keys-in-another-order-and-signed": (
            partial(written, which, lambda one: json.dumps(parsed(one), sort_keys=True)),
            Accepted(),
        ),
        "unknown-member": (partial(document, which, somethingNew="x"), Accepted()),
        "duplicate-key": (
            partial(spelt, which, number, f"{number},{number}"),
            "json.duplicate",
        ),
        "duplicate-key-deep-inside": (
            partial(spelt, which, '"tcbStatus":', '"tcbStatus":"Revoked","tcbStatus":'),
            "json.duplicate",
        ),
        "duplicate-key-by-escape": (
            partial(spelt, which, '"tcbStatus":', '"tcbSt\\u0061tus":"Revoked","tcbStatus":'),
            "json.duplicate",
        ),
        "float": (partial(spelt, which, number, f"{number}.0"), "json.number"),
        "exponent": (partial(spelt, which, number, f"{number}e0"), "json.number"),
        "nan": (partial(spelt, which, number, f'{number},"x":NaN'), "json.number"),
        "infinity": (partial(spelt, which, number, f'{number},"x":-Infinity'), "json.number"),
        "huge-integer": (partial(spelt, which, number, f'{number},"x":{huge}'), "json.number"),
        "integer-of-64-bits": (
            partial(document, which, tcbEvaluationDataNumber=1 << 63),
            "json.type",
        ),
        "negative-integer": (partial(document, which, tcbEvaluationDataNumber=-1), "json.type"),
        "number-as-text": (partial(document, which, tcbEvaluationDataNumber="20"), "json.type"),
        "number-as-boolean": (partial(document, which, tcbEvaluationDataNumber=True), "json.type"),
        "nested-17-deep": (partial(written, which, partial(nested, 16)), "json.depth"),
        "nested-a-thousandfold": (partial(written, which, partial(nested, 100_000)), "json.depth"),
        "nested-16-deep": (partial(written, which, partial(nested, 15)), Accepted()),
        "brackets-never-closed": (
            partial(written, which, lambda _: "[" * 100_000),
            "json.depth",
        ),
        "comment": (partial(written, which, lambda one: one + "//"), "json.syntax"),
        "cut-short": (partial(written, which, lambda one: one[:-1]), "json.syntax"),
        "null": (partial(written, which, lambda _: "null"), "json.type"),
        "array": (partial(written, which, lambda one: f"[{one}]"), "json.type"),
        "over-512-kib": (
            partial(written, which, partial(padded, size=DOCUMENT_MAX_BYTES + 1)),
            "json.too-large",
        ),
        "of-512-kib": (
            partial(written, which, partial(padded, size=DOCUMENT_MAX_BYTES)),
            Accepted(),
        ),
        "level-list-empty": (partial(document, which, tcbLevels=[]), "collateral.levels"),
        "level-list-absent": (partial(written, which, without_levels), "json.type"),
    }
    return {f"{WORDS[which]}-{name}": case for name, case in cases.items()}


SIGNERS: Final[Table] = {
    "signer-expired": (lambda: signer(not_after=AT - DAY / 2), "chain.expired"),
    "signer-not-yet-valid": (lambda: signer(not_before=AT + DAY), "chain.not-yet-valid"),
    "signer-expired-since-it-was-seen": (
        lambda: seen_before(signer(not_after=AT + DAY), at=AT + 2 * DAY),
        "chain.expired",
    ),
    "signer-not-yet-valid-before-it-was-seen": (
        lambda: seen_before(signer(not_before=AT - DAY / 2), at=AT - DAY * 3 / 4),
        "chain.not-yet-valid",
    ),
    "pck-expired-since-it-was-seen": (
        lambda: seen_before(chained(leaf=certificate("pck", not_after=AT + DAY)), at=AT + 2 * DAY),
        "chain.expired",
    ),
    "quote-unsigned-of-a-platform-that-was-seen": (
        lambda: dataclasses.replace(flipped(Given(), SIGNATURE_AT), seen=Given()),
        "quote.signature",
    ),
    "set-expired-since-it-was-seen": (
        lambda: seen_before(Given(), at=AT + 29.5 * DAY),
        "crl.expired",
    ),
    "tcb-info-chain-under-another-root": (
        lambda: bundled(tcb_info_issuer_chain=under_another_root("tcb-signing")),
        "chain.root",
    ),
    "qe-identity-chain-under-another-root": (
        lambda: bundled(qe_identity_issuer_chain=under_another_root("tcb-signing")),
        "chain.root",
    ),
    "list-issuer-chain-under-another-root": (
        lambda: bundled(pck_crl_issuer_chain=under_another_root("platform-ca")),
        "chain.root",
    ),
    "signer-own-root": (
        lambda: endorsed(
            signer=OTHER.pki.keys["tcb-signing"], signer_chain=OTHER.pki.pem("tcb-signing", "root")
        ),
        "chain.root",
    ),
    "signer-of-another-under-the-trusted-root": (
        lambda: endorsed(
            signer=OTHER.pki.keys["tcb-signing"],
            signer_chain=pem(OTHER.pki.certificates["tcb-signing"], ROOT),
        ),
        "chain.signature",
    ),
    "signer-self-signed": (
        lambda: endorsed(
            signer=EVIL,
            signer_chain=pem(certificate("tcb-signing", key=EVIL.public, signed_by=EVIL), ROOT),
        ),
        "chain.signature",
    ),
    "signer-key-is-not-the-certificates": (lambda: endorsed(signer=EVIL), "collateral.signature"),
    "signer-under-the-platform-ca": (
        lambda: below_the_platform_ca(PKI.certificates["platform-ca"]),
        "chain.root",
    ),
    "signer-under-the-platform-ca-and-root": (
        lambda: below_the_platform_ca(PKI.certificates["platform-ca"], ROOT),
        "collateral.chain-shape",
    ),
    "signer-under-the-platform-ca-said-to-be-the-roots": (
        lambda: below_the_platform_ca(ROOT),
        "chain.issuer",
    ),
    "signer-is-the-pck": (lambda: signed_by("pck", "pck", "root"), "chain.issuer"),
    "signer-is-the-pck-with-its-chain": (
        lambda: signed_by("pck", "pck", "platform-ca", "root"),
        "collateral.chain-shape",
    ),
    "signer-is-the-platform-ca": (
        lambda: signed_by("platform-ca", "platform-ca", "root"),
        "chain.leaf-is-ca",
    ),
    "signer-is-the-root": (lambda: signed_by("root", "root", "root"), "chain.leaf-is-ca"),
    "signer-is-a-ca": (lambda: signer(ca=True), "chain.leaf-is-ca"),
    "signer-may-issue": (
        lambda: signer(key_usage=KeyUsage.DIGITAL_SIGNATURE | KeyUsage.KEY_CERT_SIGN),
        "chain.leaf-is-ca",
    ),
    "signer-may-not-sign": (lambda: signer(key_usage=KeyUsage.NON_REPUDIATION), "chain.role"),
    "signer-of-another-name": (
        lambda: signer(subject=PKI.spec("pck").subject),
        "chain.role",
    ),
    "signer-with-sha-384": (lambda: signer(digest="sha384"), "chain.algorithm"),
    "signer-renewed-with-the-same-key-and-serial": (
        lambda: signer(not_before=AT - DAY / 4, not_after=AT + DAY),
        Accepted(),
    ),
    "signer-without-root": (
        lambda: signed_by("tcb-signing", "tcb-signing"),
        "collateral.chain-shape",
    ),
    "signer-chain-reversed": (
        lambda: signed_by("tcb-signing", "root", "tcb-signing"),
        "chain.root",
    ),
    "signer-chain-empty": (lambda: endorsed(signer_chain=b""), "wire.pem"),
}

PLACES: Final[Table] = {
    "sgx-set-for-tdx": (lambda: document("tcb_info", id="SGX"), "collateral.missing"),
    "tdx-set-for-sgx": (lambda: header(tee_type=0), "unsupported.tee"),
    "tcb-info-of-no-tee": (lambda: document("tcb_info", id="CCA"), "json.type"),
    "qe-identity-of-sgx": (lambda: document("qe_identity", id="QE"), "collateral.role"),
    "qve-identity": (lambda: document("qe_identity", id="QVE"), "collateral.role"),
    "tcb-info-in-the-qe-identitys-place": (
        lambda: bundled(
            qe_identity=SOUND_SET.tcb_info, qe_identity_signature=SOUND_SET.tcb_info_signature
        ),
        "json.type",
    ),
    "v2-for-tdx": (lambda: document("tcb_info", version=2), "unsupported.version"),
    "v2-without-what-v3-has": (
        lambda: endorsed(tcb_info=lambda one: (one.update(version=2), one.pop("id"))),
        "unsupported.version",
    ),
    "fmspc-differs": (lambda: document("tcb_info", fmspc="E00000000001"), "collateral.missing"),
    "fmspc-short": (lambda: document("tcb_info", fmspc="E0000000"), "wire.hex"),
    "fmspc-lower-case": (lambda: document("tcb_info", fmspc="e00000000000"), Accepted()),
    "pceid-differs": (lambda: document("tcb_info", pceId="0001"), "collateral.platform"),
    "pceid-lower-case": (lambda: with_pce_id("abcd"), Accepted()),
    "pceid-differs-in-a-letter": (lambda: with_pce_id("abce"), "collateral.platform"),
    "tcb-type-1": (lambda: document("tcb_info", tcbType=1), "collateral.tcb-type"),
}

CASES: Final[Table] = {**of_both("tcb_info"), **of_both("qe_identity"), **SIGNERS, **PLACES}


@pytest.mark.parametrize("name", CASES)
def test_collateral(name: str) -> None:
    settle(CASES[name])
