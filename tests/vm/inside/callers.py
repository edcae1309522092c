# SPDX-License-Identifier: Apache-2.0
"""Sixteen callers of one trothd, whose bundles are left for a verifier outside.

Run as `python3 -m tests.vm.inside.callers SOCKET FOLDER`; each caller asks as often as ROUNDS says,
with a nonce of its own each time, and its last bundle is kept as `NONCE.cmw`.
"""

from __future__ import annotations

import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from troth.client import Trothd

__all__ = ["AUDIENCE", "CALLERS", "main"]

CALLERS: Final = 16
ROUNDS: Final = 3
AUDIENCE: Final = "urn:example:vm"
CNF: Final = {
    "kty": "OKP",
    "crv": "X25519",
    "alg": "ECDH-ES+A256KW",
    "x": "hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo",  # RFC 7748, section 6.1, Alice's
}


def main(socket: str, folder: str) -> None:
    """Ask, all at once, and keep what came."""
    keep = Path(folder)
    keep.mkdir()

    def ask(_: int) -> None:
        trothd = Trothd(socket)
        for _ in range(ROUNDS):
            nonce = secrets.token_bytes(32)
            bundle = trothd.evidence(nonce, AUDIENCE, cnf=CNF)
        (keep / f"{nonce.hex()}.cmw").write_bytes(bundle)

    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in pool.map(ask, range(CALLERS)):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
