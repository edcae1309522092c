# SPDX-License-Identifier: Apache-2.0
"""Which kind of log is this? Decided by how it begins, and never by trying parsers.

TPM and CC logs share a frame, and CEL's TLV begins like no other. Between a TPM's log and a CC
log the header decides: EDK2 files it under MR index 1, td-shim names itself as the vendor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from troth.errors import MalformedError
from troth.evidence.eventlog.aael import parse_aael
from troth.evidence.eventlog.cel_json import parse_cel_json
from troth.evidence.eventlog.cel_tlv import parse_cel_tlv
from troth.evidence.eventlog.columns import Log
from troth.evidence.eventlog.ima_binary import binary_layout, parse_ima_binary
from troth.evidence.eventlog.ima_parse import parse_ima
from troth.evidence.eventlog.spec_id import SPEC_ID_SIGNATURE
from troth.evidence.eventlog.tcg import parse_cc_log, parse_tpm_log
from troth.evidence.eventlog.tcg_log import SHA1_EVENT
from troth.evidence.eventlog.tcg_types import EV_NO_ACTION, EVENT_TYPES

__all__ = ["PARSERS", "parse_log"]

PARSERS: Final[Mapping[str, Callable[[bytes], Log]]] = {
    "tpm": parse_tpm_log,
    "ccel": parse_cc_log,
    "ima": parse_ima,
    "ima-binary": parse_ima_binary,
    "cel-tlv": parse_cel_tlv,
    "cel-json": parse_cel_json,
    "aael": parse_aael,
}
"""The parsers by the name of what they read."""

_IMA_LINE: Final = re.compile(rb" ?\d{1,2} [0-9a-f]{40,128} [ -~]{1,60} ")
_CEL_TLV: Final = re.compile(rb"\0\0\0\0[\4\10][\0-\xff]{4,8}?[\1\2l]\0\0\0", re.DOTALL)
_TD_SHIM: Final = b"td-shim"
_MR_INDEX_OF_RTMR0: Final = 1


def parse_log(data: bytes, kind: str = "auto") -> Log:
    """Return a log of any kind.

    Args:
        data: its bytes.
        kind: a key of `PARSERS`, or `auto`.

    Raises:
        MalformedError: `eventlog.unknown`, nothing known begins like this; else as the parser.
    """
    return PARSERS[_detect(data) if kind == "auto" else kind](data)


def _detect(data: bytes) -> str:
    if data.startswith((b"INIT ", b"INIT/")):
        return "aael"
    if data.lstrip(b" \t\r\n").startswith(b"["):
        return "cel-json"
    if _IMA_LINE.match(data):
        return "ima"
    if binary_layout(data) is not None:
        return "ima-binary"
    if _CEL_TLV.match(data):
        return "cel-tlv"
    return _firmware(data)


def _firmware(data: bytes) -> str:
    if len(data) >= SHA1_EVENT.size:
        register, kind, _, size = SHA1_EVENT.unpack_from(data)
        header = data[SHA1_EVENT.size : SHA1_EVENT.size + size]
        if kind == EV_NO_ACTION and header.startswith(SPEC_ID_SIGNATURE):
            is_cc = register == _MR_INDEX_OF_RTMR0 or header.endswith(_TD_SHIM)
            return "ccel" if is_cc else "tpm"
        if register == 0 and kind in EVENT_TYPES and size == len(header):
            return "tpm"
    raise MalformedError("eventlog.unknown", f"{len(data)} bytes")
