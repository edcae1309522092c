# SPDX-License-Identifier: Apache-2.0
"""A commented policy, written from the values that a piece of evidence shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.tdx import TdxQuote

__all__ = ["policy_template"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

[tdx]
"""


def policy_template(quote: TdxQuote, source: str) -> str:
    """Return the text of a policy that accepts TDs like that of `quote`.

    Args:
        quote: a parsed quote; nothing of it has been verified.
        source: a name for it, such as the file's.
    """
    body = quote.body
    service = "absent" if body.mr_service_td is None else body.mr_service_td.hex()
    required = [] if not body.attributes.sept_ve_disable else ["SEPT_VE_DISABLE"]
    allowed = sorted(one for one in body.attributes.names if not one.startswith("BIT_"))
    lines = [
        "# TCB statuses that are good enough. Others: SWHardeningNeeded, ConfigurationNeeded,",
        "# ConfigurationAndSWHardeningNeeded, OutOfDate, OutOfDateConfigurationNeeded,",
        "# TDRelaunchAdvised, TDRelaunchAdvisedConfigurationNeeded; unknown: without collateral.",
        'status = ["UpToDate"]',
        "# Advisories that may apply, and those that never may.",
        'advisories_allowed = "any"',
        "advisories_denied = []",
        "# The lowest tcbEvaluationDataNumber of collateral; a number keeps old sets out.",
        'minimum_evaluation_number = "any"',
        "",
        "# A TD under debug (any of TDATTRIBUTES bits 0 to 7): forbid, or any.",
        'debug = "forbid"',
        "# TDATTRIBUTES that must be set, and others that may be; a bit in neither list denies.",
        f"attributes_required = {_list(required)}",
        f"attributes_allowed = {_list(allowed)}",
        f"xfam = {_list([body.xfam.hex()])}",
        "",
        "# The TD as built: the virtual firmware, and what the launcher configured.",
        f"mr_td = {_list([body.mr_td.hex()])}",
        f"mr_config_id = {_list([body.mr_config_id.hex()])}",
        f"mr_owner = {_list([body.mr_owner.hex()])}",
        f"mr_owner_config = {_list([body.mr_owner_config.hex()])}",
        "# The TDX module's build; Intel's collateral judges its version in any case.",
        'mr_seam = "any"',
        "",
        "# Registers: 0 configuration, 1 kernel, 2 command line and initrd, 3 the workload's.",
        *(f"rtmr{index} = {_list([one.hex()])}" for index, one in enumerate(body.rtmrs)),
        "# The service TD (migration); absent in reports of version 1.0.",
        f"mr_service_td = {_list([service])}",
        "",
        "# Up to 64 bytes each, zeros behind; differs with each nonce, so not compared here.",
        'report_data = "any"',
    ]
    return _HEAD.format(source=_comment_safe(source)) + "\n".join(lines) + "\n"


def _list(values: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in values) + "]"


def _comment_safe(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
