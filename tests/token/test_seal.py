# SPDX-License-Identifier: Apache-2.0
"""Secrets on their way: opened by the right key, for the right statement and path, and no other."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OKPKey

from tests.refusals import refused
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.crypto.secret import Secret
from troth.errors import DeniedError, MalformedError, TrothError, UntrustedError
from troth.evidence.binding.labels import secret_info
from troth.token import Jwk, KeySet, SigningKey
from troth.token import jwk_of as token_jwk
from troth.token.answer import Answer, sign_answer, verify_answer
from troth.token.jws import sign_jws
from troth.token.seal import AgreementKey, check_agreement, seal
from troth.wire import base64url, json

DIGEST = bytes(range(32))
PATH = "payments/database"
KEY = AgreementKey()


def jwk_of(key: AgreementKey) -> Jwk:
    return msgspec.convert(key.jwk, Jwk)


def sealed(value: bytes = b"hunter2", path: str = PATH, digest: bytes = DIGEST) -> str:
    return seal(Secret(value), jwk_of(KEY), statement_digest=digest, path=path)


def opened(text: str, key: AgreementKey = KEY, path: str = PATH, digest: bytes = DIGEST) -> bytes:
    with key.open(text, statement_digest=digest, path=path) as value:
        return bytes(value)


@given(st.binary(min_size=1, max_size=200), st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?\Z"))
def test_round_trip(value: bytes, path: str) -> None:
    assert opened(sealed(value, path), path=path) == value


def test_largest_secret_at_the_longest_path() -> None:
    path = "/".join(["a" * 63] * 3 + ["b" * 63])
    assert opened(sealed(b"x" * 32 * 1024, path), path=path) == b"x" * 32 * 1024


def test_p256_recipient() -> None:
    key = ECKey.generate_key("P-256")
    public = key.as_dict(private=False)
    jwk = Jwk(kty="EC", crv="P-256", alg="ECDH-ES+A256KW", x=str(public["x"]), y=str(public["y"]))
    text = seal(Secret(b"v"), jwk, statement_digest=DIGEST, path=PATH)
    found = jwe.decrypt_compact(text, key, algorithms=["ECDH-ES+A256KW", "A256GCM"])
    assert found.plaintext == b"v"


@pytest.mark.parametrize(
    "change", [{"key": AgreementKey()}, {"path": "payments/other"}, {"digest": bytes(32)}]
)
def test_other_key_path_or_statement(change: dict[str, object]) -> None:
    with pytest.raises(UntrustedError) as caught:
        opened(sealed(), **change)  # type: ignore[arg-type]  # one of three
    assert caught.value.code == "secret.sealed"


def test_header_that_claims_another_path_does_not_open() -> None:
    head, rest = sealed(path="payments/other").split(".", 1)
    header = json.decode(base64url.decode(head), dict[str, object], max_bytes=2000)
    header["apv"] = base64url.encode(secret_info(DIGEST, PATH))
    with pytest.raises(UntrustedError) as caught:
        opened(f"{base64url.encode(json.encode(header))}.{rest}")
    assert caught.value.code == "secret.sealed"


@pytest.mark.parametrize(
    "change",
    [{"alg": "ECDH-ES"}, {"enc": "A128GCM"}, {"zip": "DEF"}, {"crit": ["x"]}, {"apv": "A"}],
)
def test_header_of_another_form(change: dict[str, object]) -> None:
    head, rest = sealed().split(".", 1)
    header = json.decode(base64url.decode(head), dict[str, object], max_bytes=2000) | change
    with pytest.raises(MalformedError) as caught:
        opened(f"{base64url.encode(json.encode(header))}.{rest}")
    assert caught.value.code == "secret.sealed-form"


@pytest.mark.parametrize("change", [lambda text: text + ".", lambda text: text.rpartition(".")[0]])
def test_segments_more_or_less(change: Callable[[str], str]) -> None:
    with refused("secret.sealed-form", "segments"):
        opened(change(sealed()))


def test_a_library_that_finds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its type has a place for no plaintext: that is no secret, and no empty one."""
    decrypted = jwe.decrypt_compact

    def emptied(*arguments: Any, **named: Any) -> jwe.CompactEncryption:
        found = decrypted(*arguments, **named)
        found.plaintext = None
        return found

    monkeypatch.setattr(jwe, "decrypt_compact", emptied)
    with refused("secret.sealed", "nothing in it"):
        opened(sealed())


@given(st.data())
def test_no_bit_may_flip(data: st.DataObject) -> None:
    parts = [bytearray(base64url.decode(one)) for one in sealed().split(".")]
    part = data.draw(st.sampled_from(parts))
    part[data.draw(st.integers(0, len(part) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(TrothError):
        opened(".".join(base64url.encode(bytes(one)) for one in parts))


@given(st.text(max_size=60))
def test_nonsense_raises_our_errors_only(text: str) -> None:
    with pytest.raises(TrothError):
        opened(text)


@pytest.mark.parametrize(
    "jwk",
    [
        Jwk(kty="OKP", crv="Ed25519", alg="Ed25519", x=base64url.encode(b"\x58" + b"\x66" * 31)),
        Jwk(kty="OKP", crv="X25519", alg="ECDH-ES+A256KW", x=base64url.encode(bytes(32))),
        Jwk(kty="OKP", crv="X25519", alg="ECDH-ES", x=base64url.encode(b"\x09" + bytes(31))),
        Jwk(kty="EC", crv="P-256", alg="ECDH-ES+A256KW", x="AAAA", y="AAAA"),
    ],
)
def test_keys_that_nothing_is_sealed_to(jwk: Jwk) -> None:
    with pytest.raises(DeniedError) as caught:
        seal(Secret(b"v"), jwk, statement_digest=DIGEST, path=PATH)
    assert caught.value.code == "secret.key"


@pytest.mark.parametrize(
    "jwk",
    [
        Jwk(kty="OKP", crv="Ed25519", alg="Ed25519", x=base64url.encode(b"\x58" + b"\x66" * 31)),
        token_jwk(CoseKey.from_p256(PrivateKey.generate().public)),
    ],
)
def test_a_key_for_signatures_is_none_for_agreement(jwk: Jwk) -> None:
    with refused("secret.key", f"a key for {jwk.alg}"):
        check_agreement(jwk)


def test_agreement_key_is_one() -> None:
    check_agreement(jwk_of(AgreementKey()))


@pytest.mark.parametrize("secret", [AgreementKey(), Secret(b"hunter2")])
def test_secrets_are_not_shown_nor_serialised(secret: object) -> None:
    assert "hunter2" not in repr(secret)
    for taken in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            taken(secret)


def test_secret_is_wiped_behind_its_block() -> None:
    secret = Secret(b"hunter2")
    with secret as view:
        assert bytes(view) == b"hunter2"
    with secret as view:
        assert bytes(view) == bytes(7)


def test_library_private_half_stays() -> None:
    assert "d" not in KEY.jwk
    assert OKPKey.import_key(dict(KEY.jwk)).is_private is False


SIGNER = SigningKey(PrivateKey.generate())
KEYS = KeySet([SIGNER.key.public])
ASKED = Answer(nonce="A" * 43, namespace="03" * 16, path=PATH, statement="51" * 32, jwe="")


def answer(**changes: str) -> str:
    return sign_answer(msgspec.structs.replace(ASKED, **{"jwe": "sealed"} | changes), SIGNER)


def test_answer_to_the_request() -> None:
    assert verify_answer(answer(), KEYS, asked=ASKED) == "sealed"


@pytest.mark.parametrize("name", ["nonce", "namespace", "path", "statement"])
def test_answer_to_another_request(name: str) -> None:
    with pytest.raises(UntrustedError) as caught:
        verify_answer(answer(**{name: "other"}), KEYS, asked=ASKED)
    assert caught.value.code == "secret.answer"


def test_answer_of_another_broker() -> None:
    other = KeySet([PrivateKey.generate().public])
    with pytest.raises(UntrustedError) as caught:
        verify_answer(answer(), other, asked=ASKED)
    assert caught.value.code == "token.key"


def test_answer_under_another_signature() -> None:
    parts, others = answer().split("."), answer(path="x").split(".")
    with pytest.raises(UntrustedError) as caught:
        verify_answer(".".join([*parts[:2], others[2]]), KEYS, asked=ASKED)
    assert caught.value.code == "token.signature"


def test_token_is_no_answer() -> None:
    text = sign_jws(json.encode(ASKED), SIGNER, typ="jwt")
    with pytest.raises(UntrustedError) as caught:
        verify_answer(text, KEYS, asked=ASKED)
    assert caught.value.code == "token.type"


def test_answer_of_another_form() -> None:
    text = sign_jws(b'{"nonce":"A"}', SIGNER, typ="troth-secret+jws")
    with pytest.raises(MalformedError) as caught:
        verify_answer(text, KEYS, asked=ASKED)
    assert caught.value.code == "secret.answer-form"
