# SPDX-License-Identifier: Apache-2.0
"""Which hosts are this machine whoever answers for names: the ones that need no TLS."""

from __future__ import annotations

import ipaddress

__all__ = ["is_loopback"]


def is_loopback(host: str) -> bool:
    """Say whether a host, without brackets, is a loopback address or `localhost` (RFC 6761 §6.3).

    No name is looked up: one that somebody lets point at a loopback address is not one.
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
