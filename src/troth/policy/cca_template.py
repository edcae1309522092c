# SPDX-License-Identifier: Apache-2.0
"""A commented policy for Arm CCA, written from the values that a token shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.cca import CcaToken
from troth.policy.cca import REGISTERS, CcaComponent, spell_component

__all__ = ["policy_template_cca"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

[cca]
"""


def policy_template_cca(token: CcaToken, source: str) -> str:
    """Return the text of a policy that accepts realms like that of `token`.

    Args:
        token: a parsed token; nothing of it has been verified.
        source: a name for it, such as the file's.
    """
    platform, realm = token.platform, token.realm
    components = dict.fromkeys(spell_component(one) for one in platform.components)
    lines = [
        "# A platform whose lifecycle allows debug: forbid, or any.",
        'debug = "forbid"',
        '# Profiles of the two tokens; a realm token that names none is "legacy".',
        f"platform_profile = {_list(platform.profile)}",
        f"realm_profile = {_list(realm.profile_name)}",
        "# The make of the platform, the very machine, and how it is configured.",
        f"implementation_id = {_list(platform.implementation_id.hex())}",
        'instance_id = "any"',
        f"platform_config = {_list(platform.config.hex())}",
        "",
        "# The realm's hash algorithm, and whether its measurements have to be of its size",
        '# ("match", or "any" for tokens that name one algorithm and measure with another).',
        f"hash_algorithm = {_list(realm.hash_algorithm)}",
        f'hash_sizes = "{"match" if realm.sizes_match else "any"}"',
        "# The realm as it was launched: its parameters and content, and the launcher's value.",
        f"rim = {_list(realm.rim.hex())}",
        f"personalization_value = {_list(realm.personalization_value.hex())}",
        "# What the realm measured since.",
        *(f"{name} = {_list(one.hex())}" for name, one in zip(REGISTERS, realm.rems, strict=True)),
        "# Up to 64 bytes each, zeros behind; differs with each nonce, so not compared here.",
        'challenge = "any"',
        "",
        "# The platform's firmware: each component of a token is one of these, and each type that",
        "# is named here is there. Several builds of a component: a table each.",
        *(line for one in components for line in _table(one)),
    ]
    return _HEAD.format(source=_comment_safe(source)) + "\n".join(lines) + "\n"


def _table(one: CcaComponent) -> list[str]:
    return [
        "[[cca.components]]",
        f"type = {_text(one.type)}",
        f"version = {_text(one.version)}",
        f"measurement = {_text(one.measurement.hex())}",
        f"signer_id = {_text(one.signer_id.hex())}",
    ]


def _list(value: str) -> str:
    return f"[{_text(value)}]"


def _text(value: str) -> str:
    """Return a text as a basic string of TOML, whatever a token has in it."""
    plain = (
        one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08X}" for one in value
    )
    return '"' + "".join(plain) + '"'


def _comment_safe(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
