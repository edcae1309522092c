# SPDX-License-Identifier: Apache-2.0
"""The verifier's configuration file; every key is required, paths are relative to the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from troth.client.endpoint import Endpoint
from troth.errors import UsageError
from troth.evidence.binding.bundle import BUNDLE_MAX_BYTES
from troth.infra.settings import Loaded, read_settings
from troth.infra.sockets import Tls

__all__ = [
    "AMD",
    "INTEL",
    "NO_COLLATERAL",
    "Configured",
    "Place",
    "VerifierSettings",
    "check_status_url",
    "load_settings",
]

INTEL: Final = "intel"
AMD: Final = "amd"
NO_COLLATERAL: Final = "none"
_MAX_PORT: Final = 0xFFFF
_STATUS_PATH: Final = "/v1/status"
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Texts = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]


class VerifierSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table [verifier].

    Attributes:
        issuer: what tokens call this verifier, `iss`.
        status_url: what the addresses of status lists begin with, up to `/v1/status`.
        database: an address for SQLAlchemy; `sqlite:///FILE` is relative to the configuration.
        keys: the directory of keys.
        policy: the policy file.
        roots: whom to trust, by the kind of evidence: see `vouching`.
        collateral: files or directories of them; or only `none`, not asked for by name.
        challenge_s: how long a nonce may be used.
        token_s: how long a token lives.
        bundle_bytes: the largest bundle that is read.
        connections: how many may be open.
        remembered: of how many platforms it is held what was verified before; 0 for none.
    """

    issuer: Text
    status_url: Text
    database: Text
    keys: Text
    policy: Text
    roots: Texts
    collateral: Texts
    challenge_s: Annotated[int, Meta(ge=5, le=600)]
    token_s: Annotated[int, Meta(ge=10, le=300)]
    bundle_bytes: Annotated[int, Meta(ge=4096, le=BUNDLE_MAX_BYTES)]
    connections: Annotated[int, Meta(ge=1, le=16384)]
    remembered: Annotated[int, Meta(ge=0, le=65536)]


class Listen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One [[listen]]: a unix socket's path, or an address and port."""

    unix: Text | None = None
    tcp: Text | None = None
    tls_certificate: Text | None = None
    tls_key: Text | None = None


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    verifier: VerifierSettings
    listen: Annotated[tuple[Listen, ...], Meta(min_length=1, max_length=16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to listen; one of `unix` and `host` is there."""

    unix: Path | None = None
    host: str = ""
    port: int = 0
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Configured:
    """The settings, and what depends on where their file lies."""

    value: VerifierSettings
    base: Path
    places: tuple[Place, ...]

    def path(self, name: str) -> Path:
        """Return a path of the file, relative to it."""
        return self.base / name

    @property
    def database(self) -> str:
        """The database's address, with the path of SQLite's file made whole."""
        try:
            url = make_url(self.value.database)
        except ArgumentError:
            raise UsageError("usage.database", "verifier.database is not an address") from None
        if url.get_backend_name() == "sqlite" and url.database:
            url = url.set(database=str(self.base / url.database))
        return url.render_as_string(hide_password=False)


def load_settings(path: str) -> Configured:
    """Return the settings of a file.

    Raises:
        UsageError: `usage.file`, `usage.configuration`, and as `check_status_url`.
    """
    loaded = read_settings(path, Settings)
    check_status_url(loaded.value.verifier.status_url, loaded.where("verifier", "status_url"))
    base = Path(path).resolve().parent
    places = tuple(_place(one, at, loaded, base) for at, one in enumerate(loaded.value.listen))
    return Configured(loaded.value.verifier, base, places)


def check_status_url(text: str, where: str) -> None:
    """Return if relying parties can fetch lists there: an http(s) URL up to `/v1/status`.

    Args:
        text: the URL.
        where: it stands, for the error.

    Raises:
        UsageError: `usage.url`; `usage.tls`, http beyond loopback.
    """
    try:
        endpoint = Endpoint.parse(text)
    except UsageError as error:
        raise UsageError(error.code, f"{where}: {error.detail}") from None
    if endpoint.scheme == "unix" or not text.endswith(_STATUS_PATH):
        raise UsageError(
            "usage.url", f"{where}: {text!r}: a URL that ends in {_STATUS_PATH} is due"
        )


def _place(one: Listen, at: int, loaded: Loaded[Settings], base: Path) -> Place:
    where = loaded.where("listen", at)
    if (one.unix is None) == (one.tcp is None):
        raise UsageError("usage.configuration", f"{where}: one of unix and tcp is due")
    if (one.tls_certificate is None) != (one.tls_key is None):
        raise UsageError("usage.configuration", f"{where}: tls_certificate and tls_key go together")
    tls = None
    if one.tls_certificate is not None and one.tls_key is not None:
        tls = Tls(certificate=str(base / one.tls_certificate), key=str(base / one.tls_key))
    if one.unix is not None:
        return Place(unix=base / one.unix)
    host, separator, port = (one.tcp or "").rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port[:6]) > _MAX_PORT:
        raise UsageError("usage.configuration", f"{where}: tcp is host:port")
    return Place(host=host.strip("[]"), port=int(port), tls=tls)
