# SPDX-License-Identifier: Apache-2.0
"""QE identity, version 2: what a quoting enclave looks like (Intel PCS v4, "Get QE Identity")."""

from __future__ import annotations

from datetime import datetime
from typing import Self

import msgspec

from troth.endorse.intel import fields
from troth.wire import json
from troth.wire.text import parse_hex, parse_instant

__all__ = ["QeIdentity", "QeLevel"]

_VERSION = 2


class QeLevel(msgspec.Struct, frozen=True):
    """One level of a quoting enclave's TCB."""

    isv_svn: int
    date: datetime
    status: str
    advisories: tuple[str, ...]


class QeIdentity(msgspec.Struct, frozen=True):
    """A QE identity document: levels in descending order of ISVSVN."""

    identifier: str
    issue_date: datetime
    next_update: datetime
    evaluation_number: int
    misc_select: int
    misc_select_mask: int
    attributes: bytes
    attributes_mask: bytes
    mr_signer: bytes
    isv_prod_id: int
    levels: tuple[QeLevel, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the signed bytes of a document.

        Raises:
            MalformedError: `json.*`, `wire.hex`, `wire.time`, `unsupported.version` or
                `collateral.levels`.
            UntrustedError: `tcb.status-word`.
        """
        raw = json.decode(data, _Identity, max_bytes=fields.DOCUMENT_MAX_BYTES)
        fields.check_version(raw.version, _VERSION, "QE identity")
        issued, until = fields.window(raw.issueDate, raw.nextUpdate)
        for one in raw.tcbLevels:
            fields.check_status(one.tcbStatus, fields.QE_STATUSES, raw.id)
        levels = sorted(
            (
                QeLevel(one.tcb.isvsvn, parse_instant(one.tcbDate), one.tcbStatus, one.advisoryIDs)
                for one in raw.tcbLevels
            ),
            key=lambda one: one.isv_svn,
            reverse=True,
        )
        fields.check_distinct([one.isv_svn for one in levels], "the QE identity")
        return cls(
            identifier=raw.id,
            issue_date=issued,
            next_update=until,
            evaluation_number=raw.tcbEvaluationDataNumber,
            # Printed as the bytes of a big-endian integer: "00000001" is one (PCS v4).
            misc_select=int.from_bytes(parse_hex(raw.miscselect, 4), "big"),
            misc_select_mask=int.from_bytes(parse_hex(raw.miscselectMask, 4), "big"),
            attributes=parse_hex(raw.attributes, 16),
            attributes_mask=parse_hex(raw.attributesMask, 16),
            mr_signer=parse_hex(raw.mrsigner, 32),
            isv_prod_id=raw.isvprodid,
            levels=tuple(levels),
        )


class _IsvSvn(msgspec.Struct):
    isvsvn: fields.IsvSvn


class _Level(msgspec.Struct):
    tcb: _IsvSvn
    tcbDate: str
    tcbStatus: str
    advisoryIDs: fields.Advisories = ()


class _Identity(msgspec.Struct):
    id: str
    version: int
    issueDate: str
    nextUpdate: str
    tcbEvaluationDataNumber: fields.Uint16
    miscselect: str
    miscselectMask: str
    attributes: str
    attributesMask: str
    mrsigner: str
    isvprodid: fields.Uint16
    tcbLevels: list[_Level]
