# SPDX-License-Identifier: Apache-2.0
"""A verifier's first directory: keys, database, a commented configuration. No default secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from troth.errors import UsageError
from troth.infra.database import Database
from troth.infra.files import write_new
from troth.verifier.keys import create_keys
from troth.verifier.schema import MIGRATIONS
from troth.verifier.settings import check_status_url

__all__ = ["CONFIGURATION", "create_verifier"]

CONFIGURATION: Final = "verifier.toml"
_DIRECTORY_MODE: Final = 0o700

_TEMPLATE: Final = """\
# Configuration of troth-verifier. Every key is required; paths are relative to this file.
# Check it with: troth-verifier serve --config {name} --check-config

[verifier]
# What tokens call this verifier (iss). Whoever relies on them is configured with the same text.
issuer = "{issuer}"
# Where status lists are reached by those who rely on tokens; it stands in each token.
status_url = "{status_url}"

# SQLite by default; several verifiers share a PostgreSQL: "postgresql+psycopg://HOST/NAME".
database = "sqlite:///verifier.db"
# current.pem and previous.pem sign tokens, challenge.key makes nonces. Mode 0600.
# A new signing key: troth-verifier keys rotate --config {name}
keys = "keys"

# What is wanted. Begin with: troth policy init --from BUNDLE > policy.toml
policy = "policy.toml"
# Whom to trust, by the kind of evidence that the policy is for (that of an emulator, by name):
# TDX "intel", or PEM files; SNP "amd", or PEM files; CCA stores of platforms' keys; CoVE lists of
# roots of trust.
roots = {roots}
# Collateral, files or directories. TDX: bundles. SNP: certificates, revocation lists, certificate
# tables, bundles. CCA and CoVE have none. ["none"] does not ask for any, and says so.
collateral = {collateral}
# Policy, roots and collateral are read again on SIGHUP.

# Seconds in which a nonce may be used, and in which a token lives (at most 300).
challenge_s = 60
token_s = 300
# The largest bundle that is read, at most 16777216. Four of this size are held at once, whoever
# comes then is told to ask again; bundles below 64 KiB always find room.
bundle_bytes = 16777216
connections = 1024
# Of how many platforms it is held what was verified before, some 50 KiB each; 0 for none.
remembered = 1024

# Sockets. Beyond loopback TCP needs tls_certificate and tls_key.
[[listen]]
unix = "verifier.sock"

#[[listen]]
#tcp = "127.0.0.1:8440"
"""


def create_verifier(
    directory: Path,
    *,
    issuer: str,
    status_url: str,
    roots: tuple[str, ...],
    collateral: tuple[str, ...],
) -> Path:
    """Make a verifier's directory and return the path of its configuration.

    Args:
        directory: new or empty.
        issuer: what tokens call it.
        status_url: where its status lists are reached.
        roots: trust anchors, as in the configuration.
        collateral: likewise.

    Raises:
        UsageError: `usage.file`; `usage.url`, `usage.tls`, where status lists cannot be reached.
        DriverError: `database.unavailable`.
    """
    check_status_url(status_url, "--status-url")
    try:
        directory.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError("usage.file", f"{directory} is not empty")
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    create_keys(directory / "keys")
    Database.create(f"sqlite:///{directory / 'verifier.db'}", MIGRATIONS).close()
    path = directory / CONFIGURATION
    text = _TEMPLATE.format(
        name=CONFIGURATION,
        issuer=_escape(issuer),
        status_url=_escape(status_url),
        roots=_list(roots),
        collateral=_list(collateral),
    )
    write_new(str(path), text.encode())
    return path


def _list(values: tuple[str, ...]) -> str:
    return "[" + ", ".join(f'"{_escape(one)}"' for one in values) + "]"


def _escape(text: str) -> str:
    """Return a text for a basic string of TOML."""
    if not text.isprintable():
        raise UsageError("usage.arguments", f"{text!r}: printable text is due")
    return text.replace("\\", "\\\\").replace('"', '\\"')
