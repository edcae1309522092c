# SPDX-License-Identifier: Apache-2.0
"""A commented policy for enclaves, written from the values that a quote shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.sgx import SgxAttributes, SgxQuote

__all__ = ["policy_template_sgx"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

[sgx]
"""
_INIT: Final = "INIT"  # set in the report of every enclave that runs


def policy_template_sgx(quote: SgxQuote, source: str) -> str:
    """Return the text of a policy that accepts enclaves like that of `quote`.

    Args:
        quote: a parsed quote; nothing of it has been verified.
        source: a name for it, such as the file's.
    """
    body = quote.body
    attributes = SgxAttributes(body.attributes)
    named = sorted(one for one in attributes.names if not one.startswith("BIT_"))
    lines = [
        "# TCB statuses that are good enough. Others: SWHardeningNeeded, ConfigurationNeeded,",
        "# ConfigurationAndSWHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded;",
        "# unknown: without collateral.",
        'status = ["UpToDate"]',
        "# Advisories that may apply, and those that never may.",
        'advisories_allowed = "any"',
        "advisories_denied = []",
        "# The lowest tcbEvaluationDataNumber of collateral; a number keeps old sets out.",
        'minimum_evaluation_number = "any"',
        "",
        "# An enclave under debug: forbid, or any.",
        'debug = "forbid"',
        "# ATTRIBUTES that must be set, and others that may be; a bit in neither list denies.",
        f"attributes_required = {_list([one for one in named if one == _INIT])}",
        f"attributes_allowed = {_list(named)}",
        f"xfrm = {_list([attributes.xfrm.hex()])}",
        f"misc_select = [{body.misc_select}]",
        "",
        "# The enclave as built: its measurement, and who signed it. A signer alone is no enclave:",
        "# where mr_enclave is any, product and SVN say which of the signer's it may be.",
        f"mr_enclave = {_list([body.mr_enclave.hex()])}",
        f"mr_signer = {_list([body.mr_signer.hex()])}",
        f"isv_prod_id = [{body.isv_prod_id}]",
        f"minimum_isv_svn = {body.isv_svn}",
        "# Key separation and sharing; zeros where the attribute KSS is not set.",
        f"isv_ext_prod_id = {_list([body.isv_ext_prod_id.hex()])}",
        f"family_id = {_list([body.family_id.hex()])}",
        f"config_id = {_list([body.config_id.hex()])}",
        f"minimum_config_svn = {body.config_svn}",
        "",
        "# Up to 64 bytes each, zeros behind; differs with each nonce, so not compared here.",
        'report_data = "any"',
    ]
    return _HEAD.format(source=_comment_safe(source)) + "\n".join(lines) + "\n"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in values) + "]"


def _comment_safe(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
