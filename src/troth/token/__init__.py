# SPDX-License-Identifier: Apache-2.0
"""Attestation results as signed tokens: made by a verifier, read by whoever relies on it.

A token is an EAR (draft-ietf-rats-ear) in a JWT: an EAT profile (RFC 9711) whose submodules carry
trust vectors (draft-ietf-rats-ar4si). Whether it was taken back stands in a token status list
(draft-ietf-oauth-status-list). There is one reader for both, with one algorithm; the registry of
claims is run on every token, and a token without its status is not a `Token`.

    text = issue(ear, key)
    token = verify_token(text, keys=keys, expected=Expected(...), at=now, status=fetch)
"""

from troth.policy.vector import Tier, TrustVector, tier_of
from troth.token.claims import Ear, StatusReference, Submod, TrothClaims, VerifierId
from troth.token.confirmation import Jwk, jwk_of, key_of
from troth.token.issue import issue
from troth.token.keys import KeySet, SigningKey, jwks_json, parse_jwks
from troth.token.status import StatusList, issue_status_list, read_status_list
from troth.token.verify import (
    AuthenticToken,
    Expected,
    SignedToken,
    Token,
    open_token,
    read_signed,
    verify_token,
)

__all__ = [
    "AuthenticToken",
    "Ear",
    "Expected",
    "Jwk",
    "KeySet",
    "SignedToken",
    "SigningKey",
    "StatusList",
    "StatusReference",
    "Submod",
    "Tier",
    "Token",
    "TrothClaims",
    "TrustVector",
    "VerifierId",
    "issue",
    "issue_status_list",
    "jwk_of",
    "jwks_json",
    "key_of",
    "open_token",
    "parse_jwks",
    "read_signed",
    "read_status_list",
    "tier_of",
    "verify_token",
]
