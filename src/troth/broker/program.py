# SPDX-License-Identifier: Apache-2.0
"""The command `troth-broker`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final, NoReturn

import click

from troth.broker._options import config_option
from troth.broker.database import open_store
from troth.broker.initial import CONFIGURATION, make_broker
from troth.broker.policy import POLICY_MAX_BYTES
from troth.broker.rotation import make_next, public_keys, rotate
from troth.broker.settings import load_settings
from troth.crypto.secret import Secret
from troth.errors import UsageError
from troth.infra import clock
from troth.infra.commands import DeferredCommand, LazyGroup
from troth.infra.files import read_bounded
from troth.infra.program import run_command
from troth.token.seal import SECRET_MAX_BYTES
from troth.wire import json

__all__ = ["main"]

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_ENTRIES: Final = 1000


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.version_option(package_name="troth", message="troth-broker %(version)s")
def broker() -> None:
    """Keep secrets, and release them to workloads that a verifier vouches for.

    First init, then policy put and secret put, then serve. Commands look for broker.toml in the
    current folder, or where --config or TROTH_BROKER_CONFIG says.
    """


@broker.command()
@click.argument("directory")
@click.option("--audience", required=True, help="What tokens for this broker say in `aud`.")
@click.option("--issuer", required=True, help="What the verifier's tokens say in `iss`.")
@click.option(
    "--verifier",
    "url",
    metavar="URL",
    required=True,
    help="Where its keys and status lists are: https, or http and a unix socket on this machine.",
)
def init(directory: str, audience: str, issuer: str, url: str) -> None:
    """Make a broker in DIRECTORY, which must be new or empty.

    It then holds broker.toml (commented), key files of mode 0600, an empty database, and
    broker-keys.json: the public keys that callers are to verify answers with.
    """
    make_broker(Path(directory), audience=audience, issuer=issuer, url=url)
    click.echo(f"troth-broker: made {directory}/{CONFIGURATION}", err=True)


broker.add_command(
    DeferredCommand(
        "serve",
        "troth.broker._serve:serve",
        "Serve until SIGTERM or SIGINT. READY on standard output says that it does.",
    )
)


@broker.group()
def secret() -> None:
    """Store, list and remove secrets. Nothing here ever prints a value."""


@secret.command("put")
@click.argument("path")
@config_option
def secret_put(path: str, config: str) -> None:
    """Store at PATH what standard input holds, byte for byte, at most 32 KiB."""
    value = read_bounded("-", SECRET_MAX_BYTES)
    with closing(open_store(load_settings(config))) as store:
        version = store.put(path, Secret(value), clock.now())
    click.echo(f"troth-broker: stored {path}, version {version}", err=True)


@secret.command("list")
@config_option
@_as_json
def secret_list(config: str, as_json: bool) -> None:
    """List paths, versions and times."""
    with closing(open_store(load_settings(config))) as store:
        listed = store.listed()
    if as_json:
        found = [one._asdict() for one in listed]
        click.echo(json.encode({"secrets": found}).decode())
        return
    for one in listed:
        click.echo(f"{one.path}  version {one.version}  {one.put_at}")


@secret.command("rm")
@click.argument("path")
@config_option
def secret_rm(path: str, config: str) -> None:
    """Remove the secret at PATH."""
    with closing(open_store(load_settings(config))) as store:
        store.remove(path, clock.now())
    click.echo(f"troth-broker: removed {path}", err=True)


@broker.group()
def keys() -> None:
    """Change the key that signs answers. Workloads know it from their measured image."""


@keys.command("show")
@config_option
def keys_show(config: str) -> None:
    """Print the public keys, a JWK set for --broker-key: the one that signs, then the next."""
    click.echo(public_keys(load_settings(config).answer_key))


@keys.command("next")
@config_option
def keys_next(config: str) -> None:
    """Make the next key, and print both public keys. It signs nothing before keys rotate."""
    click.echo(make_next(load_settings(config).answer_key))


@keys.command("rotate")
@config_option
def keys_rotate(config: str) -> None:
    """Let the next key sign, from the next start of the server on. The key before it is gone.

    Do it when no VM runs any more whose image names the old key alone.
    """
    kid = rotate(load_settings(config).answer_key)
    click.echo(f"troth-broker: restart it; {kid} signs answers then", err=True)


@broker.group()
def policy() -> None:
    """Put the release policy in force, or show it."""


@policy.command("put")
@click.argument("file")
@config_option
def policy_put(file: str, config: str) -> None:
    """Put the release policy in FILE in force, at once."""
    text = read_bounded(file, POLICY_MAX_BYTES)
    with closing(open_store(load_settings(config))) as store:
        store.put_policy(text, file, clock.now())
    click.echo(f"troth-broker: {file} is in force", err=True)


@policy.command("show")
@config_option
def policy_show(config: str) -> None:
    """Print the release policy in force."""
    with closing(open_store(load_settings(config))) as store:
        click.echo(store.policy_text(), nl=False)


@broker.command()
@config_option
@click.option("--start", type=click.IntRange(0), default=0, help="Number of the first entry.")
@_as_json
def log(config: str, start: int, as_json: bool) -> None:
    """Check the log against its signed head and print its entries, at most 1,000."""
    with closing(open_store(load_settings(config))) as store:
        entries, head = store.entries(start, _ENTRIES), store.signed_head()
        size = store.status()["log_size"]
    if as_json:
        click.echo(json.encode({"size": size, "head": head, "entries": entries}).decode())
        return
    for one in entries:
        told = " ".join(f"{name}={value}" for name, value in one.items() if name != "number")
        click.echo(f"{one['number']}  {told}")
    if start > size:
        raise UsageError("usage.arguments", f"--start: the log has {size} entries")


def main() -> NoReturn:
    """Run `troth-broker` and exit."""
    run_command(broker, "troth-broker")
