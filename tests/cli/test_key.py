# SPDX-License-Identifier: Apache-2.0
"""`troth key new`: two files, one of them private, and what they are good for."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from joserfc import jwk, jws

from tests.program import troth
from troth.crypto.holder_key import new_agreement_key, new_signing_key
from troth.evidence.binding.request import key_of_jwk
from troth.token.confirmation import jwk_of, key_of
from troth.wire import base64url

Members = dict[str, str | list[str]]


@pytest.mark.parametrize(
    ("options", "alg", "crv"),
    [((), "ECDH-ES+A256KW", "X25519"), (("--alg", "ES256"), "ES256", "P-256")],
)
def test_a_key_is_a_private_and_a_public_file(
    tmp_path: Path, options: tuple[str, ...], alg: str, crv: str
) -> None:
    path = tmp_path / "w.jwk"
    done = troth("key", "new", path, *options)
    assert done.status == 0, done.err
    private = json.loads(path.read_bytes())
    public = json.loads((tmp_path / "w.jwk.pub").read_bytes())
    assert path.stat().st_mode & 0o777 == 0o600
    assert private.keys() - public.keys() == {"d"}
    assert (public["alg"], public["crv"]) == (alg, crv)
    key_of_jwk(public)  # as --cnf and trothd read it
    assert tomllib.loads(done.text) == {"cnf": public}
    assert private["d"] not in done.text + done.err


def test_json_is_the_public_key(tmp_path: Path) -> None:
    told = troth("key", "new", tmp_path / "k", "--json").json()
    assert told == json.loads((tmp_path / "k.pub").read_bytes())


@pytest.mark.parametrize("there", ["k", "k.pub"])
def test_nothing_is_overwritten(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("mine")
    done = troth("key", "new", tmp_path / "k")
    assert (done.status, "usage.file" in done.err) == (2, True)
    assert [one.name for one in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "mine"


def test_the_private_half_is_no_cnf(tmp_path: Path) -> None:
    troth("key", "new", tmp_path / "k")
    asked = ("--nonce", "new", "--audience", "a", "--socket", "unix:/nobody")
    done = troth("attest", *asked, "--cnf", tmp_path / "k")
    assert "binding.private-key" in done.err
    done = troth("attest", *asked, "--cnf", tmp_path / "k.pub")
    assert "client.unreachable" in done.err  # the key was taken


def test_the_halves_belong_together() -> None:
    made = new_agreement_key()
    public = jwk_of(made.public)
    whole: Members = {
        "kty": "OKP",
        "crv": "X25519",
        "x": public.x,
        "d": base64url.encode(made.private),
    }
    peer = jwk.OKPKey.generate_key("X25519")
    own = jwk.OKPKey.import_key(whole)
    shared = own.exchange_derive_key(peer)
    known = jwk.OKPKey.import_key({"kty": "OKP", "crv": "X25519", "x": public.x})
    assert shared == peer.exchange_derive_key(known)
    signing = new_signing_key()
    named = jwk_of(signing.public)
    members: Members = {"kty": "EC", "crv": "P-256", "x": named.x, "y": str(named.y)}
    key = jwk.ECKey.import_key(members | {"d": base64url.encode(signing.private)})
    text = jws.serialize_compact({"alg": "ES256"}, b"payload", key)
    assert jws.deserialize_compact(text, jwk.ECKey.import_key(members)).payload == b"payload"
    assert key_of(named) == signing.public


def test_keys_are_fresh_and_are_not_shown() -> None:
    for make in (new_agreement_key, new_signing_key):
        first, second = make(), make()
        assert first.private != second.private
        assert first.private.hex() not in repr(first)
        assert repr(first.private) not in repr(first)
