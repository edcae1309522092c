# SPDX-License-Identifier: Apache-2.0
"""The key that signs answers is changed, and no workload meets one that its image does not name."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.broker.world import NAMESPACE, STATEMENT, World
from troth.errors import UntrustedError
from troth.token import KeySet, parse_jwks
from troth.token.answer import Answer, verify_answer
from troth.wire import base64url

PATH = "payments/database"


def get(world: World, image: KeySet) -> None:
    """Get a secret as a workload whose image names these keys."""
    nonce = secrets.token_bytes(32)
    asked = Answer(
        nonce=base64url.encode(nonce), namespace=NAMESPACE, path=PATH, statement=STATEMENT, jwe=""
    )
    assert verify_answer(world.ask(PATH, nonce=nonce), image, asked=asked)


def restart(world: World) -> None:
    world.stop()
    world.start()


def test_a_rotation_in_its_order(stopped: World) -> None:
    stopped.start()
    first = stopped.broker_keys
    both = parse_jwks(stopped.run("keys", "next").stdout)
    assert both.kids[:1] == first.kids
    assert len(both.kids) == 2
    assert parse_jwks(stopped.run("keys", "show").stdout).kids == both.kids
    assert (stopped.directory / "answer.pem.next").stat().st_mode & 0o777 == 0o600
    restart(stopped)
    for image in (first, both):  # before: all images work, the next key signs nothing yet
        get(stopped, image)
    done = stopped.run("keys", "rotate")
    assert both.kids[1].encode() in done.stderr
    restart(stopped)
    last = parse_jwks(stopped.run("keys", "show").stdout)
    assert last.kids == both.kids[1:]
    for image in (both, last):
        get(stopped, image)
    with pytest.raises(UntrustedError, match=r"token\.key"):
        get(stopped, first)
    assert not (stopped.directory / "answer.pem.next").exists()


@pytest.mark.parametrize("step", ["rotate", "next"])
def test_out_of_order(stopped: World, step: str) -> None:
    key = stopped.directory / "answer.pem"
    before = key.read_bytes()
    if step == "next":
        assert stopped.run("keys", "next").returncode == 0
    done = stopped.run("keys", step, check=False)
    assert (done.returncode, b"usage.key-file" in done.stderr) == (2, True)
    assert key.read_bytes() == before


def test_a_next_key_that_is_none_replaces_nothing(stopped: World) -> None:
    key, following = (Path(stopped.directory / name) for name in ("answer.pem", "answer.pem.next"))
    before = key.read_bytes()
    following.write_bytes(before[:40])
    following.chmod(0o600)
    for step in ("rotate", "show"):
        done = stopped.run("keys", step, check=False)
        assert (done.returncode, b"usage.key-file" in done.stderr) == (2, True)
    assert key.read_bytes() == before
