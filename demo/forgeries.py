# SPDX-License-Identifier: Apache-2.0
"""Evidence with one fault each: the verifier names the step of its procedure that refused it.

A refused bundle does not use up its nonce, so most forgeries are made of one genuine bundle. That
one is handed in behind them and accepted: nothing else was wrong with them.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http import HTTPStatus

from demo.kinds import Kind
from demo.place import AUDIENCE, LABELS, Site, refusal
from demo.steps import StepFailedError, Steps, expect, say
from demo.tokens import verified_claims
from troth.client import Trothd
from troth.crypto.cose_key import CoseKey
from troth.crypto.p256 import PrivateKey
from troth.evidence.binding import Bundle, Epoch, Proof, ProvenStatement, RootStatement
from troth.evidence.binding.bundle import Delegated
from troth.tsm.emulated.machines import MACHINES
from troth.wire.merkle import Tree, leaf_hash

__all__ = ["refuse_forgeries"]

_ROUNDS = 20  # tries to get two namespaces into one epoch; one or two are enough
_HEIGHT = 2


def refuse_forgeries(site: Site, steps: Steps) -> None:
    """Hand in every forgery, then the genuine bundle, then that one again."""
    with steps.step("payments and reports are in one epoch, each with a proof of its own"):
        mine, neighbours = _in_one_epoch(site)
        say(f"one report, two bundles; epoch {mine.epoch.epoch.report_data.hex()[:16]}…")
    with steps.step("refused: another's nonce, one that this verifier never issued"):
        _refuse(site, site.attest("payments", secrets.token_bytes(57)), 2, "challenge.unknown")
    with steps.step("refused: evidence for another audience"):
        other = site.attest("payments", site.challenge(), "urn:demo:somebody-else")
        _refuse(site, other, 11, "claims.audience")
    with steps.step("refused: the neighbour's proof under the own statement"):
        claim = ProvenStatement(statement=mine.statement, proof=_proven(neighbours).proof)
        _refuse(site, replace(mine, claim=claim).encoded, 10, "binding.proof")
    with steps.step("refused: one flipped bit, wherever it is"):
        for part, data, step, code in _flipped(mine, site.kind):
            say(f"in the {part}:")
            _refuse(site, data, step, code)
    own = PrivateKey.generate()
    root = RootStatement(
        boot_key=CoseKey.from_p256(own.public),
        configuration=mine.root.configuration,
        software=mine.root.software,
    )
    if site.is_rooted:
        with steps.step("refused: an impostor with the report device and a boot key of its own"):
            _refuse(site, _impostor(site, mine, root, own), 7, "binding.root-register")
    else:
        with steps.step("BELIEVED, for want of a register: an impostor with the report device"):
            _believe(site, _impostor(site, mine, root, own, nonce=site.challenge()))
    with steps.step("refused: the impostor under the genuine root statement, without its key"):
        _refuse(site, _impostor(site, mine, mine.root, own), 8, "binding.epoch-signature")
    with steps.step("the genuine bundle, of which these were made, is accepted"):
        expect("the appraisal", refusal(site.appraise(mine.encoded)), due="200 accepted")
        say("POST /v1/appraise: 200 accepted")
    with steps.step("refused: the same bundle again, a replay"):
        _refuse(site, mine.encoded, 14, "challenge.used")


def _refuse(site: Site, bundle: bytes, step: int, code: str) -> None:
    """Hand a forgery to the verifier and demand that it is refused where it must be."""
    answer = site.appraise(bundle)
    say(f"POST /v1/appraise: {refusal(answer)}")
    if answer.status == HTTPStatus.OK:
        raise StepFailedError("the verifier accepted it and issued a token")
    told = answer.json
    expect("step and code", (told.get("step"), told["code"]), due=(step, code))


def _believe(site: Site, bundle: bytes) -> None:
    """Hand in what only a root register could tell from genuine; the token warns of that."""
    answer = site.appraise(bundle)
    say(f"POST /v1/appraise: {refusal(answer)}")
    expect("the appraisal", refusal(answer), due="200 accepted")
    token = site.directory / "impostor.token"
    token.write_text(answer.json["token"])
    orchestrator = verified_claims(site, token)["submods"]["orchestrator"]
    say(f"orchestrator: {orchestrator['ear.status']}; nobody who wants affirming gives it anything")
    expect("what the token says of trothd", orchestrator["ear.status"], due="warning")


def _in_one_epoch(site: Site) -> tuple[Bundle, Bundle]:
    """Return bundles of both namespaces that rest on one report."""
    key = json.loads(site.cnf.read_text())

    def ask(label: str) -> Bundle:
        trothd = Trothd(str(site.socket(label)))
        return Bundle.parse(trothd.evidence(site.challenge(), AUDIENCE, cnf=key))

    for _ in range(_ROUNDS):
        # While the first one's report is made, the others gather for the next.
        with ThreadPoolExecutor(2 * len(LABELS)) as pool:
            bundles = list(pool.map(ask, LABELS * 2))
        by_place = {(one.epoch.encoded, one.statement.namespace.label): one for one in bundles}
        for epoch, label in by_place:
            if label == LABELS[0] and (epoch, LABELS[1]) in by_place:
                return by_place[epoch, LABELS[0]], by_place[epoch, LABELS[1]]
    raise StepFailedError("the two were never in one epoch")


def _proven(bundle: Bundle) -> ProvenStatement:
    if isinstance(bundle.claim, Delegated):
        raise StepFailedError("a delegated statement came for a fresh one")
    return bundle.claim


def _flipped(bundle: Bundle, kind: Kind) -> Iterator[tuple[str, bytes, int, str]]:
    """Yield copies of a bundle, each with one other bit: where, the bytes, step and code due."""
    data = bundle.encoded
    epoch = bundle.epoch.epoch
    spots = (
        ("measurement in the report", kind.measured(bundle.report.outblob), 0, 3, kind.signature),
        ("tree's root in the epoch", epoch.tree_root, 0, 5, "binding.report-data"),
        ("root statement", bundle.root.configuration, 0, 6, "binding.root-digest"),
        ("boot key's signature", bundle.epoch.signature, 63, 8, "binding.epoch-signature"),
        ("label in the statement", b"payments", 0, 10, "binding.proof"),
    )
    for part, value, offset, step, code in spots:
        at = data.index(value) + offset
        yield part, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], step, code


def _impostor(
    site: Site,
    genuine: Bundle,
    root: RootStatement,
    key: PrivateKey,
    *,
    nonce: bytes | None = None,
) -> bytes:
    """Return what somebody makes who reaches the report device but does not hold the boot key.

    It claims the namespace of the genuine bundle, with its own key for the secret; and its nonce,
    unless another is given.
    """
    cnf = CoseKey.from_p256(PrivateKey.generate().public)
    statement = replace(genuine.statement, cnf=cnf, nonce=nonce or genuine.statement.nonce)
    salt = secrets.token_bytes(32)
    leaves = [secrets.token_bytes(32) for _ in range(1 << _HEIGHT)]
    leaves[0] = leaf_hash(salt, statement.digest)
    tree = Tree(leaves)
    epoch = Epoch(tree_root=tree.root, height=_HEIGHT, root_digest=root.digest)
    with MACHINES[site.kind.tee].opened(site.tvm) as machine:
        blobs = machine.attest(epoch.report_data, None, None)
    return Bundle(
        report=replace(genuine.report, outblob=blobs.outblob),
        root=root,
        epoch=epoch.sign(key),
        claim=ProvenStatement(statement=statement, proof=Proof.of_leaf(tree, 0, salt)),
    ).encoded
