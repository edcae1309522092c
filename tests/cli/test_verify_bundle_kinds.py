# SPDX-License-Identifier: Apache-2.0
"""`troth verify BUNDLE` for every kind of TEE, as a user runs it: text, JSON, wrong options."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bundle_kinds import machine_of, svsm
from tests.bundles import with_
from tests.cli.test_verify_bundle import NONCE, troth
from troth.verify.bundle import BundleTee

AT: Final = ("--at", "2026-11-01T12:00:00Z")
OTHERS: Final = ("snp", "cca", "cove")
HELD: Final = ("--policy", "p.toml", "--nonce", NONCE.hex(), *AT)
ROOTS: Final = {"snp": "none", "cca": "rem3", "cove": "runtime3"}
NAMED: Final = {"snp": "measurement", "cca": "rim", "cove": "manufacturer_id"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def placed(machine: Any, folder: Path, **replaced: str) -> tuple[str, ...]:
    (folder / "b.cbor").write_bytes(machine.fresh(NONCE).encoded)
    (folder / "p.toml").write_text(machine.policy_text(**replaced))
    options: tuple[str, ...] = machine.files(folder)
    return options


def verify(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = troth(folder, "verify", "b.cbor", *HELD, "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("kind", OTHERS)
def test_accepted(folder: Path, kind: BundleTee) -> None:
    options = placed(machine_of(kind), folder)
    status, said = verify(folder, *options)
    assert (status, said["verdict"], said["tee"]) == (0, "accepted", kind)
    assert said["bundle"]["root"] == ROOTS[kind]
    assert said["bundle"]["image"] == "test"
    assert said["bundle"]["status"]["platform"] == "affirming"
    assert said["facts"][NAMED[kind]]
    rules = [one["rule"] for one in said["trace"]]
    assert f"3.{kind}.1.format" in rules
    text = troth(folder, "verify", "b.cbor", *HELD, *options)
    assert text.returncode == 0
    assert text.stdout.startswith("ACCEPTED  ")
    assert f"\n  root                {ROOTS[kind]}\n" in text.stdout
    unrooted = "troth: accepted, and unrooted: whatever code reached the report device"
    assert text.stderr.startswith(unrooted) if kind == "snp" else text.stderr == ""
    any_nonce = troth(
        folder, "verify", "b.cbor", "--policy", "p.toml", "--any-nonce", *AT, *options
    )
    assert any_nonce.returncode == 0
    assert "no nonce was expected: the evidence may be old" in any_nonce.stderr


def test_genuine_and_unrooted(folder: Path) -> None:
    options = placed(machine_of("snp"), folder, images='"any"')
    done = troth(folder, "verify", "b.cbor", *HELD, *options)
    assert done.returncode == 1
    assert "\ntroth: genuine, and unrooted: " in done.stderr


@pytest.mark.parametrize("kind", OTHERS)
def test_a_policy_made_from_a_bundle_says_that_it_is_unrooted(
    folder: Path, kind: BundleTee
) -> None:
    options = placed(machine_of(kind), folder)
    made = troth(folder, "policy", "init", "--from", "b.cbor")
    assert made.returncode == 0
    said = 'troth: unrooted bundles are accepted by this file: register = "none"\n'
    assert made.stderr == (said if kind == "snp" else "")
    (folder / "p.toml").write_text(made.stdout)
    # Without an edit: but for SNP, whose root here is not AMD's.
    status, judged = verify(folder, *options)
    assert (status, judged["code"]) == ((6, "policy.emulated") if kind == "snp" else (0, None))


@pytest.mark.parametrize("kind", OTHERS)
def test_denied_without_a_word_for_the_root(folder: Path, kind: BundleTee) -> None:
    options = placed(machine_of(kind), folder, emulated='"deny"')
    status, said = verify(folder, *options)
    assert (status, said["code"], said["step"]) == (6, "policy.emulated", 13)


@pytest.mark.parametrize(
    ("kind", "option"),
    [("snp", "--cpak"), ("cca", "--root"), ("cove", "--cpak"), ("cca", "--collateral")],
)
def test_an_option_of_another_kind(folder: Path, kind: BundleTee, option: str) -> None:
    placed(machine_of(kind), folder)
    done = troth(folder, "verify", "b.cbor", *HELD, option, "p.toml")
    assert done.returncode == 2
    assert f"{option} is not for {kind} evidence" in done.stderr


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_vouches(folder: Path, kind: BundleTee) -> None:
    placed(machine_of(kind), folder)
    status, said = verify(folder)
    assert (status, said["step"]) == (5 if kind == "snp" else 4, 3)
    hints = {"snp": "--collateral", "cca": "--cpak", "cove": "--root roots.json"}
    text = troth(folder, "verify", "b.cbor", *HELD).stdout
    assert f" with {hints[kind]}\n" in text


def test_a_bundle_of_another_kind(folder: Path) -> None:
    options = placed(machine_of("cca"), folder)
    (folder / "b.cbor").write_bytes(machine_of("cove").fresh(NONCE).encoded)
    status, said = verify(folder, *options)
    assert (status, said["code"], said["step"]) == (3, "binding.report-kind", 3)
    last = said["trace"][-1]
    assert (last["rule"], last["expected"]) == ("3.report-kind", "a report of cca")
    assert last["got"].startswith("a report of cove, [cca] is the policy's kind: ")
    assert said["facts"] is None


def test_the_certificates_that_the_host_handed_over(folder: Path) -> None:
    machine = machine_of("snp")
    placed(machine, folder)
    bundle = machine.fresh(NONCE)
    report = replace(bundle.report, auxblob=machine.tee.certificate_table())
    (folder / "b.cbor").write_bytes(with_(bundle, report=report).encoded)
    (folder / "ark.crl").write_bytes(machine.tee.crl)
    status, said = verify(folder, "--root", "root.pem", "--collateral", "ark.crl")
    assert (status, said["verdict"]) == (0, "accepted"), said
    assert said["collateral"]["source"] == "bundle"
    status, said = verify(folder, "--root", "root.pem")
    assert (status, said["code"]) == (5, "crl.missing")
    status, said = verify(folder, "--collateral", "ark.crl")  # under AMD's own roots
    assert (status, said["code"]) == (4, "chain.root")


def test_an_svsm(folder: Path) -> None:
    options = placed(svsm(), folder, svsm='"required"')
    assert verify(folder, *options)[0] == 0


@pytest.mark.parametrize("kind", OTHERS)
def test_policy_init_and_back(folder: Path, kind: BundleTee) -> None:
    options = placed(machine_of(kind), folder)
    made = troth(folder, "policy", "init", "--from", "b.cbor")
    assert made.returncode == 0, made.stderr
    (folder / "p.toml").write_text(made.stdout.replace('emulated = "deny"', 'emulated = "accept"'))
    checked = troth(folder, "policy", "check", "p.toml")
    assert checked.stdout.strip().endswith(
        f"sections: {kind} boot root orchestrator namespace delegation claims"
    )
    assert verify(folder, *options)[0] == 0
