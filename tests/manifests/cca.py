# SPDX-License-Identifier: Apache-2.0
"""Tokens of Arm CCA, bare claims of their halves, and the keys under which platforms signed.

Claims that the MANIFEST has in JSON are turned into CBOR first: that JSON is another project's
notation and no format of evidence. What is no base64 there stays a text, so that our parser sees
the fault.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase
from troth.endorse.arm import Cpak, CpakStore, parse_cpak_key, parse_cpak_store
from troth.errors import CODES
from troth.evidence.cca import CcaToken, PlatformClaims, RealmClaims, describe_token
from troth.evidence.cca.layout import Component, Platform, Realm
from troth.evidence.cca.token import collection
from troth.verify import AnyValue, Trace
from troth.verify.cca import verify_cca
from troth.wire import cbor

__all__ = ["ANCHORS", "FOLDER", "READERS", "store_of"]

FOLDER: Final = "cca"
AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
# What the MANIFEST says in words, by the code that says it here.
REASONS: Final = {
    "challenge claim missing": "cca.claim-missing",
    "invalid-extended-meas": "cca.claim",
    "invalid-nonce": "cca.claim",
    "invalid-personalization-val": "cca.claim",
    "missing-hash-alg-id": "cca.claim-missing",
    "missing-nonce": "cca.claim-missing",
    "missing-personalization-val": "cca.claim-missing",
    "missing-public-key": "cca.claim-missing",
    "hash-algid-invalid": "unsupported.algorithm",
    "hash-algid-missing": "cca.claim-missing",
    "implementation-id-invalid-long": "cca.claim",
    "implementation-id-invalid-missing": "cca.claim-missing",
    "instance-id-invalid": "cca.claim",
    "instance-id-missing": "cca.claim-missing",
    "invalid-profile": "unsupported.profile",
    "no-sw-components": "cca.claim-missing",
    "nonce-invalid": "cca.claim",
    "sw-components-invalid-combo": "cca.claim",
    "sw-components-invalid-missing": "cca.claim-missing",
}
# Under which of the folder's keys a token's platform signed.
ANCHORS: Final = {
    "tf-rmm-cca_token.cbor": "tf-rmm-cca_platform.pub",
    "cca-token-02.cbor": "ta-02-ok.json",
    "cca-token-draft-ffm-00.cbor": "cpak.json",
    "trustee-cca-example-token.cbor": "cpak.json",
    "veraison-cca-evidence.cbor": "ta-02-ok.json",
}
# Platform and realm profile of each.
PROFILES: Final = {
    "tf-rmm-cca_token.cbor": ("http://arm.com/CCA-SSD/1.0.0", "legacy"),
    "cca-token-02.cbor": ("http://arm.com/CCA-SSD/1.0.0", "legacy"),
    "cca-token-draft-ffm-00.cbor": (
        "tag:arm.com,2023:cca_platform#1.0.0",
        "tag:arm.com,2023:realm#1.0.0",
    ),
    "trustee-cca-example-token.cbor": ("http://arm.com/CCA-SSD/1.0.0", "legacy"),
    "veraison-cca-evidence.cbor": (
        "http://arm.com/CCA-SSD/1.0.0",
        "tag:arm.com,2023:realm#1.0.0",
    ),
}
BEARER: Final = "trustee-cca-example-token.cbor"
STORE: Final = "ta-02-ok.json"  # the one file that has ids beside its key
PLATFORM_NAMES: Final = {
    "cca-platform-profile": Platform.PROFILE,
    "cca-platform-challenge": Platform.CHALLENGE,
    "cca-platform-implementation-id": Platform.IMPLEMENTATION_ID,
    "cca-platform-instance-id": Platform.INSTANCE_ID,
    "cca-platform-config": Platform.CONFIG,
    "cca-platform-lifecycle": Platform.LIFECYCLE,
    "cca-platform-sw-components": Platform.COMPONENTS,
    "cca-platform-service-indicator": Platform.VERIFICATION_SERVICE,
    "cca-platform-hash-algo-id": Platform.HASH_ALGORITHM,
    "measurement-value": Component.MEASUREMENT,
    "signer-id": Component.SIGNER_ID,
}
REALM_NAMES: Final = {
    "cca-realm-challenge": Realm.CHALLENGE,
    "cca-realm-personalization-value": Realm.PERSONALIZATION,
    "cca-realm-initial-measurement": Realm.RIM,
    "cca-realm-extensible-measurements": Realm.REMS,
    "cca-realm-hash-algo-id": Realm.HASH_ALGORITHM,
    "cca-realm-public-key": Realm.RAK,
    "cca-realm-public-key-hash-algo-id": Realm.RAK_HASH_ALGORITHM,
}
TEXTS: Final = {
    Platform.PROFILE,
    Platform.VERIFICATION_SERVICE,
    Platform.HASH_ALGORITHM,
    Realm.HASH_ALGORITHM,
    Realm.RAK_HASH_ALGORITHM,
}


def from_json(value: Any, names: dict[str, int], label: int | None = None) -> Any:
    """Return the CBOR value of a JSON one, its members by label."""
    if isinstance(value, dict):
        return {names[key]: from_json(one, names, names[key]) for key, one in value.items()}
    if isinstance(value, list):
        return [from_json(one, names) for one in value]
    if not isinstance(value, str) or label in TEXTS:
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        return value


def parsed(case: VectorCase, vectors: Path) -> CcaToken | PlatformClaims | RealmClaims:
    """Parse a vector as what it is: a token, or the claims of one half."""
    data = stated_bytes(case, vectors)
    if case.entry["file"] in ANCHORS:
        return CcaToken.parse(data)
    return (RealmClaims if _is_realm(case) else PlatformClaims).parse(_claims(case, data))


def _is_realm(case: VectorCase) -> bool:
    return bool(case.entry["file"].startswith("realm-"))


def _claims(case: VectorCase, data: bytes) -> bytes:
    """Return claims in CBOR."""
    if not case.entry["file"].endswith(".json"):
        return data
    names = REALM_NAMES if _is_realm(case) else PLATFORM_NAMES
    return cbor.encode(from_json(json.loads(data), names))


def _around(case: VectorCase, vectors: Path) -> bytes:
    """Return a real token with these claims in the place of its own, which nobody signed."""
    token = CcaToken.parse((vectors / FOLDER / BEARER).read_bytes())
    halves = [token.platform_token.value(), token.realm_token.value()]
    claims = _claims(case, (vectors / case.file).read_bytes())
    halves[_is_realm(case)].value[2] = claims  # COSE_Sign1: RFC 9052, 4.2
    return collection(*map(cbor.encode, halves))


def store_of(name: str, token: CcaToken, vectors: Path) -> CpakStore:
    """Return the store under which a token is stated to verify."""
    file = ANCHORS[name]
    data = (vectors / FOLDER / file).read_bytes()
    if file == STORE:
        return parse_cpak_store(data)
    own = token.platform
    ids = {"implementation_id": own.implementation_id, "instance_id": own.instance_id}
    return CpakStore([Cpak(**ids, key=parse_cpak_key(data))])


def _verdict(case: VectorCase, vectors: Path) -> None:
    verdict, _, reason = case.expect.partition(": ")
    if verdict == "reject":
        assert CODES[REASONS[reason]][0] == "MalformedError"
        with refused(REASONS[reason]):
            parsed(case, vectors)
        return
    assert verdict == "accept"
    found = parsed(case, vectors)
    if isinstance(found, CcaToken):
        _check_token(case, found, vectors)
    else:
        assert type(found).parse(found.build()) == found


def _check_token(case: VectorCase, token: CcaToken, vectors: Path) -> None:
    """Verify a real token under its platform's key, and under no other."""
    name = case.entry["file"]
    evidence = (vectors / case.file).read_bytes()
    store = store_of(name, token, vectors)
    trace = Trace()
    challenge = token.realm.challenge
    facts = verify_cca(evidence, anchors=store, at=AT, challenge=challenge, trace=trace).value
    assert {row.verdict for row in trace} == {"held"}
    described = describe_token(facts.token)
    assert (described["platform_profile"], described["realm_profile"]) == PROFILES[name]
    assert described["lifecycle_state"] == "secured"
    assert described["platform_claims_unknown"] == described["realm_claims_unknown"] == []
    with refused("cca.challenge"):
        verify_cca(evidence, anchors=store, at=AT, challenge=bytes(64))
    with refused("cpak.unknown"):
        verify_cca(evidence, anchors=CpakStore([]), at=AT, challenge=AnyValue)


def _commands(case: VectorCase, vectors: Path, scratch: Path) -> tuple[Command, ...]:
    """A token is verified; claims are inspected within one, where no signature is looked at."""
    name, file = case.entry["file"], vectors / case.file
    if name not in ANCHORS:
        return (_inspected(case, vectors, scratch / "token.cbor"),)
    assert case.expect == "accept"
    token = CcaToken.parse(file.read_bytes())
    words: tuple[object, ...] = ("verify", file, "--at", int(AT.timestamp()))
    given: tuple[object, ...] = ("--cpak", vectors / FOLDER / ANCHORS[name])
    if ANCHORS[name] != STORE:
        given += ("--implementation-id", token.platform.implementation_id.hex())
        given += ("--instance-id", token.platform.instance_id.hex())
    expected = ("--report-data", token.realm.challenge.hex())
    facts = {"rim": token.realm.rim.hex(), "lifecycle_state": "secured"}

    def check(told: dict[str, Any]) -> None:
        assert {key: told["facts"][key] for key in facts} == facts

    genuine = {"verdict": "genuine", "tee": "cca", "code": None}
    untrusted = {"verdict": "untrusted", "facts": None}
    unknown = {**untrusted, "code": "cpak.unknown"}
    return (
        Command(
            arguments=(*words, *given, *expected),
            status=EXIT["genuine"],
            told=genuine,
            check=check,
        ),
        Command(
            arguments=(*words, *given, "--report-data", "00" * 64),
            status=EXIT["untrusted"],
            told={**untrusted, "code": "cca.challenge"},
        ),
        Command(arguments=words, status=EXIT["untrusted"], told=unknown),
        Command(arguments=("inspect", file), status=0, told={"verified": False}, check=check),
    )


def _inspected(case: VectorCase, vectors: Path, file: Path) -> Command:
    file.write_bytes(_around(case, vectors))
    verdict, _, reason = case.expect.partition(": ")
    if verdict == "accept":
        told = {"verified": False, "tee": "cca"}
        return Command(arguments=("inspect", file), status=0, told=told)
    told = {"verdict": "malformed", "code": REASONS[reason]}
    return Command(arguments=("inspect", file), status=EXIT["malformed"], told=told)


def _key(case: VectorCase, vectors: Path) -> None:
    """The key is one under which a token of the folder verifies, and not of another's platform."""
    data = stated_bytes(case, vectors)
    name = case.entry["file"]
    is_store = name == STORE
    keys = [one.key for one in parse_cpak_store(data)] if is_store else [parse_cpak_key(data)]
    assert len(keys) == 1
    assert name in ANCHORS.values()
    if case.entry["what"].startswith("JWK of the TF-RMM platform key"):
        other = (vectors / FOLDER / "tf-rmm-cca_platform.pub").read_bytes()
        assert keys == [parse_cpak_key(other)]


READERS: Final = {
    "verdict": Reader(_verdict, _commands),
    "key": Reader(_key, "a key is no evidence; it is given beside the tokens it vouches for"),
}
