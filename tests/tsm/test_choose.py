# SPDX-License-Identifier: Apache-2.0
"""Which driver is chosen, by what was found; each of the others has a reason and a remedy."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.tsm.choose import Choice, DriverName, Findings, Found, Option, State, choose
from troth.tsm.driver import PROVIDERS

READY: Final = Found(State.READY, "it is there")
ABSENT: Final = Found(State.ABSENT, "it is not there")
DENIED: Final = Found(State.DENIED, "it is not for this user")
FAILED: Final = Found(State.FAILED, "it does not work")
NOTHING: Final = Findings(
    configfs=ABSENT,
    provider=None,
    registers=ABSENT,
    sysfs=ABSENT,
    tdx_device=ABSENT,
    sev_device=ABSENT,
    quote_service=ABSENT,
)
TDX: Final = replace(
    NOTHING, configfs=READY, provider="tdx_guest", tdx_device=READY, quote_service=READY
)
found = st.builds(Found, st.sampled_from(State), st.just("said"))


def option(choice: Choice, name: DriverName) -> Option:
    (one,) = (one for one in choice.options if one.driver is name)
    return one


def test_the_kernels_own_arbitration_comes_first() -> None:
    choice = choose(TDX)
    assert (choice.driver, choice.provider) == (DriverName.CONFIGFS, "tdx_guest")
    assert option(choice, DriverName.IOCTL).is_usable


@pytest.mark.parametrize("configfs", [ABSENT, DENIED, FAILED])
def test_a_device_comes_next(configfs: Found) -> None:
    choice = choose(replace(TDX, configfs=configfs, provider=None))
    assert (choice.driver, choice.provider) == (DriverName.IOCTL, "tdx_guest")
    assert option(choice, DriverName.CONFIGFS).why == configfs.detail
    assert option(choice, DriverName.CONFIGFS).remedy
    choice = choose(replace(NOTHING, configfs=configfs, sev_device=READY))
    assert (choice.driver, choice.provider) == (DriverName.IOCTL, "sev_guest")


@pytest.mark.parametrize("service", [ABSENT, FAILED])
def test_a_tdx_device_is_of_no_use_without_a_quote_service(service: Found) -> None:
    choice = choose(replace(NOTHING, tdx_device=READY, quote_service=service))
    assert choice.driver is None
    assert "quote_service" in option(choice, DriverName.IOCTL).remedy
    assert service.detail in option(choice, DriverName.IOCTL).why


@pytest.mark.parametrize("device", [DENIED, FAILED])
def test_a_device_that_is_there_has_more_to_say_than_one_that_is_not(device: Found) -> None:
    absent = option(choose(NOTHING), DriverName.IOCTL).remedy
    machine = replace(NOTHING, quote_service=READY)
    for found_so in (replace(machine, tdx_device=device), replace(machine, sev_device=device)):
        choice = choose(found_so)
        assert choice.driver is None
        assert option(choice, DriverName.IOCTL).remedy != absent


def test_what_would_be_guessed_is_never_chosen() -> None:
    choice = choose(replace(NOTHING, sysfs=READY, registers=READY, quote_service=READY))
    assert choice.driver is None
    assert "does not tell its provider" in option(choice, DriverName.SYSFS).why


def test_a_root_needs_a_register_that_can_be_extended() -> None:
    rooted = choose(replace(TDX, registers=READY))
    assert (rooted.root_register, rooted.unrooted) == ("rtmr3", "")
    for registers in (ABSENT, DENIED, FAILED):
        choice = choose(replace(TDX, registers=registers))
        assert choice.root_register == "none"
        assert "from 6.16 on" in choice.unrooted
    snp = replace(NOTHING, sev_device=READY, registers=READY)
    assert choose(snp).root_register == "none"
    nothing = choose(NOTHING)
    assert (nothing.root_register, nothing.unrooted) == (None, "")


@pytest.mark.parametrize(
    ("provider", "why"),
    [
        ("sev_guest", "SEV-SNP has no runtime registers"),
        ("arm_cca_guest", "Linux has no call by which a guest extends a REM"),
        ("cove_guest", "no kernel has a call"),
    ],
)
def test_where_no_kernel_lets_a_guest_extend_the_boot_is_unrooted_and_why_is_said(
    provider: str, why: str
) -> None:
    choice = choose(replace(NOTHING, configfs=READY, provider=provider, registers=READY))
    assert (choice.driver, choice.provider) == (DriverName.CONFIGFS, provider)
    assert choice.root_register == "none"
    assert why in choice.unrooted


def test_a_provider_whose_reports_cannot_be_read_is_not_chosen() -> None:
    choice = choose(replace(NOTHING, configfs=READY, provider="other_guest"))
    assert (choice.driver, choice.root_register) == (None, None)
    assert "cannot read" in option(choice, DriverName.CONFIGFS).why
    assert "arm_cca_guest, cove_guest" in option(choice, DriverName.CONFIGFS).remedy


@given(
    st.builds(
        Findings,
        configfs=found,
        provider=st.sampled_from([None, *PROVIDERS, "other_guest"]),
        registers=found,
        sysfs=found,
        tdx_device=found,
        sev_device=found,
        quote_service=found,
    )
)
def test_each_driver_is_usable_or_says_what_to_do(findings: Findings) -> None:
    choice = choose(findings)
    assert [one.driver for one in choice.options] == list(DriverName)
    assert all(one.is_usable != bool(one.remedy) for one in choice.options)
    assert all(one.why for one in choice.options)
    assert choice.driver not in {DriverName.SYSFS, DriverName.EMULATED}
    usable = [one.driver for one in choice.options if one.is_usable]
    assert choice.driver is (usable[0] if usable else None)
    assert (choice.root_register == "none") is bool(choice.unrooted)
