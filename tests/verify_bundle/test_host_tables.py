# SPDX-License-Identifier: Apache-2.0
"""What the host hands over with an SNP report: certificates that may help, and never decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from tests.appraisals import NONCE, judge, refused
from tests.bundle_kinds import Snp, machine_of
from tests.bundles import with_
from tests.snp import world
from troth.evidence.binding import Bundle
from troth.evidence.snp import CertificateTable
from troth.verify import Cache, NoCache, Trace
from troth.verify.snp import describe_snp


def with_table(machine: Snp, table: bytes) -> Bundle:
    bundle = machine.fresh(NONCE)
    return with_(bundle, report=replace(bundle.report, auxblob=table))


def test_certificates_of_the_bundle_lead_to_our_anchor() -> None:
    machine = machine_of("snp")
    bundle = with_table(machine, machine.tee.certificate_table())
    lists = Snp.of().endorsements.snp[0].crl
    judge(machine, bundle, endorsements=changed(nothing(), amd_crls=(lists,)))


def test_a_list_is_the_relying_partys_alone() -> None:
    machine = machine_of("snp")
    bundle = with_table(machine, machine.tee.certificate_table())
    refused(machine, bundle, 3, "crl.missing", endorsements=nothing())
    judge(machine, bundle, machine.policy(crl='"any"'), endorsements=nothing())


def test_certificates_of_the_bundle_are_no_anchor() -> None:
    machine = machine_of("snp")
    bundle = with_table(machine, machine.tee.certificate_table())
    policy = machine.policy(crl='"any"')
    anchors = machine_of("cca").anchors
    refused(
        machine, bundle, 3, "chain.root", policy=policy, endorsements=nothing(), anchors=anchors
    )


def test_a_table_without_the_cas() -> None:
    machine = machine_of("snp")
    held = machine.tee.pki.certificates
    bare = CertificateTable(vcek=held["vcek"]).build()
    bundle = with_table(machine, bare)
    refused(machine, bundle, 3, "collateral.missing", endorsements=nothing())
    judge(machine, bundle)


def broken_tables() -> dict[str, bytes]:
    whole = machine_of("snp").tee.certificate_table()
    sizes = bytearray(whole)
    sizes[16:20] = (2**31).to_bytes(4, "little")
    bare = CertificateTable(vcek=b"\x30\x00").build()
    return {"beyond-its-end": bytes(sizes), "text": b"x" * 40, "not-a-certificate": bare}


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("beyond-its-end", "snp.certificate-table"),
        ("text", "wire.truncated"),
        ("not-a-certificate", "x509.malformed"),
    ],
)
def test_a_table_that_cannot_be_read(name: str, code: str) -> None:
    """It is the host's: what the relying party has itself it cannot spoil."""
    machine = machine_of("snp")
    bundle = with_table(machine, broken_tables()[name])
    refused(machine, bundle, 3, code, endorsements=nothing())
    trace = Trace()
    judge(machine, bundle, trace=trace)
    said = [one for one in trace if one.rule.endswith("2.table")]
    assert [one.verdict for one in said] == ["skipped"]
    assert code in said[0].got


def test_certificates_of_another_chip_are_of_no_use() -> None:
    machine = machine_of("snp")
    settings = world.settings_of()
    platform = changed(settings.platform, chip_id="d0" * 64)
    other = world.snp(changed(settings, platform=platform))
    bundle = with_table(machine, other.certificate_table())
    refused(machine, bundle, 3, "collateral.missing", endorsements=nothing())
    judge(machine, bundle)


def test_a_cache_changes_no_answer() -> None:
    machine, cache = machine_of("snp"), Cache(most=8)
    bundle = machine.fresh(NONCE)
    told = [
        describe_snp(judge(machine, bundle, cache=one).value.report.value)
        for one in (cache, cache, NoCache)
    ]
    assert len(cache.endorsed) == 1
    assert told[0] == told[1] == told[2]
    refused(machine, bundle, 3, "chain.root", cache=cache, anchors=machine_of("cca").anchors)
    revoked = changed(machine.endorsements.snp[0], crl=None)
    endorsed = changed(nothing(), snp=(revoked,))
    refused(machine, bundle, 3, "crl.missing", cache=cache, endorsements=endorsed)


def test_a_list_of_another_chips_set_is_ours_as_well() -> None:
    """A list is the root's, so that it counts whichever chip it came with."""
    machine = machine_of("snp")
    settings = world.settings_of()
    platform = changed(settings.platform, chip_id="d0" * 64)
    other = world.snp(changed(settings, platform=platform))
    bundle = with_table(machine, machine.tee.certificate_table())
    judge(machine, bundle, endorsements=changed(nothing(), snp=(other.collateral(),)))


def nothing() -> Any:
    return machine_of("tdx").endorsements
