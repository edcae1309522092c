# SPDX-License-Identifier: Apache-2.0
"""Whether a public key is a point that its curve can use (BINDING 4.4, below the CDDL).

The library checks P-256 and P-384 when it loads a key, and takes any 32 bytes for Ed25519 and
X25519. For those two the rules are written out here: one encoding of each point, on the curve, and
not of small order, where a signature or a shared secret would say nothing about who made it.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from troth.errors import MalformedError

__all__ = ["check_ed25519", "check_x25519", "p256_point", "p384_point"]

_P256: Final = ec.SECP256R1()
_P384: Final = ec.SECP384R1()

_P: Final = 2**255 - 19  # RFC 8032 §5.1, RFC 7748 §4.1
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SIGN: Final = 1 << 255
# The y coordinates of the eight points whose order divides 8: of order 1, 2, 4 (0), and 8.
_Y8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER_Y: Final = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})

# Any private key finds the points of small order: the shared secret with them is zero.
_PROBE: Final = X25519PrivateKey.from_private_bytes(bytes(range(32)))


def p256_point(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    """Return the library's key of a point on P-256, coordinates of 32 bytes each.

    Raises:
        MalformedError: `cose.point`, not on the curve.
    """
    return _weierstrass(_P256, x, y)


def p384_point(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    """Return the library's key of a point on P-384, coordinates of 48 bytes each.

    Raises:
        MalformedError: `cose.point`, not on the curve.
    """
    return _weierstrass(_P384, x, y)


def check_ed25519(raw: bytes) -> None:
    """Return if 32 bytes are an Ed25519 point of large order (RFC 8032 §5.1.3).

    Raises:
        MalformedError: `cose.point`.
    """
    y = int.from_bytes(raw, "little") & (_SIGN - 1)
    if y >= _P or y in _SMALL_ORDER_Y:
        raise MalformedError("cose.point", "Ed25519: not reduced, or of small order")
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(square, (_P - 1) // 2, _P) != 1:
        raise MalformedError("cose.point", "not a point of Ed25519")


def check_x25519(raw: bytes) -> None:
    """Return if 32 bytes are an X25519 coordinate of large order (RFC 7748 §6.1).

    Raises:
        MalformedError: `cose.point`.
    """
    if int.from_bytes(raw, "little") >= _P:
        raise MalformedError("cose.point", "X25519: not reduced")
    try:
        _PROBE.exchange(X25519PublicKey.from_public_bytes(raw))
    except ValueError:
        raise MalformedError("cose.point", "X25519: of small order") from None


def _weierstrass(curve: ec.EllipticCurve, x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(curve, b"\x04" + x + y)
    except ValueError:
        raise MalformedError("cose.point", f"not a point on {curve.name}") from None
