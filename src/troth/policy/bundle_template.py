# SPDX-License-Identifier: Apache-2.0
"""A commented policy for bundles, written from the values that one of them shows."""

from __future__ import annotations

from typing import Final

from troth.evidence.binding import Bundle, Door, ModelClaims, Origin, Phase
from troth.evidence.tdx import TdxQuote
from troth.policy.template import policy_template
from troth.verify.bundle.statement import ORIGINS, image_text

__all__ = ["bundle_policy_template"]

_SECTIONS: Final = """\

# --- bundles -------------------------------------------------------------------------------------

# The boot: launch measurement and registers that belong together, each under a name.
[boot]
# A root of trust that is no vendor's: "deny", "contraindicate" (the result says so), or "accept".
emulated = "deny"
# Whether an SVSM made the report, with its manifest: "none" or "required".
svsm = "none"

[[boot.images]]
name = "first"
mr_td = "{mr_td}"
rtmr0 = "{rtmr0}"
rtmr1 = "{rtmr1}"
rtmr2 = "{rtmr2}"

# The register that holds the root statement: "rtmr3", or "none" and whoever reaches the report
# device can make evidence. `before` is its value when the root step began.
[root]
register = "rtmr3"
before = ["{zeros}"]

[orchestrator]
# SHA-256 of the orchestrator's configuration file.
configuration = ["{configuration}"]
# Doors of other protocols that this boot may open: {known_doors}.
doors = {doors}
# "fresh": a report for each nonce; "delegated": signed under an earlier one, see [delegation].
modes = {modes}
# How many alarms of this boot are tolerated.
alarms = 0

[delegation]
# How long ago the nonce of the anchor may have been issued.
maximum_age_s = 300

[claims]
# The names by which statements may call whom they are for.
audiences = ["{audience}"]
# The caller's own key, and the connection that it means: "required" or "any".
cnf = "required"
channel = "any"

# One [[namespace]] for each that is wanted; a statement is held to the one that has its label.
[[namespace]]
label = ["{label}"]
# Who created it: configuration, administrator, runtime. Pinned with the label.
origin = ["{origin}"]
image_digest = ["{image}"]
# The event model: its profile, or "absent" for none; "required" refuses one that still learns.
profile = ["{profile}"]
sealed = "{sealed}"
state = {state}
base = {base}
# Events outside the model, and interruptions of its sources, that are tolerated.
forensic_points = 0
gaps = 0
"""


def bundle_policy_template(bundle: Bundle, source: str) -> str:
    """Return the text of a policy that accepts bundles like this one.

    Args:
        bundle: a parsed bundle; nothing of it has been verified.
        source: a name for it, such as the file's.

    Raises:
        MalformedError: its report is no TDX quote.
    """
    quote = TdxQuote.parse(bundle.report.outblob)
    body = quote.body
    said = bundle.statement.namespace
    lines = policy_template(quote, source).splitlines()
    # The root register is [root]'s; its value is another one at each boot.
    text = "\n".join('rtmr3 = "any"' if one.startswith("rtmr3 = ") else one for one in lines)
    return f"{text}\n" + _SECTIONS.format(
        mr_td=body.mr_td.hex(),
        rtmr0=body.rtmr0.hex(),
        rtmr1=body.rtmr1.hex(),
        rtmr2=body.rtmr2.hex(),
        zeros=bytes(48).hex(),
        configuration=bundle.root.configuration.hex(),
        known_doors=", ".join(one.name.lower() for one in Door),
        doors=_list([Door(one).name.lower() for one in bundle.root.doors]),
        modes=_list(["fresh", "delegated"] if bundle.delegated else ["fresh"]),
        audience=_escape(bundle.statement.audience),
        label=_escape(said.label),
        origin=ORIGINS[Origin(said.origin)],
        image=image_text(said),
        **_model(said.model),
    )


def _model(model: ModelClaims | None) -> dict[str, str]:
    if model is None:
        return {"profile": "absent", "sealed": "any", "state": '"any"', "base": '"any"'}
    return {
        "profile": _escape(model.profile),
        "sealed": "any" if model.phase == Phase.LEARNING else "required",
        "state": _list([model.state.hex()]),
        "base": _list([model.base.hex() if model.base else "absent"]),
    }


def _list(values: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in values) + "]"


def _escape(text: str) -> str:
    """Return a text for a basic string of TOML: what the sender chose cannot end it."""
    return "".join(
        one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08X}" for one in text
    )
