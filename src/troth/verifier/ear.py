# SPDX-License-Identifier: Apache-2.0
"""From an appraisal to the claims of its token (draft-ietf-rats-ear)."""

from __future__ import annotations

import secrets

import msgspec

import troth
from troth.crypto.cose_key import CoseKey
from troth.crypto.digest import sha256
from troth.evidence.binding import Origin
from troth.policy.bundle import Appraisal
from troth.token.claims import (
    EAR_PROFILE,
    Ear,
    Status,
    StatusReference,
    Submod,
    TrothClaims,
    VerifierId,
)
from troth.token.confirmation import Confirmation, jwk_of
from troth.verify import TraceEntry
from troth.verify.bundle import BundleFacts
from troth.verify.bundle.statement import ORIGINS
from troth.wire import base64url, json

__all__ = ["Issue", "make_ear", "trace_digest"]


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says that does not come from the bundle.

    Attributes:
        issuer: what the verifier is called.
        iat: seconds since 1970.
        exp: likewise, at most five minutes later.
        status: where its status stands.
        trace: the trace that is returned beside it.
    """

    issuer: str
    iat: int
    exp: int
    status: StatusReference
    trace: tuple[TraceEntry, ...]


def make_ear(facts: BundleFacts, cnf: CoseKey, appraisal: Appraisal, issue: Issue) -> Ear:
    """Return the result of an accepted bundle; it copies what ties it to the statement."""
    statement = facts.statement
    namespace = statement.namespace
    return Ear(
        eat_profile=EAR_PROFILE,
        iss=issue.issuer,
        aud=statement.audience,
        iat=issue.iat,
        exp=issue.exp,
        jti=base64url.encode(secrets.token_bytes(16)),
        eat_nonce=base64url.encode(statement.nonce),
        cnf=Confirmation(jwk=jwk_of(cnf)),
        status=Status(status_list=issue.status),
        verifier_id=VerifierId(developer="troth", build=f"troth-verifier {troth.__version__}"),
        submods={
            part: Submod(status=vector.status, vector=vector, policy_id=appraisal.policy)
            for part, vector in appraisal.vectors.items()
        },
        troth=TrothClaims(
            namespace_id=namespace.id.hex(),
            label=namespace.label,
            origin=ORIGINS[Origin(namespace.origin)],
            count=namespace.log.count,
            head=namespace.log.head.hex(),
            statement=statement.digest.hex(),
            mode=facts.mode,
            tee=facts.tee,
            root=facts.root,
            trace=trace_digest(issue.trace),
        ),
    )


def trace_digest(trace: tuple[TraceEntry, ...]) -> str:
    """Return SHA-256, in hex, of a trace as compact JSON: the bytes of the answer's `trace`."""
    return sha256(json.encode(trace)).hex()
