# SPDX-License-Identifier: Apache-2.0
"""`troth-broker init`: keys, an empty store, and a configuration that explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from troth.broker.database import create_database
from troth.broker.keys import make_signing_key, make_storage_key
from troth.broker.store import Store
from troth.client.endpoint import Endpoint
from troth.errors import UsageError
from troth.infra.files import write_new
from troth.token.keys import jwks_json

__all__ = ["CONFIGURATION", "make_broker"]

CONFIGURATION: Final = "broker.toml"
_MODE: Final = 0o700

_SETTINGS: Final = """\
# The configuration of a broker. Paths are taken from the folder of this file.
# Check a change with: troth-broker serve --config broker.toml --check-config

# What tokens for this broker say in `aud`. The verifier must accept statements for this audience.
audience = "{audience}"

# A SQLite file, or the address of another database as SQLAlchemy writes it.
database = "broker.db"

# Keys, each for one use, mode 0600: secrets at rest; answers to callers; heads of the log.
storage_key = "storage.key"
answer_key = "answer.pem"
log_key = "log.pem"

# Remembers how far the store had come, so that an older copy is noticed. Best on another disk.
anchor = "anchor.json"

# Metrics, detailed health, the log: for the administrator alone.
admin_socket = "admin.sock"

# For how long a verifier's status list is believed (at most 2), and its keys; then refuse.
status_max_age_s = 2
keys_max_age_s = 300
fetch_timeout_s = 2

[listen]
# A unix socket, or an address and a port, or both. Other than loopback addresses need TLS.
socket = "broker.sock"
# host = "0.0.0.0"
# port = 8443
# tls_certificate = "tls.pem"
# tls_key = "tls.key"

# Whose tokens are taken: all of these, and nobody else's.
[[verifier]]
issuer = "{issuer}"
url = "{url}"
# ca_file = "ca.pem"
"""

_POLICY: Final = b"""\
# Who gets which secret. What no rule grants is denied. Every key of a rule is required, and "any"
# is the only way to not compare. Put it in force with: troth-broker policy put FILE

version = 1

# [[rule]]
# name = "payments database"
# paths = ["payments/database", "payments/keys/*"]
# verifier = "https://verifier.example"
# label = "payments"
# origin = ["configuration"]
# mode = ["fresh"]
# root = ["rtmr3"]  # of TDX; "rem3" of CCA, "runtime3" of CoVE; "none" is unrooted, as SNP is
# platform = ["affirming"]
# orchestrator = ["affirming"]
# namespace = ["affirming"]
# policy = "any"
# model = "appraised"
"""


def make_broker(directory: Path, *, audience: str, issuer: str, url: str) -> None:
    """Make a broker in a new or empty directory.

    Raises:
        UsageError: `usage.file`, the directory cannot be used; `usage.arguments`, a value cannot
            stand in TOML as it is; `usage.url`, `usage.tls`, no address of a verifier.
    """
    Endpoint.parse(url)
    for value in (audience, issuer, url):
        if not value.isprintable() or '"' in value or "\\" in value:
            raise UsageError("usage.arguments", f"{value!r} cannot stand in the configuration")
    try:
        directory.mkdir(mode=_MODE, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError("usage.file", f"{directory}: not empty; name a new one")
    except OSError as error:
        raise UsageError("usage.file", f"{directory}: {error.strerror}") from None
    storage_key = make_storage_key(directory / "storage.key")
    answer_key = make_signing_key(directory / "answer.pem")
    log_key = make_signing_key(directory / "log.pem")
    write_new(str(directory / "broker-keys.json"), jwks_json([answer_key.key.public]))
    write_new(str(directory / "log-keys.json"), jwks_json([log_key.key.public]))
    write_new(str(directory / "release.toml"), _POLICY)
    database = create_database(f"sqlite:///{directory / 'broker.db'}")
    store = Store(
        database,
        storage_key=storage_key,
        log_key=log_key,
        anchor=str(directory / "anchor.json"),
    )
    store.create(_POLICY)
    store.close()
    # Last, so that a configuration stands only over a store that is whole.
    text = _SETTINGS.format(audience=audience, issuer=issuer, url=url)
    write_new(str(directory / CONFIGURATION), text.encode())
