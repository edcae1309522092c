# SPDX-License-Identifier: Apache-2.0
"""Policy for TDX: which genuine TDs are wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from troth.evidence.tdx import TdAttributes, TdReportBody
from troth.evidence.tdx.layout import MEASUREMENT_BYTES, REPORT_DATA_BYTES
from troth.policy import values
from troth.policy.intel import platform_rules
from troth.policy.rules import Rules, spell
from troth.policy.values import ABSENT, ANY, Allowed, Words
from troth.verify import AnyValue, Trace, Verified
from troth.verify.tdx import TdxFacts

__all__ = ["CONVERTERS", "TdxPolicy", "appraise_tdx"]

MEASUREMENTS: Final = (
    "mr_td",
    "mr_seam",
    "mr_config_id",
    "mr_owner",
    "mr_owner_config",
    "rtmr0",
    "rtmr1",
    "rtmr2",
    "rtmr3",
)
STATUSES: Final = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "TDRelaunchAdvised",
        "TDRelaunchAdvisedConfigurationNeeded",
        "unknown",  # judged without collateral
    }
)


class TdxPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[tdx]`, one field a key; see the guide on policies for what each means."""

    status: Words
    advisories_allowed: Words
    advisories_denied: frozenset[str]
    debug: str
    attributes_required: frozenset[str]
    attributes_allowed: Words
    xfam: Allowed
    mr_td: Allowed
    mr_seam: Allowed
    mr_config_id: Allowed
    mr_owner: Allowed
    mr_owner_config: Allowed
    rtmr0: Allowed
    rtmr1: Allowed
    rtmr2: Allowed
    rtmr3: Allowed
    mr_service_td: Allowed
    minimum_evaluation_number: int | type[AnyValue]
    report_data: Allowed


def appraise_tdx(
    verified: Verified[TdxFacts], policy: TdxPolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.tdx` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    facts = verified.value
    rules = Rules("tdx", name, trace)
    platform_rules(facts, policy, rules)
    _td_rules(facts.body, policy, rules)
    rules.decide()


def _td_rules(body: TdReportBody, policy: TdxPolicy, rules: Rules) -> None:
    attributes = body.attributes
    rules.holds(
        "debug",
        policy.debug == ANY or not attributes.under_debug,
        "policy.debug",
        expected=policy.debug,
        got=body.td_attributes,
    )
    rules.holds(
        "attributes_required",
        policy.attributes_required <= attributes.names,
        "policy.attributes",
        expected=policy.attributes_required,
        got=attributes.names,
    )
    allowed = policy.attributes_allowed
    rules.holds(
        "attributes_allowed",
        isinstance(allowed, type) or attributes.names <= allowed | policy.attributes_required,
        "policy.attributes",
        expected=spell(allowed),
        got=attributes.names,
    )
    rules.fits("xfam", body.xfam, policy.xfam, "policy.attributes")
    for name in MEASUREMENTS:
        rules.fits(name, getattr(body, name), getattr(policy, name), "policy.measurement")
    service = ABSENT if body.mr_service_td is None else body.mr_service_td
    rules.fits("mr_service_td", service, policy.mr_service_td, "policy.service-td")
    rules.fits("report_data", body.report_data, policy.report_data, "policy.report-data")


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "status": lambda value: values.words(value, STATUSES),
    "advisories_allowed": values.advisories,
    "advisories_denied": values.advisory_set,
    "debug": values.debug,
    "attributes_required": lambda value: values.word_set(value, TdAttributes.NAMES),
    "attributes_allowed": lambda value: values.words(value, TdAttributes.NAMES),
    "xfam": lambda value: values.values(value, 8),
    **{name: lambda value: values.values(value, MEASUREMENT_BYTES) for name in MEASUREMENTS},
    "mr_service_td": lambda value: values.values(value, MEASUREMENT_BYTES, absent=True),
    "minimum_evaluation_number": values.number,
    "report_data": lambda value: values.values(value, REPORT_DATA_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
