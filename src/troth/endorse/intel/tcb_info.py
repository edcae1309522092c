# SPDX-License-Identifier: Apache-2.0
"""TCB info, version 3: which SVNs of a platform are how good (Intel PCS v4, "Get TCB Info").

Members that Intel may add are ignored, as its own library does; members that decide something are
typed, bounded and demanded.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self

import msgspec

from troth.endorse.intel import fields
from troth.errors import MalformedError
from troth.evidence.intel.layout import TCB_COMPONENTS
from troth.wire import json
from troth.wire.text import parse_hex, parse_instant

__all__ = ["ModuleIdentity", "ModuleLevel", "TcbInfo", "TcbLevel"]

_VERSION = 3
_TCB_TYPE = 0  # the only type whose comparison Intel has defined


class TcbLevel(msgspec.Struct, frozen=True):
    """One level of the platform's TCB; `tdx` is empty in SGX documents."""

    sgx: tuple[int, ...]
    pce_svn: int
    tdx: tuple[int, ...]
    date: datetime
    status: str
    advisories: tuple[str, ...]


class ModuleLevel(msgspec.Struct, frozen=True):
    """One level of a TDX module's TCB."""

    isv_svn: int
    date: datetime
    status: str
    advisories: tuple[str, ...]


class ModuleIdentity(msgspec.Struct, frozen=True):
    """What a TDX module must look like; `levels` is empty for the `tdxModule` of version 0."""

    identifier: str
    mr_signer: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple[ModuleLevel, ...]


class TcbInfo(msgspec.Struct, frozen=True):
    """A TCB info document: levels in descending order, whatever their order in the JSON."""

    tee: Literal["TDX", "SGX"]
    issue_date: datetime
    next_update: datetime
    fmspc: bytes
    pce_id: bytes
    evaluation_number: int
    module: ModuleIdentity | None
    modules: tuple[ModuleIdentity, ...]
    levels: tuple[TcbLevel, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the signed bytes of a document.

        Raises:
            MalformedError: `json.*`, `wire.hex`, `wire.time`, `unsupported.version`,
                `collateral.tcb-type`, `collateral.components` or `collateral.levels`.
            UntrustedError: `tcb.status-word`.
        """
        raw = _decoded(data)
        fields.check_version(raw.version, _VERSION, "TCB info")
        if raw.tcbType != _TCB_TYPE:
            raise MalformedError("collateral.tcb-type", f"{raw.tcbType}")
        issued, until = fields.window(raw.issueDate, raw.nextUpdate)
        tdx = raw.id == "TDX"
        levels = sorted((_level(one, tdx=tdx) for one in raw.tcbLevels), key=_key, reverse=True)
        fields.check_distinct([_key(one) for one in levels], "the TCB info")
        modules = tuple(_module(one, one.id) for one in raw.tdxModuleIdentities)
        names = sorted(one.identifier.upper() for one in modules)
        if modules:
            fields.check_distinct(list(names), "the list of TDX modules")
        return cls(
            tee=raw.id,
            issue_date=issued,
            next_update=until,
            fmspc=parse_hex(raw.fmspc, 6),
            pce_id=parse_hex(raw.pceId, 2),
            evaluation_number=raw.tcbEvaluationDataNumber,
            module=None if raw.tdxModule is None else _module(raw.tdxModule, "tdxModule"),
            modules=modules,
            levels=tuple(levels),
        )


def _decoded(data: bytes) -> _TcbInfo:
    """Return a document's members; of one of another version say that, not what it lacks here."""
    try:
        return json.decode(data, _TcbInfo, max_bytes=fields.DOCUMENT_MAX_BYTES)
    except MalformedError as error:
        if error.code == "json.type":
            other = json.decode(data, _Versioned, max_bytes=fields.DOCUMENT_MAX_BYTES)
            fields.check_version(other.version, _VERSION, "TCB info")
        raise


class _Versioned(msgspec.Struct):
    version: int


class _Component(msgspec.Struct):
    svn: fields.Svn


class _Tcb(msgspec.Struct):
    sgxtcbcomponents: list[_Component]
    pcesvn: fields.Uint16
    tdxtcbcomponents: list[_Component] | None = None


class _Level(msgspec.Struct):
    tcb: _Tcb
    tcbDate: str
    tcbStatus: str
    advisoryIDs: fields.Advisories = ()


class _IsvSvn(msgspec.Struct):
    isvsvn: fields.IsvSvn


class _ModuleLevel(msgspec.Struct):
    tcb: _IsvSvn
    tcbDate: str
    tcbStatus: str
    advisoryIDs: fields.Advisories = ()


class _Module(msgspec.Struct):
    mrsigner: str
    attributes: str
    attributesMask: str
    id: str = ""
    tcbLevels: list[_ModuleLevel] = []


class _TcbInfo(msgspec.Struct):
    id: Literal["TDX", "SGX"]
    version: int
    issueDate: str
    nextUpdate: str
    fmspc: str
    pceId: str
    tcbType: int
    tcbEvaluationDataNumber: fields.Uint16
    tcbLevels: list[_Level]
    tdxModule: _Module | None = None
    tdxModuleIdentities: list[_Module] = []


def _level(raw: _Level, *, tdx: bool) -> TcbLevel:
    fields.check_status(raw.tcbStatus, fields.PLATFORM_STATUSES, "platform")
    return TcbLevel(
        sgx=_sixteen(raw.tcb.sgxtcbcomponents, "SGX"),
        pce_svn=raw.tcb.pcesvn,
        tdx=_sixteen(raw.tcb.tdxtcbcomponents or [], "TDX") if tdx else (),
        date=parse_instant(raw.tcbDate),
        status=raw.tcbStatus,
        advisories=raw.advisoryIDs,
    )


def _sixteen(components: list[_Component], kind: str) -> tuple[int, ...]:
    if len(components) != TCB_COMPONENTS:
        raise MalformedError("collateral.components", f"{len(components)} {kind} components")
    return tuple(one.svn for one in components)


def _key(level: TcbLevel) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
    return level.sgx, level.pce_svn, level.tdx


def _module(raw: _Module, identifier: str) -> ModuleIdentity:
    levels = [
        ModuleLevel(one.tcb.isvsvn, parse_instant(one.tcbDate), one.tcbStatus, one.advisoryIDs)
        for one in raw.tcbLevels
    ]
    for one in levels:
        fields.check_status(one.status, fields.MODULE_STATUSES, identifier)
    levels.sort(key=lambda one: one.isv_svn, reverse=True)
    if identifier != "tdxModule":
        fields.check_distinct([one.isv_svn for one in levels], identifier)
    return ModuleIdentity(
        identifier=identifier,
        mr_signer=parse_hex(raw.mrsigner, 48),
        attributes=parse_hex(raw.attributes, 8),
        attributes_mask=parse_hex(raw.attributesMask, 8),
        levels=tuple(levels),
    )
