# SPDX-License-Identifier: Apache-2.0
"""`troth token`: getting tokens, and relying on them."""

from __future__ import annotations

import click

from troth.cli import _peers as peers
from troth.cli._arguments import instant
from troth.cli._printer import print_json
from troth.client import Trothd, Verifier
from troth.client.calls import get_text
from troth.errors import StaleError, TrothError, UsageError
from troth.infra.files import read_bounded
from troth.token import Expected, KeySet, Token, parse_jwks, verify_token

__all__ = ["token"]

_JWKS_MAX_BYTES = 64 * 1024


@click.group()
def token() -> None:
    """Get and check attestation results (EAR, signed JSON Web Tokens)."""


@token.command()
@click.option("--audience", required=True, help="Whom the token is for.")
@peers.socket_option
@peers.timeout_option
@peers.as_json_option
def get(audience: str, socket: str, timeout: float, as_json: bool) -> None:
    """Print the token that trothd keeps warm for an audience.

    It is bound to the key that trothd's configuration names, and worth nothing without that key.
    """
    text = Trothd(socket, timeout_s=timeout).token(audience)
    if as_json:
        print_json({"token": text})
    else:
        click.echo(text)


@token.command()
@click.argument("file")
@click.option("--issuer", required=True, help="The verifier that the token must be of, `iss`.")
@click.option("--audience", required=True, help="Whom the token must be for, `aud`.")
@peers.verifier_option
@click.option("--jwks", metavar="FILE", help="The verifier's keys. [default: asked of --verifier]")
@click.option("--status", metavar="FILE", help="Its status list. [default: asked of --verifier]")
@click.option("--at", metavar="TIME", help="Judge as of this instant. [default: now]")
@peers.ca_option
@peers.timeout_option
@peers.as_json_option
def verify(
    file: str,
    issuer: str,
    audience: str,
    verifier: str | None,
    jwks: str | None,
    status: str | None,
    at: str | None,
    ca: str | None,
    timeout: float,
    as_json: bool,
) -> int:
    """Check the token in FILE: signature, claims, and that it was not revoked.

    FILE may be - for standard input. The status list is always looked at: without one the token is
    stale. Whoever takes a token must still demand possession of its key, which no file can show.

    \b
    Exit status: 0 affirming, 3 malformed, 4 untrusted, 5 stale, 6 revoked or not affirming.
    """
    if verifier is None and (jwks is None or status is None):
        raise UsageError("usage.arguments", "give --verifier, or both --jwks and --status")
    peer = None if verifier is None else Verifier(verifier, timeout_s=timeout, ca_file=ca)
    found = verify_token(
        peers.token_text(file),
        keys=_keys(peer, jwks),
        expected=Expected(issuer=issuer, audience=audience),
        at=instant(at),
        status=lambda uri: _status(peer, status, uri),
    )
    if as_json:
        print_json({"verdict": found.ear.tier, "claims": found.ear})
    else:
        _print(found)
    return 0 if found.ear.tier == "affirming" else 6


def _keys(peer: Verifier | None, path: str | None) -> KeySet:
    if path is not None:
        return parse_jwks(read_bounded(path, _JWKS_MAX_BYTES))
    if peer is None:
        raise UsageError("usage.arguments", "--jwks or --verifier is due")
    try:
        return parse_jwks(peer.send(get_text("/v1/jwks", "application/jwk-set+json")).encode())
    except TrothError as error:
        raise StaleError("token.keys-missing", str(error)) from None


def _status(peer: Verifier | None, path: str | None, uri: str) -> str:
    if path is not None:
        return peers.token_text(path)
    target = uri[uri.rfind("/v1/status/") :] if "/v1/status/" in uri else ""
    if peer is None or not target.isascii() or not target.isprintable() or " " in target:
        raise StaleError("token.status-missing", uri)
    try:
        return peer.send(get_text(target, "application/statuslist+jwt"))
    except TrothError as error:
        raise StaleError("token.status-missing", str(error)) from None


def _print(found: Token) -> None:
    ear = found.ear
    colour = "green" if ear.tier == "affirming" else "red"
    click.secho(ear.tier.upper(), fg=colour, bold=True)
    for name, submod in ear.submods.items():
        click.echo(f"  {name:14}{submod.status:16}policy {submod.policy_id}")
    click.echo(f"  {'report':14}{ear.troth.tee}, root register {ear.troth.root}")
    click.echo(f"  {'namespace':14}{ear.troth.label}  {ear.troth.namespace_id}")
    click.echo(f"  {'log':14}{ear.troth.count} entries, head {ear.troth.head}")
    click.echo(f"  {'statement':14}{ear.troth.statement}  {ear.troth.mode}")
    click.echo(f"  {'bound to':14}{ear.cnf.jwk.kty} {ear.cnf.jwk.crv} for {ear.cnf.jwk.alg}")
