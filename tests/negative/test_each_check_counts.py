# SPDX-License-Identifier: Apache-2.0
"""Every check has a case that fails without it: each is removed in turn, and the table notices.

`mutants` says what counts as a check. A mutant that no case notices must be in `UNNOTICED`, with
the reason why it changes no judgement; one that is there and is noticed, or is no mutant any
more, fails as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Final

import pytest

from tests.negative.mutants import Mutant, mutants
from tests.negative.table import Accepted, Given, Refused, expected, outcome

GROUPS: Final = (
    "sound",
    "quote_format",
    "binding",
    "chain",
    "crl",
    "collateral",
    "collateral_contents",
    "qe",
    "td_policy",
    "without_collateral",
    "tcb",
)
# Modules that decide, and the groups of cases that are tried first.
MODULES: Final[dict[str, tuple[str, ...]]] = {
    "verify.anchors": ("chain",),
    "verify.cache": ("collateral",),
    "verify.trace": ("qe",),
    "verify.intel.collateral": ("crl", "collateral"),
    "verify.intel.enclave": ("qe", "without_collateral", "binding"),
    "verify.intel.pck": ("chain",),
    "verify.intel.quote": ("quote_format", "binding", "td_policy", "collateral"),
    "verify.intel.seen": ("collateral",),
    "verify.intel.tcb": ("tcb",),
    "verify.tdx.quote": ("without_collateral", "quote_format", "binding", "td_policy", "tcb"),
    "crypto.chain": ("chain", "collateral"),
    "crypto.crl": ("crl",),
    "crypto.der": ("chain",),
    "crypto.p256": ("binding", "crl"),
    "crypto.x509": ("chain",),
    "evidence.intel.header": ("quote_format",),
    "evidence.intel.pck": ("chain",),
    "evidence.intel.signature": ("quote_format",),
    "evidence.tdx.quote": ("quote_format",),
    "endorse.intel.bundle": ("collateral",),
    "endorse.intel.collateral": ("collateral_contents",),
    "endorse.intel.fields": ("collateral_contents",),
    "endorse.intel.qe_identity": ("collateral", "collateral_contents"),
    "endorse.intel.tcb_info": ("collateral", "collateral_contents"),
    "policy.intel": ("td_policy",),
    "policy.judgement": ("td_policy",),
    "policy.rules": ("td_policy",),
    "policy.tdx": ("td_policy",),
    "wire.json": ("collateral", "collateral_contents"),
    "wire.reader": ("quote_format",),
    "wire.text": ("chain", "collateral"),
}
# Not on the way from bytes to a judgement.
ELSEWHERE: Final = (
    "crypto.p256.PrivateKey.",  # loads the keys of an emulated platform
    "evidence.intel.signature.SignatureSection.parse_flat",  # format 3, which is SGX's alone
    "endorse.intel.bundle.is_bundle",  # tells files apart for the command line
    "endorse.intel.bundle.pcs_document",  # cuts documents out of the answers of a service
)
UNNOTICED: Final = {
    "verify.intel.collateral._check_platform: for ('4.tee', tee, info.tee)": (
        "`choose` has taken a set for this TEE"
    ),
    "verify.intel.collateral._check_platform: for ('4.fmspc', extension.fmspc, info.fmspc)": (
        "`choose` has taken a set for this FMSPC"
    ),
    "verify.intel.quote.check_report_data: if len(expected) > REPORT_DATA_BYTES": (
        "65 bytes are not equal to 64 either; the check is there for its detail"
    ),
    "verify.intel.seen.platform_window: min of end": (
        "the chain's own window is looked at before the platform is"
    ),
    "crypto.crl.Crl.__init__: if one.oid.dotted_string not in _KNOWN": (
        "without it more is refused: known extensions too, where they are critical"
    ),
    "crypto.crl.Crl.revokes: and self.issuer == certificate.issuer": (
        "the caller asks each list about certificates of its issuer alone"
    ),
    "crypto.x509.Certificate.__eq__: and isinstance(other, Certificate)": (
        "certificates are compared with certificates alone"
    ),
    "wire.reader.Reader.take: of size < 0": "every size is read as an unsigned number",
}
ENORMOUS: Final = 5 * 1024 * 1024  # bytes of input; such cases are not repeated for each mutant
LARGE: Final = 256 * 1024  # likewise, where all of it is read

Ready = tuple[Given, Refused | Accepted]


@cache
def ready() -> dict[str, list[Ready]]:
    """Return the cases of each group, made once and shown to hold."""
    found: dict[str, list[Ready]] = {}
    for group in GROUPS:
        cases = import_module(f"tests.negative.test_{group}").CASES.values()
        all_of_it = [(make(), expected(due)) for make, due in cases]
        found[group] = [(given, due) for given, due in all_of_it if size(given) < limit(due)]
        assert all(outcome(given) == due for given, due in found[group])
    return found


def size(given: Given) -> int:
    bundles = () if isinstance(given.bundles, type) else given.bundles
    return sum(map(len, (given.quote, *bundles)))


def limit(due: Refused | Accepted) -> int:
    return LARGE if isinstance(due, Accepted) else ENORMOUS


def likely_first(mutant: Mutant, groups: Iterable[str]) -> list[Ready]:
    """Return all cases: those of a code that the function speaks of, then those of `groups`."""
    order = [*groups, *(one for one in GROUPS if one not in groups)]
    cases = [one for group in order for one in ready()[group]]
    return sorted(cases, key=lambda one: not speaks_of(mutant, one[1]))


def speaks_of(mutant: Mutant, due: Refused | Accepted) -> bool:
    return isinstance(due, Refused) and due.code in mutant.codes


def is_noticed(mutant: Mutant, groups: Iterable[str]) -> bool:
    """Say whether any case comes out otherwise without the check."""
    cases = likely_first(mutant, groups)
    with mutant.installed():
        return any(differs(given, due) for given, due in cases)


def differs(given: Given, due: Refused | Accepted) -> bool:
    try:
        return outcome(given) != due
    except Exception:  # noqa: BLE001 - what a function without its check raises is not ours to say
        return True


def of(module: str) -> list[Mutant]:
    return [one for one in mutants(f"troth.{module}") if not one.name.startswith(ELSEWHERE)]


@pytest.mark.parametrize("module", MODULES)
def test_a_check_that_is_removed_is_missed(module: str) -> None:
    unnoticed = [one.name for one in of(module) if not is_noticed(one, MODULES[module])]
    assert unnoticed == [name for name in unnoticed if name in UNNOTICED]
    listed = {name for name in UNNOTICED if name.startswith(f"{module}.")}
    assert listed == set(unnoticed)


def test_the_checks_are_found() -> None:
    by_package: dict[str, int] = {}
    for module in MODULES:
        package = module.partition(".")[0]
        by_package[package] = by_package.get(package, 0) + len(of(module))
    assert by_package["verify"] >= 80
    assert by_package["crypto"] >= 35
    assert sum(by_package.values()) >= 200
