# SPDX-License-Identifier: Apache-2.0
"""Two implementations, one answer: dcap-qvl judges the same SGX inputs, differences are listed.

As for TDX: an unlisted difference fails, in whichever direction; a listed one that has gone fails
too. The cases are those of the negative tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

from tests.sgx import test_collateral, test_quote_format, test_signatures, test_sound
from tests.sgx.table import (
    BUNDLE,
    QUOTE,
    Given,
    Table,
)
from tests.tdx import AT
from tests.verify.test_dcap_qvl import Answer, Difference, instants, theirs
from troth.crypto.x509 import Certificate
from troth.endorse.intel import CollateralSet, parse_bundle
from troth.errors import TrothError
from troth.verify import INTEL_SGX_ROOT, Anchor, Anchors, AnyValue, Tail
from troth.verify.sgx import verify_sgx

GENUINE: Final = "a status"
# Differences on real quotes, by kind. `ours` or `theirs` is GENUINE for any status.
ON_VECTORS: Final = {
    "debug": Difference(GENUINE, "Debug mode is enabled", "debug is our policy's to refuse"),
    "list-from-the-future": Difference(
        "crl.not-yet-valid", GENUINE, "dcap-qvl does not compare thisUpdate"
    ),
    "list-in-its-last-second": Difference(
        GENUINE, "CrlExpired", "nextUpdate is the last instant here, the first expired one there"
    ),
}


def ours(quote: bytes, collateral: CollateralSet, anchors: Anchors, at: datetime) -> Answer:
    try:
        facts = verify_sgx(
            quote,
            collateral=(collateral,),
            anchors=anchors,
            at=at,
            report_data=AnyValue,
            tail=Tail.ZEROS,
        ).value
    except TrothError as error:
        return Answer(refused=True, word=error.code)
    assert facts.tcb is not None
    return Answer(refused=False, word=facts.status, advisories=tuple(sorted(facts.tcb.advisories)))


def listed(one: Answer, other: Answer) -> str | None:
    """Name the difference of two answers on a real quote, or nothing if it is none of those."""
    for name, known in ON_VECTORS.items():
        fits_ours = one.word == known.ours if one.refused else known.ours == GENUINE
        fits_theirs = known.theirs in other.word if other.refused else known.theirs == GENUINE
        if fits_ours and fits_theirs:
            return name
    return None


def crossed(vectors: Path) -> Iterator[tuple[str, Answer, Answer]]:
    """Judge each real quote with each bundle of either TEE at each of its instants, by both."""
    anchors = Anchors([INTEL_SGX_ROOT])
    texts = [path.read_bytes() for path in sorted(vectors.glob("intel-collateral/*x-*.json"))]
    bundles = [(text, parse_bundle(text, "a bundle")) for text in texts]
    for path in sorted(vectors.glob("sgx-quote/*.quote")):
        quote = path.read_bytes()
        for text, collateral in bundles:
            for at in instants(collateral):
                name = f"{path.name}, {collateral.tee} {collateral.fmspc.hex()}, {at}"
                yield name, ours(quote, collateral, anchors, at), theirs(quote, text, None, at)


def test_every_real_quote_with_every_bundle(vectors: Path) -> None:
    met: set[str] = set()
    unlisted: list[str] = []
    same = 0
    for name, one, other in crossed(vectors):
        if one.agrees(other):
            same += not one.refused
            continue
        kind = listed(one, other)
        if kind is None:
            unlisted.append(f"{name}: {one} here, {other} there")
        else:
            met.add(kind)
    assert unlisted == []
    assert met == set(ON_VECTORS), "a listed difference has gone"
    assert same >= 10, "hardly anything was compared"


TABLES: Final[dict[str, Table]] = {
    "sound": test_sound.CASES,
    "quote_format": test_quote_format.CASES,
    "signatures": test_signatures.CASES,
    "collateral": test_collateral.CASES,
}


class Differences(NamedTuple):
    """Cases of the tables that come out otherwise there: a status or a part of its message."""

    theirs: str
    cases: str


# Differences on the cases of the tables, by why.
ON_CASES: Final[dict[str, Differences]] = {
    "it knows SGX in format 3 alone": Differences(
        "SGX TEE quote must have version 3",
        "sound/v4 sound/v5 quote_format/v4-header-svns-and-user-data "
        "quote_format/v4-trailing-zeros quote_format/v5-header-svns-and-user-data "
        "quote_format/v5-trailing-zeros ",
    ),
    "QE authentication data may have any length": Differences(
        "auth data length",
        "quote_format/64-kib-quote signatures/auth-data-empty signatures/auth-data-1000 ",
    ),
    "nextUpdate is the last instant here, the first expired one there": Differences(
        "CrlExpired",
        "signatures/list-pck-list-to-the-second signatures/list-root-list-to-the-second ",
    ),
    "an INTEGER whose first bit would be a sign has a zero before it": Differences(
        "PceSvn length mismatch",
        "signatures/chain-tcb-pcesvn-65535 ",
    ),
    "levels are sorted here, as Intel's library does": Differences(
        "OutOfDate",
        "collateral/qe-levels-in-another-order ",
    ),
    "a level without components is no level": Differences(
        "OutOfDate",
        "collateral/components-empty ",
    ),
    "a QE that is OutOfDateConfigurationNeeded is behind": Differences(
        "Needed",
        "collateral/platform-SWHardeningNeeded-qe-OutOfDateConfigurationNeeded "
        "collateral/platform-ConfigurationNeeded-qe-OutOfDateConfigurationNeeded "
        "collateral/platform-ConfigurationAndSWHardeningNeeded-qe-OutOfDateConfigurationNeeded ",
    ),
    "so it is under a platform that is up to date": Differences(
        "UpToDate",
        "collateral/platform-UpToDate-qe-OutOfDateConfigurationNeeded ",
    ),
    "lengths are consumed exactly, and a tail is zeros": Differences(
        "UpToDate",
        "quote_format/v3-signature-length-over-the-tail "
        "quote_format/v3-slack-behind-the-chain quote_format/v3-trailing-garbage "
        "quote_format/v3-trailing-garbage-behind-zeros "
        "quote_format/v3-trailing-garbage-allowed-by-name "
        "quote_format/trailing-second-quote quote_format/64-kib-and-one-zero ",
    ),
    "the QE sets the second half to zero, so another is no QE's": Differences(
        "UpToDate",
        "signatures/qe-report-data-second-half ",
    ),
    "three certificates, in their order, and nothing else stands in a chain": Differences(
        "UpToDate",
        "signatures/chain-no-root signatures/chain-extra-certificate "
        "signatures/chain-order-root-before-ca signatures/chain-junk-before "
        "signatures/chain-junk-between signatures/chain-junk-behind "
        "signatures/chain-other-label ",
    ),
    "the root counts too: its window, links, algorithm and role": Differences(
        "UpToDate",
        "signatures/chain-root-of-another-name signatures/chain-root-issuing-pck "
        "signatures/chain-root-basic-constraints-off "
        "signatures/chain-root-basic-constraints-not-ca signatures/chain-root-may-not-issue "
        "signatures/chain-root-without-key-usage signatures/chain-root-path-length-0 "
        "signatures/chain-root-expired signatures/chain-root-not-yet-valid "
        "signatures/chain-root-unknown-critical-extension "
        "signatures/chain-root-signed-by-another signatures/chain-root-names-another-issuer "
        "signatures/chain-root-with-sha-384 signatures/chain-root-with-an-ed25519-key "
        "signatures/chain-root-with-a-p384-key ",
    ),
    "a role is in names and key usage": Differences(
        "UpToDate",
        "signatures/chain-tcb-signers-name-on-the-leaf signatures/chain-leaf-may-not-sign "
        "signatures/chain-leaf-without-key-usage signatures/chain-leaf-may-issue "
        "signatures/chain-intermediate-may-not-issue "
        "signatures/chain-intermediate-without-key-usage collateral/signer-of-another-name "
        "collateral/signer-may-not-sign ",
    ),
    "the SGX extension follows its profile to the letter": Differences(
        "UpToDate",
        "signatures/chain-extension-trailing-byte signatures/chain-extension-unknown-member "
        "signatures/chain-extension-duplicate-ppid signatures/chain-extension-duplicate-tcb "
        "signatures/chain-extension-duplicate-pceid "
        "signatures/chain-extension-duplicate-fmspc "
        "signatures/chain-extension-duplicate-type signatures/chain-extension-ppid-short "
        "signatures/chain-extension-ppid-integer signatures/chain-extension-pceid-long "
        "signatures/chain-extension-type-3 signatures/chain-extension-type-negative "
        "signatures/chain-extension-type-integer signatures/chain-extension-instance-short "
        "signatures/chain-tcb-15-components signatures/chain-tcb-17-components "
        "signatures/chain-tcb-duplicate-component "
        "signatures/chain-tcb-duplicate-instead-of-another "
        "signatures/chain-tcb-component-256 signatures/chain-tcb-component-negative "
        "signatures/chain-tcb-component-not-shortest signatures/chain-tcb-component-empty "
        "signatures/chain-tcb-component-huge signatures/chain-tcb-component-octets "
        "signatures/chain-tcb-pcesvn-not-shortest ",
    ),
    "sizes and depths are bounded before they are read": Differences(
        "UpToDate",
        "signatures/chain-der-over-16-kib collateral/tcb-info-huge-integer "
        "collateral/tcb-info-nested-17-deep collateral/qe-identity-huge-integer "
        "collateral/qe-identity-nested-17-deep ",
    ),
    "a list from the future does not count yet": Differences(
        "UpToDate",
        "signatures/list-pck-list-future signatures/list-root-list-future ",
    ),
    "an extension stands once in a list": Differences(
        "UpToDate",
        "signatures/list-pck-list-extension-twice signatures/list-root-list-extension-twice ",
    ),
    "a list is of its issuer, who may sign lists, under the same root": Differences(
        "UpToDate",
        "signatures/list-pck-list-with-the-other-cas-chain "
        "signatures/list-pck-list-with-another-ca-of-the-same-name "
        "signatures/list-root-may-not-sign-lists "
        "collateral/list-issuer-chain-under-another-root ",
    ),
    "who signs collateral is issued by the platform's root directly": Differences(
        "UpToDate",
        "collateral/tcb-info-chain-under-another-root "
        "collateral/qe-identity-chain-under-another-root "
        "collateral/signer-under-the-platform-ca ",
    ),
    "versions, types and platforms that no rule is known for, or another's": Differences(
        "UpToDate",
        "collateral/tcb-info-version-4 collateral/tcb-info-version-2 "
        "collateral/pceid-differs collateral/tcb-type-1 ",
    ),
    "sixteen components in each level": Differences(
        "UpToDate",
        "collateral/components-short-in-the-last-level ",
    ),
    "two levels of one kind: order would decide": Differences(
        "UpToDate",
        "collateral/duplicate-levels collateral/duplicate-qe-levels ",
    ),
}

LARGE: Final = 1024 * 1024  # bytes of a quote; refused here by their number


def cases() -> Iterator[tuple[str, Given]]:
    """Return the cases that a peer can be asked: one bundle, no floor, no policy of ours."""
    for group, table in TABLES.items():
        for name, (make, _) in table.items():
            given = make()
            plain = given.floor == 0 and len(given.quote) < LARGE
            if plain and not isinstance(given.bundles, type) and len(given.bundles) == 1:
                yield f"{group}/{name}", given


def answers(given: Given) -> tuple[Answer, Answer]:
    assert not isinstance(given.bundles, type)
    (text,) = given.bundles
    root = given.tee.pki.certificates["root"]
    try:
        collateral = parse_bundle(text, "own")
        one = ours(given.quote, collateral, Anchors([Anchor.of(Certificate(root))]), given.at)
    except TrothError as error:
        one = Answer(refused=True, word=error.code)
    try:
        return one, theirs(given.quote, text, root, given.at)
    except ValueError as error:  # it cannot read the bundle
        return one, Answer(refused=True, word=str(error))


def test_every_case_of_the_tables() -> None:
    due = {name: one.theirs for one in ON_CASES.values() for name in one.cases.split()}
    unlisted: list[str] = []
    met: set[str] = set()
    compared = 0
    for name, given in cases():
        one, other = answers(given)
        compared += 1
        if one.agrees(other):
            continue
        if name in due and due[name] in other.word:
            met.add(name)
        else:
            unlisted.append(f"{name}: {one} here, {other} there")
    assert unlisted == []
    assert met == set(due), "a listed difference has gone"
    assert compared >= 450


def test_both_refuse_a_software_sgx_under_the_real_root() -> None:
    collateral = parse_bundle(BUNDLE, "own")
    one = ours(QUOTE, collateral, Anchors([INTEL_SGX_ROOT]), AT)
    assert one == Answer(refused=True, word="chain.root")
    assert theirs(QUOTE, BUNDLE, None, AT).refused
