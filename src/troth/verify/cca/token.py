# SPDX-License-Identifier: Apache-2.0
"""The appraisal of a CCA token, in the order that each step can rest on the ones before.

1. the token is well-formed: both tokens, both sets of claims, nothing behind them
2. the platform's key, found by implementation id and instance id, signed the platform token
3. the platform's lifecycle is that of a deployed platform, secured or under debug
4. the platform token names the realm's attestation key: its challenge is the digest of the
   claim as it was carried, by the algorithm that the realm token names
5. that key signed the realm token
6. the realm's challenge is what the caller expects

Without step 4 both signatures can hold over halves of two machines. Everything else (measurements,
firmware, debug, profiles) is policy.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.digest import digest_by_name, same
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.arm import CpakStore
from troth.errors import TrothError, UntrustedError
from troth.evidence.cca import CcaToken, PlatformClaims, RealmClaims, realm_key
from troth.evidence.cca.layout import CHALLENGE_BYTES
from troth.verify.anchors import Anchor
from troth.verify.cca.facts import CcaFacts
from troth.verify.options import AnyValue
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["verify_cca"]

_DOCUMENT: Final = "draft-ffm-rats-cca-token-00"


def verify_cca(
    evidence: bytes,
    *,
    anchors: CpakStore,
    at: datetime,
    challenge: bytes | type[AnyValue],
    trace: Trace | None = None,
) -> Verified[CcaFacts]:
    """Return the facts of a genuine CCA token.

    Args:
        evidence: the token's bytes, at most 64 KiB.
        anchors: the keys of the platforms to trust.
        at: the instant (aware) that is noted with the facts; nothing in a token has a date.
        challenge: the 64 bytes that are expected; of fewer, the rest must be zero.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError: nothing else escapes.

    Unchecked here: measurements, firmware, debug, profiles (see `troth.policy`).
    """
    trace = Trace() if trace is None else trace
    token = _well_formed(evidence, trace)  # (1)
    key = _platform_key(token.platform, anchors, trace)  # (2)
    _check_platform_signature(token, key, trace)  # (2)
    _check_lifecycle(token.platform, trace)  # (3)
    _check_binding(token.platform, token.realm, trace)  # (4)
    _check_realm_signature(token, trace)  # (5)
    _check_challenge(token.realm, challenge, trace)  # (6)
    anchor = Anchor(f"sha256:{key.spki_sha256.hex()}", key.spki_sha256)
    return seal(CcaFacts(token, anchor, at))


def _well_formed(evidence: bytes, trace: Trace) -> CcaToken:
    """Step 1."""
    try:
        token = CcaToken.parse(evidence)
    except TrothError as error:
        trace.failed("1.format", error, expected="a CCA token", source=_DOCUMENT)
        raise
    trace.held(
        "1.format",
        expected="a CCA token",
        got=f"platform {token.platform.profile}, realm {token.realm.profile_name}",
        source=_DOCUMENT,
    )
    return token


def _platform_key(platform: PlatformClaims, anchors: CpakStore, trace: Trace) -> VerifyingKey:
    """Step 2: the claims that are looked up by are not trusted yet, the key found by them is."""
    key = anchors.find(platform.implementation_id, platform.instance_id)
    ids = (
        f"implementation {platform.implementation_id.hex()}, instance {platform.instance_id.hex()}"
    )
    if key is None:
        error = UntrustedError("cpak.unknown", ids)
        trace.failed("2.platform-key", error, expected="a known platform", source="caller")
        raise error
    trace.held("2.platform-key", expected="a known platform", got=ids, source="caller")
    return key


def _check_platform_signature(token: CcaToken, key: VerifyingKey, trace: Trace) -> None:
    """Step 2."""
    rule, expected, source = "2.platform-signature", "signed by the platform's key", "caller"
    try:
        token.platform_token.verify(key, "cca.platform-signature")
    except TrothError as error:
        trace.failed(rule, error, expected=expected, source=source)
        raise
    trace.held(rule, expected=expected, got="it is", source=source)


def _check_lifecycle(platform: PlatformClaims, trace: Trace) -> None:
    """Step 3. Whether debug is tolerated is policy."""
    trace.check(
        "3.lifecycle",
        platform.secured or platform.debug,
        "cca.lifecycle",
        expected="secured, or under debug",
        got=f"{platform.lifecycle_state} (0x{platform.lifecycle:04x})",
        source=_DOCUMENT,
    )


def _check_binding(platform: PlatformClaims, realm: RealmClaims, trace: Trace) -> None:
    """Step 4: over the claim's bytes, never over a key that was encoded again."""
    digest = digest_by_name(realm.rak_hash_algorithm, realm.rak)
    trace.check(
        "4.binding",
        same(digest, platform.challenge),
        "cca.binding",
        expected=digest,
        got=platform.challenge,
        source="realm token",
    )


def _check_realm_signature(token: CcaToken, trace: Trace) -> None:
    """Step 5."""
    rule, expected, source = "5.realm-signature", "signed by the realm's key", "platform token"
    try:
        token.realm_token.verify(realm_key(token.realm), "cca.realm-signature")
    except TrothError as error:
        trace.failed(rule, error, expected=expected, source=source)
        raise
    trace.held(rule, expected=expected, got="it is", source=source)


def _check_challenge(realm: RealmClaims, expected: bytes | type[AnyValue], trace: Trace) -> None:
    """Step 6. A short expectation is never a prefix match: the rest must be zero."""
    if isinstance(expected, type):
        trace.skipped("6.challenge", why="no value is expected by the caller")
        return
    due = expected.ljust(CHALLENGE_BYTES, b"\0")
    trace.check(
        "6.challenge",
        same(due, realm.challenge),
        "cca.challenge",
        expected=due,
        got=realm.challenge,
        source="caller",
    )
