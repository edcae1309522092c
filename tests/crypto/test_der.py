# SPDX-License-Identifier: Apache-2.0
"""DER is read strictly and written in its shortest form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.crypto import der

OID = "1.2.840.113741.1.13.1"
ONE = der.encode_attributes([(OID, der.encode_integer(5))])


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "0400"),
        (1, "0401"),
        (127, "047f"),
        (128, "048180"),
        (255, "0481ff"),
        (256, "04820100"),
        (65536, "0483010000"),
    ],
)
def test_lengths_are_the_shortest(size: int, head: str) -> None:
    content = bytes(size)
    assert der.encode_tlv(der.TAG_OCTET_STRING, content) == bytes.fromhex(head) + content


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "020100"),
        (127, "02017f"),
        (128, "02020080"),
        (255, "020200ff"),
        (256, "02020100"),
        (2**63, "0209008000000000000000"),
    ],
)
def test_integers_are_the_shortest_and_not_negative(value: int, encoded: str) -> None:
    assert der.encode_integer(value) == bytes.fromhex(encoded)


def test_an_oid() -> None:
    assert der.encode_oid("1.2.840.113741.1.13.1") == bytes.fromhex("06092a864886f84d010d01")


def test_attributes_are_pairs_in_their_order() -> None:
    members = [
        (f"{OID}.2", der.encode_integer(7)),
        (f"{OID}.1", der.encode_tlv(der.TAG_OCTET_STRING, b"ab")),
        (f"{OID}.1", der.encode_attributes([])),
    ]
    assert der.attributes(der.encode_attributes(members), "pck.extension") == [
        (f"{OID}.2", (der.TAG_INTEGER, b"\7")),
        (f"{OID}.1", (der.TAG_OCTET_STRING, b"ab")),
        (f"{OID}.1", (der.TAG_SEQUENCE, b"")),
    ]
    assert der.attributes(der.encode_attributes([]), "pck.extension") == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x30",
        b"\x30\x80\0\0",
        b"\x30\x81\x00",
        b"\x31\x00",
        b"\x30\x00\x00",
        ONE + b"\0",
        ONE + ONE,
        ONE[:-1],
        ONE[:1] + bytes((ONE[1] + 1,)) + ONE[2:],
        b"\x30\x82\x00" + bytes((len(ONE) - 2,)) + ONE[2:],
        der.encode_tlv(0x30, der.encode_integer(1)),
        der.encode_tlv(0x30, der.encode_tlv(0x30, b"")),
        der.encode_tlv(0x30, der.encode_tlv(0x30, der.encode_oid(OID))),
        der.encode_tlv(0x30, der.encode_tlv(0x30, der.encode_integer(1) * 2)),
        der.encode_tlv(0x30, der.encode_tlv(0x30, der.encode_oid(OID) + der.encode_integer(1) * 2)),
        der.encode_tlv(0x30, der.encode_tlv(0x30, b"\x06\x00" + der.encode_integer(1))),
        der.encode_tlv(0x30, der.encode_tlv(0x30, b"\x06\x02\x2a\x80" + der.encode_integer(1))),
        der.encode_tlv(0x30, der.encode_tlv(0x30, b"\x06\x03\x2a\x80\x01" + der.encode_integer(1))),
    ],
    ids=lambda content: content.hex() or "empty",
)
def test_what_is_no_sequence_of_attributes(content: bytes) -> None:
    with refused("pck.extension"):
        der.attributes(content, "pck.extension")


@given(st.lists(st.tuples(st.sampled_from([OID, "2.5.4.3", "1.2.3"]), st.binary(max_size=300))))
def test_what_is_written_is_read_back(members: list[tuple[str, bytes]]) -> None:
    encoded = [(oid, der.encode_tlv(der.TAG_OCTET_STRING, value)) for oid, value in members]
    read = der.attributes(der.encode_attributes(encoded), "pck.extension")
    assert read == [(oid, (der.TAG_OCTET_STRING, value)) for oid, value in members]
