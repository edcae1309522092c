# SPDX-License-Identifier: Apache-2.0
"""The common name of a distinguished name."""

from __future__ import annotations

import pytest

from troth.crypto.der import TAG_SEQUENCE, encode_oid, encode_tlv
from troth.crypto.names import common_name

TAG_SET, TAG_UTF8, TAG_PRINTABLE, TAG_IA5, TAG_BMP = 0x31, 0x0C, 0x13, 0x16, 0x1E
CN, ORGANIZATION = "2.5.4.3", "2.5.4.10"


def name(*attributes: tuple[str, int, bytes]) -> bytes:
    groups = (
        encode_tlv(TAG_SET, encode_tlv(TAG_SEQUENCE, encode_oid(oid) + encode_tlv(tag, text)))
        for oid, tag, text in attributes
    )
    return encode_tlv(TAG_SEQUENCE, b"".join(groups))


@pytest.mark.parametrize("tag", [TAG_UTF8, TAG_PRINTABLE, TAG_IA5])
def test_the_only_common_name_is_told(tag: int) -> None:
    assert common_name(name((ORGANIZATION, tag, b"another"), (CN, tag, b"one"))) == "one"


def test_only_a_utf8_string_has_letters_beyond_ascii() -> None:
    assert common_name(name((CN, TAG_UTF8, "Größe".encode()))) == "Größe"
    for tag in (TAG_PRINTABLE, TAG_IA5):
        with pytest.raises(ValueError, match="ascii"):
            common_name(name((CN, tag, "Größe".encode())))


@pytest.mark.parametrize(
    "attributes", [(), ((CN, TAG_UTF8, b"one"), (CN, TAG_UTF8, b"one"))], ids=["none", "two"]
)
def test_none_and_several_are_no_name(attributes: tuple[tuple[str, int, bytes], ...]) -> None:
    assert common_name(name(*attributes)) == ""


@pytest.mark.parametrize("tag", [TAG_BMP, 0x2C, 0x04])
def test_what_is_no_text_is_not_read_as_one(tag: int) -> None:
    with pytest.raises(ValueError, match="tag"):
        common_name(name((CN, tag, b"one")))


@pytest.mark.parametrize("data", [b"", b"\x30", name((CN, TAG_UTF8, b"one")) + b"\0"])
def test_what_is_no_name_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"pars|DER"):
        common_name(data)


def test_few_names_are_remembered() -> None:
    for n in range(200):
        assert common_name(name((CN, TAG_UTF8, b"%d" % n))) == str(n)
    assert common_name.cache_info().currsize <= 64
