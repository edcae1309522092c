# SPDX-License-Identifier: Apache-2.0
"""The table is complete: every row has its cases, every code of these areas is due somewhere.

The rows are those of the project's notes on failures that verifiers had, in their words. Other
kinds have tables and rows of their own. A `*` stands for a family, with its size.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final

import pytest

from tests.negative.table import Accepted, Refused, Table, expected
from tools import codes_page, house
from troth.errors import CODES

AREAS: Final = frozenset(
    {"quote", "tdx", "pck", "chain", "crl", "qe", "tcb", "collateral", "unsupported", "policy"}
)

# Folders with tables of their own, and folders whose tests name each code that is due.
OTHER_KINDS: Final = ("snp", "sgx", "cca", "cove", "tpm", "azure")
OTHER_TESTS: Final = ("verify_bundle/", "eventlog/")

# Classes by DECISIONS: written down here, and not taken from the table that they are held to.
CLASSES: Final = {
    "MalformedError": "quote.tee-type quote.vendor-id quote.body-type quote.signature-length "
    "quote.certification-type quote.certification-length tdx.trailing pck.extension "
    "crl.malformed crl.no-next-update collateral.components collateral.levels "
    "collateral.tcb-type unsupported.version unsupported.key-type unsupported.tee "
    "unsupported.body-type unsupported.certification-data",
    "StaleError": "chain.not-yet-valid chain.expired crl.not-yet-valid crl.expired "
    "collateral.missing collateral.platform collateral.not-yet-valid collateral.expired "
    "collateral.below-floor",
}

ROWS: Final[dict[str, dict[str, str]]] = {
    "quote_format": {
        "version 0, 1, 2, 6, 1024": "version-0 version-1 version-2 version-6 version-1024",
        "v3 with TDX TEE": "version-3-with-tdx-tee",
        "unknown TEE": "tee-unknown tee-above-a-byte",
        "key type 3": "key-type-3",
        "vendor id": "vendor-id vendor-id-last-byte",
        "v5 type unknown": "v5-type-0 v5-type-unknown v5-body-1-5-ex",
        "type and size disagree": "v5-type-1-0-size-1-5 v5-type-1-5-size-1-0 v5-size-one-short",
        "header and body TEE disagree": "v5-body-of-another-tee v5-tdx-body-under-sgx tee-sgx",
        "body size beyond input": "body-size-beyond-input v5-size-huge v4-read-as-v5",
        "signature length beyond": "signature-length-beyond signature-length-huge "
        "signature-length-over-the-tail",
        "signature length below": "signature-length-below signature-length-zero",
        "type-6 length short": "type-6-length-short type-6-length-short-and-outer-too "
        "type-6-length-beyond",
        "slack inside type 6": "slack-inside-type-6",
        "outer type 5": "outer-type-5",
        "type 6 nested": "type-6-nested",
        "certificate length beyond": "certificate-length-beyond certificate-length-huge "
        "auth-data-length-beyond",
        "inner type 1 to 4": "inner-type-1 inner-type-2 inner-type-3 inner-type-4 inner-type-7",
        "trailing garbage": "trailing-garbage trailing-garbage-behind-zeros "
        "trailing-second-quote trailing-garbage-allowed-by-name",
        "trailing zeros": "trailing-zeros trailing-zeros-to-64-kib",
        "empty input": "empty-input",
        "64 KiB and more": "64-kib-quote 64-kib-quote-and-one 64-kib-and-one-zero 16-mib "
        "16-mib-of-zeros 16-mib-chain",
    },
    "binding": {
        "attestation key replaced": "attestation-key-replaced other-key-vouched",
        "QE REPORTDATA zero": "qe-report-data-zero",
        "second half set": "qe-report-data-second-half qe-report-data-halves-swapped",
        "auth data changed": "auth-data-changed auth-data-longer",
        "key zero": "attestation-key-zero",
        "key off curve": "attestation-key-off-curve attestation-key-above-the-field "
        "attestation-key-beside-the-curve",
        "r = s = 0": "signature-zero signature-r-zero signature-s-zero qe-report-signature-zero "
        "qe-report-signature-r-zero qe-report-signature-s-zero",
        "r or s at least n": "signature-r-is-n signature-s-is-n signature-r-above-n "
        "signature-s-above-n qe-report-signature-r-is-n qe-report-signature-s-is-n "
        "qe-report-signature-r-above-n qe-report-signature-s-above-n",
        "QE report signed by other key": "qe-report-signed-by-other-key "
        "qe-report-signed-by-the-attestation-key qe-report-signed-by-the-platform-ca",
        "QE report field raised": "qe-report-field-raised",
        "header user data flipped": "header-user-data-flipped header-qe-svn-flipped "
        "header-pce-svn-flipped",
        "each body field flipped": "body-1-0-*:15 body-1-5-*:17",
        "(r, n - s) accepted": "signature-mirrored qe-report-signature-mirrored",
    },
    "chain": {
        "empty": "empty empty-but-for-nul",
        "leaf only": "leaf-only",
        "no intermediate": "no-intermediate no-root",
        "no leaf": "no-leaf",
        "order changed": "order-reversed order-leaf-behind-ca order-root-before-ca",
        "own root of Intel's name": "own-root-of-intels-name trusted-root-above-anothers-chain",
        "broken link": "leaf-signed-by-another intermediate-signed-by-another "
        "root-signed-by-another leaf-names-another-issuer intermediate-names-another-issuer "
        "root-names-another-issuer",
        "leaf used as CA": "leaf-used-as-ca tcb-signer-used-as-ca",
        "PCK issuing PCK": "pck-issuing-pck root-issuing-pck",
        "TCB signer in the PCK's place": "tcb-signer-in-the-pcks-place "
        "tcb-signers-name-on-the-leaf",
        "extra certificate": "extra-certificate forty-certificates",
        "NUL and CRLF accepted": "no-nul many-nuls crlf white-space-between",
        "junk between blocks": "junk-before junk-between junk-behind",
        "each certificate expired": "leaf-expired intermediate-expired root-expired",
        "each certificate not yet valid": "leaf-not-yet-valid intermediate-not-yet-valid "
        "root-not-yet-valid",
        "PCK extension missing": "extension-missing",
        "PCK extension truncated": "extension-truncated extension-empty",
        "15 components": "tcb-15-components tcb-17-components",
        "duplicate entry": "extension-duplicate-*:5 tcb-duplicate-*:2",
        "component 256": "tcb-component-256",
        "basicConstraints off": "intermediate-basic-constraints-off root-basic-constraints-off "
        "intermediate-basic-constraints-not-ca root-basic-constraints-not-ca",
        "unknown critical extension": "leaf-unknown-critical-extension "
        "intermediate-unknown-critical-extension root-unknown-critical-extension ca-policies",
        "hostile DER": "extension-nested-a-thousandfold extension-indefinite-length "
        "extension-length-not-shortest extension-length-of-gigabytes der-*:7",
    },
    "crl": {
        "absent": "no-collateral-at-all pck-list-absent root-list-absent pck-list-empty "
        "root-list-empty",
        "expired": "pck-list-expired root-list-expired",
        "future": "pck-list-future root-list-future",
        "no nextUpdate": "pck-list-no-next-update root-list-no-next-update",
        "wrong key": "pck-list-wrong-key root-list-wrong-key",
        "other CA's": "pck-list-of-the-other-ca pck-list-with-the-other-cas-chain "
        "pck-list-by-the-other-ca-in-this-ones-name pck-list-of-another-ca-of-the-same-name",
        "root CRL twice": "root-list-twice pck-list-twice",
        "PCK revoked": "pck-revoked pck-revoked-among-others",
        "intermediate revoked": "intermediate-revoked",
        "TCB signer revoked": "tcb-signer-revoked qe-identity-signer-revoked-alone",
        "PCK's serial on the root CRL": "pck-serial-on-the-root-list "
        "ca-and-signer-serials-on-the-pck-list",
        "CRL as PEM": "pck-list-as-pem root-list-as-pem pck-list-as-pem-in-hex "
        "root-list-as-pem-in-hex",
    },
    "collateral": {
        "tampered": "tcb-info-tampered qe-identity-tampered",
        "re-formatted after signing": "tcb-info-re-formatted-after-signing "
        "qe-identity-re-formatted-after-signing",
        "unusual white space or key order": "tcb-info-indented-and-signed "
        "qe-identity-indented-and-signed tcb-info-keys-in-another-order-and-signed "
        "qe-identity-keys-in-another-order-and-signed",
        "duplicate JSON keys": "tcb-info-duplicate-*:3 qe-identity-duplicate-*:3",
        "signature of the other document": "tcb-info-signature-of-the-other-document "
        "qe-identity-signature-of-the-other-document",
        "TCB info expired": "tcb-info-expired-alone",
        "TCB info future": "tcb-info-future-alone",
        "QE identity expired alone": "qe-identity-expired-alone qe-identity-future-alone",
        "signer expired": "signer-expired signer-not-yet-valid",
        "not signed, of a platform that is remembered": (
            "quote-unsigned-of-a-platform-that-was-seen"
        ),
        "out of its window since it was remembered": "signer-expired-since-it-was-seen "
        "signer-not-yet-valid-before-it-was-seen set-expired-since-it-was-seen "
        "pck-expired-since-it-was-seen",
        "signer's own root": "signer-own-root tcb-info-own-root qe-identity-own-root "
        "signer-of-another-under-the-trusted-root signer-self-signed",
        "signer under the Platform CA": "signer-under-the-platform-ca "
        "signer-under-the-platform-ca-and-root "
        "signer-under-the-platform-ca-said-to-be-the-roots",
        "signer a PCK": "signer-is-the-pck signer-is-the-pck-with-its-chain",
        "signer the Platform CA itself": "signer-is-the-platform-ca signer-is-the-root",
        "SGX set for a TDX quote": "sgx-set-for-tdx qe-identity-of-sgx",
        "and back": "tdx-set-for-sgx",
        "QVE identity": "qve-identity",
        "v2 for TDX": "v2-for-tdx v2-without-what-v3-has",
        "FMSPC differs": "fmspc-differs",
        "PCEID differs": "pceid-differs pceid-differs-in-a-letter",
        "FMSPC lower-case": "fmspc-lower-case pceid-lower-case",
        "tcbType 1": "tcb-type-1",
        "floats": "tcb-info-float qe-identity-float tcb-info-exponent qe-identity-exponent",
        "huge integers": "tcb-info-huge-integer qe-identity-huge-integer "
        "tcb-info-integer-of-64-bits qe-identity-integer-of-64-bits",
        "NaN": "tcb-info-nan qe-identity-nan tcb-info-infinity qe-identity-infinity",
        "deep nesting": "tcb-info-nested-*:3 qe-identity-nested-*:3 "
        "tcb-info-brackets-never-closed qe-identity-brackets-never-closed",
    },
    "collateral_contents": {
        "component list short": "sgx-components-short tdx-components-short "
        "sgx-components-short-in-the-last-level tdx-components-short-in-the-last-level",
        "component list empty": "sgx-components-empty tdx-components-empty "
        "sgx-components-absent tdx-components-absent",
        "component list of 17": "sgx-components-17 tdx-components-17",
        "levels in another order": "levels-in-another-order qe-levels-in-another-order "
        "module-levels-in-another-order",
        "duplicate levels": "duplicate-levels duplicate-levels-apart duplicate-qe-levels "
        "duplicate-module-levels",
        "unknown status word": "status-word-*:20",
        "unknown module id": "unknown-module-id",
        "evaluation number below floor": "evaluation-number-below-floor "
        "evaluation-number-rolled-back",
        "mixed numbers": "mixed-numbers mixed-numbers-the-other-way mixed-numbers-below-floor",
        "64 KiB and more": "bundle-of-64-kib bundle-over-4-mib bundle-of-16-mib "
        "bundle-of-16-mib-of-brackets",
    },
    "tcb": {
        "each status of platform, module and QE": "platform-*-module-*-qe-*:105",
        "module UpToDate with platform OutOfDate": (
            "platform-OutOfDate-module-UpToDate-qe-UpToDate"
        ),
        "PCESVN low": "pcesvn-low pcesvn-below-all",
        "one SGX component low": "sgx-component-*-low:16",
        "TDX component low": "tdx-component-*-low:17",
        "the same where svn[1] is 0": "tdx-component-*-low-version-0:4",
        "below all levels": "sgx-component-below-all tdx-component-below-all module-below-all "
        "qe-below-all",
        "TDX_0A against tdx_0a": "module-id-upper-case module-id-lower-case",
        "identities absent": "identities-absent tdx-module-absent-version-0",
        "MRSIGNERSEAM": "mr-signer-seam mr-signer-seam-of-the-identity mr-signer-seam-version-0",
        "SEAMATTRIBUTES": "seam-attributes seam-attributes-of-the-identity "
        "seam-attributes-agree-and-are-not-zero seam-attributes-version-0",
        "relaunch, with configuration or without": "launched-*-now-*:49 relaunch-by-module",
        "svn2 below all": "svn2-below-all svn2-module-below-all",
        "advisories union": "advisories-union",
    },
    "qe": {
        "MISCSELECT": "miscselect miscselect-high-bit",
        "ATTRIBUTES": "attributes attributes-last-masked-byte",
        "MRSIGNER": "mrsigner mrsigner-of-the-identity",
        "ISVPRODID": "isvprodid isvprodid-of-the-identity",
        "debug": "debug",
        "auth data 0, 32, 1000 bytes": "auth-data-empty auth-data-32 auth-data-1000",
    },
    "without_collateral": {
        "chain, binding and signatures all the same": "root pck-expired attestation-key "
        "qe-report-signature quote-signature report-data",
        "what is known of the QE": "qe-under-debug qe-of-another-signer qe-of-another-product "
        "sound-without-a-pin",
        "what is known of the module": "module-signer module-attributes",
        "accepted": "sound version-5",
    },
    "td_policy": {
        "DEBUG": "debug",
        "other TUD bits": "under-debug-bit-*:7",
        "SEPT_VE_DISABLE": "sept-ve-disable-clear sept-ve-disable-not-required",
        "MIGRATABLE": "migratable",
        "PERFMON": "perfmon perfmon-allowed-by-name",
        "unknown attribute bit": "unknown-attribute-bit-*:5",
        "MRSERVICETD": "service-td-where-none-is-due service-td-absent-where-zero-is-due "
        "service-td-zero-where-absent-is-due service-td-another service-td-accepted",
        "REPORTDATA differs": "report-data-differs report-data-of-another",
        "zeros behind 32 bytes": "report-data-prefix-of-32 report-data-prefix-of-none "
        "report-data-32-and-zeros report-data-32-and-not-only-zeros",
        "an empty allow-list allows nothing": "empty-*:14 no-attribute-allowed",
    },
}
# How many cases a group has in all; one that is dropped is missed here, if in no row.
SIZES: Final = {
    "quote_format": 59,
    "binding": 77,
    "chain": 140,
    "crl": 64,
    "collateral": 127,
    "collateral_contents": 72,
    "tcb": 225,
    "qe": 19,
    "td_policy": 85,
    "without_collateral": 14,
}


def cases(group: str) -> Table:
    found: Table = import_module(f"tests.negative.test_{group}").CASES
    return found


def due_in(kind: str) -> set[str]:
    """Return the codes that the tables of another kind end in."""
    folder = house.ROOT / "tests" / kind
    modules = [import_module(f"tests.{kind}.{path.stem}") for path in folder.glob("test_*.py")]
    tables = [vars(one)["CASES"] for one in modules if "CASES" in vars(one)]
    return {due for table in tables for *_, due in table.values() if isinstance(due, str)}


def elsewhere() -> set[str]:
    """Return the codes that are due in other kinds' tables, or in tests of bundles and logs."""
    named = codes_page.tests_of(house.ROOT).items()
    return {
        code for code, files in named if any(one.startswith(OTHER_TESTS) for one in files)
    }.union(*map(due_in, OTHER_KINDS))


@pytest.mark.parametrize("group", ROWS)
def test_each_row_has_its_cases(group: str) -> None:
    names = cases(group)
    for row, covering in ROWS[group].items():
        for one in covering.split():
            pattern, _, due = one.partition(":")
            found = [name for name in names if fnmatchcase(name, pattern)]
            assert len(found) == int(due or 1), f"{row}: {one}"


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_the_tables_of_other_kinds_are_found(kind: str) -> None:
    assert kind in {code.partition(".")[0] for code in due_in(kind)}


def test_no_case_is_dropped() -> None:
    assert {group: len(cases(group)) for group in ROWS} == SIZES


def test_each_code_is_due_somewhere_and_of_the_class_that_was_decided() -> None:
    due = {due for group in ROWS for _, due in cases(group).values() if isinstance(due, str)}
    of_these_areas = {code for code in CODES if code.partition(".")[0] in AREAS}
    assert sorted(of_these_areas - due - elsewhere()) == []
    decided = {code: kind for kind, codes in CLASSES.items() for code in codes.split()}
    for code in due & of_these_areas:
        other = "DeniedError" if code.startswith("policy.") else "UntrustedError"
        assert expected(code) == Refused(code, decided.get(code, other))


@pytest.mark.parametrize("group", ROWS)
def test_each_group_accepts_something_too(group: str) -> None:
    assert any(isinstance(due, Accepted) for _, due in cases(group).values())
