# SPDX-License-Identifier: Apache-2.0
"""A quote's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from troth.evidence.intel.describe import Claim, describe_chain
from troth.evidence.tdx.quote import TdxQuote

__all__ = ["Claim", "describe_pck", "describe_quote"]


def describe_quote(quote: TdxQuote) -> dict[str, Claim]:
    """Return header and body: byte strings as lower-case hex, fields of 1.5 only where present."""
    body = quote.body
    names = (*body.__struct_fields__,)
    fields: dict[str, Claim] = {
        name: value.hex() for name in names if (value := getattr(body, name)) is not None
    }
    return fields | {
        "version": quote.header.version,
        "body_type": quote.body_type,
        "cert_data_type": quote.section.certification_type,
        "quote_bytes": quote.size,
        "debug": body.attributes.debug,
        "sept_ve_disable": body.attributes.sept_ve_disable,
        "attributes_set": [*sorted(body.attributes.names)],
    }


def describe_pck(quote: TdxQuote) -> dict[str, Claim]:
    """Return what the PCK certificate says of the platform; `cpu_svn` are its components.

    Raises:
        MalformedError, UntrustedError: as `PckChain.parse`.
    """
    return describe_chain(quote.pck_chain)
