# SPDX-License-Identifier: Apache-2.0
"""The SNP table is complete: every row has its cases, every code of these areas is due somewhere.

The rows are those of the project's notes on failures that verifiers had, in their words. A `*`
stands for a family, with its size.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final

import pytest

from tests.snp.table import Accepted, Table
from troth.errors import CODES

# Codes that the same judgement can end in, beside those of the area `snp`.
SHARED: Final = {
    "chain": "root issuer signature algorithm not-ca leaf-is-ca role extension revoked "
    "not-yet-valid expired",
    "crl": "malformed no-next-update issuer signature extension not-yet-valid expired missing",
    "collateral": "missing tcb chain-shape",
    "x509": "malformed",
    "wire": "pem",
    "json": "type",
    "unsupported": "version product",
    "policy": "vmpl debug migration-agent attributes guest-svn abi platform-info tcb mitigations "
    "measurement signer report-data chip product revocation",
}
ELSEWHERE: Final = frozenset({"snp.certificate-table"})  # cases of it: test_certificates

# Classes by DECISIONS: written down here, and not taken from the table that they are held to.
CLASSES: Final = {
    "MalformedError": "snp.size snp.reserved snp.algorithm snp.vmpl snp.policy snp.signing-key "
    "snp.signature-form snp.certificate crl.malformed crl.no-next-update x509.malformed wire.pem "
    "json.type unsupported.version unsupported.product",
    "StaleError": "chain.not-yet-valid chain.expired crl.not-yet-valid crl.expired crl.missing "
    "collateral.missing collateral.tcb",
}

ROWS: Final[dict[str, dict[str, str]]] = {
    "format_cases": {
        "size ±1": "size-less-one size-and-one",
        "version 0, 1, 6, 255": "version-0 version-1 version-6 version-255",
        "each must-be-zero range": "reserved-*:16",
        "CPUID set in v2": "cpuid-in-v2",
        "mitigation vector in v3": "launch-mitigations-in-v3 current-mitigations-in-v3",
        "algorithm 2": "algorithm-2",
        "signature tail": "tail-first tail-last",
        "r upper bytes": "r-upper r-top s-upper s-top",
        "signing key 7 and reserved": "signing-key-7 signing-key-*:6",
        "Turin tail": "reserved-turin-chip-id-first reserved-turin-chip-id-last",
        "bit 17 clear": "policy-bit-17-clear",
    },
    "report_cases": {
        "VCEK and VLEK crossed both ways": "vcek-report-with-a-vlek vlek-report-with-a-vcek",
        "product by CPUID against chain": "cpuid-of-another-product "
        "certificate-of-another-product v2-with-turin",
        "each SPL": "certificate-*-differs:5",
        "FMC differs": "certificate-fmc-differs",
        "chip id differs": "chip-id-differs chip-id-of-turin-differs",
        "zero unmasked": "chip-id-zero-unmasked",
        "masked": "chip-masked chip-masked-but-named",
        "TCB order": "reported-above-committed-*:5 committed-above-current-*:4 "
        "launch-above-current-*:4",
    },
    "chain_cases": {
        "leaf from ASVK and ASK crossed": "vcek-under-the-asvk vlek-under-the-ask",
        "own ARK": "own-root-of-amds-name own-root-above-a-sound-chain",
        "ARK of another product": "root-of-another-product intermediate-of-another-product",
    },
    "endorsement_cases": {
        "leaf with both .4 and .5": "hardware-id-and-csp",
        "leaf with neither": "neither-hardware-id-nor-csp",
        "CRL absent": "list-absent",
        "CRL stale": "list-expired list-of-the-future",
        "other product's": "list-of-another-product",
        "wrong key": "list-signed-by-another",
        "ASK revoked, VLEK chain unaffected": "ask-revoked ask-revoked-under-a-vlek asvk-revoked",
        "FMC missing": "turin-without-fmc",
        "HWID wrapped, accepted": "hardware-id-wrapped turins-hardware-id-wrapped",
    },
    "sound": {
        "unknown platform-info bit, accepted": "unknown-platform-info-bit",
        "masked, by name": "masked-by-name",
    },
    "policy_cases": {
        "launch TCB below policy": "launch-tcb",
        "VMPL 1, 3, host": "vmpl-1 vmpl-3 vmpl-host",
        "debug, migration, SMT": "debug migration-agent smt",
        "reserved policy bit": "unknown-policy-bit",
        "refused chip ids and products": "chip-refused product-refused",
    },
}
ACCEPTED: Final = frozenset(
    {
        "hardware-id-wrapped",
        "turins-hardware-id-wrapped",
        "ask-revoked-under-a-vlek",
        "unknown-platform-info-bit",
        "masked-by-name",
    }
)
GROUPS: Final = tuple(ROWS)


def table(group: str) -> Table:
    found: Table = import_module(f"tests.snp.test_{group}").CASES
    return found


@pytest.mark.parametrize(("group", "row"), [(g, row) for g, rows in ROWS.items() for row in rows])
def test_each_row_has_its_cases(group: str, row: str) -> None:
    cases = table(group)
    for word in ROWS[group][row].split():
        name, _, size = word.partition(":")
        found = [one for one in cases if fnmatchcase(one, name)]
        assert len(found) == int(size or 1), name
        for one in found:
            assert isinstance(cases[one][1], Accepted) == (one in ACCEPTED), one


def test_every_code_is_due_somewhere() -> None:
    due = {outcome for group in GROUPS for _, outcome in table(group).values()}
    codes = {one for one in due if isinstance(one, str)}
    wanted = {f"{area}.{word}" for area, words in SHARED.items() for word in words.split()}
    wanted |= {one for one in CODES if one.startswith("snp.")} - ELSEWHERE
    assert codes == wanted


def test_names_are_of_one_case_each() -> None:
    names = [name for group in GROUPS for name in table(group)]
    assert len(names) == len(set(names)) >= 290


def test_each_code_is_of_the_class_that_was_decided() -> None:
    decided = {code: kind for kind, codes in CLASSES.items() for code in codes.split()}
    for group in GROUPS:
        for name, (_, due) in table(group).items():
            if isinstance(due, str):
                other = "DeniedError" if due.startswith("policy.") else "UntrustedError"
                assert CODES[due][0] == decided.get(due, other), name
