# SPDX-License-Identifier: Apache-2.0
"""What the negative tables of SNP share: a sound chip, ways to make one fault, and what is due.

Every fault is signed over again under the test root, so that nothing but the named thing is wrong;
`test_sound.py` shows that the originals are accepted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from tests.snp.policies import snp_policy
from tests.snp.reports import with_bytes
from tests.snp.world import AT, REPORT_DATA, anchors, keys, snp
from troth.crypto.issue import certificate_pem
from troth.crypto.issue_pss import PssCertificateSpec, PssCrlSpec
from troth.crypto.rsa_pss import RsaPrivateKey
from troth.endorse.amd import parse_snp_bundle
from troth.errors import CODES, TrothError
from troth.evidence.snp import SnpReport
from troth.policy.snp import appraise_snp
from troth.tsm.emulated.snp import Settings, SoftwareSnp
from troth.tsm.emulated.snp.extensions import leaf_extensions
from troth.tsm.emulated.snp.pki import Role, amd_name
from troth.verify import AnyValue, Cache, ChipId, NoCache, Revocation, Trace
from troth.verify.snp import verify_snp
from troth.wire import json

Change = Any  # the value of a field of a spec, a report or a Given, by a case's choice

DAY: Final = timedelta(days=1)


def sound_report() -> bytes:
    return snp().report(REPORT_DATA)


def sound_bundles() -> tuple[bytes, ...]:
    return (snp().bundle(),)


def sound_root() -> bytes:
    return snp().pki.certificates["ark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Everything that a judgement depends on; sound unless a case says otherwise."""

    report: bytes = field(default_factory=sound_report)
    bundles: tuple[bytes, ...] = field(default_factory=sound_bundles)
    root: bytes = field(default_factory=sound_root)
    at: datetime = AT
    report_data: bytes | type[AnyValue] = REPORT_DATA
    revocation: Revocation = Revocation.REQUIRED
    chip: ChipId = ChipId.NAMED
    policy: Mapping[str, object] | None = None
    cache: Cache | type[NoCache] = NoCache


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal: its code and the name of its class."""

    code: str
    kind: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a case that is accepted must come out as."""

    product: str = "Milan"
    kind: str = "VCEK"
    revocation_checked: bool = True


Due = str | Accepted
Case = tuple[Callable[[], Given], Due]
Table = Mapping[str, Case]


def outcome(given: Given) -> Refused | Accepted:
    """Judge by the public path: `parse_snp_bundle`, `verify_snp`, and `appraise_snp` if wanted.

    Anything but a TrothError escapes: it would be our bug.
    """
    trace = Trace()
    try:
        verified = verify_snp(
            given.report,
            collateral=[parse_snp_bundle(one, "a bundle") for one in given.bundles],
            anchors=anchors(given.root),
            at=given.at,
            report_data=given.report_data,
            revocation=given.revocation,
            chip=given.chip,
            cache=given.cache,
            trace=trace,
        )
        if given.policy is not None:
            policy = snp_policy(**given.policy)
            appraise_snp(verified, policy, name="policy.toml", trace=trace)
    except TrothError as error:
        return Refused(error.code, type(error).__name__)
    facts = verified.value
    return Accepted(facts.product.value, facts.leaf.kind.name, facts.is_revocation_checked)


def settle(case: Case) -> None:
    """Demand that a case comes out as its row says: the very code and class, or the outcome."""
    make, due = case
    got = outcome(make())
    assert got == expected(due), f"{got}, and {expected(due)} is due"


def expected(due: Due) -> Refused | Accepted:
    """Return what `outcome` gives for what a row says."""
    return Refused(due, CODES[due][0]) if isinstance(due, str) else due


# --- reports --------------------------------------------------------------------------------------


def on(settings: Settings, **fields: Change) -> Given:
    """Return a sound chip of its own kind, its report and its own collateral."""
    tee = snp(settings)
    return Given(report=tee.report(REPORT_DATA), bundles=(tee.bundle(),), **fields)


def reported(tee: SoftwareSnp | None = None, /, **fields: Change) -> Given:
    """Return a chip's report with other fields, signed again."""
    tee = tee or snp()

    def change(one: SnpReport) -> SnpReport:
        return replace(one, **fields)

    return Given(report=tee.report(REPORT_DATA, change=change), bundles=(tee.bundle(),))


def patched(offset: int, value: bytes, tee: SoftwareSnp | None = None) -> Given:
    """Return a chip's report with other bytes, signed again."""
    tee = tee or snp()

    def raw(body: bytes) -> bytes:
        return with_bytes(body, offset, value)

    return Given(report=tee.report(REPORT_DATA, raw=raw), bundles=(tee.bundle(),))


def unsigned(offset: int, value: bytes) -> Given:
    """Return the sound report with other bytes, and sign nothing again."""
    return Given(report=with_bytes(sound_report(), offset, value))


# --- certificates and lists -----------------------------------------------------------------------


def certificate(
    role: Role,
    *,
    tee: SoftwareSnp | None = None,
    signed_by: RsaPrivateKey | None = None,
    **fields: Change,
) -> bytes:
    """Issue the certificate of a role again with other fields of its spec, DER."""

    def change(spec: PssCertificateSpec) -> PssCertificateSpec:
        return dataclasses.replace(spec, **fields)

    return (tee or snp()).pki.certificate(role, change, signed_by=signed_by)


def extended(
    members: Mapping[str, bytes | None],
    *,
    tee: SoftwareSnp | None = None,
) -> bytes:
    """Issue the leaf certificate again with other extensions; None leaves one out."""
    tee = tee or snp()
    changed = {**tee.pki.members(tee.leaf), **members}
    held = {number: value for number, value in changed.items() if value is not None}
    return certificate(tee.leaf, tee=tee, extensions=leaf_extensions(held))


def bundled(tee: SoftwareSnp | None = None, /, **places: bytes | None) -> Given:
    """Return a chip's sound report with other certificates, or another list, in its bundle.

    Args:
        tee: which chip.
        places: DER for `leaf`, `intermediate`, `root`, `crl`; None for no list.
    """
    tee = tee or snp()
    return Given(report=tee.report(REPORT_DATA), bundles=(bundle(tee, **places),))


def bundle(tee: SoftwareSnp | None = None, /, **places: bytes | None) -> bytes:
    """Return a chip's bundle with other bytes in some places."""
    tee = tee or snp()
    own = tee.pki.certificates
    leaf = places.get("leaf") or own[tee.leaf]
    intermediate = places.get("intermediate") or own["ask" if tee.leaf == "vcek" else "asvk"]
    root = places.get("root") or own["ark"]
    crl = places.get("crl", tee.crl)
    return json.encode(
        {
            "kind": "snp",
            "leaf": certificate_pem(leaf).decode(),
            "chain": certificate_pem(intermediate, root).decode(),
            "crl": None if crl is None else crl.hex(),
        }
    )


def crl(
    *, signed_by: RsaPrivateKey | None = None, tee: SoftwareSnp | None = None, **fields: Change
) -> bytes:
    """Issue the ARK's list again with other fields of its spec, DER."""

    def change(spec: PssCrlSpec) -> PssCrlSpec:
        return dataclasses.replace(spec, **fields)

    return (tee or snp()).pki.crl(change, signed_by=signed_by)


def named(common_name: str) -> bytes:
    """Return a name of the test platform, DER."""
    return amd_name(common_name)


def ark_key() -> RsaPrivateKey:
    return keys().authorities["ark"]


def ask_key() -> RsaPrivateKey:
    return keys().authorities["ask"]


def asvk_key() -> RsaPrivateKey:
    return keys().authorities["asvk"]
