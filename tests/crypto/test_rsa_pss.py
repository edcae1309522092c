# SPDX-License-Identifier: Apache-2.0
"""RSA keys come back from their files, and no other key is taken for one."""

from __future__ import annotations

import pytest

from tests.refusals import refused
from troth.crypto.rsa_pss import RSA_BITS, RsaPrivateKey, RsaPublicKey
from troth.crypto.signing_key import SigningKey

KEY = RsaPrivateKey.generate(2048)


def test_a_key_comes_back() -> None:
    again = RsaPrivateKey.from_pem(KEY.pem())
    assert again.spki == KEY.spki
    assert repr(again) == "RsaPrivateKey(2048)"


@pytest.mark.parametrize("curve", ["P-384", "Ed25519"])
def test_a_private_key_of_another_kind(curve: str) -> None:
    other = SigningKey.generate(curve)  # type: ignore[arg-type]  # one of the three, as listed
    with pytest.raises(ValueError, match="not an RSA private key"):
        RsaPrivateKey.from_pem(other.pem())


def test_another_size_verifies_nothing() -> None:
    with refused("chain.algorithm", f"not an RSA key of {RSA_BITS} bits"):
        RsaPublicKey(KEY.spki, "chain.algorithm")
