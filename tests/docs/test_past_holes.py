# SPDX-License-Identifier: Apache-2.0
"""The page of past holes has each of its sources; each function on it is tried by its tests."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Final

import pytest

from tests.negative.survivors import CHECKS, MODULES
from tests.negative.test_every_module_is_held import TABLES
from tools import house, maps

PAGE: Final = house.ROOT / "docs" / "past-holes.md"
FUNCTION: Final = re.compile(r"`troth\.([\w.]+)`")
BY_HAND: Final = "What was changed"

# Repositories and numbers of the project's notes on failures that verifiers had.
SOURCES: Final = {
    "Phala-Network/dcap-qvl": "CVE-2026-22696 GHSA-796p-j2gh-9m2q GHSA-6q6c-vvf9-fj3w #82 #124 "
    "#126 #127 #129 #130 #132 #134 #135 #138 #139 #164 #206 #210 #222 #223",
    "automata-network/automata-dcap-attestation": "#69 #132 #140",
    "automata-network/automata-on-chain-pccs": "#15 #22",
    "google/go-tdx-guest": "#37 #38 #92 #96 #105",
    "google/go-sev-guest": "#53 #67 #191 #198 #199",
    "intel/MigTD": "#663 #1048",
    "project-oak/oak": "#4931 #5165",
    "13rac1/teep": "#153",
    "openenclave/openenclave": "#3619 #5067 #5108",
    "gramineproject/gramine": "#815",
    "bitrouter/bitrouter": "#566",
    "aleph-im/aleph-vm": "#1194 #1195",
    "fortanix/rust-sgx": "#925",
    "enarx/steward": "#112 #154",
    "hyperledger-labs/private-data-objects": "#195",
    "confidential-dot-ai/attestation-rs": "#26 #65 #67",
    "confidential-containers/trustee": "#295 #875 #1570",
    "Dstack-TEE/dstack": "#615 #706 #1267 #1292 GHSA-m52x-2r7m-5p42",
    "edgelesssys/contrast": "#836 #1050 #2524",
    "edgelesssys/constellation": "#3025",
    "virtee/snpguest": "#89 #159",
    "microsoft/TEE-Attestation-Verification": "#140 #141 #142 #145 #147 #152",
    "microsoft/CCF": "#4299 #6583 #6812 #7240",
    "confidential-sidecar-containers": "#167",
    "akash-network/console": "#3365",
    "agentrust-io/cmcp": "#370 #371 #384 #386 #389 #390 #412 #527 #608",
    "attestation-go": "#23",
    "c8s": "#627",
    "arXiv": "2605.12990",
    "veraison/rust-ccatoken": "#33",
    "veraison/services": "#265",
    "confidential-containers/attestation-service": "#127",
    "agent-manifest": "#363 #373",
    "tpm2-software/tpm2-tools": "#2247",
    "keylime/keylime": "#1820 GHSA-4jqp-9qjv-57m2",
    "NVIDIA/NVFlare": "#5131",
    "apache/teaclave": "#679",
    "attested-tls-poc": "#58 CVE-2026-33697",
    "Fraunhofer-AISEC/cmc": "#406",
    "dfinity/ic": "#11421",
    "near/mpc": "#642 #1238 #4169 #4228",
}


@pytest.mark.parametrize("repository", SOURCES)
def test_each_source_is_on_the_page(repository: str) -> None:
    cells = [row.cells[1] for row in maps.rows(PAGE) if row.columns[1] == "Source"]
    said = " ".join(one for one in cells if repository in one)
    missing = [
        one for one in SOURCES[repository].split() if not re.search(rf"{re.escape(one)}\b", said)
    ]
    assert missing == []


def test_each_function_is_tried_against_its_tests() -> None:
    tried = set(MODULES).union(
        CHECKS, *(import_module(f"tests.{one}.test_each_check_counts").MODULES for one in TABLES)
    )
    by_hand = {
        name
        for row in maps.rows(PAGE)
        if BY_HAND in row.columns
        for name in FUNCTION.findall(row.cells[0])
    }
    stopped = [
        name
        for row in maps.rows(PAGE)
        if "Stopped by" in row.columns
        for name in FUNCTION.findall(row.cells[2])
    ]
    assert len(stopped) >= 70
    assert [
        name
        for name in stopped
        if name not in by_hand and not any(name.startswith(f"{one}.") for one in tried)
    ] == []
    assert by_hand <= set(stopped)
