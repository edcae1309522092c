# SPDX-License-Identifier: Apache-2.0
"""What holds the two tokens together: keys, signatures, the digest of the RAK, the challenge."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import cbor2
import pytest

from tests.cca.table import (
    CHALLENGE,
    OLD,
    OTHER,
    TEE,
    TOKEN,
    Accepted,
    Given,
    Table,
    attested,
    claims,
    outcome,
    put,
    settle,
    sign1,
)
from troth.crypto.digest import digest_by_name
from troth.crypto.signing_key import SigningKey
from troth.endorse.arm import Cpak, CpakStore
from troth.evidence.cca import CcaToken, collection
from troth.wire import cbor

RAK: Final = TEE.keys.rak.public
CLAIM: Final = RAK.cose()
POINT: Final = b"\4" + RAK.raw
P256: Final = SigningKey.generate("P-256")
EDWARDS: Final = SigningKey.generate("Ed25519")
EVIL: Final = SigningKey.generate("P-384")
# The order of P-384 (FIPS 186-4 D.1.2.4, SEC 2).
ORDER: Final = int(
    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    16,
)


def key_map(**members: Any) -> bytes:
    """Return the RAK as a COSE_Key with other members; None leaves one out."""
    value = dict(cbor2.loads(CLAIM))
    for name, one in members.items():
        value[{"kty": 1, "kid": 2, "alg": 3, "ops": 4, "crv": -1, "x": -2, "y": -3}[name]] = one
    return cbor2.dumps({label: one for label, one in value.items() if one is not None})


def reversed_key() -> bytes:
    """Return the same key with its members in another order: another byte string."""
    return cbor2.dumps(dict(reversed(cbor2.loads(CLAIM).items())))


def carried(rak: bytes, **changes: Any) -> Given:
    """Carry the key in another form, which the platform names too."""
    return attested(rak=rak, **changes)


def named(digest: bytes) -> Given:
    """Let the platform name another digest."""
    return put("platform", 10, digest)


def halves(platform: bytes, realm: bytes) -> Given:
    """Put halves of two tokens together, each as it was signed."""
    one, two = cbor2.loads(platform).value, cbor2.loads(realm).value
    return Given(token=collection(one[44234], two[44241]))


def signature(half: str, change: Any) -> Given:
    """Change one signature, r‖s, and sign nothing again."""

    def again(tag: cbor.Tag) -> object:
        *parts, end = tag.value
        return cbor.Tag(tag.tag, [*parts, change(end)])

    return sign1(half, again)


def numbers(r: int, s: int) -> bytes:
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def other_s(end: bytes) -> bytes:
    return numbers(int.from_bytes(end[:48], "big"), ORDER - int.from_bytes(end[48:], "big"))


def flipped_payload(half: str) -> Given:
    def again(tag: cbor.Tag) -> object:
        protected, unprotected, content, end = tag.value
        # The last byte belongs to a text or a measurement, so the claims stay well-formed.
        name = b"sha-256" if half == "platform" else bytes(64)
        assert name in content
        other = b"sha-384" if half == "platform" else b"\1" + bytes(63)
        changed = content.replace(name, other, 1)
        return cbor.Tag(tag.tag, [protected, unprotected, changed, end])

    return sign1(half, again)


def trusting(*cpaks: Cpak) -> Given:
    return Given(store=CpakStore(cpaks))


def cpak(**fields: Any) -> Cpak:
    own = TEE.cpak
    found: dict[str, Any] = {
        "implementation_id": own.implementation_id,
        "instance_id": own.instance_id,
        "key": own.key,
    }
    return Cpak(**(found | fields))


CASES: Final[Table] = {
    # The platform's key.
    "no-platform-known": (trusting, "cpak.unknown"),
    "another-platform-known": (lambda: trusting(OTHER.cpak), "cpak.unknown"),
    "another-implementation": (
        lambda: trusting(cpak(implementation_id=bytes(32))),
        "cpak.unknown",
    ),
    "another-instance": (lambda: trusting(cpak(instance_id=b"\1" * 33)), "cpak.unknown"),
    "implementation-id-changed": (lambda: put("platform", 2396, bytes(32)), "cpak.unknown"),
    "key-of-another-platform": (
        lambda: trusting(cpak(key=OTHER.cpak.key)),
        "cca.platform-signature",
    ),
    "key-of-another-curve": (lambda: trusting(cpak(key=P256.public)), "cose.algorithm"),
    "several-platforms-known": (lambda: trusting(OTHER.cpak, cpak()), Accepted()),
    # Signatures.
    "platform-signed-by-another": (lambda: attested(platform_key=EVIL), "cca.platform-signature"),
    "platform-signed-by-the-realm": (
        lambda: attested(platform_key=TEE.keys.rak),
        "cca.platform-signature",
    ),
    "platform-signed-on-another-curve": (lambda: attested(platform_key=P256), "cose.algorithm"),
    "realm-signed-by-another": (lambda: attested(realm_key=EVIL), "cca.realm-signature"),
    "realm-signed-by-the-platform": (
        lambda: attested(realm_key=TEE.keys.cpak),
        "cca.realm-signature",
    ),
    "realm-signed-on-another-curve": (lambda: attested(realm_key=P256), "cose.algorithm"),
    "platform-changed-after-signing": (
        lambda: flipped_payload("platform"),
        "cca.platform-signature",
    ),
    "realm-changed-after-signing": (lambda: flipped_payload("realm"), "cca.realm-signature"),
    **{
        f"{half}-signature-{name}": (partial(signature, half, change), f"cca.{half}-signature")
        for half in ("platform", "realm")
        for name, change in {
            "zero": lambda _: bytes(96),
            "empty": lambda _: b"",
            "short": lambda end: end[:-1],
            "long": lambda end: end + b"\0",
            "r-zero": lambda end: bytes(48) + end[48:],
            "s-zero": lambda end: end[:48] + bytes(48),
            "r-of-the-order": lambda end: numbers(ORDER, 1)[:48] + end[48:],
            "s-of-the-order": lambda end: end[:48] + numbers(1, ORDER)[48:],
            "halves-exchanged": lambda end: end[48:] + end[:48],
        }.items()
    },
    **{
        f"{half}-signature-with-the-other-s": (partial(signature, half, other_s), Accepted())
        for half in ("platform", "realm")
    },
    # The binding.
    "halves-of-two-machines": (
        lambda: halves(TOKEN, OTHER.token(CHALLENGE)),
        "cca.binding",
    ),
    "realm-of-a-key-of-its-own": (
        lambda: attested(
            realm_key=EVIL,
            realm_claims=lambda one: one.update({44237: EVIL.public.cose()}),
        ),
        "cca.binding",
    ),
    "two-tokens-of-one-machine": (
        lambda: halves(TOKEN, TEE.token(CHALLENGE)),
        Accepted(),
    ),
    "digest-zero": (lambda: named(bytes(32)), "cca.binding"),
    "digest-longer": (lambda: named(digest_by_name("sha-256", CLAIM) + bytes(16)), "cca.binding"),
    "digest-truncated": (lambda: named(digest_by_name("sha-512", CLAIM)[:32]), "cca.binding"),
    "digest-by-another-algorithm": (
        lambda: named(digest_by_name("sha-384", CLAIM)),
        "cca.binding",
    ),
    "algorithm-changed-in-the-realm": (lambda: put("realm", 44240, "sha-512"), "cca.binding"),
    "algorithm-truncated": (
        lambda: attested(
            platform_claims=lambda one: one.update({10: digest_by_name("sha-512", CLAIM)[:32]}),
            realm_claims=lambda one: one.update({44240: "sha-512"}),
        ),
        "cca.binding",
    ),
    "digest-of-the-point-alone": (
        lambda: named(digest_by_name("sha-256", POINT)),
        "cca.binding",
    ),
    "digest-of-the-key-encoded-again": (
        lambda: attested(
            rak=reversed_key(),
            platform_claims=lambda one: one.update({10: digest_by_name("sha-256", CLAIM)}),
        ),
        "cca.binding",
    ),
    "key-encoded-again-under-its-digest": (
        lambda: claims("realm", lambda one: one.update({44237: reversed_key()})),
        "cca.binding",
    ),
    "key-in-another-encoding": (lambda: carried(reversed_key()), Accepted()),
    "digest-of-the-challenge": (
        lambda: named(digest_by_name("sha-256", CHALLENGE)),
        "cca.binding",
    ),
    # The form of the key, by the realm's profile alone.
    "key-with-its-algorithm": (lambda: carried(key_map(alg=-35)), Accepted()),
    "key-with-its-use": (lambda: carried(key_map(ops=[2])), Accepted()),
    "key-for-another-algorithm": (lambda: carried(key_map(alg=-7)), "cose.key"),
    "key-for-signing": (lambda: carried(key_map(ops=[1])), "cose.key"),
    "key-of-another-type": (lambda: carried(key_map(kty=1)), "cose.key"),
    "key-of-no-curve": (lambda: carried(key_map(crv=None)), "cose.key"),
    "key-on-p521": (lambda: carried(key_map(crv=3)), "cose.key"),
    "key-without-y": (lambda: carried(key_map(y=None)), "cose.key"),
    "key-with-a-sign-for-y": (lambda: carried(key_map(y=True)), "cose.key"),
    "key-with-a-short-x": (lambda: carried(key_map(x=bytes(47))), "cose.key"),
    "key-with-a-private-half": (
        lambda: carried(cbor2.dumps(cbor2.loads(CLAIM) | {-4: bytes(48)})),
        "cose.key",
    ),
    "key-off-its-curve": (lambda: carried(key_map(y=bytes(48))), "cose.point"),
    "key-on-edwards": (
        lambda: carried(EDWARDS.public.cose(), realm_key=EDWARDS),
        "cca.rak",
    ),
    "key-trailing": (lambda: carried(CLAIM + b"\0"), "cbor.trailing"),
    "key-with-a-member-twice": (
        lambda: carried(bytes((CLAIM[0] + 1,)) + CLAIM[1:] + b"\x01\x02"),
        "cbor.duplicate-key",
    ),
    "point-under-the-profile-of-2023": (lambda: carried(POINT), "cbor.trailing"),
    "key-under-the-legacy-profile": (
        lambda: attested(OLD, rak=OLD.keys.rak.public.cose()),
        "cca.claim",
    ),
    "point-compressed": (
        lambda: attested(OLD, rak=b"\2" + OLD.keys.rak.public.raw),
        "cca.rak",
    ),
    "point-off-its-curve": (
        lambda: attested(OLD, rak=b"\4" + OLD.keys.rak.public.raw[:48] + bytes(48)),
        "cose.point",
    ),
    # The challenge.
    "challenge-differs": (lambda: Given(challenge=CHALLENGE[:63] + b"\0"), "cca.challenge"),
    "challenge-a-prefix": (lambda: Given(challenge=CHALLENGE[:32]), "cca.challenge"),
    "challenge-empty": (lambda: Given(challenge=b""), "cca.challenge"),
    "challenge-too-long": (lambda: Given(challenge=CHALLENGE + b"\0"), "cca.challenge"),
    "challenge-32-and-zeros": (
        lambda: Given(token=TEE.token(CHALLENGE[:32] + bytes(32)), challenge=CHALLENGE[:32]),
        Accepted(),
    ),
    "challenge-32-and-not-only-zeros": (
        lambda: Given(
            token=TEE.token(CHALLENGE[:32] + bytes(31) + b"\1"), challenge=CHALLENGE[:32]
        ),
        "cca.challenge",
    ),
    "challenge-of-an-older-token": (
        lambda: Given(token=TEE.token(bytes(64)), challenge=CHALLENGE),
        "cca.challenge",
    ),
    # Which of two faults is told: that of the earlier step.
    "forged-and-not-deployed": (
        lambda: attested(platform_key=EVIL, platform_claims=lambda one: one.update({2395: 0x6000})),
        "cca.platform-signature",
    ),
    "not-deployed-and-unbound": (
        lambda: claims("platform", lambda one: one.update({2395: 0x6000, 10: bytes(32)})),
        "cca.lifecycle",
    ),
    "unbound-and-forged": (
        lambda: attested(realm_key=EVIL, platform_claims=lambda one: one.update({10: bytes(32)})),
        "cca.binding",
    ),
    "forged-and-for-another-challenge": (
        lambda: Given(token=TEE.token(bytes(64), realm_key=EVIL)),
        "cca.realm-signature",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_binding(name: str) -> None:
    settle(CASES[name])


def test_both_halves_of_two_machines_are_sound_by_themselves() -> None:
    """What the missing binding would let through: each signature holds under its own key."""
    token = CcaToken.parse(halves(TOKEN, OTHER.token(CHALLENGE)).token)
    token.platform_token.verify(TEE.cpak.key, "cca.platform-signature")
    token.realm_token.verify(OTHER.keys.rak.public, "cca.realm-signature")


def test_none_is_neither_an_expectation_nor_a_store() -> None:
    nothing: Any = None
    for given in (Given(challenge=nothing), Given(store=nothing)):
        with pytest.raises((TypeError, AttributeError)):
            outcome(given)
