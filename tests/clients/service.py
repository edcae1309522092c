# SPDX-License-Identifier: Apache-2.0
"""Collateral as Intel's service answers it: bodies and issuer chains, a file for each."""

from __future__ import annotations

import json
from pathlib import Path


def write_answers(collateral: Path, target: Path) -> None:
    """Write the answers that `verify` of the Go programs reads, from a bundle of collateral."""
    given = json.loads(collateral.read_text())
    answers = {
        "tcb": _signed("tcbInfo", given["tcb_info"], given["tcb_info_signature"]),
        "tcb.chain": given["tcb_info_issuer_chain"].encode(),
        "identity": _signed(
            "enclaveIdentity", given["qe_identity"], given["qe_identity_signature"]
        ),
        "identity.chain": given["qe_identity_issuer_chain"].encode(),
        "pckcrl": bytes.fromhex(given["pck_crl"]),
        "pckcrl.chain": given["pck_crl_issuer_chain"].encode(),
        "root": bytes.fromhex(given["root_ca_crl"]),
    }
    for name, body in answers.items():
        (target / name).write_bytes(body)


def _signed(name: str, body: str, signature: str) -> bytes:
    """Return the answer's body; the signed bytes stand in it as they are."""
    return f'{{"{name}":{body},"signature":"{signature}"}}'.encode()
