# SPDX-License-Identifier: Apache-2.0
"""Digests by name are those of the standard, and an unknown name is our bug."""

from __future__ import annotations

import pytest

from troth.crypto.digest import digest_by_name, sha256, sha384

# FIPS 180-4's message "abc", first eight bytes of each digest (NIST's example values).
ABC = {
    "sha-256": "ba7816bf8f01cfea",
    "sha-384": "cb00753f45a35e8b",
    "sha-512": "ddaf35a193617aba",
}


@pytest.mark.parametrize("name", ABC)
def test_a_digest_is_found_by_its_name(name: str) -> None:
    assert digest_by_name(name, b"abc").hex().startswith(ABC[name])


def test_the_names_are_those_of_the_functions() -> None:
    assert digest_by_name("sha-256", b"x") == sha256(b"x")
    assert digest_by_name("sha-384", b"x") == sha384(b"x")


@pytest.mark.parametrize("name", ["sha256", "SHA-256", "sha-1", "md5", ""])
def test_an_unknown_name_is_a_bug(name: str) -> None:
    with pytest.raises(KeyError):
        digest_by_name(name, b"x")
