# SPDX-License-Identifier: Apache-2.0
"""Real tokens, changed: no bit of one may flip, and the halves of two are no token."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.manifests.cca import ANCHORS, FOLDER, store_of
from tests.refusals import refused
from tests.tdx import AT
from troth.errors import TrothError
from troth.evidence.cca import CcaToken
from troth.verify import AnyValue
from troth.verify.cca import verify_cca
from troth.wire import cbor


@pytest.mark.parametrize("name", ANCHORS)
def test_a_flipped_bit_of_a_real_token_is_not_genuine(name: str, vectors: Path) -> None:
    """Every 8th byte has its lowest bit flipped: each is refused, and only with our errors."""
    data = (vectors / FOLDER / name).read_bytes()
    store = store_of(name, CcaToken.parse(data), vectors)
    for at in range(0, len(data), 8):
        other = bytearray(data)
        other[at] ^= 1
        with pytest.raises(TrothError):
            verify_cca(bytes(other), anchors=store, at=AT, challenge=AnyValue)


def test_the_halves_of_two_real_tokens_are_no_token(vectors: Path) -> None:
    """Both signatures hold; the platform token names another realm's key."""
    names = ("trustee-cca-example-token.cbor", "cca-token-draft-ffm-00.cbor")
    tokens = [CcaToken.parse((vectors / FOLDER / name).read_bytes()) for name in names]
    platform, realm = (
        cbor.encode(one)
        for one in (tokens[0].platform_token.value(), tokens[1].realm_token.value())
    )
    mixed = cbor.encode(cbor.Tag(399, {44234: platform, 44241: realm}))
    with refused("cca.binding"):
        verify_cca(
            mixed,
            anchors=store_of(names[0], tokens[0], vectors),
            at=AT,
            challenge=AnyValue,
        )
