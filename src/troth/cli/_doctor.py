# SPDX-License-Identifier: Apache-2.0
"""`troth doctor`: what is there, what answers, what would be chosen, and why not."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
from click.core import ParameterSource

from troth import __version__
from troth.cli import _peers as peers
from troth.cli import _tsm as tsm
from troth.cli._printer import print_json
from troth.cli._tsm import Finding
from troth.client import Broker, Trothd, Verifier
from troth.client.calls import get_text
from troth.crypto.build import library_versions
from troth.errors import DriverError, TrothError, UsageError
from troth.infra.files import read_bounded
from troth.token import parse_jwks
from troth.tsm.choose import choose
from troth.tsm.probe import DEVICES, SYSFS, probe

__all__ = ["doctor"]

_KEYS_MAX_BYTES: Final = 64 * 1024


@click.command()
@peers.socket_option
@peers.verifier_option
@click.option("--broker", metavar="URL", envvar="TROTH_BROKER", help="[env: TROTH_BROKER]")
@click.option(
    "--broker-key", metavar="FILE", envvar="TROTH_BROKER_KEY", help="[env: TROTH_BROKER_KEY]"
)
@peers.ca_option
@click.option(
    "--sysfs", metavar="DIR", default=str(SYSFS), show_default=True, help="The root of sysfs."
)
@click.option(
    "--quote-service",
    metavar="ADDRESS",
    help="A TDX host's quote generation service, unix:/PATH or vsock:CID:PORT.",
)
@peers.timeout_option
@peers.as_json_option
def doctor(
    socket: str,
    verifier: str | None,
    broker: str | None,
    broker_key: str | None,
    ca: str | None,
    sysfs: str,
    quote_service: str | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Say what troth finds on this machine and which of the configured programs answer.

    Of the drivers to a TSM it says which one trothd takes with driver = "auto", and why not each
    of the others. To see whether configfs-tsm has a provider, a report entry is made and removed.

    What is not configured is absent, and that is no fault; what is configured and does not work is.

    \b
    Exit status: 0 all that is configured works, 7 something does not.
    """
    source = click.get_current_context().get_parameter_source("socket")
    unnamed = source is ParameterSource.DEFAULT and not Path(socket).exists()
    found = probe(Path(sysfs), DEVICES, tsm.address(quote_service))
    choice = choose(found)
    findings = [
        *_machine(),
        *tsm.findings(found),
        _asked("trothd", None if unnamed else socket, lambda: _trothd(socket, timeout)),
        _asked("verifier", verifier, lambda: _verifier(verifier or "", timeout, ca)),
        _asked("broker", broker, lambda: _broker(broker or "", timeout, ca)),
        _asked("broker key", broker_key, lambda: _keys(broker_key or "")),
    ]
    if as_json:
        print_json({"findings": [one._asdict() for one in findings], "tsm": asdict(choice)})
    else:
        colours = {"ok": "green", "absent": "yellow", "failed": "red"}
        for one in findings:
            mark = click.style(f"{one.verdict:7}", fg=colours[one.verdict])
            click.echo(f"{mark} {one.about:13} {one.detail}")
        tsm.print_choice(choice)
    failed = any(one.verdict == "failed" for one in findings)
    return DriverError.exit_code if failed else 0


def _machine() -> list[Finding]:
    library, openssl = library_versions()
    return [
        Finding("troth", "ok", f"{__version__}, Python {platform.python_version()}"),
        Finding("cryptography", "ok", f"{library} with {openssl}"),
        Finding("kernel", "ok", f"{platform.system()} {platform.release()}"),
    ]


def _asked(about: str, where: str | None, ask: Callable[[], str]) -> Finding:
    if where is None:
        return Finding(about, "absent", "not configured")
    try:
        return Finding(about, "ok", f"{where}: {ask()}")
    except (TrothError, UsageError) as error:
        return Finding(about, "failed", f"{where}: {error}")


def _trothd(socket: str, timeout: float) -> str:
    peer = Trothd(socket, timeout_s=timeout)
    status = peer.health().get("status", "answers")
    found = peer.namespace()
    return f"{status}, takes us for {found.get('label', found)}"


def _verifier(url: str, timeout: float, ca: str | None) -> str:
    peer = Verifier(url, timeout_s=timeout, ca_file=ca)
    keys = parse_jwks(peer.send(get_text("/v1/jwks", "application/jwk-set+json")).encode())
    return f"{peer.health().get('status', 'answers')}, signs with {', '.join(keys.kids)}"


def _broker(url: str, timeout: float, ca: str | None) -> str:
    return str(Broker(url, timeout_s=timeout, ca_file=ca).health().get("status", "answers"))


def _keys(path: str) -> str:
    keys = parse_jwks(read_bounded(path, _KEYS_MAX_BYTES))
    return f"names {', '.join(keys.kids)}"
