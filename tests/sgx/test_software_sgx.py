# SPDX-License-Identifier: Apache-2.0
"""A software SGX: what it quotes, what its quoting enclave refuses, and what a directory keeps."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from tests.refusals import refused
from tests.sgx.table import (
    OTHER,
    TEE,
    VERSIONS,
    Given,
    judged,
)
from tests.tdx import AT, PEER, REPORT_DATA
from troth.crypto.p256 import PrivateKey
from troth.crypto.x509 import Certificate
from troth.errors import DriverError
from troth.evidence.sgx import SgxQuote
from troth.tsm.emulated.sgx import (
    Enclave,
    SgxSettings,
    SoftwareSgx,
    create_in,
    load,
    opened,
)
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tdx import create_in as create_tdx_in
from troth.tsm.emulated.tdx import load as load_tdx
from troth.tsm.emulated.tdx.pki import ROLES
from troth.tsm.emulated.tdx.settings import Platform, Qe

KEYS: Final = len(ROLES) + 2


def status(tee: SoftwareSgx, quote: bytes) -> str:
    """Return the status of a quote under the TEE's own root and collateral."""
    given = Given(tee=tee, quote=quote, bundles=(tee.bundle(),))
    return judged(given).status


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with a fresh software SGX."""
    create_in(tmp_path / "tee", SoftwareSgx.create(at=AT))
    return tmp_path / "tee"


# --- quotes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ca", ["platform", "processor"])
def test_the_peer_accepts_a_quote_under_its_root_and_not_under_intels(ca: Any) -> None:
    tee = SoftwareSgx.create(SgxSettings(platform=Platform(ca=ca)), at=AT)
    quote, now = tee.quote(REPORT_DATA), int(AT.timestamp())
    collateral = PEER.QuoteCollateralV3.from_json(tee.bundle().decode())
    root = tee.pki.certificates["root"]
    assert PEER.verify_with_root_ca(quote, collateral, root, now).status == "UpToDate"
    with pytest.raises(ValueError, match="InvalidCrlSignature"):
        PEER.verify(quote, collateral, now)


def test_a_quote_says_what_the_enclave_is() -> None:
    enclave = Enclave(isv_svn=7, family_id="ab" * 16, config_id="cd" * 64, config_svn=5)
    tee = SoftwareSgx.create(SgxSettings(enclave=enclave), at=AT)
    body = SgxQuote.parse(tee.quote(REPORT_DATA)).body
    assert body.report_data == REPORT_DATA
    assert body.mr_enclave.hex() == enclave.mr_enclave
    assert body.mr_signer.hex() == enclave.mr_signer
    assert (body.isv_svn, body.config_svn) == (7, 5)
    assert (body.family_id.hex(), body.config_id.hex()) == (enclave.family_id, enclave.config_id)
    assert body.cpu_svn.hex() == tee.settings.platform.cpu_svn


@pytest.mark.parametrize("version", VERSIONS)
def test_the_settings_choose_the_format(version: Any) -> None:
    tee = SoftwareSgx.create(SgxSettings(quote_version=version), at=AT)
    assert SgxQuote.parse(tee.quote(REPORT_DATA)).header.version == version
    assert SgxQuote.parse(tee.quote_of(tee.report(REPORT_DATA))).header.version == version


@pytest.mark.parametrize(
    ("settings", "due"),
    [
        (SgxSettings().with_status(platform="SWHardeningNeeded"), "SWHardeningNeeded"),
        (SgxSettings().with_status(qe="OutOfDate"), "OutOfDate"),
        (SgxSettings(platform=Platform(pce_svn=10)), "OutOfDate"),
        (SgxSettings(qe=replace(SgxSettings().qe, isv_svn=5)), "OutOfDate"),
    ],
)
def test_the_status_of_each_part_is_adjustable(settings: SgxSettings, due: str) -> None:
    tee = SoftwareSgx.create(settings, at=AT)
    assert status(tee, tee.quote(REPORT_DATA)) == due


def test_two_platforms_share_neither_keys_nor_identifiers() -> None:
    assert TEE.settings.platform.ppid != OTHER.settings.platform.ppid
    keys = {one.pki.keys[role].public.raw for one in (TEE, OTHER) for role in ROLES}
    keys |= {one.attestation_key.public.raw for one in (TEE, OTHER)}
    assert len(keys) == 2 * (len(ROLES) + 1)


@pytest.mark.parametrize("role", ROLES)
def test_nobody_takes_a_certificate_for_intels(role: Any) -> None:
    subject = Certificate(OTHER.pki.certificates[role]).subject
    assert b"troth emulated platform" in subject
    assert b"Intel Corporation" not in subject


@pytest.mark.parametrize("size", [0, 32, 63, 65])
def test_report_data_is_64_bytes(size: int) -> None:
    with refused("tsm.report-data"):
        TEE.quote(bytes(size))


def test_a_report_of_another_machine_or_of_nobody_is_not_quoted() -> None:
    report = TEE.report(REPORT_DATA)
    assert len(report) == 432
    assert SgxQuote.parse(TEE.quote_of(report)).body.report_data == REPORT_DATA
    for wrong in (
        OTHER.report(REPORT_DATA),
        report[:-1],
        report + b"\0",
        b"",
        bytes((report[0] ^ 1,)) + report[1:],
        report[:400] + b"\1" + report[401:],
        report[:-1] + bytes((report[-1] ^ 1,)),
    ):
        with refused("tsm.sgx-report"):
            TEE.quote_of(wrong)


@pytest.mark.parametrize(
    "settings",
    [
        SgxSettings(enclave=Enclave(mr_enclave="00" * 31)),
        SgxSettings(enclave=Enclave(mr_signer="0A" * 32)),
        SgxSettings(enclave=Enclave(isv_prod_id=0x10000)),
        SgxSettings(enclave=Enclave(config_id="00" * 63)),
        SgxSettings(platform=Platform(components=(0,) * 15)),
        SgxSettings(qe=Qe(auth_data="0")),
    ],
)
def test_a_setting_out_of_its_range_is_refused(settings: SgxSettings) -> None:
    with pytest.raises(ValueError, match="Expected"):
        SoftwareSgx.create(settings, at=AT)


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SoftwareSgx.create(at=AT.replace(tzinfo=None))


# --- in a directory -------------------------------------------------------------------------------


def test_what_is_saved_comes_back(tmp_path: Path) -> None:
    tee = SoftwareSgx.create(SgxSettings(quote_version=5).with_status(qe="OutOfDate"), at=AT)
    create_in(tmp_path / "tee", tee)
    with opened(tmp_path / "tee") as again:
        assert again.settings == tee.settings
        assert again.at == tee.at
        assert again.bundle() == tee.bundle()
        assert again.pki.certificates == tee.pki.certificates
        again.quote_of(tee.report(REPORT_DATA))
        assert status(tee, again.quote(REPORT_DATA)) == "OutOfDate"
    assert (tmp_path / "tee" / "root.pem").read_bytes() == tee.root_pem
    assert (tmp_path / "tee" / "collateral.json").read_bytes() == tee.bundle()


def test_keys_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_in(tmp_path / "tee", SoftwareSgx.create(at=AT))
    finally:
        os.umask(before)
    keys = tmp_path / "tee" / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    modes = [stat.S_IMODE(path.stat().st_mode) for path in keys.iterdir()]
    assert modes == [0o600] * KEYS


def test_no_key_is_anywhere_but_among_the_keys(directory: Path) -> None:
    tee = load(directory)
    for path in directory.rglob("*"):
        if path.is_file() and path.parent.name != "keys":
            content = path.read_bytes()
            assert b"PRIVATE" not in content
            assert tee.secret.cpu_key not in content
            assert tee.secret.cpu_key.hex().encode() not in content


def test_a_directory_in_use_is_not_created_into(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine")
    with pytest.raises(FileExistsError):
        create_in(tmp_path, SoftwareSgx.create(at=AT))
    assert [path.name for path in tmp_path.iterdir()] == ["note"]


def _other_key(directory: Path) -> None:
    (directory / "keys" / "pck.pem").write_bytes(PrivateKey.generate().pem())


def _state(directory: Path, **fields: object) -> None:
    path = directory / "tee.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


SPOILT: Final[dict[str, Callable[[Path], object]]] = {
    "no-state": lambda one: (one / "tee.json").unlink(),
    "state-cut": lambda one: (one / "tee.json").write_text("{"),
    "another-kind": lambda one: _state(one, kind="tdx"),
    "another-version": lambda one: _state(one, version=2),
    "unknown-member": lambda one: _state(one, registers=[]),
    "instant": lambda one: _state(one, created="today"),
    "key-missing": lambda one: (one / "keys" / "attestation.pem").unlink(),
    "key-of-another": _other_key,
    "cpu-key-short": lambda one: (one / "keys" / "cpu.key").write_bytes(bytes(31)),
    "certificate-missing": lambda one: (one / "certificates" / "pck.der").unlink(),
    "collateral-cut": lambda one: (one / "collateral.json").write_bytes(b"{}"),
    "collateral-huge": lambda one: (one / "collateral.json").write_bytes(b" " * 2_000_000),
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_spoilt_directory_is_refused(directory: Path, name: str) -> None:
    SPOILT[name](directory)
    with refused("tsm.state"):
        load(directory)


def test_no_directory_is_refused(tmp_path: Path) -> None:
    with refused("tsm.state"), opened(tmp_path / "nowhere"):
        raise AssertionError("it was opened")


def test_a_directory_of_one_kind_is_not_of_the_other(tmp_path: Path, directory: Path) -> None:
    with pytest.raises(DriverError, match=r"tsm\.state"):
        load_tdx(directory)
    create_tdx_in(tmp_path / "td", SoftwareTdx.create(at=AT))
    with refused("tsm.state"):
        load(tmp_path / "td")


def test_one_at_a_time(directory: Path) -> None:
    inside: list[int] = []

    def quote(number: int) -> str:
        with opened(directory) as tee:
            inside.append(number)
            found = status(tee, tee.quote(REPORT_DATA))
            assert inside == [number]
            inside.clear()
            return found

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(quote, range(8))) == ["UpToDate"] * 8
