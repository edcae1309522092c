# SPDX-License-Identifier: Apache-2.0
"""The bundle: every member of its type, none unknown, and the same bytes again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.binding.test_keys import every_form
from tests.binding.test_requests import KEYS
from tests.binding.test_vector import holds
from tests.binding.values import DELEGATED, FRESH, PROOF, SIGNED, P, R, T, V, check_bundle
from tests.refusals import refused
from troth.errors import MalformedError, TrothError
from troth.evidence.binding import (
    Bundle,
    Caller,
    Channel,
    CollateralRecord,
    Door,
    ImageDigest,
    LogHead,
    LogPart,
    ModelClaims,
    Namespace,
    Origin,
    Phase,
    RootStatement,
    Service,
    Statement,
    TsmReport,
    labels,
    root_register_value,
)
from troth.wire import cbor

FULL = replace(
    FRESH,
    report=TsmReport(
        provider="sev_guest",
        outblob=b"report",
        auxblob=b"certificates",
        service=Service(provider="svsm", manifest=b"manifest"),
    ),
    log=LogPart(start=0, entries=(V["entry 0"], V["entry 1"])),
    ccel=b"ccel",
    ima=b"",
    collateral=(
        CollateralRecord(name="tcb", media_type="application/json", content=b"{}"),
        CollateralRecord(name="crl", media_type="application/pkix-crl", content=b""),
    ),
)


def value_of(bundle: Bundle) -> dict[str, Any]:
    value = cbor.decode(bundle.encoded, max_bytes=1 << 20)
    assert isinstance(value, dict)
    return value


def test_a_full_bundle() -> None:
    again = Bundle.parse(FULL.encoded)
    assert again.encoded == FULL.encoded
    assert (again.report, again.log, again.ccel, again.ima) == (
        FULL.report,
        FULL.log,
        FULL.ccel,
        FULL.ima,
    )
    assert {one.name for one in again.collateral or ()} == {"tcb", "crl"}
    # The CDDL tool cannot tell the members of the collateral from the key before them.
    holds("evidence", replace(FULL, collateral=None).encoded)
    holds("tsm-report", FULL.report.encoded)
    check_bundle(again)


@pytest.mark.parametrize("bundle", [FRESH, DELEGATED, FULL], ids=["fresh", "delegated", "full"])
def test_members(bundle: Bundle) -> None:
    value = value_of(bundle)
    optional = {"log", "ccel", "ima", "collateral"}
    for name in value:
        less = cbor.encode({key: one for key, one in value.items() if key != name})
        if name in optional:
            Bundle.parse(less)
        else:
            with pytest.raises(MalformedError):
                Bundle.parse(less)
    with refused("binding.members"):
        Bundle.parse(cbor.encode(value | {"extra": ["a/b", b"", 4]}))
    with refused("binding.media-type"):
        Bundle.parse(cbor.encode(value | {"__cmwc_t": "tag:troth.example,2026:evidence#2"}))


@pytest.mark.parametrize(
    "name", ["report", "root", "epoch", "statement", "proof", "log", "ccel", "ima"]
)
def test_a_record_has_its_type_and_indicator(name: str) -> None:
    value = value_of(FULL)
    kind, content, indicator = value[name]
    for record, code in [
        (["application/octet-stream", content, indicator], "binding.media-type"),
        ([kind, content, 2], "binding.media-type"),
        ([kind, content], "binding.members"),
        ([kind, content, indicator, 0], "binding.members"),
        ([kind, "text", indicator], "binding.type"),
        ([kind, content, True], "binding.type"),
        ([4, content, indicator], "binding.type"),
        (content, "binding.type"),
    ]:
        with refused(code):
            Bundle.parse(cbor.encode(value | {name: record}))


def test_fresh_and_delegated_do_not_mix() -> None:
    fresh, delegated = value_of(FRESH), value_of(DELEGATED)
    with refused("binding.members"):
        Bundle.parse(cbor.encode(fresh | {"anchor": delegated["anchor"]}))
    with refused("binding.media-type"):
        Bundle.parse(cbor.encode(fresh | {"statement": delegated["statement"]}))
    with refused("binding.media-type"):
        Bundle.parse(cbor.encode(delegated | {"statement": fresh["statement"]}))
    anchor = delegated["anchor"]
    for bad, code in [
        (anchor | {"extra": 0}, "binding.members"),
        ({"proof": anchor["proof"], "statement": anchor["statement"]}, "binding.members"),
        (anchor | {"__cmwc_t": labels.EVIDENCE_TYPE}, "binding.media-type"),
        (anchor | {"statement": delegated["statement"]}, "binding.media-type"),
        ([], "binding.type"),
    ]:
        with refused(code):
            Bundle.parse(cbor.encode(delegated | {"anchor": bad}))


@pytest.mark.parametrize(
    ("collateral", "code"),
    [
        ([], "binding.type"),
        ({}, "binding.media-type"),
        ({"__cmwc_t": labels.EVIDENCE_TYPE, "a": ["b/c", b"", 2]}, "binding.media-type"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE}, "binding.members"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE, "a": ["b/c", b"", 4]}, "binding.media-type"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE, "a": ["b/c", b""]}, "binding.members"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE, "a": ["b/c", "", 2]}, "binding.type"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE, "": ["b/c", b"", 2]}, "binding.range"),
        ({"__cmwc_t": labels.COLLATERAL_TYPE, "a": {"__cmwc_t": "x"}}, "binding.type"),
    ],
)
def test_collateral_refused(collateral: object, code: str) -> None:
    with refused(code):
        Bundle.parse(cbor.encode(value_of(FRESH) | {"collateral": collateral}))


def test_collateral_has_each_name_once() -> None:
    one = CollateralRecord(name="tcb", media_type="", content=b"")
    with refused("binding.order"):
        replace(FRESH, collateral=(one, one))
    with refused("binding.order"):
        replace(FRESH, collateral=(replace(one, name="__cmwc_t"),))


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"provider": "p"}, "binding.members"),
        ({"provider": "p", "outblob": b"", "extra": b""}, "binding.members"),
        ({"provider": b"p", "outblob": b""}, "binding.type"),
        ({"provider": "p", "outblob": ""}, "binding.type"),
        ({"provider": "p", "outblob": b"", "auxblob": []}, "binding.type"),
        ({"provider": "p", "outblob": b"", "service": b""}, "binding.type"),
        ({"provider": "p", "outblob": b"", "service": {}}, "binding.members"),
    ],
)
def test_report_refused(value: object, code: str) -> None:
    with refused(code):
        TsmReport.parse(cbor.encode(value))


def test_too_large_a_bundle() -> None:
    with refused("cbor.too-large"):
        Bundle.parse(bytes((16 << 20) + 1))


@given(st.binary(max_size=200))
def test_nothing_but_our_own_error_escapes(data: bytes) -> None:
    with pytest.raises(TrothError):
        Bundle.parse(data)


@given(st.data())
def test_a_changed_byte_is_refused_or_is_another_bundle(data: st.DataObject) -> None:
    bad = bytearray(FULL.encoded)
    bad[data.draw(st.integers(0, len(bad) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        assert Bundle.parse(bytes(bad)).encoded == bytes(bad)
    except TrothError:
        return


# --- statements ---------------------------------------------------------------------------------

HASH = st.binary(min_size=32, max_size=32)
MIXED_IN = st.none() | HASH.filter(any)
UINT = st.integers(0, (1 << 64) - 1)
SHORT = st.text(min_size=1, max_size=30)
MODELS = st.builds(
    ModelClaims,
    profile=SHORT,
    phase=st.sampled_from(Phase),
    points=UINT,
    forensic=UINT,
    state=HASH,
    measurement=HASH,
    base=MIXED_IN,
    aggregate=MIXED_IN,
    file=st.none() | HASH,
)
IMAGES = st.sampled_from([(-16, 32), (-43, 48), (-44, 64)]).map(
    lambda pair: ImageDigest(algorithm=pair[0], digest=bytes(pair[1]))
)
REGISTERS = st.dictionaries(
    st.integers(0, 15), st.binary(min_size=48, max_size=48), min_size=1
).map(lambda found: tuple(sorted(found.items())))
STATEMENTS = st.builds(
    Statement,
    audience=SHORT,
    issued_at=UINT,
    nonce=st.binary(min_size=16, max_size=64),
    alarms=UINT,
    cnf=st.none() | st.sampled_from(KEYS),
    anchor=st.none() | st.binary(min_size=64, max_size=64),
    caller=st.none()
    | st.builds(
        Caller, method=st.integers(1, 2), uid=st.none() | UINT, executable=st.none() | HASH
    ),
    user_data=st.none() | st.binary(min_size=1, max_size=64),
    channel=st.none() | st.builds(Channel, st.integers(1, 2), HASH),
    namespace=st.builds(
        Namespace,
        id=st.binary(min_size=16, max_size=16),
        label=SHORT,
        origin=st.sampled_from(Origin),
        log=st.builds(LogHead, UINT, HASH),
        gaps=UINT,
        image=st.none() | IMAGES,
        model=st.none() | MODELS,
        registers=st.none() | REGISTERS,
    ),
)


@given(STATEMENTS)
def test_a_statement_is_read_as_it_is_written(statement: Statement) -> None:
    again = Statement.parse(statement.encoded)
    assert again == statement
    assert again.encoded == statement.encoded
    assert again.digest == hashlib.sha256(statement.encoded).digest()
    if statement.namespace.registers is None:  # the CDDL tool knows no range as a map key
        holds("statement", statement.encoded)


def test_the_largest_statement_is_below_the_limit() -> None:
    text, big = "x" * 128, (1 << 64) - 1
    model = ModelClaims(
        profile=text,
        phase=2,
        points=big,
        forensic=big,
        state=b"s" * 32,
        measurement=b"m" * 32,
        base=b"b" * 32,
        aggregate=b"a" * 32,
        file=b"f" * 32,
    )
    namespace = Namespace(
        id=bytes(16),
        label=text,
        origin=3,
        log=LogHead(big, bytes(32)),
        gaps=big,
        image=ImageDigest(algorithm=-44, digest=bytes(64)),
        model=model,
        registers=tuple((index, bytes(48)) for index in range(16)),
    )
    statement = Statement(
        audience="x" * 255,
        issued_at=big,
        nonce=bytes(64),
        namespace=namespace,
        alarms=big,
        cnf=every_form()[1],
        anchor=bytes(64),
        caller=Caller(method=2, uid=big, executable=bytes(32)),
        user_data=bytes(64),
        channel=Channel(2, bytes(32)),
    )
    assert Statement.parse(statement.encoded) == statement
    assert len(statement.encoded) < 3000


NAMESPACE: dict[Any, Any] = P.namespace.value
MODEL: dict[Any, Any] = NAMESPACE[7]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({3: b"aud"}, "binding.type"),
        ({3: ""}, "binding.range"),
        ({8: {}}, "binding.members"),
        ({8: {1: {}, 3: 0}}, "binding.members"),
        ({8: {1: {}}}, "cose.key"),
        ({8: 0}, "binding.type"),
        ({10: [P.nonce, P.nonce]}, "binding.type"),
        ({265: b"x"}, "unsupported.profile"),
        ({-65537: bytes(32)}, "binding.range"),
        ({-65538: []}, "binding.type"),
        ({-65538: {1: bytes(16)}}, "binding.members"),
        ({-65538: NAMESPACE | {9: 0}}, "binding.members"),
        ({-65538: NAMESPACE | {1: bytes(15)}}, "binding.range"),
        ({-65538: NAMESPACE | {2: "x" * 129}}, "binding.range"),
        ({-65538: NAMESPACE | {3: 0}}, "binding.range"),
        ({-65538: NAMESPACE | {3: 4}}, "binding.range"),
        ({-65538: NAMESPACE | {3: True}}, "binding.type"),
        ({-65538: NAMESPACE | {4: [0]}}, "binding.members"),
        ({-65538: NAMESPACE | {6: [-16, bytes(48)]}}, "binding.range"),
        ({-65538: NAMESPACE | {6: [-15, bytes(8)]}}, "binding.range"),
        ({-65538: NAMESPACE | {6: [b"", b""]}}, "binding.range"),
        ({-65538: NAMESPACE | {6: bytes(32)}}, "binding.type"),
        ({-65538: NAMESPACE | {7: MODEL | {2: 3}}}, "binding.range"),
        ({-65538: NAMESPACE | {7: MODEL | {2: False}}}, "binding.type"),
        ({-65538: NAMESPACE | {7: MODEL | {5: bytes(31)}}}, "binding.range"),
        ({-65538: NAMESPACE | {7: MODEL | {7: bytes(32)}}}, "binding.range"),  # zero is left out
        ({-65538: NAMESPACE | {7: MODEL | {8: bytes(32)}}}, "binding.range"),
        ({-65538: NAMESPACE | {7: MODEL | {10: 0}}}, "binding.members"),
        ({-65538: NAMESPACE | {8: {}}}, "binding.order"),
        ({-65538: NAMESPACE | {8: []}}, "binding.type"),
        ({-65538: NAMESPACE | {8: {16: bytes(48)}}}, "binding.range"),
        ({-65538: NAMESPACE | {8: {0: bytes(32)}}}, "binding.range"),
        ({-65538: NAMESPACE | {8: {"0": bytes(48)}}}, "binding.type"),
        ({-65539: {}}, "binding.members"),
        ({-65539: {1: 3}}, "binding.range"),
        ({-65539: {1: 1, 4: 0}}, "binding.members"),
        ({-65539: {1: 1, 2: -1}}, "binding.range"),
        ({-65539: {1: 1, 3: bytes(20)}}, "binding.range"),
        ({-65540: b""}, "binding.range"),
        ({-65541: [0, bytes(32)]}, "binding.range"),
        ({-65542: -1}, "binding.range"),
        ({-65543: 0}, "binding.members"),
    ],
)
def test_statement_refused(claims: dict[int, object], code: str) -> None:
    value = cbor.decode(P.encoded, max_bytes=4096)
    assert isinstance(value, dict)
    with refused(code):
        Statement.parse(cbor.encode(value | claims))


def test_values_of_our_own_are_held_to_the_same_bounds() -> None:
    with refused("binding.range"):
        replace(P, audience="")
    with refused("binding.type"):
        replace(P, audience="\ud800")
    with refused("binding.range"):
        replace(P.namespace, label="")
    with refused("binding.order"):
        replace(P.namespace, registers=((1, bytes(48)), (0, bytes(48))))
    with refused("binding.range"):
        replace(SIGNED, signature=bytes(63))
    with refused("binding.range"):
        replace(PROOF, index=-1)


@given(
    doors=st.sets(st.sampled_from(Door)).map(lambda found: tuple(sorted(found))),
    software=SHORT,
    root_model=st.none() | HASH,
)
def test_a_root_statement_is_read_as_it_is_written(
    doors: tuple[int, ...], software: str, root_model: bytes | None
) -> None:
    made = replace(FRESH.root, doors=doors, software=software, root_model=root_model)
    assert RootStatement.parse(made.encoded) == made
    if not doors:  # the CDDL tool takes only the first of several numbers in an array
        holds("root-statement", made.encoded)


def test_a_register_has_its_size() -> None:
    with pytest.raises(ValueError, match="sha-384 register"):
        root_register_value(FRESH.root, bytes(32))


def test_contexts() -> None:
    assert labels.secret_info(R.digest, "db/ä") == b"troth/secret/v1\0" + R.digest + "db/ä".encode()
    assert labels.channel_context(1, T.nonce) == b"\x01" + T.nonce
    assert labels.TLS_EXPORTER == "EXPERIMENTAL-troth-v1"
