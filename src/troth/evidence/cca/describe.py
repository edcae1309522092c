# SPDX-License-Identifier: Apache-2.0
"""A token's contents as names and plain values, for people and JSON."""

from __future__ import annotations

from troth.evidence.cca.platform import SoftwareComponent
from troth.evidence.cca.token import CcaToken

__all__ = ["Claim", "describe_token"]

Claim = str | int | bool | list[int | str] | None
"""What a described field can be."""


def describe_token(token: CcaToken) -> dict[str, Claim]:
    """Return the claims of both tokens: byte strings as lower-case hex, what is absent left out."""
    platform, realm = token.platform, token.realm
    fields: dict[str, Claim] = {
        "platform_profile": platform.profile,
        "platform_challenge": platform.challenge.hex(),
        "implementation_id": platform.implementation_id.hex(),
        "instance_id": platform.instance_id.hex(),
        "platform_config": platform.config.hex(),
        "lifecycle": platform.lifecycle,
        "lifecycle_state": platform.lifecycle_state,
        "debug": platform.debug,
        "platform_hash_algorithm": platform.hash_algorithm,
        "verification_service": platform.verification_service,
        "components": [_component(one) for one in platform.components],
        "platform_claims_unknown": [*platform.others],
        "realm_profile": realm.profile_name,
        "challenge": realm.challenge.hex(),
        "personalization_value": realm.personalization_value.hex(),
        "rim": realm.rim.hex(),
        **{f"rem{index}": one.hex() for index, one in enumerate(realm.rems)},
        "realm_hash_algorithm": realm.hash_algorithm,
        "hash_sizes_match": realm.sizes_match,
        "rak": realm.rak.hex(),
        "rak_hash_algorithm": realm.rak_hash_algorithm,
        "realm_claims_unknown": [*realm.others],
        "token_bytes": token.size,
    }
    return {key: one for key, one in fields.items() if one is not None}


def _component(one: SoftwareComponent) -> str:
    """Spell a component as `TYPE VERSION measurement=HEX signer=HEX`, a dash for what is absent."""
    name = f"{one.type or '-'} {one.version or '-'}"
    return f"{name} measurement={one.measurement.hex()} signer={one.signer_id.hex()}"
