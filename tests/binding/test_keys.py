# SPDX-License-Identifier: Apache-2.0
"""Public keys: five forms, each on its curve, none of small order."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.refusals import refused
from troth.crypto.cose_key import AGREEMENT, ED25519, ESP256, ESP384, CoseKey
from troth.crypto.p256 import PrivateKey
from troth.crypto.points import check_ed25519, check_x25519, p256_point, p384_point
from troth.errors import MalformedError
from troth.wire import cbor

P25519 = 2**255 - 19
Y8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7


def little(value: int) -> bytes:
    return value.to_bytes(32, "little")


def ec_key(curve: ec.EllipticCurve, algorithm: int, number: int) -> CoseKey:
    numbers = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    x, y = numbers.x.to_bytes(size, "big"), numbers.y.to_bytes(size, "big")
    return CoseKey(algorithm=algorithm, curve=number, x=x, y=y)


def every_form() -> list[CoseKey]:
    ed25519 = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    x25519 = X25519PrivateKey.generate().public_key().public_bytes_raw()
    return [
        ec_key(ec.SECP256R1(), ESP256, 1),
        ec_key(ec.SECP384R1(), ESP384, 2),
        CoseKey(algorithm=ED25519, curve=6, x=ed25519),
        ec_key(ec.SECP256R1(), AGREEMENT, 1),
        CoseKey(algorithm=AGREEMENT, curve=4, x=x25519),
    ]


@pytest.mark.parametrize("key", every_form(), ids=lambda key: f"{key.algorithm},{key.curve}")
def test_each_form_is_read_as_it_is_written(key: CoseKey) -> None:
    again = CoseKey.of(cbor.decode(cbor.encode(key.value), max_bytes=200))
    assert again == key
    assert again.value == key.value
    for name in key.value:
        with refused("cose.key"):
            CoseKey.of({k: v for k, v in key.value.items() if k != name})
    with refused("cose.key"):
        CoseKey.of(key.value | {4: 0})
    with refused("cose.key"):
        CoseKey.of(key.value | {-2: key.x + b"\0"})


def test_only_a_signing_key_verifies() -> None:
    esp256, *others = every_form()
    assert esp256.verifier.raw == esp256.x + esp256.y
    for key in others:
        with pytest.raises(ValueError, match="ESP256"):
            _ = key.verifier


def test_a_signature_key_of_ours() -> None:
    key = PrivateKey.generate()
    assert CoseKey.from_p256(key.public).verifier.raw == key.public.raw


@pytest.mark.parametrize(
    ("algorithm", "curve"),
    [(-7, 1), (-35, 2), (-8, 6), (ESP256, 2), (ESP384, 1), (AGREEMENT, 2), (ED25519, 4)],
)
def test_no_other_form(algorithm: int, curve: int) -> None:
    with refused("cose.key"):
        CoseKey(algorithm=algorithm, curve=curve, x=bytes(32), y=bytes(32))


def test_true_is_no_number_one() -> None:
    esp256, okp = every_form()[0], next(one for one in every_form() if one.curve == 6)
    for key, member in ((esp256, -1), (okp, 1)):
        assert key.value[member] == 1
        assert CoseKey.of(key.value) == key
        with refused("cose.key"):
            CoseKey.of({**key.value, member: True})


def test_no_second_coordinate_on_an_okp_curve() -> None:
    raw = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with refused("cose.key", "second"):
        CoseKey(algorithm=ED25519, curve=6, x=raw, y=raw)


def test_points_off_the_curve() -> None:
    p256, p384 = ec_key(ec.SECP256R1(), ESP256, 1), ec_key(ec.SECP384R1(), ESP384, 2)
    with refused("cose.point"):
        p256_point(p256.x, p256.y[:-1] + bytes([p256.y[-1] ^ 1]))
    with refused("cose.point"):
        p384_point(p384.x, p384.y[:-1] + bytes([p384.y[-1] ^ 1]))
    for size, point in ((32, p256_point), (48, p384_point)):
        with refused("cose.point"):
            point(bytes(size), bytes(size))
        with refused("cose.point"):
            point(b"\xff" * size, b"\xff" * size)


@pytest.mark.parametrize("y", [0, 1, P25519 - 1, Y8, P25519 - Y8, P25519, P25519 + 1, 2**255 - 1])
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_ed25519_points_of_small_order_or_not_reduced(y: int, sign: int) -> None:
    with refused("cose.point"):
        check_ed25519(little(y | sign))
    with refused("cose.point"):
        CoseKey(algorithm=ED25519, curve=6, x=little(y | sign))


def test_half_of_all_numbers_are_no_point_of_ed25519() -> None:
    refusals = 0
    for y in range(2, 202):
        try:
            check_ed25519(little(y))
        except MalformedError:
            refusals += 1
    assert 70 < refusals < 130


@given(st.binary(min_size=32, max_size=32))
def test_made_keys_are_on_their_curves(seed: bytes) -> None:
    check_ed25519(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())
    check_x25519(X25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())


def order8() -> list[int]:
    """The u coordinates of small order: u = (1 + y) / (1 - y) for the y of small order."""
    return [0, 1, P25519 - 1] + [
        (1 + y) * pow(1 - y, -1, P25519) % P25519 for y in (Y8, P25519 - Y8)
    ]


@pytest.mark.parametrize(
    "u", [*order8(), P25519, P25519 + 1, 2**255 - 1, 2**255, 2**256 - 1, 9 | 1 << 255]
)
def test_x25519_points_of_small_order_or_not_reduced(u: int) -> None:
    with refused("cose.point"):
        check_x25519(little(u))
    with refused("cose.point"):
        CoseKey(algorithm=AGREEMENT, curve=4, x=little(u))
