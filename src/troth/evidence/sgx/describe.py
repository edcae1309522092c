# SPDX-License-Identifier: Apache-2.0
"""A quote's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from troth.evidence.intel.describe import Claim, describe_chain
from troth.evidence.sgx.attributes import SgxAttributes
from troth.evidence.sgx.quote import SgxQuote

__all__ = ["describe_sgx", "describe_sgx_pck"]

_NUMBERS = ("misc_select", "isv_prod_id", "isv_svn", "config_svn")
_BYTES = (
    "attributes",
    "mr_enclave",
    "mr_signer",
    "isv_ext_prod_id",
    "config_id",
    "family_id",
    "report_data",
)


def describe_sgx(quote: SgxQuote) -> dict[str, Claim]:
    """Return header and body: byte strings as lower-case hex.

    The enclave's raw CPUSVN is `report_cpu_svn`: `cpu_svn` are the PCK certificate's components,
    by which TCB levels are judged.
    """
    body = quote.body
    attributes = SgxAttributes(body.attributes)
    fields: dict[str, Claim] = {name: getattr(body, name).hex() for name in _BYTES}
    fields |= {name: getattr(body, name) for name in _NUMBERS}
    return fields | {
        "report_cpu_svn": body.cpu_svn.hex(),
        "version": quote.header.version,
        "body_type": quote.body_type,
        "cert_data_type": quote.section.certification_type,
        "quote_bytes": quote.size,
        "debug": attributes.debug,
        "xfrm": attributes.xfrm.hex(),
        "attributes_set": [*sorted(attributes.names)],
    }


def describe_sgx_pck(quote: SgxQuote) -> dict[str, Claim]:
    """Return what the PCK certificate says of the platform, as `describe_chain`.

    Raises:
        MalformedError, UntrustedError: as `PckChain.parse`.
    """
    return describe_chain(quote.pck_chain)
