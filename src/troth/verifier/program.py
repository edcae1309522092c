# SPDX-License-Identifier: Apache-2.0
"""The command `troth-verifier`."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path
from typing import NoReturn

import click
import structlog

from troth.errors import UsageError
from troth.infra.database import Database
from troth.infra.http import HttpServer, bind_tcp, bind_unix, run
from troth.infra.http.server import stopped
from troth.infra.log import Event, start_log
from troth.infra.program import run_command
from troth.infra.service import ready
from troth.verifier.app import make_app
from troth.verifier.appraiser import Appraiser
from troth.verifier.initial import CONFIGURATION, create_verifier
from troth.verifier.keys import KeyRing, rotate_keys
from troth.verifier.schema import MIGRATIONS
from troth.verifier.settings import Configured, Place, load_settings
from troth.verifier.store import Store

__all__ = ["main"]

_log = structlog.get_logger()

_config = click.option(
    "--config",
    "-c",
    metavar="FILE",
    default=CONFIGURATION,
    show_default=True,
    envvar="TROTH_VERIFIER_CONFIG",
    help="The verifier's configuration.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88})
@click.version_option(package_name="troth", message="troth-verifier %(version)s")
def verifier() -> None:
    """Appraise evidence bundles and issue tokens for those that the policy accepts.

    \b
      cd /etc
      troth-verifier init troth-verifier --issuer ISSUER --status-url URL
      troth policy init --from bundle.cbor > troth-verifier/policy.toml
      troth-verifier serve --config troth-verifier/verifier.toml
    """


@verifier.command()
@click.argument("directory")
@click.option("--issuer", required=True, help="What tokens call this verifier (iss).")
@click.option(
    "--status-url",
    metavar="URL",
    required=True,
    help="Where status lists are reached by those who rely on tokens, up to /v1/status.",
)
@click.option(
    "--root",
    metavar="FILE",
    multiple=True,
    help="Trust anchor: intel or amd by name, a root certificate (PEM), a store of CCA platforms' "
    "keys, a list of CoVE's roots; relative to DIRECTORY or absolute. May be given several times. "
    "[default: intel]",
)
@click.option(
    "--collateral",
    metavar="PATH",
    multiple=True,
    help="File or directory of collateral, likewise; none, and only that, for kinds without any. "
    "[default: collateral]",
)
def init(
    directory: str,
    issuer: str,
    status_url: str,
    root: tuple[str, ...],
    collateral: tuple[str, ...],
) -> None:
    """Make a verifier in DIRECTORY, which must be new or empty.

    It then holds verifier.toml (commented), keys of mode 0600 and an empty database. A policy is
    for you to write; there is no default one.
    """
    path = create_verifier(
        Path(directory),
        issuer=issuer,
        status_url=status_url,
        roots=root or ("intel",),
        collateral=collateral or ("collateral",),
    )
    click.echo(f"troth-verifier: wrote {path}; next it needs a policy", err=True)


@verifier.command("serve")
@_config
@click.option("--check-config", is_flag=True, help="Read everything, say what is wrong, and end.")
def serve_command(config: str, check_config: bool) -> None:
    """Serve challenges and appraisals until SIGTERM; SIGHUP reads policy and collateral again."""
    configured = load_settings(config)
    appraiser = _appraiser(configured)
    if check_config:
        for place in configured.places:
            if place.tls is not None:
                place.tls.context()
        click.echo(f"{config}: good")
        return
    start_log()
    run(lambda: _serve(configured, appraiser))


@verifier.group()
def keys() -> None:
    """Handle the keys that sign tokens."""


@keys.command()
@_config
def rotate(config: str) -> None:
    """Sign with a fresh key from now on; a running server notices.

    The key before it stays in the JWK set until the next rotation, so that no token dies early.
    """
    configured = load_settings(config)
    kid = rotate_keys(configured.path(configured.value.keys))
    click.echo(f"troth-verifier: tokens are signed by {kid} from now on", err=True)


@verifier.group()
def database() -> None:
    """Handle the database."""


@database.command()
@_config
def upgrade(config: str) -> None:
    """Bring the database to this program's schema, or make it where there is none."""
    Database.create(load_settings(config).database, MIGRATIONS).close()


def _appraiser(configured: Configured) -> Appraiser:
    keyring = KeyRing(configured.path(configured.value.keys))
    opened = Database.open(configured.database, MIGRATIONS)
    store = Store(opened, challenge_s=configured.value.challenge_s)
    return Appraiser(configured, keyring, store)


async def _serve(configured: Configured, appraiser: Appraiser) -> None:
    value = configured.value
    app = make_app(appraiser, bundle_bytes=value.bundle_bytes)
    server = HttpServer(app, most_connections=value.connections)
    stop = stopped()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, _reload, appraiser)
    for place in configured.places:
        await server.listen(_bind(place), tls=place.tls)
    _log.info(Event.READY)
    ready()
    await stop.wait()
    _log.info(Event.STOPPING)
    await server.close()


def _bind(place: Place) -> socket.socket:
    if place.unix is not None:
        return bind_unix(place.unix)
    return bind_tcp(place.host, place.port, tls=place.tls)


def _reload(appraiser: Appraiser) -> None:
    try:
        appraiser.reload()
    except UsageError as error:
        _log.error(Event.RELOAD_FAILED, code=error.code, detail=error.detail)
    else:
        _log.info(Event.RELOADED)


def main() -> NoReturn:
    """Run the command line and exit."""
    run_command(verifier, "troth-verifier")
