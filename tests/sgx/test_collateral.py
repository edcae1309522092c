# SPDX-License-Identifier: Apache-2.0
"""Collateral of SGX: who signed which bytes, whose they are, what they say, and what follows."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import pytest
from msgspec.structs import replace

from tests.negative import table as tdx
from tests.negative.table import (
    Accepted,
    Change,
    Which,
    certificate,
    instant,
    levels,
    newest,
    parsed,
    pem,
)
from tests.negative.test_tcb import CONVERGED
from tests.negative.test_tcb import QE as QE_STATUSES
from tests.sgx.table import (
    BUNDLE,
    EVIL,
    OTHER,
    PKI,
    SOUND,
    TEE,
    Case,
    Given,
    Table,
    body,
    bundled,
    document,
    enclave,
    endorsed,
    identity,
    info,
    judged,
    on,
    settle,
    written,
)
from tests.tdx import AT
from troth.crypto.issue import KeyUsage
from troth.tsm.emulated.sgx import SoftwareSgx
from troth.tsm.emulated.tdx.documents import Document
from troth.tsm.emulated.tdx.pki import Role
from troth.tsm.emulated.tdx.settings import Platform

DAY: Final = timedelta(days=1)
ROOT: Final = PKI.certificates["root"]
SOUND_SET: Final = TEE.collateral()
TDX_SET: Final = tdx.TEE.collateral()
WORDS: Final[dict[Which, str]] = {"tcb_info": "tcb-info", "qe_identity": "qe-identity"}
NUMBER: Final = '"tcbEvaluationDataNumber":20'
SA: Final = "EMULATED-SA-{:05}".format  # 1, 3: platform, QE; the rest by level
SECOND_LEVEL: Final = Accepted("OutOfDate", (SA(11),))
LOWEST_LEVEL: Final = Accepted("OutOfDate", (SA(11), SA(12)))


def spelt(which: Which, old: str, new: str) -> Given:
    """Spell the first `old` in the text of one document as `new`, and sign that."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return written(which, change)


def respelt(text: str) -> str:
    return json.dumps(json.loads(text), indent=1)


def unsigned(which: Which, old: str, new: str) -> Given:
    return bundled(**{which: getattr(SOUND_SET, which).replace(old, new, 1)})


def nested(depth: int, text: str) -> str:
    return text[:-1] + ',"more":' + "[" * depth + "]" * depth + "}"


def signer(**fields: Change) -> Given:
    """Another certificate of the signer, for both documents."""
    return endorsed(signer_chain=pem(certificate("tcb-signing", **fields), ROOT))


def signed_by(role: Role, *chain: Role) -> Given:
    return endorsed(signer=PKI.keys[role], signer_chain=PKI.pem(*chain))


def below_the_platform_ca(*above: bytes) -> Given:
    """The signer's name and key are right, and its issuer is the Platform CA."""
    ca = PKI.spec("platform-ca")
    der = certificate(
        "tcb-signing", signed_by=PKI.keys["platform-ca"], issuer=ca.subject, authority=ca.key
    )
    return endorsed(signer_chain=pem(der, *above))


def of_tdx(which: Which) -> Given:
    """One of the two documents is that of the same platform's TDX, soundly signed."""
    names = (which, f"{which}_signature", f"{which}_issuer_chain")
    return bundled(**{name: getattr(TDX_SET, name) for name in names})


def of_both(which: Which) -> dict[str, Case]:
    """The faults that either document can have."""
    other: Which = "qe_identity" if which == "tcb_info" else "tcb_info"
    huge = "9" * 5000
    cases: dict[str, Case] = {
        "tampered": (partial(unsigned, which, "UpToDate", "OutOfDate"), "collateral.signature"),
        "re-formatted-after-signing": (
            lambda: bundled(**{which: respelt(getattr(SOUND_SET, which))}),
            "collateral.signature",
        ),
        "signature-of-the-other-document": (
            partial(bundled, **{f"{which}_signature": getattr(SOUND_SET, f"{other}_signature")}),
            "collateral.signature",
        ),
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
        "chain-under-another-root": (
            partial(
                bundled,
                **{
                    f"{which}_issuer_chain": (
                        PKI.pem("tcb-signing") + OTHER.pki.pem("root")
                    ).decode()
                },
            ),
            "chain.root",
        ),
        "version-1": (partial(document, which, version=1), "unsupported.version"),
        "version-4": (partial(document, which, version=4), "unsupported.version"),
        "indented-and-signed": (partial(written, which, respelt), Accepted()),
        "keys-in-another-order-and-signed": (
            partial(written, which, lambda one: json.dumps(parsed(one), sort_keys=True)),
            Accepted(),
        ),
        "unknown-member": (partial(document, which, somethingNew="x"), Accepted()),
        "duplicate-key": (partial(spelt, which, NUMBER, f"{NUMBER},{NUMBER}"), "json.duplicate"),
        "float": (partial(spelt, which, NUMBER, f"{NUMBER}.0"), "json.number"),
        "nan": (partial(spelt, which, NUMBER, f'{NUMBER},"x":NaN'), "json.number"),
        "huge-integer": (partial(spelt, which, NUMBER, f'{NUMBER},"x":{huge}'), "json.number"),
        "nested-17-deep": (partial(written, which, partial(nested, 16)), "json.depth"),
        "level-list-empty": (partial(document, which, tcbLevels=[]), "collateral.levels"),
    }
    return {f"{WORDS[which]}-{name}": case for name, case in cases.items()}


def version_2() -> Given:
    """A TCB info in the layout of version 2: components as members, and no id."""

    def change(one: Document) -> None:
        del one["id"]
        one.update(version=2)
        for level in levels(one):
            components = level["tcb"].pop("sgxtcbcomponents")
            level["tcb"] |= {
                f"sgxtcbcomp{n:02}svn": component["svn"]
                for n, component in enumerate(components, 1)
            }

    return info(change)


DOCUMENTS: Final[Table] = {
    **of_both("tcb_info"),
    **of_both("qe_identity"),
    "signer-expired": (lambda: signer(not_after=AT - DAY / 2), "chain.expired"),
    "signer-not-yet-valid": (lambda: signer(not_before=AT + DAY), "chain.not-yet-valid"),
    "signer-own-root": (
        lambda: endorsed(
            signer=OTHER.pki.keys["tcb-signing"], signer_chain=OTHER.pki.pem("tcb-signing", "root")
        ),
        "chain.root",
    ),
    "signer-key-is-not-the-certificates": (lambda: endorsed(signer=EVIL), "collateral.signature"),
    "signer-self-signed": (
        lambda: endorsed(
            signer=EVIL,
            signer_chain=pem(certificate("tcb-signing", key=EVIL.public, signed_by=EVIL), ROOT),
        ),
        "chain.signature",
    ),
    "signer-under-the-platform-ca": (
        lambda: below_the_platform_ca(PKI.certificates["platform-ca"], ROOT),
        "collateral.chain-shape",
    ),
    "signer-under-the-platform-ca-said-to-be-the-roots": (
        lambda: below_the_platform_ca(ROOT),
        "chain.issuer",
    ),
    "signer-is-the-pck": (lambda: signed_by("pck", "pck", "root"), "chain.issuer"),
    "signer-is-the-platform-ca": (
        lambda: signed_by("platform-ca", "platform-ca", "root"),
        "chain.leaf-is-ca",
    ),
    "signer-of-another-name": (lambda: signer(subject=PKI.spec("pck").subject), "chain.role"),
    "signer-may-not-sign": (lambda: signer(key_usage=KeyUsage.NON_REPUDIATION), "chain.role"),
    "list-issuer-chain-under-another-root": (
        lambda: bundled(
            pck_crl_issuer_chain=(PKI.pem("platform-ca") + OTHER.pki.pem("root")).decode()
        ),
        "chain.root",
    ),
    # Whose they are.
    "tdx-set-for-sgx": (lambda: Given(bundles=(tdx.BUNDLE,)), "collateral.missing"),
    "tcb-info-of-tdx": (lambda: of_tdx("tcb_info"), "collateral.missing"),
    "qe-identity-of-tdx": (lambda: of_tdx("qe_identity"), "collateral.role"),
    "qe-identity-called-td-qe": (lambda: document("qe_identity", id="TD_QE"), "collateral.role"),
    "qve-identity": (lambda: document("qe_identity", id="QVE"), "collateral.role"),
    "tcb-info-version-2": (lambda: document("tcb_info", version=2), "unsupported.version"),
    "tcb-info-in-the-layout-of-version-2": (version_2, "unsupported.version"),
    "fmspc-differs": (lambda: document("tcb_info", fmspc="E00000000001"), "collateral.missing"),
    "fmspc-lower-case": (lambda: document("tcb_info", fmspc="e00000000000"), Accepted()),
    "pceid-differs": (lambda: document("tcb_info", pceId="0001"), "collateral.platform"),
    "tcb-type-1": (lambda: document("tcb_info", tcbType=1), "collateral.tcb-type"),
    # What they say.
    **{
        f"components-{name}": (partial(info, edit), "collateral.components")
        for name, edit in {
            "short": lambda one: newest(one)["sgxtcbcomponents"].pop(),
            "empty": lambda one: newest(one)["sgxtcbcomponents"].clear(),
            "17": lambda one: newest(one)["sgxtcbcomponents"].append({"svn": 0}),
            "short-in-the-last-level": lambda one: levels(one)[-1]["tcb"]["sgxtcbcomponents"].pop(),
        }.items()
    },
    "levels-in-another-order": (lambda: info(lambda one: levels(one).reverse()), Accepted()),
    "qe-levels-in-another-order": (lambda: identity(lambda one: levels(one).reverse()), Accepted()),
    "duplicate-levels": (
        lambda: info(lambda one: levels(one).append(levels(one)[1])),
        "collateral.levels",
    ),
    "duplicate-qe-levels": (
        lambda: identity(lambda one: levels(one).append(levels(one)[0])),
        "collateral.levels",
    ),
    **{
        f"status-word-{what}-{word.lower()}": (
            partial(of, partial(lambda word, one: levels(one)[0].update(tcbStatus=word), word)),
            "tcb.status-word",
        )
        for what, of, words in (
            ("platform", info, ("Splendid", "uptodate", "TDRelaunchAdvised")),
            ("qe", identity, ("Splendid", "SWHardeningNeeded")),
        )
        for word in words
    },
    "evaluation-number-at-the-floor": (lambda: Given(floor=20), Accepted()),
    "evaluation-number-below-floor": (lambda: Given(floor=21), "collateral.below-floor"),
    "mixed-numbers": (
        lambda: document("qe_identity", tcbEvaluationDataNumber=19),
        Accepted(number=19),
    ),
    "mixed-numbers-below-floor": (
        lambda: dataclasses.replace(document("tcb_info", tcbEvaluationDataNumber=19), floor=20),
        "collateral.below-floor",
    ),
    "several-sets-highest-number": (
        lambda: Given(
            bundles=(
                BUNDLE,
                *_bundles(document("tcb_info", tcbEvaluationDataNumber=19)),
            )
        ),
        Accepted(),
    ),
    "tdx-set-of-a-higher-number-beside": (
        lambda: Given(
            bundles=(
                BUNDLE,
                tdx.TEE.collateral(
                    tcb_info=lambda one: one.update(tcbEvaluationDataNumber=30)
                ).json(),
            )
        ),
        Accepted(),
    ),
}


def _bundles(given: Given) -> tuple[bytes, ...]:
    assert not isinstance(given.bundles, type)
    return given.bundles


# --- levels ---------------------------------------------------------------------------------------


def convergence(platform: str, qe: str) -> Case:
    """One row of the matrix, each part with an advisory of its own unless it is up to date."""
    given = partial(endorsed_with, platform, qe)
    if "Revoked" in (platform, qe):
        return given, "tcb.revoked"
    behind, current = CONVERGED[platform]
    parts = ((platform, 1), (qe, 3))
    status = behind if QE_STATUSES[qe] else current
    return given, Accepted(status, tuple(SA(n) for word, n in parts if word != "UpToDate"))


def endorsed_with(platform: str, qe: str) -> Given:
    """The sound quote, and the collateral of a TEE of these statuses under the same keys."""
    settings = replace(TEE.settings, tcb=SOUND.tcb.with_status(platform=platform, qe=qe))
    return Given(bundles=(SoftwareSgx(settings, AT, PKI, TEE.secret).bundle(),))


def raised(index: int) -> Given:
    """The newest level demands one more of one component than the platform has."""

    def change(one: Document) -> None:
        newest(one)["sgxtcbcomponents"][index]["svn"] += 1

    return info(change)


def platform(**fields: Change) -> Given:
    return on(replace(SOUND, platform=Platform(**fields)))


def union() -> Given:
    return endorsed(
        tcb_info=lambda one: levels(one)[0].update(advisoryIDs=["A", "B"]),
        qe_identity=lambda one: levels(one)[0].update(advisoryIDs=["C", "B"]),
    )


TCB: Final[Table] = {
    **{f"platform-{one}-qe-{qe}": convergence(one, qe) for one in CONVERGED for qe in QE_STATUSES},
    **{f"component-{n}-low": (partial(raised, n), SECOND_LEVEL) for n in range(16)},
    "pcesvn-low": (lambda: platform(pce_svn=10), LOWEST_LEVEL),
    "pcesvn-equal": (lambda: platform(pce_svn=11), Accepted()),
    "pcesvn-below-all": (lambda: platform(pce_svn=4), "tcb.no-level"),
    "component-below-all": (
        lambda: platform(components=(4, 1, 2, 2, 4, 1, 0, 5, *(0,) * 8)),
        "tcb.no-level",
    ),
    "cpusvn-of-the-report-is-not-judged": (lambda: body(cpu_svn=bytes(16)), Accepted()),
    "qe-old": (lambda: enclave(isv_svn=6), Accepted("OutOfDate", (SA(31),))),
    "qe-below-all": (lambda: enclave(isv_svn=3), "tcb.no-qe-level"),
    "tdx-components-are-not-judged": (
        lambda: info(lambda one: newest(one).update(tdxtcbcomponents=[{"svn": 255}] * 16)),
        Accepted(),
    ),
    "advisories-union": (union, Accepted("UpToDate", ("A", "B", "C"))),
}

CASES: Final[Table] = {**DOCUMENTS, **TCB}


@pytest.mark.parametrize("name", CASES)
def test_collateral(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("earliest", ["platform", "qe"])
def test_the_date_is_the_earliest_of_the_parts(earliest: str) -> None:
    def date(part: str) -> str:
        return "2020-01-01T00:00:00Z" if part == earliest else "2025-08-13T00:00:00Z"

    given = endorsed(
        tcb_info=lambda one: levels(one)[0].update(tcbDate=date("platform")),
        qe_identity=lambda one: levels(one)[0].update(tcbDate=date("qe")),
    )
    tcb = judged(given).tcb
    assert tcb is not None
    assert tcb.date == datetime(2020, 1, 1, tzinfo=UTC)
    assert (tcb.launch.module, tcb.current) == (None, None)
