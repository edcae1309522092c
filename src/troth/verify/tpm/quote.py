# SPDX-License-Identifier: Apache-2.0
"""The appraisal of a TPM's quote.

1. the evidence is well-formed: the quote is one that a TPM made (magic, type), every list is
   short, no bank is selected twice, and the registers given are those selected
2. the attestation key is certified under a pinned root key, as an attestation key, and each
   certificate is current; or it is one that the caller has pinned
3. that key signed the quote, with the hash of its scheme where its public area names one
4. the quote's extra data is what the caller expects, all of it
5. the digest of the registers given is the quote's

Of a pinned key the key alone is known. The public area that comes with it is the sender's text,
which nothing signs: what it says of the key (attributes, scheme) can only lead to a refusal.

Step 1 costs no signature, and its cost is bounded by the size of its input. Which registers and
values are wanted, and which firmware, is policy; clock and reset counts are facts.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.digest import same
from troth.crypto.tpm_key import TpmKey
from troth.errors import TrothError, UntrustedError
from troth.evidence.tpm import (
    AttestationKey,
    Registers,
    TpmEvidence,
    TpmQuote,
    TpmSignature,
    digest_of,
)
from troth.verify.anchors import Anchors
from troth.verify.options import AnyValue
from troth.verify.tpm.chain import check_attestation_key
from troth.verify.tpm.facts import QuotedFacts, TpmFacts
from troth.verify.tpm.pinned import PinnedKeys
from troth.verify.trace import Trace
from troth.verify.verified import Verified, seal

__all__ = ["check_quote", "verify_tpm"]

_LIBRARY: Final = "TPM 2.0 library, part 2"


def verify_tpm(
    evidence: bytes,
    *,
    anchors: Anchors | PinnedKeys,
    at: datetime,
    challenge: bytes | type[AnyValue],
    trace: Trace | None = None,
) -> Verified[TpmFacts]:
    """Return the facts of a genuine quote, judged at `at`.

    Args:
        evidence: the JSON form of `TpmEvidence`, at most 128 KiB.
        anchors: the root keys to trust, or the attestation keys themselves.
        at: the one instant (aware) that everything is judged at.
        challenge: the extra data that is expected, neither padded nor cut.
        trace: where each rule is noted, also those of a judgement that ends in a refusal.

    Raises:
        MalformedError, UntrustedError, StaleError: nothing else escapes.

    Unchecked here: which registers are quoted, their values, firmware (see `troth.policy`);
    whether a certificate was revoked: authorities of attestation keys publish no common list.
    """
    trace = Trace() if trace is None else trace
    parsed = _well_formed(evidence, trace)  # (1)
    anchor = check_attestation_key(parsed.ak, anchors, at, trace)  # (2)
    _check_scheme(parsed.ak, parsed.signature, trace)  # (3)
    quoted = check_quote(  # (3), (4), (5)
        parsed.message,
        parsed.quote,
        parsed.signature,
        parsed.registers,
        key=parsed.ak.key,
        challenge=challenge,
        trace=trace,
    )
    return seal(TpmFacts(quoted, anchor, at))


def check_quote(
    message: bytes,
    quote: TpmQuote,
    signature: TpmSignature,
    registers: Registers,
    *,
    key: TpmKey,
    challenge: bytes | type[AnyValue],
    trace: Trace,
) -> QuotedFacts:
    """Steps 3 to 5, under a key that is trusted: what Azure's form has in common with ours.

    Raises:
        UntrustedError: `tpm.signature`, `tpm.challenge`, `tpm.pcr-digest`.
    """
    _check_signature(message, signature, key, trace)
    _check_challenge(quote, challenge, trace)
    due = digest_of(quote.selections, registers, signature.hash_name)
    trace.check(
        "5.pcr-digest",
        same(due, quote.pcr_digest),
        "tpm.pcr-digest",
        expected=due,
        got=quote.pcr_digest,
        source="the registers given",
    )
    return QuotedFacts(quote, registers, key)


def _well_formed(evidence: bytes, trace: Trace) -> TpmEvidence:
    """Step 1."""
    expected = "a TPM's quote"
    try:
        parsed = TpmEvidence.parse(evidence)
    except TrothError as error:
        trace.failed("1.format", error, expected=expected, source=_LIBRARY)
        raise
    banks = tuple(f"{one.bank}:{len(one.registers)}" for one in parsed.quote.selections)
    trace.held("1.format", expected=expected, got=("a quote over", *banks), source=_LIBRARY)
    return parsed


def _check_scheme(ak: AttestationKey, signature: TpmSignature, trace: Trace) -> None:
    """Step 3: a TPM signs with the scheme of the key alone; the kind of signature is the key's."""
    if ak.public is None or ak.public.hash_name is None:
        return
    trace.check(
        "3.scheme",
        signature.hash_name == ak.public.hash_name,
        "tpm.signature",
        expected=ak.public.hash_name,
        got=signature.hash_name,
        source="public area",
    )


def _check_signature(message: bytes, signature: TpmSignature, key: TpmKey, trace: Trace) -> None:
    """Step 3. The scheme must be one of the key's: RSASSA under a point says nothing."""
    rule, expected, source = "3.signature", "signed by the attestation key", "attestation key"
    try:
        if (signature.scheme == "RSASSA") != (key.kind == "RSA"):
            raise UntrustedError("tpm.signature", f"{signature.scheme} under a key of {key.kind}")
        key.verify(signature.hash_name, signature.value, message, "tpm.signature")
    except TrothError as error:
        trace.failed(rule, error, expected=expected, source=source)
        raise
    trace.held(rule, expected=expected, got="it is", source=source)


def _check_challenge(quote: TpmQuote, expected: bytes | type[AnyValue], trace: Trace) -> None:
    """Step 4. Nothing is padded: a quote's extra data has the length that its caller gave it."""
    if isinstance(expected, type):
        trace.skipped("4.challenge", why="no value is expected by the caller")
        return
    trace.check(
        "4.challenge",
        same(expected, quote.extra_data),
        "tpm.challenge",
        expected=expected,
        got=quote.extra_data,
        source="caller",
    )
