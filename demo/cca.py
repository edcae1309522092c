# SPDX-License-Identifier: Apache-2.0
"""A software Arm CCA in the demo."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from demo.kinds import Forgery, Kind, Options, Other, Real
from troth.crypto.signing_key import SigningKey
from troth.evidence.cca import CcaToken
from troth.tsm.emulated.cca import SoftwareCca, load

__all__ = ["CCA"]

_REAL_AT: Final = ("--at", "2026-03-31")


def _anchor(realm: Path) -> Options:
    return ("--cpak", realm / "cpak.json")


def _served(realm: Path) -> Options:
    return ("--root", realm / "cpak.json", "--collateral", "none")


def _measured(token: bytes) -> bytes:
    return CcaToken.parse(token).realm.rems[3]


def _forgeries(realm: Path, nonce: bytes) -> Iterator[Forgery]:
    tee = load(realm)
    yield Forgery(
        title="another realm key, under the genuine platform token",
        evidence=tee.token(nonce, realm_key=SigningKey.generate(tee.settings.realm.curve)),
        code="cca.realm-signature",
    )
    yield Forgery(
        title="a genuine token that was made for somebody else's nonce",
        evidence=tee.token(secrets.token_bytes(64)),
        code="cca.challenge",
    )
    strange = SoftwareCca.create(at=datetime.now(UTC))
    yield Forgery(
        title="a platform whose key nobody knows",
        evidence=strange.token(nonce),
        code="cpak.unknown",
    )


CCA: Final = Kind(
    tee="cca",
    name="CCA",
    word="token",
    anchor=_anchor,
    endorsed=lambda _: (),
    served=_served,
    stranger="cpak.unknown",
    status=None,
    root="rem3",
    measured=_measured,
    signature="cca.realm-signature",
    other=Other(
        title="the realm is measured into",
        change=("--index", "3", "--digest", secrets.token_hex(64)),
    ),
    forgeries=_forgeries,
    real=(
        Real(
            file="cca/cca-token-02.cbor",
            options=("--cpak", Path("cca/ta-02-ok.json"), *_REAL_AT),
            verdict="genuine",
            anchor="sha256:51b944cdfa544d4c3273aa6bf350625a7dd53bbb6a71723274f538b19a207760",
        ),
        Real(
            file="cca/tf-rmm-cca_token.cbor",
            options=("--cpak", Path("cca/ta-02-ok.json"), *_REAL_AT),
            verdict="untrusted",
            code="cpak.unknown",
        ),
    ),
    real_title="two tokens of others' firmware, one of a platform that is not known",
)
"""Confidential Compute Architecture."""
