# SPDX-License-Identifier: Apache-2.0
"""Arm CCA tokens, profiles of 2023 and the legacy ones: layout, parser, builder.

token = CcaToken.parse(data)     # MalformedError, or both sets of claims
token.realm.rim                  # claims; nothing is verified
"""

from troth.evidence.cca.describe import Claim, describe_token
from troth.evidence.cca.platform import PlatformClaims, SoftwareComponent
from troth.evidence.cca.realm import RealmClaims
from troth.evidence.cca.token import CcaToken, collection, realm_key

__all__ = [
    "CcaToken",
    "Claim",
    "PlatformClaims",
    "RealmClaims",
    "SoftwareComponent",
    "collection",
    "describe_token",
    "realm_key",
]
