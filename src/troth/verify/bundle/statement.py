# SPDX-License-Identifier: Apache-2.0
"""Steps 10 and 11 of BINDING 4.9: the statement is bound, and its claims are what was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Literal

from troth.crypto.digest import same
from troth.errors import DeniedError, StaleError
from troth.evidence.binding import Bundle, Channel, Delegated, Door, Namespace, Origin, check_claim
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import NamespaceWanted, OrchestratorWanted, Wanted

__all__ = ["ORIGINS", "check_binding", "check_claims", "check_speaker", "image_text"]

OriginName = Literal["configuration", "administrator", "runtime"]
ORIGINS: Final[Mapping[Origin, OriginName]] = {
    Origin.CONFIGURATION: "configuration",
    Origin.ADMINISTRATOR: "administrator",
    Origin.CONTAINER_RUNTIME: "runtime",
}
_HASHES: Final = {-16: "sha256", -43: "sha384", -44: "sha512"}  # COSE hash ids, BINDING 4.4
_ANY: Final = "any"


def check_binding(bundle: Bundle, inputs: BundleInputs, steps: Steps) -> None:
    """Step 10: return if the statement is bound to the epoch, and its anchor young enough.

    Raises:
        UntrustedError: as `check_claim`.
        StaleError: `challenge.unknown`, `binding.anchor-age`.
    """
    expected = "signed by the epoch's key" if bundle.delegated else "a leaf of the epoch's tree"
    with steps.noted("statement", expected=expected, source="epoch"):
        check_claim(bundle)
    if isinstance(bundle.claim, Delegated):
        _check_anchor_age(bundle.claim, inputs, steps)


def _check_anchor_age(claim: Delegated, inputs: BundleInputs, steps: Steps) -> None:
    issued = inputs.nonces.issued(claim.anchor.statement.nonce, steps)
    most = inputs.wanted.delegation
    if issued is None or most is None:  # a policy without [delegation] denies at step 11
        return
    age = inputs.at - issued
    source = f"{inputs.wanted.name}: delegation.maximum_age_s"
    with steps.noted("anchor-age", expected=f"at most {most.maximum_age_s} s", source=source):
        if not timedelta(0) <= age <= timedelta(seconds=most.maximum_age_s):
            raise StaleError("binding.anchor-age", f"{age.total_seconds():.0f} s")


def check_claims(bundle: Bundle, inputs: BundleInputs, steps: Steps) -> NamespaceWanted:
    """Step 11: return the section for this namespace if all claims are as wanted.

    Raises:
        DeniedError: `policy.mode`, `claims.*`, `policy.label`, `policy.origin`,
            `policy.image-digest`, `policy.configuration`, `policy.doors` or `policy.alarms`.
    """
    wanted, statement = inputs.wanted, bundle.statement
    _check_mode(bundle, wanted, steps)
    steps.check(
        "audience",
        statement.audience in wanted.claims.audiences,
        "claims.audience",
        expected="one of our names",  # which they are is nothing that every caller is told
        got=statement.audience,
        source=f"{wanted.name}: claims.audiences",
    )
    inputs.nonces.compare(statement.nonce, steps)
    steps.check(
        "cnf",
        statement.cnf is not None or wanted.claims.cnf == _ANY,
        "claims.cnf",
        expected=wanted.claims.cnf,
        got="none" if statement.cnf is None else f"a key for algorithm {statement.cnf.algorithm}",
        source=f"{wanted.name}: claims.cnf",
    )
    _check_channel(statement.channel, inputs, steps)
    section = _check_namespace(statement.namespace, wanted, steps)
    _check_orchestrator(bundle, wanted.orchestrator, wanted.name, steps)
    _check_alarms(bundle, wanted.orchestrator, wanted.name, steps)
    return section


def check_speaker(bundle: Bundle, wanted: Wanted, steps: Steps) -> NamespaceWanted:
    """Of step 11, who speaks and of whom; return the section for this namespace.

    A trothd of another configuration, or one that could have handed out report data, is not
    believed about anybody; nor is a mode that the policy does not accept.

    Raises:
        DeniedError: `policy.mode`, `policy.label`, `policy.origin`, `policy.image-digest`,
            `policy.configuration` or `policy.doors`.
    """
    _check_mode(bundle, wanted, steps)
    section = _check_namespace(bundle.statement.namespace, wanted, steps)
    _check_orchestrator(bundle, wanted.orchestrator, wanted.name, steps)
    return section


def image_text(namespace: Namespace) -> str:
    """Return the image digest as people write it, or `absent`."""
    image = namespace.image
    return "absent" if image is None else f"{_HASHES[image.algorithm]}:{image.digest.hex()}"


def _check_mode(bundle: Bundle, wanted: Wanted, steps: Steps) -> None:
    mode = "delegated" if bundle.delegated else "fresh"
    steps.check(
        "mode",
        mode in wanted.orchestrator.modes and (mode == "fresh" or wanted.delegation is not None),
        "policy.mode",
        expected=wanted.orchestrator.modes,
        got=mode,
        source=f"{wanted.name}: orchestrator.modes, and a section [delegation]",
    )


def _check_channel(said: Channel | None, inputs: BundleInputs, steps: Steps) -> None:
    """The value must be our own exporter of this connection, with the peer's role in it."""
    due = inputs.channel
    if inputs.wanted.claims.channel == _ANY and isinstance(due, type):
        steps.skipped("channel", why=f"{inputs.wanted.name}: claims.channel")
        return
    holds = (
        said is not None
        and isinstance(due, Channel)
        and said.role == due.role
        and same(said.exporter, due.exporter)
    )
    steps.check(
        "channel",
        holds,
        "claims.channel",
        expected="this connection's exporter",
        got="none" if said is None else "another's",
        source="connection",
    )


def _check_namespace(said: Namespace, wanted: Wanted, steps: Steps) -> NamespaceWanted:
    section = next(
        (
            one
            for one in wanted.namespaces
            if isinstance(one.label, type) or said.label in one.label
        ),
        None,
    )
    source = f"{wanted.name}: namespace"
    # The labels that a policy wants are those of neighbours: a caller does not learn them.
    with steps.noted("label", expected="one that is wanted", source=f"{source}.label"):
        if section is None:
            raise DeniedError("policy.label", repr(said.label))
    origin = ORIGINS[Origin(said.origin)]
    for rule, got, accepted, code in (
        ("origin", origin, section.origin, "policy.origin"),
        ("image_digest", image_text(said), section.image_digest, "policy.image-digest"),
    ):
        steps.check(
            rule,
            isinstance(accepted, type) or got in accepted,
            code,
            expected=_ANY if isinstance(accepted, type) else accepted or "nothing",
            got=got,
            source=f"{source}.{rule}",
        )
    return section


def _check_orchestrator(
    bundle: Bundle, wanted: OrchestratorWanted, policy: str, steps: Steps
) -> None:
    source = f"{policy}: orchestrator"
    accepted = wanted.configuration
    steps.check(
        "configuration",
        isinstance(accepted, type) or bundle.root.configuration in accepted,
        "policy.configuration",
        expected=_ANY if isinstance(accepted, type) else accepted or "nothing",
        got=bundle.root.configuration,
        source=f"{source}.configuration",
    )
    doors = frozenset(Door(one).name.lower() for one in bundle.root.doors)
    tolerated = wanted.doors
    steps.check(
        "doors",
        isinstance(tolerated, type) or doors <= tolerated,
        "policy.doors",
        expected=_ANY if isinstance(tolerated, type) else tolerated,
        got=doors,
        source=f"{source}.doors",
    )


def _check_alarms(bundle: Bundle, wanted: OrchestratorWanted, policy: str, steps: Steps) -> None:
    most = wanted.alarms
    alarms = bundle.statement.alarms
    steps.check(
        "alarms",
        isinstance(most, type) or alarms <= most,
        "policy.alarms",
        expected=_ANY if isinstance(most, type) else f"at most {most}",
        got=alarms,
        source=f"{policy}: orchestrator.alarms",
    )
