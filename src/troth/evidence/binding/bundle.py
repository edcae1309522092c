# SPDX-License-Identifier: Apache-2.0
"""The evidence bundle: all that a verifier needs, as a CMW collection (BINDING 4.4, RFC 9999).

    bundle = Bundle.parse(data)   # step 1 of BINDING 4.9; nothing is verified
    check_claim(bundle)           # one of the checks in troth.evidence.binding.checks

The steps in between (report, facts, report data, register, boot) and those behind (claims, log,
policy) are the verifier's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from troth.errors import MalformedError
from troth.evidence.binding import _check, labels
from troth.evidence.binding.epoch import SignedEpoch
from troth.evidence.binding.labels import Media
from troth.evidence.binding.log import LogPart
from troth.evidence.binding.proof import Proof, ProvenStatement
from troth.evidence.binding.report import TsmReport, record
from troth.evidence.binding.root import RootStatement
from troth.evidence.binding.statement import SignedStatement, Statement
from troth.wire import cbor

__all__ = ["BUNDLE_MAX_BYTES", "Bundle", "CollateralRecord", "Delegated"]

BUNDLE_MAX_BYTES: Final = 16 << 20

_TYPE: Final = "__cmwc_t"
_EVIDENCE: Final = 4  # RFC 9999: the indicator of evidence
_ENDORSEMENT: Final = 2

_COMMON: Final = frozenset({_TYPE, "report", "root", "epoch", "statement"})
_OPTIONAL: Final = frozenset({"log", "ccel", "ima", "collateral"})
_FRESH_DUE: Final = _COMMON | {"proof"}
_DELEGATED_DUE: Final = _COMMON | {"anchor"}
_ANCHOR_DUE: Final = frozenset({_TYPE, "statement", "proof"})
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class CollateralRecord:
    """One endorsement that travels with the evidence.

    Attributes:
        name: its key in the collection, 1 to 23 bytes.
        media_type: what it says it is.
        content: its bytes, which nobody here reads.
    """

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegated:
    """The claim of a delegated bundle: a signed statement, and the fresh one that dates its key."""

    signed: SignedStatement
    anchor: ProvenStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Evidence for one namespace and one nonce.

    Attributes:
        report: the TSM's blobs.
        root: the root statement.
        epoch: the signed epoch.
        claim: a fresh statement with its proof, or a delegated one with its anchor.
        log: entries of the namespace's log.
        ccel: the boot event log.
        ima: the IMA list.
        collateral: endorsements; None where the collection is absent.
        encoded: the bundle's bytes.
    """

    report: TsmReport
    root: RootStatement
    epoch: SignedEpoch
    claim: ProvenStatement | Delegated
    log: LogPart | None = None
    ccel: bytes | None = None
    ima: bytes | None = None
    collateral: tuple[CollateralRecord, ...] | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Encode.

        Raises:
            MalformedError: `binding.…`, collateral without members, or a name out of bounds.
        """
        # In the order of the encoding, which spares the encoder the sorting.
        value: dict[str, object] = {}
        if self.ima is not None:
            value["ima"] = [Media.IMA, self.ima, _EVIDENCE]
        if self.log is not None:
            value["log"] = [Media.LOG, self.log.encoded, _EVIDENCE]
        if self.ccel is not None:
            value["ccel"] = [Media.CCEL, self.ccel, _EVIDENCE]
        value["root"] = [Media.ROOT, self.root.encoded, _EVIDENCE]
        value["epoch"] = [Media.EPOCH, self.epoch.encoded, _EVIDENCE]
        report: list[object] = [Media.REPORT, self.report.encoded, _EVIDENCE]
        if isinstance(self.claim, Delegated):
            value["anchor"] = _proven({}, labels.ANCHOR_TYPE, self.claim.anchor)
            value["report"] = report
            value[_TYPE] = labels.EVIDENCE_TYPE
            value["statement"] = [Media.SIGNED, self.claim.signed.encoded, _EVIDENCE]
        else:
            _proven(value, labels.EVIDENCE_TYPE, self.claim, report)
        if self.collateral is not None:
            value["collateral"] = _collateral(self.collateral)
        object.__setattr__(self, "encoded", cbor.encode(value))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a bundle and every structure in it (BINDING 4.9, step 1).

        Raises:
            MalformedError: `cbor.…`, `binding.…`, `cose.…` or `unsupported.…`.
        """
        value = cbor.decode(data, max_bytes=BUNDLE_MAX_BYTES, text_keys=True)
        delegated = type(value) is dict and "anchor" in value
        due = _DELEGATED_DUE if delegated else _FRESH_DUE
        got = _check.members(value, due, _OPTIONAL, "bundle")
        _collection_type(got, labels.EVIDENCE_TYPE, "bundle")
        report = TsmReport.parse(record(got["report"], Media.REPORT, _EVIDENCE, "report"))
        root = RootStatement.parse(record(got["root"], Media.ROOT, _EVIDENCE, "root"))
        epoch = SignedEpoch.parse(record(got["epoch"], Media.EPOCH, _EVIDENCE, "epoch"))
        log = None
        if "log" in got:
            log = LogPart.parse(record(got["log"], Media.LOG, _EVIDENCE, "log"))
        ccel = record(got["ccel"], Media.CCEL, _EVIDENCE, "ccel") if "ccel" in got else None
        ima = record(got["ima"], Media.IMA, _EVIDENCE, "ima") if "ima" in got else None
        return cls(
            report=report,
            root=root,
            epoch=epoch,
            claim=_read_delegated(got) if delegated else _read_proven(got),
            log=log,
            ccel=ccel,
            ima=ima,
            collateral=_read_collateral(got["collateral"]) if "collateral" in got else None,
        )

    @property
    def statement(self) -> Statement:
        """The statement that is to be judged: what the signature or the leaf is over."""
        claim = self.claim
        return claim.signed.statement if isinstance(claim, Delegated) else claim.statement

    @property
    def delegated(self) -> bool:
        """Whether the statement rests on a statement key, and not on this report."""
        return isinstance(self.claim, Delegated)


def _proven(
    value: dict[str, object],
    kind: str,
    claim: ProvenStatement,
    report: list[object] | None = None,
) -> dict[str, object]:
    """Add a fresh statement with its proof to a collection, in the order of the encoding."""
    value["proof"] = [Media.PROOF, claim.proof.encoded, _EVIDENCE]
    if report is not None:
        value["report"] = report
    value[_TYPE] = kind
    value["statement"] = [Media.FRESH, claim.statement.encoded, _EVIDENCE]
    return value


def _read_proven(got: Mapping[str, Any]) -> ProvenStatement:
    statement = record(got["statement"], Media.FRESH, _EVIDENCE, "statement")
    proof = record(got["proof"], Media.PROOF, _EVIDENCE, "proof")
    return ProvenStatement(statement=Statement.parse(statement), proof=Proof.parse(proof))


def _read_delegated(got: Mapping[str, Any]) -> Delegated:
    anchor = _check.members(got["anchor"], _ANCHOR_DUE, _NONE, "anchor")
    _collection_type(anchor, labels.ANCHOR_TYPE, "anchor")
    signed = record(got["statement"], Media.SIGNED, _EVIDENCE, "statement")
    return Delegated(signed=SignedStatement.parse(signed), anchor=_read_proven(anchor))


def _collateral(records: tuple[CollateralRecord, ...]) -> dict[str, object]:
    value: dict[str, object] = {_TYPE: labels.COLLATERAL_TYPE}
    for one in records:
        if _check.text(one.name, 1, 23, "collateral name") in value:
            raise MalformedError("binding.order", f"collateral {one.name!r} twice")
        media_type = _check.text(one.media_type, 0, BUNDLE_MAX_BYTES, "media type")
        content = _check.some_bytes(one.content, 0, BUNDLE_MAX_BYTES, "collateral")
        value[one.name] = [media_type, content, _ENDORSEMENT]
    if len(value) == 1:
        raise MalformedError("binding.members", "collateral without a record")
    return value


def _read_collateral(value: object) -> tuple[CollateralRecord, ...]:
    if type(value) is not dict:
        raise MalformedError("binding.type", "collateral is a map")
    _collection_type(value, labels.COLLATERAL_TYPE, "collateral")
    records = []
    for name, one in value.items():
        if name == _TYPE:
            continue
        kind, content, _ = _check.items(one, 3, "collateral record")
        record(one, kind, _ENDORSEMENT, "collateral record")
        records.append(CollateralRecord(name=name, media_type=kind, content=content))
    return tuple(records)


def _collection_type(got: Mapping[str, Any], due: str, what: str) -> None:
    if got.get(_TYPE) != due:
        raise MalformedError("binding.media-type", f"{what}: not a collection of {due!r}")
