# SPDX-License-Identifier: Apache-2.0
"""Where a program of troth listens: a unix socket, https, or http on this very machine.

Over plain http anybody on the way reads a token, and answers in the verifier's place. So there is
no address of another machine without TLS: every client and every configuration parses it here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from troth.errors import UsageError
from troth.wire.hosts import is_loopback

__all__ = ["Endpoint"]

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9._~-]+)*", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)  # a name, or an address
_SOCKET_PATH_BYTES: Final = 107  # sun_path without its NUL, unix(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One address, parsed."""

    scheme: Literal["unix", "http", "https"]
    host: str  # what stands in the Host field
    port: int
    socket: str  # path of the unix socket; empty for the others
    prefix: str  # path in front of every target; empty or beginning with a slash

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the endpoint of `unix:/path`, a path with a slash, or an http(s) URL.

        Raises:
            UsageError: `usage.url`, or `usage.tls`: http to what is no loopback address.
        """
        if text.startswith("unix:"):
            return cls._unix(text.removeprefix("unix:"))
        if ":" not in text.partition("/")[0] and "/" in text:
            return cls._unix(text)
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise UsageError("usage.url", f"{text!r}: {error}") from None
        prefix, host = parts.path.rstrip("/"), parts.hostname or ""
        odd = parts.query or parts.fragment or parts.username is not None or port == 0
        if odd or not _HOST.fullmatch(host) or not _PREFIX.fullmatch(prefix):
            raise UsageError("usage.url", f"{text!r}: give unix:/path, http://host or https://host")
        if parts.scheme == "http":
            scheme: Literal["http", "https"] = "http"
        elif parts.scheme == "https":
            scheme = "https"
        else:
            raise UsageError("usage.url", f"{text!r}: scheme {parts.scheme!r} is not known")
        if scheme == "http" and not is_loopback(host):
            raise UsageError("usage.tls", f"{text!r} is not on this machine; use https")
        return cls(
            scheme=scheme,
            host=host,
            port=port or _DEFAULT_PORTS[scheme],
            socket="",
            prefix=prefix,
        )

    @classmethod
    def _unix(cls, path: str) -> Self:
        if not path or "\0" in path or len(path.encode()) > _SOCKET_PATH_BYTES:
            raise UsageError(
                "usage.url", f"{path!r}: a socket's path has 1 to {_SOCKET_PATH_BYTES} bytes"
            )
        return cls(scheme="unix", host="localhost", port=0, socket=path, prefix="")

    @property
    def authority(self) -> str:
        """The value of the Host field (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.scheme == "unix" or self.port == _DEFAULT_PORTS[self.scheme]:
            return host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        if self.scheme == "unix":
            return f"unix:{self.socket}"
        return f"{self.scheme}://{self.authority}{self.prefix}"
