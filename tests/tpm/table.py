# SPDX-License-Identifier: Apache-2.0
"""What the tables on TPM quotes share: sound TPMs, ways to make one fault, and what is due.

Every fault is signed over again by the software TPM, so that nothing but the named thing is wrong;
`test_sound.py` shows that the originals are accepted.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tests.tdx import AT
from troth.crypto.issue import certificate_pem
from troth.crypto.tpm_certificate import TpmCertificate
from troth.crypto.tpm_signer import TpmSigner
from troth.errors import CODES, TrothError
from troth.evidence.tpm import PcrSelection, TpmEvidence
from troth.policy.tpm import CONVERTERS, TpmPolicy, appraise_tpm
from troth.policy.tpm_template import policy_template_tpm
from troth.tsm.emulated.tpm import Settings, SoftwareTpm, TpmPki
from troth.tsm.emulated.tpm.pki import Role
from troth.verify import Anchor, Anchors, AnyValue, Trace
from troth.verify.tpm import PinnedKeys, TpmFacts, verify_tpm

Change = Any  # the keyword arguments of QuoteChanges, of a spec or of settings, by a case's choice

CHALLENGE: Final = bytes(range(32))
SOUND: Final = Settings()
TPM: Final = SoftwareTpm.create(SOUND, at=AT)
RSA: Final = SoftwareTpm.create(Settings(key="RSA"), at=AT)
P384: Final = SoftwareTpm.create(Settings(key="P-384", hash_name="sha384"), at=AT)
BANKS: Final = SoftwareTpm.create(Settings(banks=("sha1", "sha256", "sha384", "sha512")), at=AT)
OTHER: Final = SoftwareTpm.create(SOUND, at=AT)
EVIL: Final = TpmSigner.generate("P-256")
PKI: Final = TPM.pki
EVIDENCE: Final = TPM.evidence(CHALLENGE)
PCR14: Final = (PcrSelection("sha256", (14,)),)


def anchors_of(tpm: SoftwareTpm) -> Anchors:
    return Anchors([Anchor.of(TpmCertificate(tpm.pki.certificates["root"]))])


def pinned(tpm: SoftwareTpm) -> PinnedKeys:
    return PinnedKeys([tpm.key.public.spki_sha256])


ANCHORS: Final = anchors_of(TPM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    evidence: bytes = EVIDENCE
    anchors: Anchors | PinnedKeys = ANCHORS
    at: datetime = AT
    challenge: bytes | type[AnyValue] = CHALLENGE
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as: the kind of key, and what is quoted."""

    key: str = "P-256"
    quoted: tuple[tuple[str, int], ...] = (("sha256", 24),)


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path. Anything but a TrothError escapes: it would be our bug."""
    trace = Trace()
    try:
        verified = verify_tpm(
            given.evidence,
            anchors=given.anchors,
            at=given.at,
            challenge=given.challenge,
            trace=trace,
        )
        if given.policy is not None:
            appraise_tpm(verified, section(given.policy), name="p.toml", trace=trace)
        return _accepted(verified.value)
    except TrothError as error:
        assert [one.verdict for one in trace][-1:] != ["held"] or given.policy is not None
        return Refused(error.code, type(error).__name__)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


def _accepted(facts: TpmFacts) -> Accepted:
    quoted = facts.quoted
    assert {bank: len(values) for bank, values in quoted.registers.items()} == {
        one.bank: len(one.registers) for one in quoted.quote.selections
    }
    return Accepted(
        key=quoted.key.kind,
        quoted=tuple((one.bank, len(one.registers)) for one in quoted.quote.selections),
    )


# --- evidence with one fault ----------------------------------------------------------------------


def quoted(
    tpm: SoftwareTpm = TPM, selections: tuple[PcrSelection, ...] | None = None, **changes: Change
) -> Given:
    """Return evidence of a TPM, under its own root."""
    return Given(evidence=tpm.evidence(CHALLENGE, selections, **changes), anchors=anchors_of(tpm))


def message(change: Callable[[bytes], bytes]) -> Given:
    """Return evidence over other bytes, which are signed."""
    return quoted(message=change)


def signature(change: Callable[[bytes], bytes], tpm: SoftwareTpm = TPM) -> Given:
    """Return evidence with another TPMT_SIGNATURE; nothing is signed again."""

    def put(document: dict[str, Any]) -> None:
        document["signature"] = change(bytes.fromhex(document["signature"])).hex()

    return quoted(tpm, document=put)


def public(change: Callable[[bytes], bytes], tpm: SoftwareTpm = TPM) -> Given:
    """Return evidence with another TPM2B_PUBLIC, under the key that is in it."""

    def put(document: dict[str, Any]) -> None:
        area = bytes.fromhex(document["ak"]["public"])[2:]
        changed = change(area)
        document["ak"]["public"] = (len(changed).to_bytes(2, "big") + changed).hex()

    evidence = tpm.evidence(CHALLENGE, carry="public", document=put)
    return Given(evidence=evidence, anchors=pinned(tpm))


def member(**members: Any) -> Given:
    """Return evidence with other members of the JSON; None takes one out."""

    def put(document: dict[str, Any]) -> None:
        for name, value in members.items():
            if value is None:
                del document[name]
            else:
                document[name] = value

    return quoted(document=put)


def with_bytes(data: bytes, offset: int, value: bytes) -> bytes:
    return data[:offset] + value + data[offset + len(value) :]


def chain(role: Role, *, signed_by: TpmSigner | None = None, **claims: Change) -> Given:
    """Return evidence in whose chain one certificate says something else, signed all the same."""
    spec = dataclasses.replace(PKI.spec(role), **claims)
    changed: dict[str, bytes] = {role: PKI.certificate(role, spec, signed_by=signed_by)}
    return Given(evidence=TPM.evidence(CHALLENGE, chain=PKI.chain(**changed)))


def chain_of(pki: TpmPki) -> Given:
    return Given(evidence=TPM.evidence(CHALLENGE, chain=pki.chain()))


def chain_pem(*certificates: bytes) -> Given:
    return Given(evidence=TPM.evidence(CHALLENGE, chain=certificate_pem(*certificates)))


# --- policies -------------------------------------------------------------------------------------


def section(text: str) -> TpmPolicy:
    """Read the section [tpm] of a policy; a misspelt or missing key is an error."""
    raw = tomllib.loads(text)["tpm"]
    assert raw.keys() == set(TpmPolicy.__struct_fields__)
    return TpmPolicy(**{key: CONVERTERS[key](value) for key, value in raw.items()})


def template(evidence: bytes = EVIDENCE) -> str:
    parsed = TpmEvidence.parse(evidence)
    return policy_template_tpm(parsed.quote, parsed.registers, parsed.ak.key.spki_sha256, "a quote")
