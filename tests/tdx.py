# SPDX-License-Identifier: Apache-2.0
"""What tests with a software TDX share: an instant, report data, and the other implementation."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final

from troth.tsm.emulated.tdx import Bundle, SoftwareTdx

# The peer comes without types that mypy reads, so it is imported by name and is Any from here on.
PEER: Final[Any] = import_module("dcap_qvl")

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
REPORT_DATA: Final = bytes(range(64))


def peer_status(
    tee: SoftwareTdx, quote: bytes, bundle: Bundle | None = None, at: datetime = AT
) -> str:
    """Return the status that the peer gives a quote under the TEE's own root.

    Raises:
        ValueError: it refuses the quote.
    """
    root = tee.pki.certificates["root"]
    report = PEER.verify_with_root_ca(quote, _collateral(tee, bundle), root, int(at.timestamp()))
    return str(report.status)


def peer_status_under_intel(tee: SoftwareTdx, quote: bytes) -> str:
    """Return the status that the peer gives a quote under Intel's root.

    Raises:
        ValueError: it refuses the quote.
    """
    return str(PEER.verify(quote, _collateral(tee, None), int(AT.timestamp())).status)


def _collateral(tee: SoftwareTdx, bundle: Bundle | None) -> object:
    text = tee.bundle() if bundle is None else bundle.json()
    return PEER.QuoteCollateralV3.from_json(text.decode())
