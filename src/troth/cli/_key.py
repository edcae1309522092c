# SPDX-License-Identifier: Apache-2.0
"""`troth key`: a workload's own key, to which tokens and secrets are bound."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import msgspec

from troth.cli import _peers as peers
from troth.cli._printer import print_json
from troth.crypto.holder_key import HolderKey, new_agreement_key, new_signing_key
from troth.errors import UsageError
from troth.infra.files import write_new
from troth.token import jwk_of
from troth.wire import base64url, json

__all__ = ["key"]

_MAKERS: Final = {"ECDH-ES+A256KW": new_agreement_key, "ES256": new_signing_key}


@click.group()
def key() -> None:
    """Make a workload's own key."""


@key.command()
@click.argument("file")
@click.option(
    "--alg",
    type=click.Choice(list(_MAKERS)),
    default="ECDH-ES+A256KW",
    show_default=True,
    help="Its one use: secrets are sealed to it (X25519), or it signs (P-256).",
)
@peers.as_json_option
def new(file: str, alg: str, as_json: bool) -> None:
    """Make a key: its private half in FILE, mode 0600, its public half in FILE.pub, both JWKs.

    FILE.pub is for --cnf of troth attest. What is printed is the same key as trothd's configuration
    wants it, in [[namespace.token]]; with --json, as a JWK.

    \b
    Example:
      troth key new payments.jwk
      troth attest --nonce new --audience a --cnf payments.jwk.pub --output evidence.cmw
    """
    shown = f"{file}.pub"
    if Path(shown).exists():  # before anything is written, so that no half is left behind
        raise UsageError("usage.file", f"{shown}: File exists")
    made = _MAKERS[alg]()
    public = _public(made)
    private = public | {"d": base64url.encode(made.private)}
    write_new(file, json.encode(private), mode=0o600)
    write_new(shown, json.encode(public))
    if as_json:
        print_json(public)
    else:
        members = ", ".join(f'{name} = "{value}"' for name, value in public.items())
        click.echo(f"cnf = {{ {members} }}")


def _public(made: HolderKey) -> dict[str, str]:
    found: dict[str, str] = msgspec.to_builtins(jwk_of(made.public))
    return found
