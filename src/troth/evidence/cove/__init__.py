# SPDX-License-Identifier: Apache-2.0
"""RISC-V CoVE tokens by the draft that `labels` names: layout, parser, builder.

token = CoveToken.parse(data)    # MalformedError, or three layers of claims
token.tvm.initial                # claims; nothing is verified

The format is experimental: no silicon makes it, and most of its labels are this project's own.
"""

from troth.evidence.cove.claims import (
    Component,
    Measurement,
    PlatformClaims,
    TsmClaims,
    TvmClaims,
)
from troth.evidence.cove.describe import describe_token
from troth.evidence.cove.labels import HashName, Layer, PlatformState
from troth.evidence.cove.token import CoveToken, build_token, payload_of

__all__ = [
    "Component",
    "CoveToken",
    "HashName",
    "Layer",
    "Measurement",
    "PlatformClaims",
    "PlatformState",
    "TsmClaims",
    "TvmClaims",
    "build_token",
    "describe_token",
    "payload_of",
]
