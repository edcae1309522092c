# SPDX-License-Identifier: Apache-2.0
"""The command `troth-broker`, its configuration and its policy files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.broker.world import POLICY, World
from troth.broker.policy import parse_release_policy
from troth.broker.settings import load_settings
from troth.errors import UsageError


def test_first_steps(stopped: World, tmp_path: Path) -> None:
    directory = str(tmp_path / "new")
    arguments = ("--audience", "a", "--issuer", "i", "--verifier", "unix:/v.sock")
    assert stopped.run("init", directory, *arguments).returncode == 0
    assert stopped.run("init", directory, *arguments, check=False).returncode == 2
    config = ("--config", f"{directory}/broker.toml")
    assert stopped.run("serve", *config, "--check-config").returncode == 0
    assert stopped.run("secret", "put", "a/b", *config, stdin=b"s3cret").returncode == 0
    listed = stopped.run("secret", "list", *config)
    assert b"a/b" in listed.stdout
    assert b"s3cret" not in listed.stdout + listed.stderr
    assert b'"path":"a/b"' in stopped.run("secret", "list", "--json", *config).stdout
    shown = stopped.run("policy", "show", *config).stdout
    assert shown == (tmp_path / "new" / "release.toml").read_bytes()
    assert b"secret.put" in stopped.run("log", *config).stdout
    assert stopped.run("secret", "rm", "a/b", *config).returncode == 0
    gone = stopped.run("secret", "rm", "a/b", "--json", *config, check=False)
    assert gone.returncode == 2


def test_init_refuses_what_cannot_stand_in_toml(stopped: World, tmp_path: Path) -> None:
    done = stopped.run(
        "init",
        str(tmp_path / "x"),
        "--audience",
        'a"',
        "--issuer",
        "i",
        "--verifier",
        "unix:/v",
        check=False,
    )
    assert done.returncode == 2
    assert b"usage.arguments" in done.stderr
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://1.2.3.4", b"usage.tls"),
        ("http://verifier.example", b"usage.tls"),
        ("notaurl", b"usage.url"),
        ("http://127.0.0.1:1", b""),
        ("http://[::1]:1", b""),
        ("http://localhost:1", b""),
        ("https://verifier.example", b""),
    ],
)
def test_init_wants_a_verifier_that_may_be_asked(
    stopped: World, tmp_path: Path, url: str, code: bytes
) -> None:
    named = ("--audience", "a", "--issuer", "i", "--verifier", url)
    done = stopped.run("init", str(tmp_path / "x"), *named, check=False)
    assert done.returncode == (2 if code else 0)
    assert code in done.stderr
    assert (tmp_path / "x").exists() != bool(code)


@pytest.mark.parametrize(
    ("old", "new", "code", "named"),
    [
        ("audience =", "audienze =", "usage.configuration", "audienze (line 5)"),
        ("status_max_age_s = 2", "status_max_age_s = 3", "usage.configuration", "(line "),
        ('socket = "broker.sock"', "", "usage.configuration", "no socket"),
        ('url = "unix:[^"]*"', 'url = "ftp://x"', "usage.url", "verifier[0].url"),
        ('url = "unix:[^"]*"', 'url = "http://far.example"', "usage.tls", "use https"),
        ('url = "unix:[^"]*"', 'url = "http://192.0.2.1"', "usage.tls", "verifier[0].url"),
    ],
)
def test_configuration_says_what_is_wrong(
    stopped: World, old: str, new: str, code: str, named: str
) -> None:
    path = stopped.directory / "broker.toml"
    text = path.read_text()
    changed, times = re.subn(old, new, text, count=1)
    assert times == 1
    path.write_text(changed)
    with pytest.raises(UsageError) as caught:
        load_settings(str(path))
    assert caught.value.code == code
    assert named in caught.value.detail


def test_listening_beyond_loopback_needs_tls(stopped: World) -> None:
    path = stopped.directory / "broker.toml"
    path.write_text(path.read_text().replace('# host = "0.0.0.0"', 'host = "0.0.0.0"'))
    done = stopped.run("serve", check=False)
    assert done.returncode == 2
    assert b"usage.tls" in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("version = 1", "version = 2", "version"),
        ('label = "payments"\n', "", "line 3"),
        ('label = "payments"', 'lable = "payments"', "line 3"),
        ('mode = ["fresh"]', "mode = []", "line 3"),
        ('mode = ["fresh"]', 'mode = ["frsh"]', "line 3"),
        ('model = "appraised"', 'model = "maybe"', "line 3"),
        ('"payments/keys/*"', '"*"', "line 5"),
        ('"payments/keys/*"', '"payments/../*"', "line 5"),
        ('name = "payments only"', 'name = "default"', "taken"),
        ("[[rule]]", "[rule]", "rule"),
        ("version = 1", "version = 1\nversion = 1", ""),
    ],
)
def test_policy_says_what_is_wrong(old: str, new: str, named: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_release_policy(POLICY.replace(old, new, 1).encode(), "release.toml")
    assert caught.value.code == "usage.policy"
    assert named in caught.value.detail


def test_two_rules_of_one_name() -> None:
    rule = POLICY[POLICY.index("[[rule]]") :]
    with pytest.raises(UsageError):
        parse_release_policy((POLICY + rule).encode(), "release.toml")
