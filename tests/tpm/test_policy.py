# SPDX-License-Identifier: Apache-2.0
"""The section [tpm]: one rule broken each, and values that are refused when a policy is read."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.tpm.table import (
    BANKS,
    CHALLENGE,
    EVIDENCE,
    PCR14,
    RSA,
    TPM,
    Accepted,
    Given,
    Table,
    anchors_of,
    quoted,
    section,
    settle,
    template,
)
from troth.errors import DeniedError
from troth.evidence.tpm import TpmQuote
from troth.policy.tpm import CONVERTERS, appraise_tpm
from troth.verify import AnyValue, Trace
from troth.verify.tpm import verify_tpm

ZEROS: Final = "00" * 32
ALL_BANKS: Final = tuple((bank, 24) for bank in ("sha1", "sha256", "sha384", "sha512"))


def under(given: Given, *changes: tuple[str, str], base: bytes | None = None) -> Given:
    """Return a case under the template of its evidence, or of `base`, with lines replaced."""
    text = template(base or given.evidence)
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return Given(
        evidence=given.evidence, anchors=given.anchors, challenge=given.challenge, policy=text
    )


def line(index: int) -> tuple[str, str]:
    """Return the line of a register in the template, and one that accepts another value."""
    old = f'\n{index} = ["{"ff" * 32 if index in range(17, 23) else ZERO_LINE}"]'
    return old, f'\n{index} = ["{"01" * 32}"]'


ZERO_LINE: Final = ZEROS
AK: Final = f'ak = ["{TPM.key.public.spki_sha256.hex()}"]'
FIRMWARE: Final = 'firmware_version = ["2019102300163636"]'


def unsafe(quote: TpmQuote) -> TpmQuote:
    return replace(quote, clock=replace(quote.clock, safe=False))


CASES: Final[Table] = {
    "under-its-template": (lambda: under(Given()), Accepted()),
    "rsa-under-its-template": (lambda: under(quoted(RSA)), Accepted(key="RSA")),
    "several-banks-under-their-template": (
        lambda: under(quoted(BANKS)),
        Accepted(quoted=ALL_BANKS),
    ),
    "one-register-under-its-template": (
        lambda: under(quoted(selections=PCR14)),
        Accepted(quoted=(("sha256", 1),)),
    ),
    "another-key": (
        lambda: under(Given(), (AK, f'ak = ["{"01" * 32}"]')),
        "policy.ak",
    ),
    "no-key": (lambda: under(Given(), (AK, "ak = []")), "policy.ak"),
    "any-key": (lambda: under(Given(), (AK, 'ak = "any"')), Accepted()),
    "another-firmware": (
        lambda: under(Given(), (FIRMWARE, 'firmware_version = ["2019102300163637"]')),
        "policy.firmware",
    ),
    "no-firmware": (
        lambda: under(Given(), (FIRMWARE, "firmware_version = []")),
        "policy.firmware",
    ),
    "clock-not-safe": (lambda: under(quoted(quote=unsafe)), "policy.clock"),
    "clock-not-safe-tolerated": (
        lambda: under(quoted(quote=unsafe), ('clock_safe = "require"', 'clock_safe = "any"')),
        Accepted(),
    ),
    **{
        f"register-{index}": (
            lambda index=index: under(Given(), line(index)),  # type: ignore[misc]  # mypy reads no default here
            "policy.measurement",
        )
        for index in range(24)
    },
    "register-nothing": (
        lambda: under(Given(), (f'\n14 = ["{ZEROS}"]', "\n14 = []")),
        "policy.measurement",
    ),
    "register-not-quoted": (
        lambda: under(quoted(selections=PCR14), base=EVIDENCE),
        "policy.measurement",
    ),
    "bank-not-quoted": (
        lambda: under(Given(), base=quoted(BANKS).evidence),
        "policy.ak",  # the other TPM's key, and its banks behind it
    ),
    "bank-not-quoted-any-key": (
        lambda: under(Given(), *keys_of_banks(), base=quoted(BANKS).evidence),
        "policy.measurement",
    ),
}


def keys_of_banks() -> tuple[tuple[str, str], ...]:
    return ((f'ak = ["{BANKS.key.public.spki_sha256.hex()}"]', 'ak = "any"'),)


WRONG: Final[dict[str, tuple[str, object]]] = {
    "ak-short": ("ak", ["00" * 31]),
    "ak-word": ("ak", "none"),
    "firmware-short": ("firmware_version", ["00" * 7]),
    "clock-word": ("clock_safe", "forbid"),
    "bank-word": ("sha256", "all"),
    "bank-list": ("sha256", []),
    "bank-of-23": ("sha256", {str(n): "any" for n in range(23)}),
    "bank-of-25": ("sha256", {str(n): "any" for n in range(25)}),
    "bank-list-of-names": ("sha256", [str(n) for n in range(24)]),
    "bank-misspelt": ("sha256", {("014" if n == 14 else str(n)): "any" for n in range(24)}),
    "register-short": ("sha256", {str(n): ["00" * 31] for n in range(24)}),
    "register-word": ("sha1", {str(n): "zero" for n in range(24)}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_rule_has_its_code(name: str) -> None:
    settle(CASES[name])


@pytest.mark.parametrize("name", WRONG)
def test_a_value_is_refused_when_it_is_read(name: str) -> None:
    key, value = WRONG[name]
    with pytest.raises(ValueError, match=r"due|hex|bytes"):
        CONVERTERS[key](value)


def test_every_rule_is_tried_and_noted() -> None:
    trace = Trace()
    verified = verify_tpm(
        EVIDENCE, anchors=anchors_of(TPM), at=TPM.at, challenge=CHALLENGE, trace=Trace()
    )
    text = template().replace(AK, "ak = []").replace(FIRMWARE, "firmware_version = []")
    with pytest.raises(DeniedError, match=r"policy\.ak"):
        appraise_tpm(verified, section(text), name="p.toml", trace=trace)
    failed: list[Any] = [one.rule for one in trace if one.verdict == "failed"]
    assert failed == ["policy.ak", "policy.firmware_version"]
    assert len(trace) == 3 + 2 + 24


def test_a_bank_that_is_any_is_not_looked_at() -> None:
    assert CONVERTERS["sha384"]("any") is AnyValue
