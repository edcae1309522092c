# SPDX-License-Identifier: Apache-2.0
"""What needs no TLS: this machine, by a name or number that says so itself."""

from __future__ import annotations

import pytest

from troth.wire.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.255.255.254", "::1", "0:0::1"])
def test_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host",
    [
        "",
        "0.0.0.0",  # noqa: S104 - no socket is bound
        "::",
        "192.0.2.1",
        "127.1",
        "128.0.0.1",
        "::ffff:127.0.0.1",
        "2001:db8::1",
        "localhost.",
        "localhost.example",
        "127.0.0.1.example",
        "[::1]",
    ],
)
def test_any_other(host: str) -> None:
    assert not is_loopback(host)
