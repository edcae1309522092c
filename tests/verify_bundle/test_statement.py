# SPDX-License-Identifier: Apache-2.0
"""BINDING's table of what must be refused, steps 10 to 13, and any single bit."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import pytest

from tests.appraisals import NONCE, Dated, Remembers, authentic, judge, refused
from tests.bundles import AT, Machine, model, namespace, with_
from troth.errors import DeniedError, StaleError, TrothError
from troth.evidence.binding import (
    Bundle,
    Channel,
    Delegated,
    Door,
    ImageDigest,
    LogPart,
    Origin,
    Phase,
    Proof,
    ProvenStatement,
)
from troth.policy import Policy, parse_policy
from troth.policy.bundle import appraise_bundle
from troth.verify import AnyValue, Trace, WithoutCollateral
from troth.verify.bundle import (
    BundleInputs,
    ExpectedNonce,
    Recollection,
    Steps,
    check_log,
    check_model,
    verify_bundle,
)
from troth.verify.bundle.wanted import Wanted


@pytest.fixture(scope="module")
def machine() -> Machine:
    return Machine.boot()


@pytest.fixture(scope="module")
def policy(machine: Machine) -> Policy:
    return machine.policy()


# --- step 10 ----------------------------------------------------------------------------------


def two(machine: Machine) -> tuple[Bundle, Bundle]:
    """Return two bundles of one epoch: ours, and a neighbour's."""
    ours, theirs = machine.statement(NONCE), machine.statement(NONCE, namespace("reports"))
    epoch, proofs = machine.epoch(ours, theirs)
    first, second = (
        Bundle(
            report=machine.report(epoch),
            root=machine.root,
            epoch=epoch.sign(machine.boot_key),
            claim=ProvenStatement(statement=statement, proof=proof),
        )
        for statement, proof in zip((ours, theirs), proofs, strict=True)
    )
    return first, second


def claimed(bundle: Bundle, **changes: Any) -> Bundle:
    assert isinstance(bundle.claim, ProvenStatement)
    proof = bundle.claim.proof
    return with_(bundle, claim=replace(bundle.claim, proof=replace(proof, **changes)))


def proof_of(bundle: Bundle) -> Proof:
    assert isinstance(bundle.claim, ProvenStatement)
    return bundle.claim.proof


def fields_of(bundle: Bundle) -> dict[str, Any]:
    proof = proof_of(bundle)
    return {"salt": proof.salt, "index": proof.index, "path": proof.path}


PROOF_FAULTS: Final[dict[str, Callable[[Bundle, Bundle], Bundle]]] = {
    "the salt of another": lambda a, b: claimed(a, salt=proof_of(b).salt),
    "the proof of another": lambda a, b: claimed(a, **fields_of(b)),
    "an index beyond the tree": lambda a, _: claimed(a, index=proof_of(a).index + 8),
    "a path with a zero entry more": lambda a, _: claimed(a, path=(*proof_of(a).path, bytes(32))),
    "a path too short": lambda a, _: claimed(a, path=proof_of(a).path[:-1]),
    "another place": lambda a, _: claimed(a, index=proof_of(a).index ^ 1),
}


@pytest.mark.parametrize("fault", PROOF_FAULTS)
def test_10_proofs(machine: Machine, fault: str) -> None:
    refused(machine, PROOF_FAULTS[fault](*two(machine)), 10, "binding.proof")


def test_10_a_delegated_payload_as_a_fresh_statement(machine: Machine) -> None:
    anchor = machine.fresh(NONCE)
    statement = machine.statement(NONCE, anchor=anchor.epoch.epoch.report_data)
    refused(machine, machine.over(statement), 10, "binding.not-fresh")


def delegated(machine: Machine, **changes: Any) -> tuple[Bundle, bytes]:
    nonce = secrets.token_bytes(32)
    return machine.delegated(machine.fresh(nonce), NONCE, **changes), nonce


def test_10_a_delegated_bundle_is_accepted_while_its_anchor_is_young(machine: Machine) -> None:
    bundle, nonce = delegated(machine)
    young = Dated(nonce, AT - timedelta(seconds=300))
    assert judge(machine, bundle, nonces=young).value.mode == "delegated"
    for age in (timedelta(seconds=301), timedelta(seconds=-1)):
        refused(machine, bundle, 10, "binding.anchor-age", nonces=Dated(nonce, AT - age))


def test_10_an_anchor_whose_nonce_is_not_ours(machine: Machine) -> None:
    bundle, _ = delegated(machine)
    error = refused(machine, bundle, 10, "challenge.unknown", nonces=Dated(b"x" * 32, AT))
    assert isinstance(error, StaleError)


def test_10_the_anchor_of_another_epoch(machine: Machine) -> None:
    bundle, nonce = delegated(machine, anchor=secrets.token_bytes(64))
    refused(machine, bundle, 10, "binding.anchor", nonces=Dated(nonce, AT))


def test_10_the_anchor_of_another_namespace(machine: Machine) -> None:
    nonce = secrets.token_bytes(32)
    bundle = machine.delegated(machine.fresh(nonce), NONCE, namespace())
    refused(machine, bundle, 10, "binding.anchor", nonces=Dated(nonce, AT))


def test_10_the_anchor_of_another_audience(machine: Machine) -> None:
    bundle, nonce = delegated(machine, audience="urn:example:other")
    refused(machine, bundle, 10, "binding.anchor", nonces=Dated(nonce, AT))


def test_10_a_statement_signed_by_another_key(machine: Machine) -> None:
    bundle, nonce = delegated(machine)
    assert isinstance(bundle.claim, Delegated)
    signed = bundle.claim.signed.statement.sign(machine.boot_key)
    forged = with_(bundle, claim=replace(bundle.claim, signed=signed))
    refused(machine, forged, 10, "binding.statement-signature", nonces=Dated(nonce, AT))


# --- step 11 ----------------------------------------------------------------------------------


def test_11_the_audience(machine: Machine) -> None:
    refused(machine, machine.fresh(NONCE, audience="urn:x"), 11, "claims.audience")


@pytest.mark.parametrize("nonce", [NONCE[:16], NONCE + b"\0", bytes(32)])
def test_11_the_nonce_in_all_bytes(machine: Machine, nonce: bytes) -> None:
    refused(machine, machine.fresh(nonce), 11, "claims.nonce")


def test_11_cnf(machine: Machine) -> None:
    refused(machine, machine.fresh(NONCE, cnf=None), 11, "claims.cnf")


def test_11_the_channel_with_the_peers_role(machine: Machine) -> None:
    policy = machine.policy(channel='"required"')
    due = Channel(1, b"e" * 32)
    bundle = machine.fresh(NONCE, channel=due)
    judge(machine, bundle, policy, channel=due)
    for wrong in (Channel(2, b"e" * 32), Channel(1, b"f" * 32), AnyValue):
        refused(machine, bundle, 11, "claims.channel", policy=policy, channel=wrong)
    refused(machine, machine.fresh(NONCE), 11, "claims.channel", policy=policy, channel=due)


def test_11_modes(machine: Machine) -> None:
    bundle, nonce = delegated(machine)
    policy = machine.policy(modes='["fresh"]')
    refused(machine, bundle, 11, "policy.mode", policy=policy, nonces=Dated(nonce, AT))
    text = machine.policy_text().replace("[delegation]\nmaximum_age_s = 300\n", "")
    without = parse_policy(text.encode(), "p.toml")
    refused(machine, bundle, 11, "policy.mode", policy=without, nonces=Dated(nonce, AT))


IMAGE: Final = ImageDigest(algorithm=-16, digest=bytes(32))


@pytest.mark.parametrize(
    ("changes", "policy", "code"),
    [
        ({"label": "other"}, {}, "policy.label"),
        ({"origin": Origin.ADMINISTRATOR}, {}, "policy.origin"),
        ({"image": IMAGE}, {"image_digest": '["absent"]'}, "policy.image-digest"),
    ],
)
def test_11_the_namespace(
    machine: Machine, changes: dict[str, Any], policy: dict[str, str], code: str
) -> None:
    bundle = machine.fresh(NONCE, namespace(**changes))
    error = refused(machine, bundle, 11, code, policy=machine.policy(**policy))
    assert "payments" not in error.detail


def test_11_an_image_that_is_named(machine: Machine) -> None:
    policy = machine.policy(image_digest=f'["sha256:{"00" * 32}"]', profile='"any"')
    bundle = machine.fresh(NONCE, namespace(image=IMAGE, model=None))
    verified = judge(machine, bundle, policy)
    vectors = appraise_bundle(verified, policy, Steps(Trace())).vectors
    assert vectors["namespace"].executables == 3


def test_11_the_orchestrator(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    wrong = machine.policy(configuration=f'["{"00" * 32}"]')
    refused(machine, bundle, 11, "policy.configuration", policy=wrong)
    refused(machine, machine.fresh(NONCE, alarms=1), 11, "policy.alarms")


def test_11_doors() -> None:
    machine = Machine.boot(doors=(Door.COCO, Door.RAW))
    refused(machine, machine.fresh(NONCE), 11, "policy.doors")
    judge(machine, machine.fresh(NONCE), machine.policy(doors='["coco", "raw"]'))


# --- step 12 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "code"),
    [
        (Recollection(), None),
        (Recollection(floor=2), None),
        (Recollection(head=b"\1" * 32), "binding.forked"),
        (Recollection(floor=3), "binding.forked"),
    ],
)
def test_12_memory(machine: Machine, known: Recollection, code: str | None) -> None:
    mine = namespace()
    log = mine.log.append(b"a", b"b")
    verified = authentic(machine, machine.fresh(NONCE, replace(mine, log=log)))
    steps = Steps(Trace())
    if code is None:
        check_log(verified, Remembers(known), steps)
        return
    with pytest.raises(DeniedError) as caught:
        check_log(verified, Remembers(known), steps)
    assert (caught.value.code, steps.number) == (code, 12)


def test_12_a_shown_log(machine: Machine) -> None:
    mine = namespace()
    log = mine.log.append(b"a", b"b")
    statement = machine.statement(NONCE, replace(mine, log=log))
    whole = LogPart(start=0, entries=(b"a", b"b"))
    judge(machine, machine.over(statement, whole))
    for part in (
        LogPart(start=0, entries=(b"a",)),
        LogPart(start=0, entries=(b"a", b"c")),
        LogPart(start=1, entries=(b"b",)),
    ):
        with pytest.raises(DeniedError, match=r"binding\.log"):
            judge(machine, machine.over(statement, part))
    later = authentic(machine, machine.over(statement, LogPart(start=1, entries=(b"b",))))
    check_log(later, Remembers(Recollection(start=mine.log.append(b"a").head)), Steps(Trace()))
    with pytest.raises(DeniedError, match=r"binding\.log"):
        check_log(later, Remembers(Recollection(start=bytes(32))), Steps(Trace()))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"model": None}, "model.absent"),
        ({"model": model(profile="B7")}, "model.profile"),
        ({"model": model(base=b"\1" * 32)}, "model.base"),
        ({"model": model(forensic=1)}, "model.forensic"),
        ({"model": model(phase=Phase.LEARNING)}, "model.unsealed"),
        ({"model": model(state=bytes([8]) * 32)}, "model.state"),
        ({"gaps": 1}, "model.gaps"),
    ],
)
def test_12_the_model(machine: Machine, changes: dict[str, Any], code: str) -> None:
    verified = authentic(machine, machine.fresh(NONCE, namespace(**changes)))
    steps = Steps(Trace())
    with pytest.raises(DeniedError) as caught:
        check_model(verified, steps)
    assert (caught.value.code, steps.number) == (code, 12)


# --- step 13 ----------------------------------------------------------------------------------


def test_13_an_emulated_root(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    refused(machine, bundle, 13, "policy.emulated", policy=machine.policy(emulated='"deny"'))
    policy = machine.policy(emulated='"contraindicate"')
    vectors = appraise_bundle(judge(machine, bundle, policy), policy, Steps(Trace())).vectors
    assert vectors["platform"].hardware == 97
    assert vectors["platform"].status == "contraindicated"


def test_13_a_status_that_is_not_accepted(machine: Machine) -> None:
    bundle = machine.fresh(NONCE)
    refused(machine, bundle, 13, "policy.status", collateral=WithoutCollateral)
    policy = machine.policy(status='["unknown"]')
    verified = judge(machine, bundle, policy, collateral=WithoutCollateral)
    assert appraise_bundle(verified, policy, Steps(Trace())).vectors["platform"].hardware == 0


def test_a_missing_section_denies(machine: Machine) -> None:
    text = machine.policy_text()
    for section in ("boot", "root", "orchestrator", "claims"):
        head, _, rest = text.partition(f"[{section}]\n")
        without = head + "[" + rest.partition("\n[")[2]
        with pytest.raises(DeniedError, match=rf"policy\.section.*{section}"):
            parse_policy(without.encode(), "p.toml").for_bundles()


def test_unrooted_and_tolerated_points_are_warnings(machine: Machine) -> None:
    policy = machine.policy(register='"none"', forensic_points="3", state='"any"')
    bundle = machine.fresh(NONCE, namespace(model=model(forensic=2)))
    vectors = appraise_bundle(judge(machine, bundle, policy), policy, Steps(Trace())).vectors
    assert vectors["orchestrator"].status == "warning"
    assert vectors["namespace"].status == "warning"


# --- any single bit ---------------------------------------------------------------------------


def members(bundle: Bundle) -> dict[str, bytes]:
    assert isinstance(bundle.claim, ProvenStatement)
    return {
        "root": bundle.root.encoded,
        "epoch": bundle.epoch.encoded,
        "statement": bundle.claim.statement.encoded,
        "proof": bundle.claim.proof.encoded,
        "report": bundle.report.outblob[:632],  # header and body, under the attestation key
    }


@pytest.mark.parametrize("member", ["root", "epoch", "statement", "proof", "report"])
def test_no_single_bit_may_flip(machine: Machine, policy: Policy, member: str) -> None:
    bundle = machine.fresh(NONCE)
    data, part = bundle.encoded, members(bundle)[member]
    start = data.index(part)
    wanted: Wanted = policy.for_bundles()
    inputs = BundleInputs(
        wanted=wanted,
        collateral=machine.collateral,
        anchors=machine.anchors,
        at=AT,
        nonces=ExpectedNonce(NONCE),
        channel=AnyValue,
    )
    bits = secrets.SystemRandom().sample(range(len(part) * 8), 150)
    for bit in bits:
        changed = bytearray(data)
        changed[start + bit // 8] ^= 1 << bit % 8
        with pytest.raises(TrothError):
            verify_bundle(bytes(changed), inputs, Steps(Trace()))
