# SPDX-License-Identifier: Apache-2.0
"""A commented policy for bundles, written from the values that one of them shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from troth.errors import MalformedError
from troth.evidence.binding import Bundle, Door, ModelClaims, Origin, Phase
from troth.evidence.cca import CcaToken
from troth.evidence.cove import CoveToken
from troth.evidence.detect import detect_tee
from troth.evidence.snp import SnpReport
from troth.evidence.tdx import TdxQuote
from troth.policy.kinds import KINDS
from troth.verify.bundle import BUNDLE_KINDS, BundleTee
from troth.verify.bundle.statement import ORIGINS, image_text

__all__ = ["bundle_policy_template", "is_unrooted"]

_SECTIONS: Final = """\

# --- bundles -------------------------------------------------------------------------------------

# The boot: launch measurement and registers that belong together, each under a name.
[boot]
# A root of trust that is no vendor's known to troth: "deny", "contraindicate" (the result says so),
# or "accept".
{emulated}
# Whether an SVSM made the report, with its manifest: "none" or "required".
svsm = "{svsm}"

[[boot.images]]
name = "first"
{values}

# The register that holds the root statement: "rtmr3" (TDX), "rem3" (CCA), "runtime3" (CoVE), or
# "none" and whoever reaches the report device can make evidence; SNP has none. `before` is its
# value when the root step began.
[root]
{register}
before = [{before}]

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
{cnf}
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

# What is written in place of the usual line, with the reason above it.
_OWN_ROOTS: Final = frozenset({"cca", "cove"})
_EMULATED: Final = """\
# Roots of this kind are no vendor's, always: you vouch for what --cpak or --root gives, a software
# TEE's roots too. "deny" would take no bundle at all.
emulated = "accept\""""
_UNROOTED: Final = """\
# This bundle is unrooted, and this file takes such: no register ties the statement to the boot, so
# whatever code reached the report device in this boot could have made it.
register = "none\""""
_NO_KEY: Final = """\
# This statement names no key of the caller. A verifier gives tokens and secrets to such a key only:
# "required" where they are wanted, once statements name one.
cnf = "any\""""
_ROOT_VALUE: Final = re.compile(
    r"^((?:rtmr3|rem3) = |runtime = \{.*?\b3 = )\[[^\]]*\]", re.MULTILINE
)


def bundle_policy_template(bundle: Bundle, source: str) -> str:
    """Return the text of a policy that accepts bundles like this one.

    Args:
        bundle: a parsed bundle; nothing of it has been verified.
        source: a name for it, such as the file's.

    Raises:
        MalformedError: `evidence.unknown`, `unsupported.tee`: its report is of no kind that bundles
            hold; else as the parser of the kind.
    """
    tee, (boot, root) = _reported(bundle.report.outblob)
    said = bundle.statement.namespace
    text = KINDS[tee].template(bundle.report.outblob, source)
    # The root register is [root]'s; its value is another one at each boot.
    text = _ROOT_VALUE.sub(r'\g<1>"any"', text)
    return text + _SECTIONS.format(
        svsm="none" if bundle.report.service is None else "required",
        values="\n".join(f'{name} = "{value.hex()}"' for name, value in boot.items()),
        emulated=_EMULATED if tee in _OWN_ROOTS else 'emulated = "deny"',
        register=_UNROOTED if root is None else f'register = "{BUNDLE_KINDS[tee].register}"',
        cnf=_NO_KEY if bundle.statement.cnf is None else 'cnf = "required"',
        before="" if root is None else f'"{bytes(len(root)).hex()}"',
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


def is_unrooted(bundle: Bundle) -> bool:
    """Say whether a bundle, verified or not, has no root register: its template takes such.

    Raises:
        MalformedError: as `bundle_policy_template`.
    """
    _, (_, root) = _reported(bundle.report.outblob)
    return root is None


Shown = tuple[Mapping[str, bytes], bytes | None]
"""Measurements by name, and the root register's value."""


def _reported(outblob: bytes) -> tuple[BundleTee, Shown]:
    """Return the kind of an unverified report, and what it shows of the boot."""
    tee = detect_tee(outblob)
    for known, read in _READERS.items():
        if known == tee:
            return known, read(outblob)
    raise MalformedError("unsupported.tee", f"bundles hold no report of {tee}")


def _tdx(outblob: bytes) -> Shown:
    body = TdxQuote.parse(outblob).body
    names = ("mr_td", "rtmr0", "rtmr1", "rtmr2")
    return {name: getattr(body, name) for name in names}, body.rtmr3


def _snp(outblob: bytes) -> Shown:
    return {"measurement": SnpReport.parse(outblob).measurement}, None


def _cca(outblob: bytes) -> Shown:
    realm = CcaToken.parse(outblob).realm
    names = ("rim", "rem0", "rem1", "rem2")
    return dict(zip(names, (realm.rim, *realm.rems[:3]), strict=True)), realm.rems[3]


def _cove(outblob: bytes) -> Shown:
    tvm = CoveToken.parse(outblob).tvm
    runtime = {one.index: one.value for one in tvm.runtime}
    boot = {f"initial{one.index}": one.value for one in tvm.initial}
    return boot | {f"runtime{at}": runtime[at] for at in range(3) if at in runtime}, runtime.get(3)


_READERS: Final[Mapping[BundleTee, Callable[[bytes], Shown]]] = {
    "tdx": _tdx,
    "snp": _snp,
    "cca": _cca,
    "cove": _cove,
}


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
