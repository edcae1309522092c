# SPDX-License-Identifier: Apache-2.0
"""Tokens are parsed whole or refused, described by name, and built back to the same bytes."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cca.table import CHALLENGE, OLD, STORE, TEE, TOKEN, Given, outcome
from tests.tdx import AT
from troth.errors import TrothError
from troth.evidence.cca import (
    CcaToken,
    PlatformClaims,
    RealmClaims,
    SoftwareComponent,
    collection,
    describe_token,
    realm_key,
)
from troth.evidence.cca.layout import HASHES, PLATFORM_PROFILES, REALM_PROFILE
from troth.verify import AnyValue, Trace, Verified
from troth.verify.cca import CcaFacts, verify_cca
from troth.wire import cbor

DIGESTS: Final = st.sampled_from([*HASHES.values()]).flatmap(
    lambda size: st.binary(min_size=size, max_size=size)
)
TEXTS: Final = st.text(max_size=40)
NAMES: Final = st.sampled_from([*HASHES])


def sized(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


COMPONENTS: Final = st.builds(
    SoftwareComponent,
    measurement=DIGESTS,
    signer_id=DIGESTS,
    type=st.none() | TEXTS,
    version=st.none() | TEXTS,
    hash_algorithm=st.none() | NAMES,
)
PLATFORMS: Final = st.builds(
    PlatformClaims,
    profile=st.sampled_from(PLATFORM_PROFILES),
    challenge=DIGESTS,
    implementation_id=sized(32),
    instance_id=sized(32).map(lambda one: b"\1" + one),
    config=st.binary(max_size=64),
    lifecycle=st.integers(0, 0xFFFF),
    components=st.lists(COMPONENTS, min_size=1, max_size=5).map(tuple),
    hash_algorithm=NAMES,
    verification_service=st.none() | TEXTS,
    others=st.just(()),
)
REALMS: Final = st.builds(
    RealmClaims,
    profile=st.just(REALM_PROFILE),
    challenge=sized(64),
    personalization_value=sized(64),
    rim=DIGESTS,
    rems=st.tuples(DIGESTS, DIGESTS, DIGESTS, DIGESTS),
    hash_algorithm=NAMES,
    rak=st.binary(max_size=120),
    rak_hash_algorithm=NAMES,
    others=st.just(()),
)


@given(PLATFORMS)
def test_platform_claims_come_back(claims: PlatformClaims) -> None:
    assert PlatformClaims.parse(claims.build()) == claims


@given(REALMS)
def test_realm_claims_come_back(claims: RealmClaims) -> None:
    assert RealmClaims.parse(claims.build()) == claims


@given(st.binary(max_size=400))
def test_only_our_errors_escape_from_any_bytes(data: bytes) -> None:
    for parse in (CcaToken.parse, PlatformClaims.parse, RealmClaims.parse):
        try:
            parse(data)
        except TrothError:
            continue


@given(st.integers(0, len(TOKEN) * 8 - 1))
def test_no_bit_may_flip(bit: int) -> None:
    bad = bytearray(TOKEN)
    bad[bit // 8] ^= 1 << bit % 8
    with pytest.raises(TrothError):
        verify_cca(bytes(bad), anchors=STORE, at=AT, challenge=AnyValue)


@given(st.integers(0, len(TOKEN) - 1), st.binary(min_size=1, max_size=4))
def test_no_bytes_may_be_put_in(at: int, data: bytes) -> None:
    with pytest.raises(TrothError):
        verify_cca(TOKEN[:at] + data + TOKEN[at:], anchors=STORE, at=AT, challenge=AnyValue)


@pytest.mark.parametrize("token", [TOKEN, OLD.token(CHALLENGE)], ids=["2023", "legacy"])
def test_a_token_is_built_back_to_the_same_bytes(token: bytes) -> None:
    one = CcaToken.parse(token)
    halves = (cbor.encode(half.value()) for half in (one.platform_token, one.realm_token))
    assert collection(*halves) == token
    assert one.platform.build() == one.platform_token.payload
    assert one.realm.build() == one.realm_token.payload
    assert one.size == len(token)


def test_the_realms_key_is_the_same_in_both_forms() -> None:
    new, old = CcaToken.parse(TOKEN).realm, CcaToken.parse(OLD.token(CHALLENGE)).realm
    assert realm_key(new) == TEE.keys.rak.public
    assert realm_key(old) == OLD.keys.rak.public
    assert (len(new.rak), len(old.rak)) == (107, 97)


def test_a_token_is_described_by_name() -> None:
    told = describe_token(CcaToken.parse(TOKEN))
    own = TEE.settings
    assert told["implementation_id"] == own.platform.implementation_id
    assert told["instance_id"] == own.platform.instance_id
    assert told["platform_profile"] == "tag:arm.com,2023:cca_platform#1.0.0"
    assert told["realm_profile"] == REALM_PROFILE
    assert (told["lifecycle"], told["lifecycle_state"]) == (0x3000, "secured")
    assert told["debug"] is False
    assert told["rim"] == own.realm.rim
    assert [told[f"rem{index}"] for index in range(4)] == ["00" * 64] * 4
    assert told["challenge"] == CHALLENGE.hex()
    assert told["hash_sizes_match"] is True
    assert told["token_bytes"] == len(TOKEN)
    components: Any = told["components"]
    assert components[2] == (
        f"RMM 1.0.0 measurement={own.platform.components[2].measurement} "
        f"signer={own.platform.components[2].signer_id}"
    )
    legacy = describe_token(CcaToken.parse(OLD.token(CHALLENGE)))
    assert legacy["realm_profile"] == "legacy"
    assert legacy.keys() == told.keys()


def test_what_is_absent_is_left_out() -> None:
    def change(claims: dict[int, Any]) -> None:
        del claims[2400]
        claims[2399] = [{2: bytes(32), 5: bytes(32)}]

    told = describe_token(CcaToken.parse(TEE.token(CHALLENGE, platform_claims=change)))
    assert "verification_service" not in told
    components: Any = told["components"]
    assert components == [f"- - measurement={'00' * 32} signer={'00' * 32}"]


RULES: Final = (
    "1.format",
    "2.platform-key",
    "2.platform-signature",
    "3.lifecycle",
    "4.binding",
    "5.realm-signature",
    "6.challenge",
)
# What ends a judgement at each step.
ENDS: Final[dict[str, dict[str, Any]]] = {
    "1.format": {"token": TOKEN[:-1]},
    "2.platform-key": {
        "token": TEE.token(CHALLENGE, platform_claims=lambda c: c.update({2396: bytes(32)}))
    },
    "2.platform-signature": {"token": TEE.token(CHALLENGE, platform_key=TEE.keys.rak)},
    "3.lifecycle": {"token": TEE.token(CHALLENGE, platform_claims=lambda c: c.update({2395: 0}))},
    "4.binding": {
        "token": TEE.token(CHALLENGE, platform_claims=lambda c: c.update({10: bytes(32)}))
    },
    "5.realm-signature": {"token": TEE.token(CHALLENGE, realm_key=TEE.keys.cpak)},
    "6.challenge": {"token": TOKEN, "challenge": bytes(64)},
}


def traced(token: bytes, challenge: Any = CHALLENGE) -> tuple[Trace, Verified[CcaFacts] | None]:
    trace = Trace()
    try:
        return trace, verify_cca(token, anchors=STORE, at=AT, challenge=challenge, trace=trace)
    except TrothError:
        return trace, None


def test_the_trace_has_every_step_in_order() -> None:
    trace, verified = traced(TOKEN)
    assert tuple(row.rule for row in trace) == RULES
    assert {row.verdict for row in trace} == {"held"}
    assert verified is not None
    assert verified.value.anchor.name == f"sha256:{TEE.cpak.key.spki_sha256.hex()}"
    assert verified.value.anchor.is_vendor is False
    assert verified.value.at == AT


@pytest.mark.parametrize("rule", RULES)
def test_the_trace_ends_where_the_judgement_does(rule: str) -> None:
    trace, verified = traced(**ENDS[rule])
    rows = list(trace)
    assert verified is None
    assert tuple(row.rule for row in rows) == RULES[: RULES.index(rule) + 1]
    assert [row.verdict for row in rows] == ["held"] * (len(rows) - 1) + ["failed"]


def test_a_challenge_that_nobody_expects_is_noted_as_not_checked() -> None:
    trace, _ = traced(TOKEN, AnyValue)
    assert [row.rule for row in trace if row.verdict == "skipped"] == ["6.challenge"]
    assert outcome(Given(challenge=AnyValue)) == outcome(Given())
