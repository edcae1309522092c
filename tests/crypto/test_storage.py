# SPDX-License-Identifier: Apache-2.0
"""Secrets at rest."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from troth.crypto.storage import StorageKey
from troth.errors import DriverError

KEY = StorageKey(bytes(32))


def opened(sealed: bytes, context: bytes = b"here", key: StorageKey = KEY) -> bytes:
    with key.open(sealed, context) as value:
        return bytes(value)


@given(st.binary(max_size=100))
def test_round_trip(value: bytes) -> None:
    assert opened(KEY.seal(value, b"here")) == value


def test_each_sealing_is_another() -> None:
    first, second = KEY.seal(b"v", b"here"), KEY.seal(b"v", b"here")
    assert first != second


def test_other_place_or_key() -> None:
    sealed = KEY.seal(b"v", b"here")
    for context, key in ((b"there", KEY), (b"here", StorageKey(b"\1" * 32))):
        with pytest.raises(DriverError) as caught:
            opened(sealed, context, key)
        assert caught.value.code == "broker.storage"


@given(st.data())
def test_no_bit_may_flip(data: st.DataObject) -> None:
    sealed = bytearray(KEY.seal(b"value", b"here"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DriverError):
        opened(bytes(sealed))


def test_cut_short() -> None:
    sealed = KEY.seal(b"", b"here")
    for length in range(len(sealed)):
        with pytest.raises(DriverError):
            opened(sealed[:length])


def test_key_has_one_length_and_no_repr() -> None:
    with pytest.raises(ValueError, match="31 bytes"):
        StorageKey(bytes(31))
    assert repr(KEY) == "StorageKey()"
    with pytest.raises(TypeError):
        pickle.dumps(KEY)
