# SPDX-License-Identifier: Apache-2.0
"""A file in the wrong place, an option that would come to nothing: refused, in words that help."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.bundle_kinds import machine_of
from tests.kinds import example
from tests.program import troth
from tests.snp import world
from tests.tdx import AT
from troth.endorse.amd import snp_bundle
from troth.evidence.detect import Tee
from troth.tsm.emulated import azure, snp, tdx
from troth.tsm.emulated import tpm as tpm_tee
from troth.wire.text import format_instant

WHEN: Final = format_instant(AT)
IDS: Final = ("implementation-id", "instance-id")


def refused(code: str, *arguments: object) -> str:
    done = troth("verify", *arguments, "--json")
    assert (done.status, done.json()["code"]) == (2, code), done.out
    detail = done.json()["detail"]
    assert isinstance(detail, str)
    return detail


# --- options that would come to nothing -----------------------------------------------------------


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("value", ["00", ""])
def test_an_id_of_a_platform_has_its_size(name: str, value: str, tmp_path: Path) -> None:
    sound = example("cca").written(tmp_path)  # with an array
    assert f"--{name}: " in refused("usage.hex", *sound, f"--{name}", value)


@pytest.mark.parametrize("name", IDS)
def test_ids_are_for_a_lone_key(name: str, tmp_path: Path) -> None:
    """The very ids of the platform: an array says them itself, and nothing is compared."""
    sound = example("cca")
    evidence, *rest = sound.written(tmp_path)
    (cpak,) = sound.options.endorsements.cpaks
    own = {IDS[0]: cpak.implementation_id, IDS[1]: cpak.instance_id}[name].hex()
    said = refused("usage.arguments", evidence, *rest, f"--{name}", own)
    assert "the array in --cpak names its platforms" in said
    said = refused("usage.arguments", evidence, f"--{name}", own)
    assert said == f"--{name} is for a key of --cpak"
    assert troth("verify", evidence, *rest).status == 1


@pytest.mark.parametrize(
    ("hardware", "option", "takes"),
    [
        ("tdx", "--without-crl", "--collateral, --without-collateral, --root"),
        ("tdx", "--any-chip", "--collateral, --without-collateral, --root"),
        ("snp", "--without-collateral", "--collateral, --root, --without-crl, --any-chip"),
    ],
)
def test_azure_takes_the_options_of_what_is_below_it(
    hardware: str, option: str, takes: str, tmp_path: Path
) -> None:
    under = tdx.SoftwareTdx.create(at=AT) if hardware == "tdx" else world.snp()
    vtpm = tpm_tee.SoftwareTpm.create(tpm_tee.Settings(key="RSA"), at=AT)
    vm = azure.SoftwareAzure(azure.Settings(), under, vtpm)
    path, root, bundle = (tmp_path / one for one in ("azure.json", "root.pem", "bundle.json"))
    path.write_bytes(vm.evidence(bytes(8)))
    root.write_bytes(under.root_pem)
    bundle.write_bytes(under.bundle())
    trusted = (path, "--root", root, "--at", WHEN)
    said = refused("usage.arguments", *trusted, option)
    assert said == f"{option} is not for azure evidence over {hardware}, which takes {takes}"
    assert troth("verify", *trusted, "--collateral", bundle).status == 1
    own = ("--without-collateral",) if hardware == "tdx" else ("--collateral", bundle, "--any-chip")
    assert troth("verify", *trusted, *own).status == 1


# --- a file of another kind -----------------------------------------------------------------------


def placed(folder: Path) -> None:
    """Put a file of each sort in a folder."""
    tee = world.snp()
    files = {
        "intel.json": machine_of("tdx").tee.bundle(),
        "snp.json": snp_bundle(tee.collateral()),
        "cpaks.json": machine_of("cca").tee.store(),
        "roots.json": machine_of("cove").tee.roots(),
        "root.pem": tee.root_pem,
        "ark.der": tee.pki.certificates["ark"],
        "key.pem": machine_of("cca").tee.cpak.key.pem(),
        "tee.json": b'{"version": 1, "kind": "snp", "created": "x", "settings": {}}',
        "noise": b"noise",
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize(
    ("tee", "option", "name", "code", "said"),
    [
        ("snp", "--collateral", "intel.json", "usage.file", "a collateral bundle for TDX and SGX"),
        ("snp", "--collateral", "tee.json", "usage.file", "the settings of a software TEE"),
        ("snp", "--collateral", "cpaks.json", "usage.file", "the keys of CCA platforms"),
        ("snp", "--collateral", "key.pem", "usage.file", "a public key in PEM"),
        ("tdx", "--collateral", "snp.json", "usage.file", "a collateral bundle for SNP"),
        ("tdx", "--collateral", "root.pem", "usage.file", "a certificate in PEM"),
        ("sgx", "--collateral", "ark.der", "usage.file", "DER, as certificates are"),
        ("tdx", "--root", "intel.json", "usage.root", "a collateral bundle for TDX and SGX"),
        ("snp", "--root", "ark.der", "usage.root", "DER, as certificates are"),
        ("tpm", "--root", "key.pem", "usage.root", "a public key in PEM"),
        ("tpm", "--ak", "root.pem", "usage.root", "a certificate in PEM"),
        ("cca", "--cpak", "root.pem", "usage.root", "a certificate in PEM"),
        ("cca", "--cpak", "roots.json", "usage.root", "a list of CoVE's roots of trust"),
        ("cove", "--root", "root.pem", "usage.root", "a certificate in PEM"),
        ("cove", "--root", "cpaks.json", "usage.root", "a list of the keys of CCA platforms"),
    ],
)
def test_a_wrong_file_is_told_what_is_due_and_what_it_is(
    tee: Tee, option: str, name: str, code: str, said: str, tmp_path: Path
) -> None:
    evidence = example(tee).written(tmp_path)[0]
    placed(tmp_path)
    detail = refused(code, evidence, option, tmp_path / name)
    assert detail.startswith(f"{tmp_path / name}: ")
    due, _, found = detail.partition(" due, and this is ")
    assert due.endswith((" is", " are"))
    assert found.startswith((said, f"a list of {said}"))


def test_a_directory_may_hold_more_than_amds_files(tmp_path: Path) -> None:
    """The directory of a software SNP as it is, with what other commands leave in it."""
    evidence, *_ = example("snp").written(tmp_path)
    folder = tmp_path / "tee"
    snp.create_in(folder, world.snp())
    for name in ("cpaks.json", "key.pem", "noise"):
        placed(tmp_path)
        (folder / name).write_bytes((tmp_path / name).read_bytes())
    (folder / "report.bin").write_bytes(evidence_of(tmp_path, evidence))
    judged = troth(
        "verify", evidence, "--root", folder / "root.pem", "--collateral", folder, "--at", WHEN
    )
    assert judged.status == 1
    left = {one.split(": ")[1] for one in judged.err.splitlines() if "left out" in one}
    names = ("cpaks.json", "key.pem", "report.bin", "tee.json")
    assert left == {str(folder / one) for one in names}
    assert "not a certificate, revocation list, certificate table or bundle for SNP" in judged.err


def evidence_of(folder: Path, name: object) -> bytes:
    return (folder / str(name)).read_bytes()


def test_what_is_amds_and_broken_is_not_left_out(tmp_path: Path) -> None:
    evidence, *_ = example("snp").written(tmp_path)
    tee = world.snp()
    for name, data in {
        "cut.bin": tee.certificate_table()[:-1],
        "cut.crl": tee.crl[:-1],
        "cut.pem": tee.root_pem[:-9],
        "part.json": b'{"kind": "snp", "leaf": ""}',
        "cut.json": b'{"kind": "snp',
    }.items():
        folder = tmp_path / name.replace(".", "-")
        folder.mkdir()
        (folder / name).write_bytes(data)
        done = troth("verify", evidence, "--collateral", folder, "--json")
        assert (done.status, done.json()["verdict"]) == (3, "malformed"), name
        assert name in done.json()["detail"]
