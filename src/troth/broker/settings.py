# SPDX-License-Identifier: Apache-2.0
"""The broker's configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from troth.client.endpoint import Endpoint
from troth.errors import UsageError
from troth.infra.settings import Loaded, read_settings
from troth.infra.sockets import Tls

__all__ = ["Listen", "Settings", "TrustedVerifier", "load_settings"]

_STATUS_MAX_AGE_S: Final = 2

Text = Annotated[str, Meta(min_length=1, max_length=255)]


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the broker listens: a socket, an address and port, or both."""

    socket: str = ""
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    tls_certificate: str = ""
    tls_key: str = ""

    @property
    def tls(self) -> Tls | None:
        """What TCP speaks; None where no certificate is configured."""
        if not self.tls_certificate:
            return None
        return Tls(certificate=self.tls_certificate, key=self.tls_key or self.tls_certificate)


class TrustedVerifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A verifier whose tokens are taken.

    Attributes:
        issuer: what its tokens call it, `iss`.
        url: where its keys and status lists are fetched; never what a token says.
        ca_file: CA certificates to trust for an https URL; empty for the system's.
    """

    issuer: Text
    url: Text
    ca_file: str = ""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All settings. Paths are taken from the directory of the file.

    Attributes:
        audience: what tokens for this broker say, `aud`.
        database: path of a SQLite file, or a SQLAlchemy URL.
        storage_key: file with the key that secrets at rest are under, mode 0600.
        answer_key: PEM file with the key that signs answers, mode 0600.
        log_key: PEM file with the key that signs heads of the log, mode 0600.
        anchor: file that remembers how far the store had come; best on another disk.
        admin_socket: for metrics, detailed health and the log; the administrator's alone.
        status_max_age_s: for how long a status list is believed, at most 2 s.
        keys_max_age_s: for how long a verifier's keys are believed.
        fetch_timeout_s: for a verifier to answer.
        listen: where callers come.
        verifier: whose tokens are taken.
    """

    audience: Text
    database: Text
    storage_key: Text
    answer_key: Text
    log_key: Text
    anchor: Text
    admin_socket: Text
    listen: Listen
    verifier: Annotated[tuple[TrustedVerifier, ...], Meta(min_length=1)]
    status_max_age_s: Annotated[int, Meta(ge=0, le=_STATUS_MAX_AGE_S)] = _STATUS_MAX_AGE_S
    keys_max_age_s: Annotated[int, Meta(ge=1, le=3600)] = 300
    fetch_timeout_s: Annotated[int, Meta(ge=1, le=30)] = 2


def load_settings(path: str) -> Settings:
    """Return the settings of a file, its paths made absolute.

    Raises:
        UsageError: `usage.file`, `usage.configuration`, `usage.url`, or `usage.tls`: a verifier
            over plain http that is not on this machine.
    """
    loaded = read_settings(path, Settings)
    _check(loaded)
    home = Path(path).resolve().parent
    value = loaded.value
    names = ("storage_key", "answer_key", "log_key", "anchor", "admin_socket")
    paths = {name: str(home / str(getattr(value, name))) for name in names}
    database = value.database
    paths["database"] = database if "://" in database else f"sqlite:///{home / database}"
    listen = msgspec.structs.replace(
        value.listen,
        **{
            name: str(home / text) if (text := str(getattr(value.listen, name))) else ""
            for name in ("socket", "tls_certificate", "tls_key")
        },
    )
    return msgspec.structs.replace(value, listen=listen, **paths)


def _check(loaded: Loaded[Settings]) -> None:
    value = loaded.value
    if not value.listen.socket and not value.listen.host:
        raise UsageError("usage.configuration", f"{loaded.where('listen')}: no socket and no host")
    issuers = [one.issuer for one in value.verifier]
    for at, one in enumerate(value.verifier):
        where = loaded.where("verifier", at, "url")
        try:
            Endpoint.parse(one.url)
        except UsageError as error:
            raise UsageError(error.code, f"{where}: {error.detail}") from None
        if issuers.count(one.issuer) > 1:
            raise UsageError("usage.configuration", f"{where}: {one.issuer!r} is configured twice")
