# SPDX-License-Identifier: Apache-2.0
"""What vouches for evidence is read from files, and what is wrong names its file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.bundle_kinds import machine_of
from tests.snp import world
from troth import collect
from troth.crypto.verifying_key import VerifyingKey
from troth.endorse.amd import snp_bundle
from troth.endorse.arm import Cpak
from troth.errors import MalformedError, StaleError, UsageError


def never(path: str) -> None:
    raise AssertionError(path)


def no_lone(path: str, key: VerifyingKey) -> Cpak:
    raise UsageError("usage.root", f"{path}: {key.curve.name}")


def test_a_directory_of_collateral_is_read_and_what_is_left_out_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(machine_of("tdx").tee.bundle())
    (tmp_path / "b.json").write_text('{"note": 1}')
    (tmp_path / "c.txt").write_text("not looked at")
    os.mkfifo(tmp_path / "d.json")  # would wait for ever
    told: list[str] = []
    assert len(collect.collateral_sets([str(tmp_path)], told.append)) == 1
    assert told == [str(tmp_path / "b.json")]


def test_a_file_that_was_named_must_be_a_bundle(tmp_path: Path) -> None:
    path = tmp_path / "b.json"
    path.write_text('{"note": 1}')
    with pytest.raises(UsageError, match=r"usage\.file: .*b\.json: .* is JSON of another kind"):
        collect.collateral_sets([str(path)], never)


def test_json_that_is_none_is_refused_in_a_directory_too(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("{")
    with pytest.raises(MalformedError, match=r"b\.json"):
        collect.collateral_sets([str(tmp_path)], never)


def test_amds_files_are_put_together_whatever_their_form(tmp_path: Path) -> None:
    tee = world.snp()
    held = tee.pki.certificates
    (tmp_path / "vcek.der").write_bytes(held["vcek"])
    (tmp_path / "cas.pem").write_bytes(tee.pki.pem("ask", "ark"))
    (tmp_path / "ark.crl").write_bytes(tee.crl)
    (tmp_path / "README").write_text("not looked at")
    os.mkfifo(tmp_path / "pipe.pem")
    (tmp_path / "tee.json").write_text('{"settings": {}}')
    told: list[str] = []
    found = collect.amd_files([str(tmp_path)], told.append)
    assert told == [str(tmp_path / "tee.json")]
    assert [one.certificates for one in found.sets] == [tee.collateral().certificates]
    assert found.sets[0].crl == found.crls[0]
    assert len(found.authorities) == 2


@pytest.mark.parametrize("name", ["table.bin", "bundle.json"])
def test_one_file_with_everything(tmp_path: Path, name: str) -> None:
    tee = world.snp()
    path = tmp_path / name
    path.write_bytes(
        tee.certificate_table() if name == "table.bin" else snp_bundle(tee.collateral())
    )
    (found,) = collect.amd_files([str(path)], never).sets
    assert found.certificates == tee.collateral().certificates
    assert (found.crl is None) is (name == "table.bin")


def test_a_leaf_whose_issuer_nobody_gave_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "vcek.der"
    path.write_bytes(world.snp().pki.certificates["vcek"])
    with pytest.raises(StaleError, match=r"collateral\.missing"):
        collect.amd_files([str(path)], never)


@pytest.mark.parametrize("name", ["x.crl", "x.der", "x.pem", "x.json", "x.bin"])
def test_what_begins_as_amds_and_is_broken_names_its_file(tmp_path: Path, name: str) -> None:
    starts = {
        "x.crl": b"\x30\x03\x02\x01\x00",
        "x.der": b"\x30\x80",
        "x.pem": b"-----BEGIN X",
        "x.json": b'{"leaf": ""}',
        "x.bin": world.snp().certificate_table()[:-1],
    }
    (tmp_path / name).write_bytes(starts[name])
    for given in (tmp_path, tmp_path / name):
        with pytest.raises(MalformedError, match=rf"{name}"):
            collect.amd_files([str(given)], never)


@pytest.mark.parametrize("data", [b"{}", b"[1]", b"no table", bytes(7)])
def test_what_is_none_of_amds_is_left_out_of_a_directory_alone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    told: list[str] = []
    assert collect.amd_files([str(tmp_path)], told.append) == collect.AmdFiles()
    assert told == [str(path)]
    said = r"(usage\.file|wire\.truncated): .*x\.bin: "
    with pytest.raises((UsageError, MalformedError), match=said):
        collect.amd_files([str(path)], never)


@pytest.mark.parametrize("read", [collect.intel_anchors, collect.amd_anchors, collect.any_anchors])
def test_a_root_file_without_a_certificate_is_refused(tmp_path: Path, read: object) -> None:
    path = tmp_path / "roots.pem"
    path.write_bytes(b"")
    assert callable(read)
    with pytest.raises(UsageError, match=r"usage\.root: .*roots\.pem: .*: no PEM certificate"):
        read([str(path)])


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    for read in (
        lambda paths: collect.amd_files(paths, never),
        lambda paths: collect.collateral_sets(paths, never),
    ):
        with pytest.raises(UsageError, match=r"usage\.file: .*absent"):
            read([str(tmp_path / "absent")])


def test_keys_of_platforms_are_those_of_stores_and_of_whom_the_caller_names(tmp_path: Path) -> None:
    own = machine_of("cca").tee.cpak
    store, lone = tmp_path / "store.json", tmp_path / "lone.pem"
    store.write_bytes(machine_of("cca").tee.store())
    lone.write_bytes(own.key.pem())
    named = collect.cpaks([str(lone)], lambda _, key: replace(own, key=key), what="keys")
    for found in (named, collect.cpaks([str(store)], no_lone, what="keys")):
        assert found.find(own.implementation_id, own.instance_id) == own.key
    with pytest.raises(UsageError, match=r"lone\.pem"):
        collect.cpaks([str(lone)], no_lone, what="keys")
    with pytest.raises(UsageError, match=r"usage\.root: keys: "):
        collect.cpaks([str(store), str(store)], no_lone, what="keys")


def test_roots_of_trust_are_those_of_all_files(tmp_path: Path) -> None:
    path = tmp_path / "roots.json"
    path.write_bytes(machine_of("cove").tee.roots())
    assert len(collect.cove_roots([str(path)], what="roots").names) == 1
    with pytest.raises(UsageError, match=r"usage\.root: roots: "):
        collect.cove_roots([str(path), str(path)], what="roots")
    path.write_text("[{}]")
    with pytest.raises(UsageError, match=r"roots\.json"):
        collect.cove_roots([str(path)], what="roots")
