# SPDX-License-Identifier: Apache-2.0
"""The door for our own structures: bundles (CMW), statements, epochs, log parts, requests, CBOR."""

from __future__ import annotations

from typing import Any, Final

from tests.bundles import AT, Machine, namespace, with_
from tests.fuzz.door import Door, Way
from troth.evidence.binding import (
    Bundle,
    Caller,
    Channel,
    CollateralRecord,
    Epoch,
    ImageDigest,
    LogHead,
    LogPart,
    Mode,
    Proof,
    Request,
    RootStatement,
    Service,
    SignedEpoch,
    SignedStatement,
    Statement,
    TsmReport,
)
from troth.policy.bundle_judgement import BundleOptions, judge_bundle
from troth.verify import AnyValue
from troth.wire import cbor, json

__all__ = ["DOOR"]

NONCE: Final = bytes(range(32))
MACHINE: Final = Machine.boot()
ID: Final = bytes(range(16))
ENTRIES: Final = (b"first", b"second")
LOGGED: Final = namespace(id=ID, log=LogHead.empty(ID).append(*ENTRIES))
FRESH: Final = MACHINE.over(
    MACHINE.statement(NONCE, LOGGED, user_data=b"user"), LogPart(start=0, entries=ENTRIES)
)
ANCHOR: Final = MACHINE.fresh(bytes(32))
DELEGATED: Final = MACHINE.delegated(ANCHOR, NONCE, ANCHOR.statement.namespace)
STATEMENT: Final = MACHINE.statement(NONCE)
EPOCH, (PROOF,) = MACHINE.epoch(STATEMENT)
SIGNED: Final = MACHINE.statement(NONCE, anchor=EPOCH.report_data).sign(MACHINE.statement_key)
RICH: Final = with_(
    FRESH,
    report=TsmReport(
        provider="sev_guest",
        outblob=b"report",
        auxblob=b"table",
        service=Service(provider="svsm", manifest=b"manifest"),
    ),
    ccel=b"a log",
    ima=b"a list",
    collateral=(CollateralRecord(name="pcs", media_type="application/json", content=b"{}"),),
)
SPEAKER: Final = MACHINE.statement(
    NONCE,
    namespace(image=ImageDigest(algorithm=-16, digest=bytes(32))),
    caller=Caller(method=1, uid=1000, executable=bytes(32)),
    channel=Channel(1, bytes(32)),
    alarms=3,
)
OPTIONS: Final = BundleOptions(
    collateral=MACHINE.collateral,
    anchors=MACHINE.anchors,
    at=AT,
    nonce=AnyValue,
    channel=AnyValue,
    policy=MACHINE.policy(),
)
FOREIGN: Final = cbor.encode(cbor.Tag(18, [b"\xa0", {}, b"payload", bytes(64)]))


def is_encoded_again(value: Any, data: bytes) -> bool:
    return bool(value.encoded == data)


def is_canonical(value: object, data: bytes) -> bool:
    return cbor.encode(value) == data


def is_judged(judgement: Any, _: bytes) -> bool:
    return judgement.verdict != "error" and len(json.encode(judgement)) > 0


def way(kind: Any, *seeds: Any) -> Way:
    """Return the way of a structure that has exactly one encoding."""
    return Way(
        name=kind.__name__,
        parse=kind.parse,
        seeds=tuple(one.encoded for one in seeds),
        holds=is_encoded_again,
    )


DOOR: Final = Door(
    name="bundle",
    ways=(
        way(Bundle, FRESH, DELEGATED, RICH),
        way(Statement, STATEMENT, FRESH.statement, SPEAKER),
        way(SignedStatement, SIGNED),
        way(RootStatement, MACHINE.root),
        way(Epoch, EPOCH),
        way(SignedEpoch, FRESH.epoch),
        way(Proof, PROOF),
        way(LogPart, LogPart(start=0, entries=ENTRIES)),
        way(TsmReport, FRESH.report, RICH.report),
        way(Request, Request(mode=Mode.FRESH, audience="urn:example:broker", nonce=NONCE)),
        Way(
            name="CBOR",
            parse=lambda data: cbor.decode(data, max_bytes=1 << 16, tags=(18,)),
            seeds=(FRESH.encoded, SIGNED.encoded, STATEMENT.encoded),
            holds=is_canonical,
        ),
        Way(
            name="foreign CBOR",
            parse=lambda data: cbor.decode_foreign(data, max_bytes=1 << 16, tags=(18, 61)),
            seeds=(FOREIGN, STATEMENT.encoded, b"\xbf\x61a\x9f\x01\xff\xff"),
            holds=lambda _, __: True,
        ),
        Way(
            name="judge",
            parse=lambda data: judge_bundle(data, OPTIONS),
            seeds=(FRESH.encoded, DELEGATED.encoded),
            holds=is_judged,
        ),
    ),
    modules=(
        "troth.evidence.binding.*",
        "troth.verify.bundle.*",
        "troth.policy.bundle",
        "troth.policy.bundle_judgement",
        "troth.crypto.cose",
        "troth.crypto.cose_key",
        "troth.wire.cbor",
        "troth.wire.merkle",
    ),
)
