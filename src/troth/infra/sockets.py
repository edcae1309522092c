# SPDX-License-Identifier: Apache-2.0
"""Sockets that we bind ourselves: their mode is ours, and what is not local speaks TLS.

uvicorn makes a unix socket that everybody may use, whatever the umask; so it gets ours.
"""

from __future__ import annotations

import contextlib
import ipaddress
import resource
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from troth.errors import UsageError
from troth.wire.hosts import is_loopback

__all__ = ["BACKLOG", "Tls", "bind_tcp", "bind_unix", "raise_descriptor_limit"]

_MODE: Final = 0o660  # the owner and the group: a namespace's socket is its group's
BACKLOG: Final = 1024
_PATH_MAX_BYTES: Final = 107  # sun_path holds 108 with its end, unix(7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A server's certificate chain and key, both PEM files."""

    certificate: str
    key: str

    def context(self) -> ssl.SSLContext:
        """Return what a listener needs: TLS 1.3 alone.

        Raises:
            UsageError: `usage.tls`, a file cannot be read or used.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        try:
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError("usage.tls", f"{self.certificate}, {self.key}: {error}") from None
        return context


def bind_unix(path: Path, *, mode: int = _MODE) -> socket.socket:
    """Return a listening unix socket at `path`, which only owner and group may use.

    A socket that nobody listens on any more is replaced.

    Raises:
        UsageError: `usage.socket`, the path is too long, in use, or cannot be bound.
    """
    if len(str(path).encode()) + len(".new") > _PATH_MAX_BYTES:
        raise UsageError("usage.socket", f"{path}: too long for a socket's path")
    if _answers(path):
        raise UsageError("usage.socket", f"{path}: another program listens there")
    new = path.with_name(f"{path.name}.new")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The name that callers know comes last: who finds it finds mode and listener in place.
        new.unlink(missing_ok=True)
        listening.bind(str(new))
        new.chmod(mode)
        listening.listen(BACKLOG)
        new.rename(path)
    except OSError as error:
        listening.close()
        with contextlib.suppress(OSError):
            new.unlink()
        raise UsageError("usage.socket", f"{path}: {error.strerror}") from None
    listening.settimeout(0)
    return listening


def bind_tcp(host: str, port: int, *, tls: Tls | None = None) -> socket.socket:
    """Return a listening TCP socket.

    Args:
        host: an address, or `localhost`.
        port: 0 for any free one.
        tls: what the socket will speak; needed where the address is not a loopback one.

    Raises:
        UsageError: `usage.tls`, TLS is needed; `usage.socket`, the address cannot be bound.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError("usage.socket", f"{host}: not an address") from None
    if not is_loopback(str(address)) and tls is None:
        raise UsageError("usage.tls", f"{host} is not a loopback address and needs TLS")
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET  # noqa: PLR2004 - the version of IPv6
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((str(address), port))
        listening.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        listening.close()
        raise UsageError("usage.socket", f"{host}:{port}: {error}") from None
    listening.settimeout(0)
    return listening


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except BlockingIOError:
            return True  # its backlog is full
        except OSError:
            return False
        return True
