# SPDX-License-Identifier: Apache-2.0
"""The program troth-verifier: init, check, rotate, and what it says of bad configurations."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bundles import Machine
from tests.verifiers import PROGRAM, configure, make_directory
from troth.errors import UsageError
from troth.verifier.keys import KeyRing
from troth.verifier.settings import load_settings
from troth.verifier.sources import load_sources


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot(at=datetime.now(UTC))


def ran(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def test_init_makes_private_files_and_no_default_secret(tmp_path: Path) -> None:
    options = ["--issuer", 'a "b" \\c', "--status-url", "https://v.example/v1/status"]
    done = ran("init", "v", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    modes = {
        one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "v" / "keys").iterdir()
    } | {one.name: one.stat().st_mode & 0o777 for one in (tmp_path / "v").iterdir()}
    assert modes["current.pem"] == modes["challenge.key"] == modes["verifier.db"] == 0o600
    assert modes["keys"] == 0o700
    settings = load_settings(str(tmp_path / "v" / "verifier.toml"))
    assert settings.value.issuer == 'a "b" \\c'
    again = ran("init", "v", *options, cwd=tmp_path)
    assert (again.returncode, "usage.file" in again.stderr) == (2, True)
    ran("init", "w", *options, cwd=tmp_path)
    keys = {(tmp_path / d / "keys" / "challenge.key").read_bytes() for d in ("v", "w")}
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("notaurl", "usage.url"),
        ("ftp://v.example/v1/status", "usage.url"),
        ("unix:/run/v.sock/v1/status", "usage.url"),
        ("https://v.example", "usage.url"),
        ("https://v.example/v1/status/", "usage.url"),
        ("https://v.example/v1/status?x=1", "usage.url"),
        ("http://v.example/v1/status", "usage.tls"),
        ("http://192.0.2.1/v1/status", "usage.tls"),
    ],
)
def test_status_lists_must_be_within_reach(
    tmp_path: Path, machine: Machine, url: str, code: str
) -> None:
    done = ran("init", "v", "--issuer", "i", "--status-url", url, cwd=tmp_path)
    assert (done.returncode, f"{code}: --status-url" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "v").exists()
    path = make_directory(tmp_path / "w", machine)
    configure(path, status_url=f'"{url}"')
    with pytest.raises(UsageError, match=rf"{code}: .*verifier\.status_url \(line"):
        load_settings(str(path))


@pytest.mark.parametrize("host", ["127.0.0.1:8440", "[::1]:8440", "localhost"])
def test_status_lists_may_be_on_this_machine(tmp_path: Path, host: str) -> None:
    url = f"http://{host}/v1/status"
    done = ran("init", "v", "--issuer", "i", "--status-url", url, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_check_config(tmp_path: Path, machine: Machine) -> None:
    path = make_directory(tmp_path / "v", machine)
    good = ran("serve", "-c", str(path), "--check-config", cwd=tmp_path)
    assert (good.returncode, good.stdout) == (0, f"{path}: good\n"), good.stderr
    with path.open("a") as file:
        file.write('\n[[listen]]\ntcp = "127.0.0.1:1"\ntls_certificate = "x"\ntls_key = "y"\n')
    bad = ran("serve", "-c", str(path), "--check-config", cwd=tmp_path)
    assert (bad.returncode, "usage.tls" in bad.stderr) == (2, True)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("challenge_s", "0", "verifier.challenge_s (line"),
        ("token_s", "301", "verifier.token_s (line"),
        ("issuer", '""', "verifier.issuer (line"),
        ("roots", "[]", "verifier.roots (line"),
        ("roots", '["none.pem"]', "none.pem"),
        ("roots", '["policy.toml"]', "usage.root"),
        ("collateral", '["none", "x"]', "stands alone"),
        ("collateral", '["policy.toml"]', "usage.file"),
        ("policy", '"none.toml"', "none.toml"),
        ("keys", '"none"', "usage.keys"),
        ("database", '"nonsense"', "usage.database"),
        ("unix", "7", "listen[0].unix (line"),
    ],
)
def test_what_is_wrong_is_named(
    tmp_path: Path, machine: Machine, key: str, value: str, said: str
) -> None:
    path = make_directory(tmp_path / "v", machine)
    configure(path, **{key: value})
    done = ran("serve", "-c", str(path), "--check-config", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    "listen",
    [
        "",
        'unix = "a"\ntcp = "127.0.0.1:1"',
        'tcp = "127.0.0.1"',
        'tcp = "127.0.0.1:x"',
        'tcp = "127.0.0.1:65536"',
        'tcp = "127.0.0.1:1"\ntls_key = "x"',
    ],
)
def test_listeners(tmp_path: Path, machine: Machine, listen: str) -> None:
    path = make_directory(tmp_path / "v", machine)
    with path.open("a") as file:
        file.write(f"\n[[listen]]\n{listen}\n")
    with pytest.raises(UsageError, match=r"usage\.configuration.*listen\[1\]"):
        load_settings(str(path))


def test_beyond_loopback_tls_is_due(tmp_path: Path, machine: Machine) -> None:
    path = make_directory(tmp_path / "v", machine)
    with path.open("a") as file:
        file.write('\n[[listen]]\ntcp = "0.0.0.0:0"\n')
    done = ran("serve", "-c", str(path), cwd=tmp_path)
    assert (done.returncode, "usage.tls" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("key", "value"),
    [("images", '"any"'), ("cnf", '"any"'), ("channel", '"required"')],
)
def test_policies_by_which_no_token_may_be_issued(
    tmp_path: Path, machine: Machine, key: str, value: str
) -> None:
    path = make_directory(tmp_path / "v", machine, machine.policy_text(**{key: value}))
    with pytest.raises(UsageError, match=r"usage\.policy"):
        load_sources(load_settings(str(path)))


def test_a_policy_for_quotes_alone(tmp_path: Path, machine: Machine) -> None:
    text = machine.policy_text().partition("[boot]")[0]
    path = make_directory(tmp_path / "v", machine, text)
    with pytest.raises(UsageError, match=r"usage\.policy.*\[namespace\]"):
        load_sources(load_settings(str(path)))


def test_keys_that_others_can_read(tmp_path: Path, machine: Machine) -> None:
    path = make_directory(tmp_path / "v", machine)
    keys = path.parent / "keys"
    (keys / "current.pem").chmod(0o640)
    with pytest.raises(UsageError, match=r"usage\.keys.*640"):
        KeyRing(keys)
    (keys / "current.pem").chmod(0o600)
    (keys / "challenge.key").write_bytes(b"short")
    with pytest.raises(UsageError, match=r"usage\.keys"):
        KeyRing(keys)
    (keys / "current.pem").write_bytes(b"no key")
    with pytest.raises(UsageError, match=r"usage\.keys"):
        KeyRing(keys)


def test_rotate_and_upgrade(tmp_path: Path, machine: Machine) -> None:
    path = make_directory(tmp_path / "v", machine)
    before = KeyRing(path.parent / "keys").signing.kid
    done = ran("keys", "rotate", "-c", str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ring = KeyRing(path.parent / "keys")
    assert ring.key_set.kids == (ring.signing.kid, before)
    (path.parent / "verifier.db").unlink()
    assert ran("serve", "-c", str(path), "--check-config", cwd=tmp_path).returncode == 7
    assert ran("database", "upgrade", "-c", str(path), cwd=tmp_path).returncode == 0
    assert ran("serve", "-c", str(path), "--check-config", cwd=tmp_path).returncode == 0


def test_no_collateral_by_name(tmp_path: Path, machine: Machine) -> None:
    path = make_directory(tmp_path / "v", machine)
    configure(path, collateral='["none"]', roots='["intel", "root.pem"]')
    sources = load_sources(load_settings(str(path)))
    assert isinstance(sources.vouching.collateral, type)
    assert len(sources.vouching.anchors.names) == 2
