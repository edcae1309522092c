# SPDX-License-Identifier: Apache-2.0
"""Real reports and AMD's own certificates, past what their MANIFESTs state."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.manifests.amd import ANCHORS, all_sets, authorities, judged, loaded, window
from tests.snp.reports import with_bytes
from tests.vectors import VectorCase, cases, vector_params
from troth.crypto.digest import sha256
from troth.endorse.amd import assemble, parse_snp_bundle, parse_table, snp_bundle
from troth.errors import UntrustedError
from troth.evidence.snp import CertificateTable

DAY: Final = timedelta(days=1)


@pytest.mark.parametrize("case", vector_params("snp", "genuine"))
def test_a_real_report_finds_its_certificate_among_all(case: VectorCase, vectors: Path) -> None:
    data = (vectors / case.file).read_bytes()
    sets = all_sets()
    start, _ = window(case)
    facts = judged(data, sets, start + DAY).value
    assert facts.leaf.tcb == facts.report.reported_tcb
    for at, changed in ((0x90, b"\xff"), (0x50, b"\xff\xfe"), (0x2A0, b"\1\2")):
        with pytest.raises(UntrustedError, match=r"snp\.signature"):
            judged(with_bytes(data, at, changed), sets, start + DAY)


@pytest.mark.parametrize("case", vector_params("snp", "genuine"))
def test_bundle_and_table_lead_to_the_same(case: VectorCase, vectors: Path) -> None:
    data = (vectors / case.file).read_bytes()
    (one,) = assemble([loaded(case.expect["endorsement"]), *authorities()], (), "files")
    leaf, intermediate, root = (part.der for part in one.certificates)
    table = CertificateTable(vcek=leaf, ask=intermediate, ark=root).build()
    start, _ = window(case)
    for sets in ((parse_snp_bundle(snp_bundle(one), "bundle"),), parse_table(table, "auxblob")):
        assert [part.sha256 for part in sets] == [one.sha256]
        judged(data, sets, start + DAY)


def test_the_pinned_keys_are_those_of_the_roots() -> None:
    if not cases("snp-certs"):
        pytest.skip("no vectors")
    for product, anchor in ANCHORS.items():
        root = loaded(f"snp-certs/ark-{product.lower()}.der")
        assert anchor.spki_sha256 == root.spki_sha256 != sha256(root.der)
        assert anchor.is_vendor
        assert anchor.name == f"amd-ark-{product.lower()}"
