# SPDX-License-Identifier: Apache-2.0
"""`troth secret`: a workload gets its secret."""

from __future__ import annotations

import secrets
import sys

import click

from troth.cli import _peers as peers
from troth.cli._printer import print_json
from troth.client import Broker, Trothd, Verifier
from troth.crypto.secret import Secret
from troth.errors import MalformedError, TrothError, UntrustedError, UsageError
from troth.evidence.binding import Bundle, Statement
from troth.evidence.binding.request import key_of_jwk
from troth.infra.files import read_bounded, write_new
from troth.token import KeySet, parse_jwks
from troth.token.answer import Answer, verify_answer
from troth.token.seal import AgreementKey
from troth.wire import base64url

__all__ = ["secret"]

_KEYS_MAX_BYTES = 64 * 1024
_NONCE_BYTES = 32


@click.group()
def secret() -> None:
    """Get secrets from a broker. To store them, see troth-broker."""


@secret.command()
@click.argument("path")
@click.option(
    "--broker",
    metavar="URL",
    required=True,
    envvar="TROTH_BROKER",
    help="The broker: unix:/path, https://, or http:// on this machine. [env: TROTH_BROKER]",
)
@click.option(
    "--broker-key",
    metavar="FILE",
    required=True,
    envvar="TROTH_BROKER_KEY",
    help="The broker's public keys, a JWK set, out of the measured image. [env: TROTH_BROKER_KEY]",
)
@click.option("--audience", required=True, help="What the broker is called, `aud` of the token.")
@peers.verifier_option
@peers.socket_option
@click.option("--delegated", is_flag=True, help="Attest without a report of its own.")
@click.option(
    "--output", metavar="FILE", help="Write here, to a new file of mode 0600. [default: stdout]"
)
@peers.ca_option
@peers.timeout_option
@peers.as_json_option
def get(
    path: str,
    broker: str,
    broker_key: str,
    audience: str,
    verifier: str | None,
    socket: str,
    delegated: bool,
    output: str | None,
    ca: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Get the secret at PATH and write its bytes, and nothing else, to standard output.

    Makes a key for this one exchange, attests to the verifier with it, shows the token to the
    broker, checks that the answer is the broker's and to this request, and opens it. With --json
    the secret is a member of one JSON object, in base64url, unless --output is given.

    \b
    Example:
      troth secret get payments/database --broker https://broker.example \\
          --broker-key /etc/troth/broker-keys.json --audience urn:example:broker \\
          --verifier https://verifier.example
    """
    if verifier is None:
        raise UsageError("usage.arguments", "--verifier is due")
    keys = _broker_keys(broker_key)
    key = AgreementKey()
    appraiser = Verifier(verifier, timeout_s=timeout, ca_file=ca)
    keeper = Broker(broker, timeout_s=timeout, ca_file=ca)
    nonce = _decoded(appraiser.challenge().nonce)
    bundle = Trothd(socket, timeout_s=timeout).evidence(
        nonce, audience, mode="delegated" if delegated else "fresh", cnf=key.jwk
    )
    statement = _statement(bundle, key)
    token = appraiser.appraise(bundle).token
    asked = Answer(
        nonce=base64url.encode(secrets.token_bytes(_NONCE_BYTES)),
        namespace=statement.namespace.id.hex(),
        path=path,
        statement=statement.digest.hex(),
        jwe="",
    )
    told = keeper.secret(path, token, _decoded(asked.nonce))
    sealed = verify_answer(told, keys, asked=asked)
    opened = key.open(sealed, statement_digest=statement.digest, path=path)
    if not as_json:
        _write(opened, output)
        return
    told_json = {name: getattr(asked, name) for name in ("path", "namespace", "statement")}
    if output is None:
        with opened as value:
            told_json["secret"] = base64url.encode(bytes(value))
    else:
        _write(opened, output)
        told_json["output"] = output
    print_json(told_json)


def _broker_keys(path: str) -> KeySet:
    try:
        return parse_jwks(read_bounded(path, _KEYS_MAX_BYTES))
    except TrothError as error:
        raise UsageError("usage.broker-key", f"{path}: {error}") from None


def _decoded(nonce: str) -> bytes:
    try:
        return base64url.decode(nonce)
    except MalformedError as error:
        raise MalformedError("client.answer", f"nonce: {error}") from None


def _statement(bundle: bytes, key: AgreementKey) -> Statement:
    """Return the statement of our own bundle, which is bound to our key.

    Raises:
        MalformedError: as `Bundle.parse`.
        UntrustedError: `secret.answer`, trothd bound another key.
    """
    statement = Bundle.parse(bundle).statement
    if statement.cnf != key_of_jwk(dict(key.jwk)):
        raise UntrustedError("secret.answer", "the evidence is bound to another key")
    return statement


def _write(opened: Secret, output: str | None) -> None:
    with opened as value:
        if output is not None:
            write_new(output, bytes(value), mode=0o600)
            return
        sys.stdout.buffer.write(value)
        sys.stdout.buffer.flush()
