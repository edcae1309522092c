# SPDX-License-Identifier: Apache-2.0
"""SGX quotes, formats 3, 4 and 5: attributes, parser, builder.

quote = SgxQuote.parse(data)     # MalformedError, or a quote and the tail behind it
quote.body.mr_enclave            # claims; nothing is verified
quote.build() == data[:quote.size]
"""

from troth.evidence.sgx.attributes import SgxAttributes
from troth.evidence.sgx.describe import describe_sgx, describe_sgx_pck
from troth.evidence.sgx.quote import SgxQuote

__all__ = ["SgxAttributes", "SgxQuote", "describe_sgx", "describe_sgx_pck"]
