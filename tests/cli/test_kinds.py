# SPDX-License-Identifier: Apache-2.0
"""The program knows every kind: verify, inspect, policy init, and software TEEs of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.kinds import CHALLENGE, example
from tests.program import troth
from tests.snp import world
from troth.crypto.tpm_key import TpmKey
from troth.evidence.detect import TEES, Tee
from troth.evidence.tpm import TpmEvidence

EXPECTED: Final = ("--report-data", CHALLENGE.hex())
HEADLINES: Final = {"cove": "CoVE", "azure": "Azure"}


@pytest.mark.parametrize("tee", TEES)
def test_a_kind_from_evidence_to_acceptance(tee: Tee, tmp_path: Path) -> None:
    sound = example(tee).written(tmp_path)
    policy = tmp_path / "policy.toml"
    made = troth("policy", "init", "--from", sound[0], "--output", policy)
    assert (made.status, made.out) == (0, b"")
    done = troth("verify", *sound, *EXPECTED, "--policy", policy)
    assert (done.status, done.err) == (0, "")
    name = HEADLINES.get(tee, tee.upper())
    assert done.text.startswith(f"ACCEPTED  {name} evidence under ")
    genuine = troth("verify", *sound, *EXPECTED, "--json")
    judged = genuine.json()
    assert (genuine.status, judged["verdict"], judged["tee"]) == (1, "genuine", tee)


@pytest.mark.parametrize("tee", ["tpm", "azure"])
def test_json_evidence_is_known_in_any_order(tee: Tee, tmp_path: Path) -> None:
    sound = example(tee).written(tmp_path)
    path = Path(sound[0])
    path.write_text(json.dumps(json.loads(path.read_bytes()), sort_keys=True, indent=2))
    assert troth("verify", *sound, *EXPECTED, "--json").json()["verdict"] == "genuine"
    assert troth("inspect", path, "--json").json()["tee"] == tee
    assert f"[{tee}]" in troth("policy", "init", "--from", path).text


@pytest.mark.parametrize("tee", TEES)
def test_a_kind_that_was_named_is_not_asked_of_the_evidence(tee: Tee, tmp_path: Path) -> None:
    path = example(tee).written(tmp_path)[0]
    assert troth("inspect", path, "--tee", tee, "--json").json()["tee"] == tee
    named = troth("policy", "init", "--from", path, "--tee", tee)
    assert (named.status, named.out) == (0, troth("policy", "init", "--from", path).out)
    other = "tdx" if tee != "tdx" else "snp"
    for done in (
        troth("inspect", path, "--tee", other),
        troth("policy", "init", "--from", path, "--tee", other),
    ):
        assert (done.status, done.out) == (3, b"")


@pytest.mark.parametrize("tee", TEES)
def test_a_kind_is_shown_with_nothing_verified(tee: Tee, tmp_path: Path) -> None:
    evidence = example(tee).written(tmp_path)[0]
    done = troth("inspect", evidence, "--json")
    shown = done.json()
    assert (done.status, shown["verified"], shown["tee"]) == (0, False, tee)
    assert CHALLENGE.hex() in shown["facts"].values()
    text = troth("inspect", evidence).text
    assert text.startswith("NOTHING VERIFIED  ")
    # Every fact is printed, also one that no heading names.
    printed = {line.split()[0] for line in text.splitlines() if line.startswith("  ")}
    assert set(shown["facts"]) <= printed


@pytest.mark.parametrize(
    ("tee", "option", "detail"),
    [
        ("tdx", ("--cpak", "x"), "--cpak is not for tdx evidence, which takes --collateral,"),
        (
            "snp",
            ("--without-collateral",),
            "--without-collateral is not for snp evidence, which takes",
        ),
        ("cca", ("--root", "x"), "--root is not for cca evidence, which takes --cpak,"),
        (
            "cove",
            ("--collateral", "x"),
            "--collateral is not for cove evidence, which takes --root",
        ),
        (
            "cove",
            ("--allow-trailing",),
            "--allow-trailing is not for cove evidence, only for tdx and sgx",
        ),
        ("tpm", ("--ak", "x", "--root", "y"), "--ak and --root exclude one another"),
        (
            "sgx",
            ("--without-crl",),
            "--without-crl is not for sgx evidence, which takes --collateral",
        ),
    ],
)
def test_an_option_of_another_kind_is_refused(
    tee: Tee, option: tuple[str, ...], detail: str, tmp_path: Path
) -> None:
    evidence = example(tee).written(tmp_path)[0]
    done = troth("verify", evidence, *option, "--json")
    assert (done.status, done.json()["code"]) == (2, "usage.arguments")
    assert done.json()["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("tee", "option"), [("cca", "--cpak"), ("cove", "--root"), ("tpm", "--ak")]
)
def test_a_file_of_trust_that_is_none(tee: Tee, option: str, tmp_path: Path) -> None:
    evidence = example(tee).written(tmp_path)[0]
    bad = tmp_path / "bad"
    bad.write_bytes(b"[1]")
    done = troth("verify", evidence, option, bad, "--json")
    assert (done.status, done.json()["code"]) == (2, "usage.root")
    assert done.json()["detail"].startswith(f"{bad}: ")


def test_a_lone_platform_key_needs_its_ids(tmp_path: Path) -> None:
    """The same key, as a store would have it, with the ids of the token's platform beside it."""
    sound = example("cca")
    evidence, _, store, *rest = sound.written(tmp_path)
    (cpak,) = sound.options.endorsements.cpaks
    lone = tmp_path / "lone.pem"
    lone.write_bytes(cpak.key.pem())
    done = troth("verify", evidence, "--cpak", lone, *rest, "--json")
    assert (done.status, done.json()["code"]) == (2, "usage.arguments")
    own = ("--implementation-id", cpak.implementation_id.hex())
    ids = (*own, "--instance-id", cpak.instance_id.hex())
    assert troth("verify", evidence, "--cpak", lone, *ids, *rest).status == 1
    # Two files that speak for one platform leave open which of them is right.
    done = troth("verify", evidence, "--cpak", lone, "--cpak", store, *ids, *rest, "--json")
    assert (done.status, done.json()["code"]) == (2, "usage.root")


def test_a_known_attestation_key_stands_for_certificates(tmp_path: Path) -> None:
    sound = example("tpm")
    evidence = sound.written(tmp_path)[0]
    key = tmp_path / "ak.pem"
    key.write_bytes(TpmEvidence.parse(sound.evidence).ak.key.pem())
    assert troth("verify", evidence, "--ak", key).status == 1
    other = tmp_path / "other.pem"
    other.write_bytes(_another_key().pem())
    done = troth("verify", evidence, "--ak", other, "--json")
    assert (done.status, done.json()["code"]) == (4, "tpm.ak")
    # No root of attestation keys is built in.
    assert troth("verify", evidence, "--json").json()["code"] == "chain.root"


@pytest.mark.parametrize(
    ("tee", "code", "hint"),
    [
        ("tdx", "chain.root", "give the root with --root, if another one is meant"),
        ("cca", "cpak.unknown", "give the platform's key with --cpak"),
        ("cove", "cove.root", "give the platform's root of trust with --root roots.json"),
        ("tpm", "chain.root", "give the TPM's root with --root, or its attestation key with --ak"),
    ],
)
def test_a_refusal_says_which_option_is_missing(
    tee: Tee, code: str, hint: str, tmp_path: Path
) -> None:
    evidence = example(tee).written(tmp_path)[0]
    text = troth("verify", evidence).text
    assert f"\n  {code}: " in text
    assert f"\n  {hint}\n" in text


def test_security_versions_are_printed_with_their_parts(tmp_path: Path) -> None:
    sound = example("snp").written(tmp_path)
    shown = troth("inspect", sound[0], "--json").json()["facts"]["current_tcb"]
    parts = " ".join(f"{name}={number}" for name, number in shown.items())
    assert parts.startswith("bootloader=")
    line = f"  {'current_tcb':19} {parts}\n"
    assert line in troth("inspect", sound[0]).text
    assert line in troth("verify", *sound).text


def _another_key() -> TpmKey:
    numbers = bytes.fromhex(
        "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
        "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
    )  # P-256's base point: FIPS 186-4, D.1.2.3
    return TpmKey.from_point("P-256", numbers[:32], numbers[32:])


def test_amd_files_in_every_form(tmp_path: Path) -> None:
    """Certificates by themselves, in a directory, and without the list that is due."""
    evidence, *_, when = example("snp").written(tmp_path)
    (own,) = example("snp").options.endorsements.snp
    folder = tmp_path / "amd"
    folder.mkdir()
    for name, one in zip(("leaf", "ask", "ark"), own.certificates, strict=True):
        (folder / f"{name}.der").write_bytes(one.der)
    root = ("--root", tmp_path / "root.pem", "--at", when)
    done = troth("verify", evidence, "--collateral", folder, *root, "--json")
    assert (done.status, done.json()["code"]) == (5, "crl.missing")
    lenient = troth("verify", evidence, "--collateral", folder, *root, "--without-crl", "--json")
    assert (lenient.status, lenient.json()["facts"]["revocation_checked"]) == (1, False)
    assert own.crl is not None
    (folder / "ark.crl").write_bytes(own.crl.der)
    done = troth("verify", evidence, "--collateral", folder, *root, "--json")
    assert (done.status, done.json()["facts"]["revocation_checked"]) == (1, True)
    assert done.json()["collateral"]["source"] == str(folder / "leaf.der")
    (folder / "bad.der").write_bytes(b"\x30\x00")
    done = troth("verify", evidence, "--collateral", folder, *root, "--json")
    assert (done.status, done.json()["verdict"]) == (3, "malformed")
    assert done.json()["detail"].startswith(f"{folder / 'bad.der'}: ")


def test_a_hosts_certificate_table_is_collateral(tmp_path: Path) -> None:
    evidence, *_, when = example("snp").written(tmp_path)
    table, crl = tmp_path / "auxblob.bin", tmp_path / "ark.crl"
    table.write_bytes(world.snp().certificate_table())
    crl.write_bytes(world.snp().crl)
    given = ("--collateral", table, "--collateral", crl, "--root", tmp_path / "root.pem")
    done = troth("verify", evidence, *given, "--at", when, "--json")
    assert (done.status, done.json()["facts"]["revocation_checked"]) == (1, True)
    table.write_bytes(b"\x00" + world.snp().certificate_table())
    done = troth("verify", evidence, *given, "--at", when, "--json")
    assert (done.status, done.json()["code"]) == (3, "snp.certificate-table")


def test_a_policy_is_not_softened_by_options(tmp_path: Path) -> None:
    sound = example("snp").written(tmp_path)
    policy = tmp_path / "snp.toml"
    policy.write_text("version = 1\n", encoding="utf-8")
    for option in ("--without-crl", "--any-chip"):
        done = troth("verify", *sound, "--policy", policy, option, "--json")
        assert (done.status, done.json()["code"]) == (2, "usage.arguments")
        assert done.json()["detail"].startswith(option)


# --- software TEEs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tee", "word", "trust"),
    [
        ("sgx", "quote", ("--root", "root.pem", "--collateral", "collateral.json")),
        ("snp", "report", ("--root", "root.pem", "--collateral", "collateral.json")),
        ("cca", "token", ("--cpak", "cpak.json")),
        ("cove", "token", ("--root", "roots.json")),
    ],
)
def test_a_software_tee_makes_what_verifies(
    tee: str, word: str, trust: tuple[str, ...], tmp_path: Path
) -> None:
    folder, out = tmp_path / "tee", tmp_path / "out"
    made = troth("emulate", tee, "init", folder)
    assert (made.status, made.out) == (0, b"")
    done = troth("emulate", tee, word, folder, "--report-data", "00ff", "--output", out)
    assert (done.status, done.out, done.err) == (0, b"", "")
    placed = (one if one.startswith("--") else folder / one for one in trust)
    judged = troth("verify", out, *placed, "--report-data", "00ff", "--json")
    assert (judged.status, judged.json()["verdict"], judged.json()["tee"]) == (1, "genuine", tee)
    again = troth("emulate", tee, "init", folder, "--json")
    assert again.status == 2


@pytest.mark.parametrize(("tee", "size"), [("cca", 64), ("cove", 48)])
def test_a_register_is_extended(tee: str, size: int, tmp_path: Path) -> None:
    folder = tmp_path / "tee"
    assert troth("emulate", tee, "init", folder).status == 0
    extend = ("emulate", tee, "extend", folder, "--index", 3, "--digest", "11" * size)
    value = troth(*extend).text.strip()
    assert len(value) == 2 * size
    made = troth("emulate", tee, "token", folder, "--report-data", "00")
    shown = troth("inspect", "-", "--json", stdin=made.out).json()["facts"]
    assert value in str(shown["rem3" if tee == "cca" else "runtime"])
    assert troth("emulate", tee, "extend", tmp_path, "--index", 4, "--digest", "11").status == 2
