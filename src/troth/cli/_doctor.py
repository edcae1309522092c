# SPDX-License-Identifier: Apache-2.0
"""`troth doctor`: what is there, what answers, what would be chosen, and why not."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple

import click
from click.core import ParameterSource

from troth import __version__
from troth.cli import _peers as peers
from troth.cli._printer import print_json
from troth.client import Broker, Trothd, Verifier
from troth.client.calls import get_text
from troth.crypto.build import library_versions
from troth.errors import DriverError, TrothError, UsageError
from troth.infra.files import read_bounded
from troth.token import parse_jwks

__all__ = ["doctor"]

_KEYS_MAX_BYTES: Final = 64 * 1024
_SOURCES: Final = {
    "configfs": Path("/sys/kernel/config/tsm/report"),  # Linux >= 6.7, ABI/testing/configfs-tsm
    "tdx device": Path("/dev/tdx_guest"),
    "sev device": Path("/dev/sev-guest"),
}


class _Finding(NamedTuple):
    about: str
    verdict: Literal["ok", "absent", "failed"]
    detail: str


@click.command()
@peers.socket_option
@peers.verifier_option
@click.option("--broker", metavar="URL", envvar="TROTH_BROKER", help="[env: TROTH_BROKER]")
@click.option(
    "--broker-key", metavar="FILE", envvar="TROTH_BROKER_KEY", help="[env: TROTH_BROKER_KEY]"
)
@peers.ca_option
@peers.timeout_option
@peers.as_json_option
def doctor(
    socket: str,
    verifier: str | None,
    broker: str | None,
    broker_key: str | None,
    ca: str | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Say what troth finds on this machine and which of the configured programs answer.

    What is not configured is absent, and that is no fault; what is configured and does not work is.

    \b
    Exit status: 0 all that is configured works, 7 something does not.
    """
    source = click.get_current_context().get_parameter_source("socket")
    unnamed = source is ParameterSource.DEFAULT and not Path(socket).exists()
    findings = [
        *_machine(),
        _asked("trothd", None if unnamed else socket, lambda: _trothd(socket, timeout)),
        _asked("verifier", verifier, lambda: _verifier(verifier or "", timeout, ca)),
        _asked("broker", broker, lambda: _broker(broker or "", timeout, ca)),
        _asked("broker key", broker_key, lambda: _keys(broker_key or "")),
    ]
    if as_json:
        print_json({"findings": [one._asdict() for one in findings]})
    else:
        colours = {"ok": "green", "absent": "yellow", "failed": "red"}
        for one in findings:
            mark = click.style(f"{one.verdict:7}", fg=colours[one.verdict])
            click.echo(f"{mark} {one.about:12} {one.detail}")
    failed = any(one.verdict == "failed" for one in findings)
    return DriverError.exit_code if failed else 0


def _machine() -> list[_Finding]:
    library, openssl = library_versions()
    return [
        _Finding("troth", "ok", f"{__version__}, Python {platform.python_version()}"),
        _Finding("cryptography", "ok", f"{library} with {openssl}"),
        _Finding("kernel", "ok", f"{platform.system()} {platform.release()}"),
        *(_source(name, path) for name, path in _SOURCES.items()),
    ]


def _source(name: str, path: Path) -> _Finding:
    """Say whether a source of reports is there and whether we may use it."""
    if not path.exists():
        return _Finding(name, "absent", f"{path}: not there")
    if not os.access(path, os.R_OK | os.W_OK):
        return _Finding(name, "absent", f"{path}: there, and not for this user")
    return _Finding(name, "ok", f"{path}: there, and for this user")


def _asked(about: str, where: str | None, ask: Callable[[], str]) -> _Finding:
    if where is None:
        return _Finding(about, "absent", "not configured")
    try:
        return _Finding(about, "ok", f"{where}: {ask()}")
    except (TrothError, UsageError) as error:
        return _Finding(about, "failed", f"{where}: {error}")


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
