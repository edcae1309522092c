# SPDX-License-Identifier: Apache-2.0
"""Whom the commands speak to: beyond this machine over TLS alone, wherever an address is given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from troth.crypto.p256 import PrivateKey
from troth.token import jwks_json
from troth.wire import json

TROTH = Path(sys.executable).with_name("troth")
COMMANDS = {
    "token": ("token", "verify", "TOKEN", "--issuer", "i", "--audience", "a", "--verifier", "URL"),
    "secret-verifier": (
        *("secret", "get", "a/b", "--audience", "a", "--broker-key", "KEYS"),
        *("--broker", "unix:/nobody", "--verifier", "URL"),
    ),
    "secret-broker": (
        *("secret", "get", "a/b", "--audience", "a", "--broker-key", "KEYS"),
        *("--verifier", "unix:/nobody", "--broker", "URL"),
    ),
    "socket": ("namespace", "--socket", "URL"),
}
EVERY = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


def run(tmp_path: Path, command: tuple[str, ...], url: str) -> tuple[int, dict[str, Any]]:
    """Run a command with an address put in, and return its status and what it printed."""
    (tmp_path / "token").write_text("x.y.z")
    (tmp_path / "keys").write_bytes(jwks_json([PrivateKey.generate().public]))
    files = {"URL": url, "TOKEN": str(tmp_path / "token"), "KEYS": str(tmp_path / "keys")}
    words = [files.get(one, one) for one in command]
    environment = {name: value for name, value in os.environ.items() if name[:6] != "TROTH_"}
    done = subprocess.run(
        [TROTH, *words, "--timeout", "2", "--json"],
        capture_output=True,
        check=False,
        env=environment,
    )
    return done.returncode, json.decode(done.stdout, dict[str, Any], max_bytes=1 << 20)


@EVERY
@pytest.mark.parametrize("url", ["http://192.0.2.1", "http://verifier.example:8440"])
def test_plain_http_beyond_this_machine_is_refused(
    tmp_path: Path, command: tuple[str, ...], url: str
) -> None:
    status, told = run(tmp_path, command, url)
    assert (status, told["code"]) == (2, "usage.tls")


@EVERY
@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost:1", "unix:/nobody"]
)
def test_on_this_machine_it_is_spoken(tmp_path: Path, command: tuple[str, ...], url: str) -> None:
    status, told = run(tmp_path, command, url)
    assert (status, told["code"]) in {
        (7, "client.unreachable"),
        (5, "token.keys-missing"),  # as `token verify` says it
    }


def test_who_is_not_there_is_told_with_a_next_step() -> None:
    done = subprocess.run(
        [TROTH, "namespace", "--socket", "/nobody"], capture_output=True, check=False
    )
    assert done.returncode == 7
    assert b"client.unreachable" in done.stderr
    assert b"try: troth doctor" in done.stderr


@pytest.mark.parametrize("option", ["--verifier", "--broker"])
def test_doctor_says_it_of_the_peer(option: str) -> None:
    done = subprocess.run(
        [TROTH, "doctor", option, "http://192.0.2.1", "--socket", "/nobody", "--json"],
        capture_output=True,
        check=False,
    )
    found = json.decode(done.stdout, dict[str, Any], max_bytes=1 << 20)["findings"]
    (one,) = [one for one in found if one["about"] == option.removeprefix("--")]
    assert one["verdict"] == "failed"
    assert "usage.tls" in str(one)
