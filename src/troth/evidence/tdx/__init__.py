# SPDX-License-Identifier: Apache-2.0
"""TDX quotes, formats 4 and 5, bodies 1.0 and 1.5: layout, parser, builder.

quote = TdxQuote.parse(data)     # MalformedError, or a quote and the tail behind it
quote.body.mr_td                 # claims; nothing is verified
quote.build() == data[:quote.size]
"""

from troth.evidence.intel import QuoteHeader
from troth.evidence.tdx.attributes import TdAttributes
from troth.evidence.tdx.body import TdReportBody
from troth.evidence.tdx.describe import Claim, describe_pck, describe_quote
from troth.evidence.tdx.quote import TdxQuote

__all__ = [
    "Claim",
    "QuoteHeader",
    "TdAttributes",
    "TdReportBody",
    "TdxQuote",
    "describe_pck",
    "describe_quote",
]
