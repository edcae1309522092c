# SPDX-License-Identifier: Apache-2.0
"""Options that name other programs of troth, the same for every command."""

from __future__ import annotations

import sys
from typing import Final

import click

from troth.errors import MalformedError, UsageError
from troth.infra.files import read_bounded, write_new
from troth.wire import base64url
from troth.wire.text import parse_hex

__all__ = [
    "as_json_option",
    "ca_option",
    "nonce_bytes",
    "socket_option",
    "timeout_option",
    "token_text",
    "verifier_option",
    "write_output",
]

_NONCE_BYTES: Final = range(16, 65)  # BINDING 4.4, nonce
_TOKEN_MAX_BYTES: Final = 64 * 1024

socket_option = click.option(
    "--socket",
    "-s",
    metavar="PATH",
    envvar="TROTH_SOCKET",
    default="/run/troth/troth.sock",
    show_default=True,
    help="Socket of trothd for this namespace. [env: TROTH_SOCKET]",
)
verifier_option = click.option(
    "--verifier",
    metavar="URL",
    envvar="TROTH_VERIFIER",
    help="The verifier: unix:/path, https://, or http:// on this machine. [env: TROTH_VERIFIER]",
)
ca_option = click.option(
    "--ca",
    metavar="PEM",
    envvar="TROTH_CA",
    help="CA certificates to trust for https. [env: TROTH_CA; default: the system's]",
)
timeout_option = click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 600),
    default=30.0,
    show_default=True,
    help="For each answer of another program.",
)
as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def nonce_bytes(text: str) -> bytes:
    """Return a nonce of 16 to 64 bytes, given in hex or in base64url.

    Text that could be both is hex.

    Raises:
        UsageError: `usage.nonce`.
    """
    for read in (parse_hex, base64url.decode):
        try:
            nonce = read(text)
        except MalformedError:
            continue
        if len(nonce) in _NONCE_BYTES:
            return nonce
    raise UsageError("usage.nonce", f"{text!r}; 16 to 64 bytes in hex or base64url are due")


def token_text(path: str) -> str:
    """Return the token in a file, or on standard input for `-`.

    Raises:
        UsageError: `usage.file`.
        MalformedError: `token.malformed`.
    """
    data = read_bounded(path, _TOKEN_MAX_BYTES)
    if not data.isascii() or len(data) > _TOKEN_MAX_BYTES:
        raise MalformedError("token.malformed", "not ASCII, or more than 64 KiB")
    return data.decode("ascii").strip()


def write_output(data: bytes, output: str | None, what: str) -> None:
    """Write bytes to a new file, or to standard output unless that is a terminal.

    Raises:
        UsageError: `usage.arguments`, `usage.file`.
    """
    if output is not None:
        write_new(output, data)
        return
    if sys.stdout.isatty():
        raise UsageError("usage.arguments", f"{what} is binary: give --output, or redirect stdout")
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
