# SPDX-License-Identifier: Apache-2.0
"""A TEE's root register, and the value that the root step leaves in it (BINDING 4.6).

The register is extended once, with the root digest: A(before ‖ root digest), where A is the hash of
the register. For TDX that is SHA-384; a realm and a TVM name theirs in the token.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from troth.crypto.digest import digest_by_name
from troth.evidence.binding.root import RootStatement

__all__ = ["REGISTER_BYTES", "ROOT_REGISTERS", "RootRegister", "root_register_value"]

RootRegister = Literal["rtmr3", "rem3", "runtime3", "none"]
"""RTMR[3] of a TD, REM[3] of a CCA realm, runtime register 3 of a CoVE TVM, or unrooted."""

ROOT_REGISTERS: Final[tuple[RootRegister, ...]] = get_args(RootRegister)

REGISTER_BYTES: Final = {
    "sha-256": 32,
    "sha-384": 48,
    "sha-512": 64,
    "sha3-384": 48,
    "sha3-512": 64,
}
"""The hashes of registers by their names at IANA (RFC 6920), with the size of their values."""


def root_register_value(root: RootStatement, before: bytes, algorithm: str = "sha-384") -> bytes:
    """Return the value of the root register behind the root step: A(before ‖ root digest).

    Args:
        root: the root statement.
        before: the register's value before, of the hash's size; all zero unless policy says
            otherwise.
        algorithm: the register's hash, a key of `REGISTER_BYTES`.

    Raises:
        ValueError: `before` is not of the hash's size. It comes from policy or from one's own
            register, never from a peer.
    """
    if len(before) != REGISTER_BYTES[algorithm]:
        raise ValueError(f"{len(before)} bytes are no value of a {algorithm} register")
    return digest_by_name(algorithm, before + root.digest)
