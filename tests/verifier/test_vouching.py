# SPDX-License-Identifier: Apache-2.0
"""What the configuration names is read as the policy's kind, and as no other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from tests.bundle_kinds import machine_of
from tests.bundles import Machine
from tests.snp import world
from tests.verifiers import ISSUER, STATUS_URL, configure
from troth.collect import AMD_ARKS
from troth.endorse.amd import snp_bundle
from troth.errors import UsageError
from troth.policy import Endorsements
from troth.verifier.initial import create_verifier
from troth.verifier.settings import load_settings
from troth.verifier.sources import Sources, load_sources
from troth.verify import INTEL_SGX_ROOT, WithoutCollateral
from troth.verify.bundle import BundleTee

KINDS: Final[tuple[BundleTee, ...]] = ("tdx", "snp", "cca", "cove")
LONE_KEY: Final = (
    b'{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",'
    b'"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}'
)


def written(machine: Machine) -> Mapping[str, bytes]:
    """Return files of every kind, by the name that the tests configure."""
    snp, tdx = machine_of("snp").tee, machine_of("tdx").tee
    return {
        "tdx.pem": tdx.root_pem,
        "tdx/c.json": tdx.bundle(),
        "tdx/other.json": b'{"note": "not a bundle"}',
        "snp.pem": snp.root_pem,
        "snp/chip.json": snp_bundle(snp.collateral()),
        "cca.json": machine_of("cca").tee.store(),
        "cove.json": machine_of("cove").tee.roots(),
        "key.json": LONE_KEY,
        "empty.pem": b"",
        "wrong/ark.crl": b"\x30\x00",
        "policy.toml": machine.policy_text().encode(),
    }


def loaded(folder: Path, kind: BundleTee, roots: str, collateral: str) -> Sources:
    """Read a configuration whose policy is for a kind."""
    path = create_verifier(
        folder / "v",
        issuer=ISSUER,
        status_url=STATUS_URL,
        roots=("intel",),
        collateral=("none",),
    )
    for name, data in written(machine_of(kind)).items():
        (path.parent / name).parent.mkdir(exist_ok=True)
        (path.parent / name).write_bytes(data)
    configure(path, roots=roots, collateral=collateral)
    return load_sources(load_settings(str(path)))


def test_tdx_has_anchors_and_the_bundles_of_a_directory(tmp_path: Path) -> None:
    found = loaded(tmp_path, "tdx", '["intel", "tdx.pem"]', '["tdx"]').vouching
    assert found.anchors.names[0] == INTEL_SGX_ROOT.name
    assert len(found.anchors.names) == 2
    assert isinstance(found.collateral, tuple)
    assert len(found.collateral) == 1
    assert found.endorsements.snp == ()


def test_snp_has_anchors_sets_and_lists(tmp_path: Path) -> None:
    found = loaded(tmp_path, "snp", '["amd", "snp.pem"]', '["snp"]').vouching
    assert found.anchors.names[:3] == tuple(one.name for one in AMD_ARKS)
    assert (
        found.anchors.names[3:]
        == world.anchors(machine_of("snp").tee.pki.certificates["ark"]).names
    )
    assert len(found.endorsements.snp) == len(found.endorsements.amd_crls) == 1
    assert len(found.endorsements.amd_certificates) == 2
    assert found.collateral is WithoutCollateral


def test_snp_without_collateral_by_name_has_its_anchors_alone(tmp_path: Path) -> None:
    found = loaded(tmp_path, "snp", '["amd"]', '["none"]').vouching
    assert len(found.anchors.names) == 3
    assert found.endorsements == Endorsements()


def test_cca_has_the_keys_of_its_platforms(tmp_path: Path) -> None:
    found = loaded(tmp_path, "cca", '["cca.json"]', '["none"]').vouching
    own = machine_of("cca").tee.cpak
    assert found.endorsements.cpaks.find(own.implementation_id, own.instance_id) == own.key
    assert found.anchors.names == ()


def test_cove_has_its_roots_of_trust(tmp_path: Path) -> None:
    found = loaded(tmp_path, "cove", '["cove.json"]', '["none"]').vouching
    assert found.endorsements.cove_roots.names == (machine_of("cove").tee.root.name,)
    assert found.anchors.names == ()


@pytest.mark.parametrize(
    ("kind", "roots", "collateral", "code", "said"),
    [
        ("tdx", '["amd"]', '["none"]', "usage.root", '"amd" vouches for no tdx'),
        ("snp", '["intel"]', '["none"]', "usage.root", '"intel" vouches for no snp'),
        ("cca", '["amd"]', '["none"]', "usage.root", '"amd" vouches for no cca'),
        ("cove", '["intel"]', '["none"]', "usage.root", '"intel" vouches for no cove'),
        ("tdx", '["cca.json"]', '["none"]', "usage.root", "cca.json"),
        ("snp", '["cca.json"]', '["none"]', "usage.root", "cca.json"),
        ("cca", '["snp.pem"]', '["none"]', "usage.root", "snp.pem"),
        ("cove", '["cca.json"]', '["none"]', "usage.root", "cca.json"),
        ("cca", '["key.json"]', '["none"]', "usage.root", "key.json: a key alone"),
        ("cca", '["cca.json", "cca.json"]', '["none"]', "usage.root", "roots"),
        ("cove", '["cove.json", "cove.json"]', '["none"]', "usage.root", "roots"),
        ("snp", '["empty.pem"]', '["none"]', "usage.root", "no PEM certificate"),
        ("tdx", '["empty.pem"]', '["none"]', "usage.root", "no PEM certificate"),
        ("cca", '["cca.json"]', '["snp"]', "usage.configuration", "cca has none"),
        ("cove", '["cove.json"]', '["tdx"]', "usage.configuration", "cove has none"),
        ("snp", '["amd"]', '["none", "snp"]', "usage.configuration", "stands alone"),
        ("snp", '["amd"]', '["tdx/c.json"]', "usage.file", "c.json"),
        ("snp", '["amd"]', '["wrong"]', "usage.file", "ark.crl"),
        ("snp", '["amd"]', '["absent"]', "usage.file", "absent"),
        ("tdx", '["intel"]', '["snp/chip.json"]', "usage.file", "chip.json"),
    ],
)
def test_what_does_not_fit_the_kind_is_refused_by_name(
    tmp_path: Path, kind: BundleTee, roots: str, collateral: str, code: str, said: str
) -> None:
    with pytest.raises(UsageError) as refused:
        loaded(tmp_path, kind, roots, collateral)
    assert refused.value.code == code
    assert said in refused.value.detail


@pytest.mark.parametrize("kind", KINDS)
def test_each_reading_begins_with_an_empty_cache(tmp_path: Path, kind: BundleTee) -> None:
    given: dict[str, Any] = {
        "tdx": ('["tdx.pem"]', '["tdx"]'),
        "snp": ('["snp.pem"]', '["snp"]'),
        "cca": ('["cca.json"]', '["none"]'),
        "cove": ('["cove.json"]', '["none"]'),
    }
    first = loaded(tmp_path, kind, *given[kind])
    again = load_sources(load_settings(str(tmp_path / "v" / "verifier.toml")))
    assert first.cache is not again.cache
    assert first.wanted == again.wanted
