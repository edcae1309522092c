# SPDX-License-Identifier: Apache-2.0
"""What is known of a guest once its SNP report has been verified."""

from __future__ import annotations

from datetime import datetime

import msgspec

from troth.endorse.amd import LeafCertificate, SnpCollateral, describe_leaf
from troth.evidence.snp import Product, SnpReport, describe_report
from troth.evidence.snp.describe import SnpClaim
from troth.verify.anchors import Anchor

__all__ = ["SnpFacts", "describe_snp"]


class SnpFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a genuine report and what vouches for it."""

    report: SnpReport
    anchor: Anchor
    at: datetime
    collateral: SnpCollateral

    @property
    def leaf(self) -> LeafCertificate:
        """The certificate of the key that signed the report."""
        return self.collateral.leaf

    @property
    def product(self) -> Product:
        """Which processor made the report; in version 2 the certificate alone says so."""
        return self.leaf.product

    @property
    def is_revocation_checked(self) -> bool:
        """Whether there was a current list of the root key, without these certificates."""
        return self.collateral.crl is not None


def describe_snp(facts: SnpFacts) -> dict[str, SnpClaim]:
    """Return every field of the report and of its certificate, as names and plain values."""
    told = describe_report(facts.report) | describe_leaf(facts.leaf)
    return told | {
        "product": facts.product.value,
        "revocation_checked": facts.is_revocation_checked,
    }
