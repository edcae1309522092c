# SPDX-License-Identifier: Apache-2.0
"""A software RISC-V CoVE in the demo. No hardware attests like this yet."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from demo.kinds import Forgery, Kind, Options, Other
from troth.crypto.signing_key import SigningKey
from troth.evidence.cove import CoveToken
from troth.tsm.emulated.cove import SoftwareCove, load

__all__ = ["COVE"]


def _anchor(tvm: Path) -> Options:
    return ("--root", tvm / "roots.json")


def _served(tvm: Path) -> Options:
    return (*_anchor(tvm), "--collateral", "none")


def _measured(token: bytes) -> bytes:
    return CoveToken.parse(token).tvm.runtime[3].value


def _forgeries(tvm: Path, nonce: bytes) -> Iterator[Forgery]:
    tee = load(tvm)
    yield Forgery(
        title="another TSM key, under the genuine platform token",
        evidence=tee.token(nonce, tvm={"key": SigningKey.generate(tee.settings.curves.tsm)}),
        code="cove.tvm-signature",
    )
    yield Forgery(
        title="a genuine token that was made for somebody else's nonce",
        evidence=tee.token(secrets.token_bytes(64)),
        code="cove.challenge",
    )
    strange = SoftwareCove.create(at=datetime.now(UTC))
    yield Forgery(
        title="a platform under a root of trust that nobody knows",
        evidence=strange.token(nonce),
        code="cove.root",
    )


COVE: Final = Kind(
    tee="cove",
    name="CoVE",
    word="token",
    anchor=_anchor,
    endorsed=lambda _: (),
    served=_served,
    stranger="cove.root",
    status=None,
    root="runtime3",
    measured=_measured,
    signature="cove.tvm-signature",
    other=Other(
        title="the TVM is measured into",
        change=("--index", "3", "--digest", secrets.token_hex(48)),
    ),
    forgeries=_forgeries,
    real=(),
    real_title="no hardware attests like CoVE yet, so that there is no real token to judge",
)
"""Confidential VM Extension."""
