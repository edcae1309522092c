# SPDX-License-Identifier: Apache-2.0
"""What `troth doctor` says of the TSMs of a machine, and of the driver to choose."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import click

from troth.errors import DriverError, UsageError
from troth.tsm.choose import Choice, Findings, State
from troth.tsm.ioctl.qgs import Address, parse_address

__all__ = ["Finding", "address", "findings", "print_choice"]

Verdict = Literal["ok", "absent", "failed"]

_VERDICTS: Final[dict[State, Verdict]] = {
    State.READY: "ok",
    State.ABSENT: "absent",
    State.DENIED: "absent",
    State.FAILED: "failed",
}


class Finding(NamedTuple):
    """One line of what was found."""

    about: str
    verdict: Verdict
    detail: str


def findings(found: Findings) -> list[Finding]:
    """Say of each source of reports whether it is there, and whether we may use it."""
    sources = {
        "configfs-tsm": found.configfs,
        "registers": found.registers,
        "tdx device": found.tdx_device,
        "sev device": found.sev_device,
        "quote service": found.quote_service,
        "sysfs class": found.sysfs,
    }
    return [Finding(name, _VERDICTS[one.state], one.detail) for name, one in sources.items()]


def print_choice(choice: Choice) -> None:
    """Print which driver is chosen and, of each other, why not and what would change that."""
    chosen = "none" if choice.driver is None else f"{choice.driver}, for {choice.provider}"
    click.echo(f'driver = "auto" is {chosen}')
    if choice.root_register is not None:
        why = f": {choice.unrooted}, the boot is unrooted" if choice.unrooted else ""
        click.echo(f'    root_register = "{choice.root_register}"{why}')
    for one in choice.options:
        if one.driver is choice.driver:
            continue
        why = f"{choice.driver} comes first" if one.is_usable else one.why
        click.echo(f"    not {one.driver}: {why}")
        if one.remedy:
            click.echo(f"        {one.remedy}")


def address(text: str | None) -> Address | None:
    """Return the address that an option names.

    Raises:
        UsageError: `usage.arguments`.
    """
    if text is None:
        return None
    try:
        return parse_address(text)
    except DriverError as error:
        raise UsageError("usage.arguments", f"--quote-service: {error.detail}") from None
