# SPDX-License-Identifier: Apache-2.0
"""The originals that the tables forge are accepted, so no case passes for another reason."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any, Final, Literal, get_args

import pytest
from msgspec.structs import replace

from tests.snp.table import Accepted, Given, Table, bundle, bundled, on, reported, settle
from tests.snp.world import REPORT_DATA, ProductName, settings_of, snp
from troth.tsm.emulated.snp import Settings
from troth.tsm.emulated.snp.settings import Tcb, Tcbs
from troth.verify import AnyValue, ChipId, Revocation

VERSIONS: Final[tuple[Literal[2, 3, 4, 5], ...]] = (2, 3, 4, 5)
KEYS: Final[tuple[Literal["VCEK", "VLEK"], ...]] = ("VCEK", "VLEK")


def with_tcbs(**changed: Tcb) -> Settings:
    return replace(settings_of(), tcbs=Tcbs(**changed))


def of_kind(product: Any, key: Any, version: Any) -> Given:
    return on(settings_of(product, key, version))


def masked() -> Given:
    settings = settings_of()
    platform = replace(settings.platform, masked=True)
    return on(replace(settings, platform=platform), chip=ChipId.MASKED)


CASES: Final[Table] = {
    **{
        f"{product.lower()}-{key.lower()}-v{version}": (
            partial(of_kind, product, key, version),
            Accepted(product=product, kind=key),
        )
        for product, key, version in itertools.product(get_args(ProductName), KEYS, VERSIONS)
        if (product, version) != ("Turin", 2)
    },
    "any-report-data": (lambda: Given(report_data=AnyValue), Accepted()),
    "no-list-is-due": (
        lambda: Given(bundles=(bundle(crl=None),), revocation=Revocation.ANY),
        Accepted(revocation_checked=False),
    ),
    "several-sets": (
        lambda: Given(bundles=(snp(settings_of("Turin")).bundle(), snp().bundle())),
        Accepted(),
    ),
    "masked-by-name": (masked, Accepted()),
    "named-although-masked-is-allowed": (lambda: Given(chip=ChipId.MASKED), Accepted()),
    # As in the field: what is reported, committed and current differ.
    "tcbs-differ": (
        lambda: on(
            with_tcbs(
                reported=Tcb(microcode=217),
                committed=Tcb(microcode=219),
                current=Tcb(microcode=220),
            )
        ),
        Accepted(),
    ),
    "unknown-platform-info-bit": (
        lambda: reported(platform_info=1 << 6 | 1 << 63),
        Accepted(),
    ),
    "first-instant": (lambda: bundled_at(0), Accepted()),
    "last-instant": (lambda: bundled_at(1), Accepted()),
}


def bundled_at(which: int) -> Given:
    given = bundled()
    at = snp().collateral().window[which]
    return Given(report=given.report, bundles=given.bundles, at=at)


@pytest.mark.parametrize("name", CASES)
def test_the_original_is_accepted(name: str) -> None:
    settle(CASES[name])


def test_two_reports_of_one_guest_differ_in_their_signature_alone() -> None:
    one, other = snp().report(REPORT_DATA), snp().report(REPORT_DATA)
    assert one[:0x2A0] == other[:0x2A0]
    assert one != other
