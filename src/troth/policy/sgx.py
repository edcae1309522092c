# SPDX-License-Identifier: Apache-2.0
"""Policy for SGX: which genuine enclaves are wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from troth.evidence.intel import EnclaveReport
from troth.evidence.intel.layout import REPORT_DATA_BYTES
from troth.evidence.sgx import SgxAttributes
from troth.policy import values
from troth.policy.intel import platform_rules
from troth.policy.rules import Rules, spell
from troth.policy.values import ANY, Allowed, Numbers, Words
from troth.verify import AnyValue, Trace, Verified
from troth.verify.sgx import SgxFacts

__all__ = ["CONVERTERS", "SgxPolicy", "appraise_sgx"]

STATUSES: Final = frozenset(
    {
        "UpToDate",
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDate",
        "OutOfDateConfigurationNeeded",
        "unknown",  # judged without collateral
    }
)
# Byte strings of the report, by their size in bytes; compared as they are, each with its code.
_BYTES: Final = {
    "mr_enclave": 32,
    "mr_signer": 32,
    "config_id": 64,
    "family_id": 16,
    "isv_ext_prod_id": 16,
}
_UINT16: Final = 0xFFFF
_UINT32: Final = 0xFFFF_FFFF


class SgxPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[sgx]`, one field a key; see the guide on policies for what each means."""

    status: Words
    advisories_allowed: Words
    advisories_denied: frozenset[str]
    minimum_evaluation_number: int | type[AnyValue]
    debug: str
    attributes_required: frozenset[str]
    attributes_allowed: Words
    xfrm: Allowed
    misc_select: Numbers
    mr_enclave: Allowed
    mr_signer: Allowed
    isv_prod_id: Numbers
    minimum_isv_svn: int | type[AnyValue]
    isv_ext_prod_id: Allowed
    family_id: Allowed
    config_id: Allowed
    minimum_config_svn: int | type[AnyValue]
    report_data: Allowed


def appraise_sgx(
    verified: Verified[SgxFacts], policy: SgxPolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.sgx` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    facts = verified.value
    rules = Rules("sgx", name, trace)
    platform_rules(facts, policy, rules)
    _attribute_rules(facts.body, policy, rules)
    _enclave_rules(facts.body, policy, rules)
    rules.decide()


def _attribute_rules(body: EnclaveReport, policy: SgxPolicy, rules: Rules) -> None:
    attributes = SgxAttributes(body.attributes)
    rules.holds(
        "debug",
        policy.debug == ANY or not attributes.debug,
        "policy.debug",
        expected=policy.debug,
        got=body.attributes,
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
    rules.fits("xfrm", attributes.xfrm, policy.xfrm, "policy.attributes")
    rules.fits("misc_select", body.misc_select, policy.misc_select, "policy.attributes")


def _enclave_rules(body: EnclaveReport, policy: SgxPolicy, rules: Rules) -> None:
    for name in _BYTES:
        rules.fits(name, getattr(body, name), getattr(policy, name), "policy.measurement")
    rules.fits("isv_prod_id", body.isv_prod_id, policy.isv_prod_id, "policy.enclave-product")
    for name, got, least in (
        ("minimum_isv_svn", body.isv_svn, policy.minimum_isv_svn),
        ("minimum_config_svn", body.config_svn, policy.minimum_config_svn),
    ):
        rules.holds(
            name,
            isinstance(least, type) or got >= least,
            "policy.enclave-svn",
            expected=ANY if isinstance(least, type) else f"at least {least}",
            got=got,
        )
    rules.fits("report_data", body.report_data, policy.report_data, "policy.report-data")


def _bytes_of(size: int) -> Callable[[Any], Allowed]:
    return lambda value: values.values(value, size)


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "status": lambda value: values.words(value, STATUSES),
    "advisories_allowed": values.advisories,
    "advisories_denied": values.advisory_set,
    "minimum_evaluation_number": values.number,
    "debug": values.debug,
    "attributes_required": lambda value: values.word_set(value, SgxAttributes.NAMES),
    "attributes_allowed": lambda value: values.words(value, SgxAttributes.NAMES),
    "xfrm": _bytes_of(8),
    "misc_select": lambda value: values.numbers(value, _UINT32),
    **{name: _bytes_of(size) for name, size in _BYTES.items()},
    "isv_prod_id": lambda value: values.numbers(value, _UINT16),
    "minimum_isv_svn": values.number,
    "minimum_config_svn": values.number,
    "report_data": lambda value: values.values(value, REPORT_DATA_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
