# SPDX-License-Identifier: Apache-2.0
"""A verifier process and a trothd process over each kind of software TEE, from report to token."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Final

import pytest

from tests.orchestrator.running import until
from tests.verifier.sites import KINDS, STRANGERS, Site
from tests.verifiers import Answer, Server, running
from troth.infra.log import Event

on_amd: Final = pytest.mark.parametrize("site", ["snp", "svsm"], indirect=True)
rooted: Final = pytest.mark.parametrize("site", ["tdx", "cca", "cove"], indirect=True)


@pytest.fixture(scope="module", params=KINDS)
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp(f"k-{request.param}"), request.param)
    try:
        made.trothd.start()
        made.learn()
        yield made
    finally:
        made.trothd.kill()


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with running(site.configuration) as found:
        yield found


def read_again(server: Server) -> None:
    """Have the verifier read its files again, and wait until it has."""
    word = f'"{Event.RELOADED}"'
    before = server.log.read_text().count(word)
    server.process.send_signal(signal.SIGHUP)
    until(lambda: server.log.read_text().count(word) > before)


def refused(answer: Answer) -> tuple[int | None, str]:
    assert answer.status != 200
    return answer.json.get("step"), answer.json["code"]


def test_a_token_is_issued_and_says_how_the_boot_is_rooted(site: Site, server: Server) -> None:
    answer = site.appraise(server)
    assert answer.status == 200, answer.body
    ear = server.settle(answer.json["token"]).ear
    assert (ear.troth.tee, ear.troth.root) == (site.kind.settings, site.register)
    tiers = {part: one.status for part, one in ear.submods.items()}
    assert tiers == {
        "platform": "affirming",
        "orchestrator": "warning" if site.register == "none" else "affirming",
        "namespace": "affirming",
    }
    assert json.loads(answer.body)["trace"]


def test_the_trace_has_the_rules_of_the_kind(site: Site, server: Server) -> None:
    rules = {one["rule"]: one["verdict"] for one in site.appraise(server).json["trace"]}
    own = f"3.{site.kind.settings}."
    assert {one.split(".")[1] for one in rules if one.startswith("3.")} == {own.split(".")[1]}
    assert rules["7.root-register"] == ("skipped" if site.register == "none" else "held")
    assert rules["9.boot"] == "held"
    assert "failed" not in rules.values()


def test_a_delegated_statement_rests_on_the_report_of_the_kind(site: Site, server: Server) -> None:
    assert site.appraise(server).status == 200
    answer = site.appraise(server, mode="delegated")
    assert answer.status == 200, answer.body
    ear = server.settle(answer.json["token"]).ear
    assert (ear.troth.mode, ear.troth.root) == ("delegated", site.register)


def test_other_roots_refuse_as_soon_as_they_are_read(site: Site, server: Server) -> None:
    """Twice in a row the same platform: what was held to be good before is not found again."""
    assert site.appraise(server).status == 200
    roots = site.directory / "roots"
    sound = roots.read_bytes()
    try:
        roots.write_bytes(site.kind.roots(STRANGERS[site.name]()))
        read_again(server)
        assert refused(site.appraise(server)) == (3, site.kind.stranger)
    finally:
        roots.write_bytes(sound)
        read_again(server)
    assert site.appraise(server).status == 200


def test_roots_of_another_kind_are_refused_by_name(site: Site, server: Server) -> None:
    """The old ones stay."""
    roots = site.directory / "roots"
    sound = roots.read_bytes()
    try:
        roots.write_bytes(b"not a root of anything\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: f'"{Event.RELOAD_FAILED}"' in server.log.read_text())
        assert "usage.root" in server.log.read_text()
        assert site.appraise(server).status == 200
    finally:
        roots.write_bytes(sound)


@on_amd
def test_a_chip_whose_certifying_key_amd_revokes_is_refused_at_once(
    site: Site, server: Server
) -> None:
    assert site.appraise(server).status == 200
    listed = site.directory / "collateral" / "ark.crl"
    sound = listed.read_bytes()
    try:
        listed.write_bytes(site.tee.pki.crl(revoked=("ask",)))
        read_again(server)
        assert refused(site.appraise(server)) == (3, "chain.revoked")
    finally:
        listed.write_bytes(sound)
        read_again(server)


@on_amd
def test_without_a_revocation_list_the_answer_is_stale(site: Site, server: Server) -> None:
    listed = site.directory / "collateral" / "ark.crl"
    sound = listed.read_bytes()
    try:
        listed.unlink()
        read_again(server)
        assert refused(site.appraise(server)) == (3, "crl.missing")
    finally:
        listed.write_bytes(sound)
        read_again(server)


@on_amd
def test_a_product_that_the_policy_refuses_is_denied(site: Site, server: Server) -> None:
    sound = site.policy.read_text()
    lines = [
        'products_refused = ["Milan"]' if one.startswith("products_refused = ") else one
        for one in sound.splitlines()
    ]
    try:
        site.policy.write_text("\n".join(lines) + "\n")
        read_again(server)
        assert refused(site.appraise(server)) == (13, "policy.product")
    finally:
        site.policy.write_text(sound)
        read_again(server)


@on_amd
def test_the_hosts_certificates_will_do_where_the_root_and_its_list_are_known(
    site: Site, server: Server
) -> None:
    """The table comes in the bundle; without a set of its own the verifier has the list alone."""
    chip = site.directory / "collateral" / "chip.json"
    sound = chip.read_bytes()
    try:
        chip.unlink()
        read_again(server)
        assert site.appraise(server).status == 200
    finally:
        chip.write_bytes(sound)
        read_again(server)


@rooted
def test_a_foreign_writer_of_the_root_register_ends_it(site: Site, server: Server) -> None:
    """The last test of a site: its TVM is not believed any more."""
    site.trothd.extend(3, bytes([0xAB]) * 48)
    assert refused(site.appraise(server)) == (7, "binding.root-register")
