# SPDX-License-Identifier: Apache-2.0
"""Of which kind of TEE a policy's bundles are, and what voids a report of that kind.

A bundle is of the one kind whose section the policy has: of [tdx], [snp], [cca], [cove] exactly
one stands beside [boot]. Were there two, whoever makes a bundle could choose between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from troth.policy.cca import CcaPolicy
from troth.policy.cove import CovePolicy
from troth.policy.snp import SnpPolicy
from troth.policy.tdx import TdxPolicy
from troth.verify.bundle import (
    BundleTee,
    CcaWanted,
    CoveWanted,
    ReportWanted,
    SnpWanted,
    TdxWanted,
)

__all__ = ["BUNDLE_TEES", "report_wanted"]

BUNDLE_TEES: Final[tuple[BundleTee, ...]] = get_args(BundleTee)


def report_wanted(tee: BundleTee, section: object) -> ReportWanted:
    """Return what a section of a policy makes of a bundle's report."""
    return _MAKERS[tee](section)


def _tdx(section: TdxPolicy) -> TdxWanted:
    return TdxWanted(debug=section.debug, service_tds=section.mr_service_td)


def _snp(section: SnpPolicy) -> SnpWanted:
    return SnpWanted(
        debug=section.debug,
        migration_agent=section.migration_agent,
        vmpl=section.vmpl,
        chip=section.chip,
        revocation=section.revocation,
    )


def _cca(section: CcaPolicy) -> CcaWanted:
    return CcaWanted(debug=section.debug)


def _cove(_: CovePolicy) -> CoveWanted:
    return CoveWanted()


_MAKERS: Final[Mapping[BundleTee, Callable[[Any], ReportWanted]]] = {
    "tdx": _tdx,
    "snp": _snp,
    "cca": _cca,
    "cove": _cove,
}
