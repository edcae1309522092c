# SPDX-License-Identifier: Apache-2.0
"""Policy for TPM quotes: which keys, firmware and register values are wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from troth.evidence.tpm.layout import BANK_NUMBERS, BANKS, PCR_COUNT
from troth.policy import values
from troth.policy.rules import Rules
from troth.policy.values import ABSENT, ANY, Allowed
from troth.verify import AnyValue, Trace, Verified
from troth.verify.tpm import QuotedFacts, TpmFacts

__all__ = ["CONVERTERS", "POLICY_BANKS", "TpmPolicy", "appraise_tpm", "quoted_rules", "required"]

Wanted = Mapping[int, Allowed] | type[AnyValue]
"""What each register of a bank may be, or AnyValue for a bank that is not looked at."""

POLICY_BANKS: Final = ("sha1", "sha256", "sha384")
_REQUIRE: Final = "require"
_DIGEST_BYTES: Final = 32
_FIRMWARE_BYTES: Final = 8


class TpmPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[tpm]`, one field a key; see the guide on policies for what each means."""

    ak: Allowed
    firmware_version: Allowed
    clock_safe: str
    sha1: Wanted
    sha256: Wanted
    sha384: Wanted


def appraise_tpm(
    verified: Verified[TpmFacts], policy: TpmPolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.tpm` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    rules = Rules("tpm", name, trace)
    quoted_rules(verified.value.quoted, policy, rules)
    rules.decide()


def quoted_rules(facts: QuotedFacts, policy: TpmPolicy, rules: Rules) -> None:
    """Try the rules of `[tpm]`. A register that is wanted and not quoted is absent, and denied."""
    quote = facts.quote
    rules.fits("ak", facts.key.spki_sha256, policy.ak, "policy.ak")
    firmware = quote.firmware_version.to_bytes(_FIRMWARE_BYTES, "big")
    rules.fits("firmware_version", firmware, policy.firmware_version, "policy.firmware")
    rules.holds(
        "clock_safe",
        policy.clock_safe == ANY or quote.clock.safe,
        "policy.clock",
        expected=policy.clock_safe,
        got="safe" if quote.clock.safe else "not safe",
    )
    for bank in POLICY_BANKS:
        wanted: Wanted = getattr(policy, bank)
        if isinstance(wanted, type):
            rules.fits(bank, ABSENT, wanted, "policy.measurement")
            continue
        given = facts.registers.get(bank, {})
        for index, accepted in wanted.items():
            value = given.get(index, ABSENT)
            rules.fits(f"{bank}.{index}", value, accepted, "policy.measurement")


def required(value: object) -> str:
    """Return "require" or "any"."""
    if value not in (_REQUIRE, ANY):
        message = '"require" or "any" is due'
        raise ValueError(message)
    return str(value)


def _bank(value: object, bank: str) -> Wanted:
    """Return what a table wants of each register of a bank, or AnyValue for "any"."""
    if value == ANY:
        return AnyValue
    names = [str(index) for index in range(PCR_COUNT)]
    if not isinstance(value, dict) or sorted(value) != sorted(names):
        message = f'a table of the registers 0 to {PCR_COUNT - 1}, or "any", is due'
        raise ValueError(message)
    size = BANKS[BANK_NUMBERS[bank]][1]
    return {index: values.values(value[name], size) for index, name in enumerate(names)}


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "ak": lambda value: values.values(value, _DIGEST_BYTES),
    "firmware_version": lambda value: values.values(value, _FIRMWARE_BYTES),
    "clock_safe": required,
    **{bank: partial(_bank, bank=bank) for bank in POLICY_BANKS},
}
"""What makes a value of each key, or raises ValueError for people."""
