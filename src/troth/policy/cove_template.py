# SPDX-License-Identifier: Apache-2.0
"""A commented policy for RISC-V CoVE, written from the values that a token shows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from troth.evidence.cove import Component, CoveToken, Measurement
from troth.policy.cove_values import CoveComponent, spell_component, spell_register

__all__ = ["policy_template_cove"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

[cove]
"""


def policy_template_cove(token: CoveToken, source: str) -> str:
    """Return the text of a policy that accepts TVMs like that of `token`.

    The TVM's own key and the challenge differ from one token to the next, so they are "any".

    Args:
        token: a parsed token; nothing of it has been verified.
        source: a name for it, such as the file's.
    """
    platform, tvm = token.platform, token.tvm
    identity = "absent" if tvm.identity is None else tvm.identity.hex()
    lines = [
        "# States of the platform; in any but secured (not-configured, debug, recovery) its keys",
        "# may have leaked, and a verifier has to be told to look at such evidence at all.",
        'state = ["secured"]',
        f"manufacturer_id = {_list(platform.manufacturer_id.hex())}",
        "# What the host gave the TVM besides its memory: 64 bytes, or absent.",
        f"identity = {_list(identity)}",
        "# SHA-256 of the TVM's own public key as the token carries it, and the challenge (up to",
        "# 64 bytes each, zeros behind): both differ with each token, so neither is compared here.",
        'public_key_sha256 = "any"',
        'challenge = "any"',
        "",
        "# Registers by number: the TVM as it was built, and what it measured since. One that the",
        "# token has and this file does not name denies.",
        f"initial = {_registers(tvm.initial)}",
        f"runtime = {_registers(tvm.runtime)}",
        "",
        "# Firmware: each component of a token is one of these, and each type that is named here",
        "# is there. Several builds of a component: a table each.",
        *_tables("platform_components", platform.components),
        "# TSM driver and TSM.",
        *_tables("tsm_components", token.tsm.components),
    ]
    return _HEAD.format(source=_comment_safe(source)) + "\n".join(lines) + "\n"


def _registers(shown: Iterable[Measurement]) -> str:
    members = [f"{one.index} = {_list(spell_register(one))}" for one in shown]
    return "{ " + ", ".join(members) + " }" if members else "{}"


def _tables(key: str, shown: Iterable[Component]) -> list[str]:
    builds = dict.fromkeys(spell_component(one) for one in shown)
    return [line for one in builds for line in _table(key, one)]


def _table(key: str, one: CoveComponent) -> list[str]:
    members = (f"{name} = {_text(getattr(one, name))}" for name in one.__struct_fields__)
    return [f"[[cove.{key}]]", *members]


def _list(value: str) -> str:
    return f"[{_text(value)}]"


def _text(value: str) -> str:
    """Return a printable text as a basic string of TOML."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _comment_safe(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
