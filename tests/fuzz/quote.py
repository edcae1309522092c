# SPDX-License-Identifier: Apache-2.0
"""The door for quotes: TDX and SGX, parsed, built again, shown and judged."""

from __future__ import annotations

from typing import Any, Final

from tests.fuzz.door import Door, Way
from tests.fuzz.judged import AT, CHALLENGE, judged, shown
from troth.crypto.x509 import Certificate
from troth.endorse.intel import parse_bundle
from troth.evidence.sgx import SgxQuote
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.sgx import SoftwareSgx
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.verify import Anchor, Anchors, WithoutCollateral

__all__ = ["DOOR"]

TDX: Final = SoftwareTdx.create(at=AT)
SGX: Final = SoftwareSgx.create(at=AT)
TDX_QUOTES: Final = (TDX.quote(CHALLENGE, version=4), TDX.quote(CHALLENGE, version=5) + bytes(8))
SGX_QUOTES: Final = tuple(SGX.quote(CHALLENGE, version=version) for version in (3, 4, 5))
ANCHORS: Final = Anchors(Anchor.of(Certificate(tee.pki.certificates["root"])) for tee in (TDX, SGX))


def is_built_again(quote: Any, data: bytes) -> bool:
    built: bytes = quote.build()
    return built == data[: quote.size] and quote.tail == data[quote.size :]


DOOR: Final = Door(
    name="quote",
    ways=(
        Way(name="TDX", parse=TdxQuote.parse, seeds=TDX_QUOTES, holds=is_built_again),
        Way(name="SGX", parse=SgxQuote.parse, seeds=SGX_QUOTES, holds=is_built_again),
        shown("tdx", *TDX_QUOTES),
        shown("sgx", *SGX_QUOTES),
        judged("tdx", *TDX_QUOTES, anchors=ANCHORS, collateral=WithoutCollateral),
        judged("tdx", *TDX_QUOTES, anchors=ANCHORS, collateral=(parse_bundle(TDX.bundle(), "a"),)),
        judged("sgx", *SGX_QUOTES, anchors=ANCHORS, collateral=(parse_bundle(SGX.bundle(), "b"),)),
    ),
    modules=(
        "troth.evidence.intel.*",
        "troth.evidence.tdx.*",
        "troth.evidence.sgx.*",
        "troth.verify.intel.*",
        "troth.verify.tdx.*",
        "troth.verify.sgx.*",
    ),
)
