# SPDX-License-Identifier: Apache-2.0
"""`troth attest`: an evidence bundle for somebody's nonce."""

from __future__ import annotations

import secrets
from typing import Any

import click

from troth.cli import _peers as peers
from troth.cli._arguments import hex_bytes
from troth.cli._printer import print_json
from troth.client import Trothd
from troth.errors import UsageError
from troth.evidence.binding.request import key_of_jwk
from troth.infra.files import read_bounded, write_new
from troth.wire import base64url, json

__all__ = ["attest"]

_JWK_MAX_BYTES = 4096
_USER_DATA_MAX_BYTES = 64


@click.command()
@peers.socket_option
@click.option(
    "--nonce",
    metavar="NONCE",
    required=True,
    help="The relying party's nonce, 16 to 64 bytes in hex or base64url; `new` makes one, which "
    "proves freshness to nobody but you.",
)
@click.option("--audience", required=True, help="Whom the statement is for.")
@click.option("--delegated", is_flag=True, help="Take a statement without a report of its own.")
@click.option("--cnf", metavar="FILE", help="Bind this public key, a JWK with `alg`.")
@click.option("--user-data", metavar="HEX", help="Up to 64 bytes that the statement carries.")
@click.option("--log-since", type=click.IntRange(0), help="Disclose the log from this index on.")
@click.option("--output", metavar="FILE", help="Write here, to a new file. [default: stdout]")
@peers.timeout_option
@peers.as_json_option
def attest(
    socket: str,
    nonce: str,
    audience: str,
    delegated: bool,
    cnf: str | None,
    user_data: str | None,
    log_since: int | None,
    output: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Ask trothd for an evidence bundle of this namespace, a CMW collection in CBOR.

    \b
    Examples:
      troth attest --nonce 6bdf… --audience https://verifier.example > evidence.cmw
      troth verify evidence.cmw --policy policy.toml --nonce 6bdf…

    With --json the bundle is a member of one JSON object, in base64url, unless --output is given.
    """
    made = secrets.token_bytes(32) if nonce == "new" else peers.nonce_bytes(nonce)
    bundle = Trothd(socket, timeout_s=timeout).evidence(
        made,
        audience,
        mode="delegated" if delegated else "fresh",
        cnf=None if cnf is None else _jwk(cnf),
        user_data=None
        if user_data is None
        else hex_bytes(user_data, "--user-data", _USER_DATA_MAX_BYTES),
        log_since=log_since,
    )
    if not as_json:
        peers.write_output(bundle, output, "a bundle")
        return
    told: dict[str, object] = {"nonce": base64url.encode(made), "bytes": len(bundle)}
    if output is None:
        told["bundle"] = base64url.encode(bundle)
    else:
        write_new(output, bundle)
        told["output"] = output
    print_json(told)


def _jwk(path: str) -> dict[str, str]:
    """Return the public JWK of a file, which is one that a statement can carry.

    Raises:
        UsageError: `usage.file`, `usage.arguments`.
        MalformedError: as `key_of_jwk`.
    """
    data = read_bounded(path, _JWK_MAX_BYTES)
    jwk = json.decode(data, dict[str, Any], max_bytes=_JWK_MAX_BYTES, max_depth=1)
    key_of_jwk(jwk)
    if not all(isinstance(value, str) for value in jwk.values()):
        raise UsageError("usage.arguments", f"{path}: not a JWK")
    return {name: str(value) for name, value in jwk.items()}
