# SPDX-License-Identifier: Apache-2.0
"""The claims of a result: EAR (draft-ietf-rats-ear §3) with what troth adds under one name.

Every claim is required, and no other is read: a relying party that misses one must not fall back
to a weaker meaning.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from troth.evidence.binding import RootRegister
from troth.policy.vector import Tier, TrustVector
from troth.token.confirmation import Confirmation
from troth.verify.bundle import BundleTee

__all__ = [
    "EAR_PROFILE",
    "TOKEN_MAX_LIFETIME_S",
    "Ear",
    "Status",
    "StatusReference",
    "Submod",
    "TrothClaims",
    "VerifierId",
]

EAR_PROFILE: Final = "tag:github.com,2023:veraison/ear"  # draft-ietf-rats-ear §3, eat_profile
TOKEN_MAX_LIFETIME_S: Final = 300  # BINDING, "What this asks of tokens and secrets"

Seconds = Annotated[int, Meta(ge=0, le=1 << 40)]
Short = Annotated[str, Meta(min_length=1, max_length=255)]
# RFC 9711 §4.1: in JSON a nonce is text of 8 to 88 characters; ours are 16 to 64 bytes, base64url.
Nonce = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{22,86}\Z")]
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
NamespaceId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}\Z")]
SubmodName = Literal["platform", "orchestrator", "namespace"]


class VerifierId(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who made the result (draft-ietf-rats-ear §3.3)."""

    developer: Short
    build: Short


class Submod(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The appraisal of one part (draft-ietf-rats-ear §3.1)."""

    status: Tier = msgspec.field(name="ear.status")
    vector: TrustVector = msgspec.field(name="ear.trustworthiness-vector")
    policy_id: Short = msgspec.field(name="ear.appraisal-policy-id")


class StatusReference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a token's status stands (draft-ietf-oauth-status-list §6.1)."""

    idx: Annotated[int, Meta(ge=0, le=1 << 32)]
    uri: Short


class Status(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The claim `status`, with the one mechanism that we read."""

    status_list: StatusReference


class TrothClaims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ties a result to one statement; byte strings are lower-case hex.

    Attributes:
        namespace_id: of the namespace, new at each of its creations.
        label: what the creator called it.
        origin: who created it.
        count: length of its log.
        head: head of its log.
        statement: SHA-256 of the statement's bytes.
        mode: whether a report was made for this nonce.
        tee: the kind of TEE that made the report.
        root: the register that holds the root statement, or none.
        trace: SHA-256 of the decision trace that was returned beside the token.
    """

    namespace_id: NamespaceId
    label: Short
    origin: Literal["configuration", "administrator", "runtime"]
    count: Annotated[int, Meta(ge=0)]
    head: Digest
    statement: Digest
    mode: Literal["fresh", "delegated"]
    tee: BundleTee
    root: RootRegister
    trace: Digest


class Ear(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One result."""

    eat_profile: Literal["tag:github.com,2023:veraison/ear"]
    iss: Short
    aud: Short
    iat: Seconds
    exp: Seconds
    jti: Short
    eat_nonce: Nonce
    cnf: Confirmation
    status: Status
    verifier_id: VerifierId = msgspec.field(name="ear.verifier-id")
    submods: dict[SubmodName, Submod]
    troth: TrothClaims

    @property
    def tier(self) -> Tier:
        """The worst status of any submodule; `none` counts as worse than affirming."""
        return max((one.status for one in self.submods.values()), key=_BADNESS.index)


_BADNESS: Final[tuple[Tier, ...]] = ("affirming", "none", "warning", "contraindicated")
