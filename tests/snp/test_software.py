# SPDX-License-Identifier: Apache-2.0
"""The software SNP: what it reports, what it refuses, and how it is kept in a directory."""

from __future__ import annotations

import hashlib
import stat
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.refusals import refused
from tests.snp.world import AT, CHIP, REPORT_DATA, anchors, keys, settings_of, snp
from troth.crypto.rsa_pss import RsaPrivateKey
from troth.crypto.signing_key import SigningKey
from troth.endorse.amd import parse_table
from troth.evidence.snp import SnpReport
from troth.tsm.emulated.snp import Settings, SoftwareSnp, create_in, load, opened
from troth.tsm.emulated.snp.pki import ROLES
from troth.tsm.emulated.snp.settings import Guest, Platform, Service, Tcb, Tcbs
from troth.tsm.emulated.snp.svsm import bound_report_data, services_manifest
from troth.verify import ChipId, Revocation
from troth.verify.bundle.manifest import check_manifest
from troth.verify.snp import verify_snp

SERVED: Final = replace(
    settings_of(), guest=Guest(floor=2), services=(Service(), Service(data="ff" * 300))
)


def verified(tee: SoftwareSnp, report: bytes, data: bytes = REPORT_DATA) -> SnpReport:
    facts = verify_snp(
        report,
        collateral=[tee.collateral()],
        anchors=anchors(tee.pki.certificates["ark"]),
        at=AT,
        report_data=data,
        revocation=Revocation.REQUIRED,
        chip=ChipId.MASKED,
    )
    return facts.value.report


def test_a_report_says_what_the_settings_say() -> None:
    settings = replace(
        settings_of("Genoa"),
        guest=Guest(
            guest_svn=9,
            policy=0x3_01_00,
            family_id="01" * 16,
            image_id="02" * 16,
            measurement="03" * 48,
            host_data="04" * 32,
            id_key_digest="05" * 48,
            author_key_digest="06" * 48,
            report_id="07" * 32,
        ),
        platform=Platform(
            product="Genoa",
            chip_id=CHIP,
            platform_info=0x27,
            firmware=(1, 2, 3),
            launch_mitigations=5,
            current_mitigations=7,
        ),
        tcbs=Tcbs(
            current=Tcb(microcode=9),
            committed=Tcb(microcode=8),
            reported=Tcb(microcode=7),
            launch=Tcb(microcode=6),
        ),
    )
    tee = snp(settings)
    report = verified(tee, tee.report(REPORT_DATA, privlevel=2))
    assert (report.version, report.vmpl, report.guest_svn) == (5, 2, 9)
    assert report.family_id + report.image_id == b"\1" * 16 + b"\2" * 16
    assert report.measurement == b"\3" * 48
    assert report.host_data == b"\4" * 32
    assert report.id_key_digest + report.author_key_digest == b"\5" * 48 + b"\6" * 48
    assert report.has_author_key
    assert report.report_id == b"\7" * 32
    assert report.chip_id == bytes.fromhex(CHIP)
    assert report.current_firmware == report.committed_firmware == bytes((1, 2, 3))
    assert (report.launch_mitigations, report.current_mitigations) == (5, 7)
    tcbs = (report.current_tcb, report.committed_tcb, report.reported_tcb, report.launch_tcb)
    assert [one.microcode for one in tcbs] == [9, 8, 7, 6]
    assert tee.collateral().leaf.tcb == report.reported_tcb


@pytest.mark.parametrize("version", [2, 3, 4, 5])
def test_a_report_of_each_version(version: Any) -> None:
    report = verified(snp(), snp().report(REPORT_DATA, version=version))
    assert report.version == version
    assert (report.product is None) == (version == 2)


@given(st.binary(min_size=64, max_size=64), st.integers(0, 3), st.sampled_from([2, 3, 4, 5]))
def test_every_report_is_verified_over_its_data(data: bytes, vmpl: int, version: Any) -> None:
    raw = snp().report(data, privlevel=vmpl, version=version)
    report = verified(snp(), raw, data)
    assert report.vmpl == vmpl
    assert report.build() == raw


@pytest.mark.parametrize("size", [0, 63, 65])
def test_report_data_has_64_bytes(size: int) -> None:
    with refused("tsm.report-data"):
        snp().report(bytes(size))
    with refused("tsm.report-data"):
        snp(SERVED).attest(bytes(size), service="svsm")


@pytest.mark.parametrize("level", [-1, 4])
def test_a_level_that_does_not_exist(level: int) -> None:
    with refused("tsm.argument"):
        snp().report(REPORT_DATA, privlevel=level)


def test_a_guest_asks_from_its_floor_on() -> None:
    tee = snp(SERVED)
    for level in (None, 0, 1):
        with refused("tsm.argument"):
            tee.report(REPORT_DATA, privlevel=level)
    assert [verified(tee, tee.report(REPORT_DATA, privlevel=n)).vmpl for n in (2, 3)] == [2, 3]


def test_what_the_kernel_would_hand_out() -> None:
    got = snp().attest(REPORT_DATA, privlevel=1)
    assert verified(snp(), got.report).vmpl == 1
    assert got.manifest == b""
    (one,) = parse_table(got.certificates, "auxblob")
    assert one.leaf.chip_id == bytes.fromhex(CHIP)


def test_an_svsm_binds_its_manifest_at_level_0() -> None:
    tee = snp(SERVED)
    got = tee.attest(REPORT_DATA, service="svsm")
    assert check_manifest(got.manifest) == 2
    assert got.manifest == services_manifest(SERVED.services)
    due = hashlib.sha512(REPORT_DATA + got.manifest).digest()
    assert due == bound_report_data(REPORT_DATA, got.manifest)
    assert verified(tee, got.report, due).vmpl == 0
    with refused("snp.report-data"):
        verified(tee, got.report)


@pytest.mark.parametrize("service", ["svsm", "", "another"])
def test_a_service_that_is_not_there(service: str) -> None:
    with refused("tsm.argument"):
        snp().attest(REPORT_DATA, service=service)
    if service != "svsm":
        with refused("tsm.argument"):
            snp(SERVED).attest(REPORT_DATA, service=service)


def test_a_chip_is_chosen_where_none_is_named() -> None:
    made = [SoftwareSnp.create(at=AT, keys=keys()).settings.platform.chip_id for _ in range(2)]
    assert made[0] != made[1]
    assert len(made[0] or "") == 128
    turin = replace(Settings(), platform=Platform(product="Turin"))
    assert len(SoftwareSnp.create(turin, at=AT, keys=keys()).settings.platform.chip_id or "") == 16


@pytest.mark.parametrize(
    "settings",
    [
        replace(Settings(), platform=Platform(product="Turin", chip_id=CHIP)),
        replace(Settings(), platform=Platform(chip_id="c1" * 8)),
        replace(Settings(), platform=Platform(chip_id="C0" * 64)),
        replace(Settings(), guest=Guest(floor=4)),
        replace(Settings(), csp_id=""),
        replace(Settings(), tcbs=Tcbs(launch=Tcb(snp=256))),
    ],
)
def test_settings_that_no_chip_has(settings: Settings) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        SoftwareSnp.create(settings, at=AT, keys=keys())


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        SoftwareSnp.create(at=AT.replace(tzinfo=None), keys=keys())


def test_keys_show_nothing_of_themselves() -> None:
    ark = keys().authorities["ark"]
    assert repr(ark) == "RsaPrivateKey(4096)"
    assert RsaPrivateKey.from_pem(ark.pem()).spki == ark.spki
    other = ec.generate_private_key(ec.SECP256R1())
    pem = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not an RSA"):
        RsaPrivateKey.from_pem(pem)


# --- directories ----------------------------------------------------------------------------------


def test_a_saved_one_is_the_same(tmp_path: Path) -> None:
    tee = snp(SERVED)
    create_in(tmp_path / "snp", tee)
    back = load(tmp_path / "snp")
    assert back.settings == tee.settings
    assert back.at == tee.at
    assert back.bundle() == tee.bundle() == (tmp_path / "snp" / "collateral.json").read_bytes()
    assert back.crl == tee.crl == (tmp_path / "snp" / "crl.der").read_bytes()
    assert (tmp_path / "snp" / "root.pem").read_bytes() == tee.root_pem
    assert verified(tee, back.report(REPORT_DATA, privlevel=2)).vmpl == 2
    with opened(tmp_path / "snp") as held:
        verified(tee, held.attest(REPORT_DATA, privlevel=2).report)


def test_private_files_are_private(tmp_path: Path) -> None:
    create_in(tmp_path, snp())
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    for role in ROLES:
        assert stat.S_IMODE((tmp_path / "keys" / f"{role}.pem").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "certificates" / f"{role}.der").stat().st_mode) & 0o044
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "certificates",
        "collateral.json",
        "crl.der",
        "keys",
        "root.pem",
        "tee.json",
    ]


def test_a_directory_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError):
        create_in(tmp_path, snp())
    assert [one.name for one in tmp_path.iterdir()] == ["note"]


FILES: Final = (
    "tee.json",
    "crl.der",
    "keys/ark.pem",
    "keys/vcek.pem",
    "certificates/ask.der",
    "certificates/vlek.der",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"", b"junk", bytes(1024 * 1024 + 1)])
def test_a_file_that_cannot_be_used(tmp_path: Path, name: str, content: bytes | None) -> None:
    create_in(tmp_path, snp())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with refused("tsm.state"):
        load(tmp_path)
    with refused("tsm.state"), opened(tmp_path):
        pass


def test_a_certificate_for_another_key_is_refused(tmp_path: Path) -> None:
    create_in(tmp_path, snp())
    (tmp_path / "keys" / "vcek.pem").write_bytes(SigningKey.generate("P-384").pem())
    with refused("tsm.state", "vcek"):
        load(tmp_path)


def test_another_kind_or_version_is_refused(tmp_path: Path) -> None:
    create_in(tmp_path, snp())
    text = (tmp_path / "tee.json").read_bytes()
    for old, new in ((b'"kind": "snp"', b'"kind": "tdx"'), (b'"version": 1', b'"version": 2')):
        assert old in text
        (tmp_path / "tee.json").write_bytes(text.replace(old, new, 1))
        with refused("tsm.state"):
            load(tmp_path)


def test_where_there_is_no_directory(tmp_path: Path) -> None:
    with refused("tsm.state"):
        load(tmp_path / "nowhere")
    with refused("tsm.state"), opened(tmp_path / "nowhere"):
        pass


def test_openssl_accepts_the_chain_and_the_list(tmp_path: Path) -> None:
    """Another implementation reads what is issued here, with the serial number 0 and PSS."""
    create_in(tmp_path, snp())
    chain = tmp_path / "ask.pem"
    chain.write_bytes(snp().pki.pem("ask"))
    leaf = tmp_path / "vcek.pem"
    leaf.write_bytes(snp().pki.pem("vcek"))
    at = str(int(AT.timestamp()))
    verify = ["openssl", "verify", "-attime", at, "-CAfile", str(tmp_path / "root.pem")]
    done = subprocess.run(
        [*verify, "-untrusted", str(chain), str(leaf)], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    listed = ["openssl", "crl", "-inform", "DER", "-in", str(tmp_path / "crl.der"), "-noout"]
    done = subprocess.run(
        [*listed, "-CAfile", str(tmp_path / "root.pem")], capture_output=True, check=False
    )
    assert b"verify OK" in done.stderr
