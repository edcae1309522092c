# SPDX-License-Identifier: Apache-2.0
"""SEV-SNP in a bundle: no register holds the root, and the host may hand the certificates over.

The certificate table in `auxblob` is a convenience of the host's: its certificates count as far as
they lead to an anchor of the relying party, whose revocation lists alone are looked at.
"""

from __future__ import annotations

from typing import Final

from troth.endorse.amd import SnpCollateral, parse_table
from troth.errors import TrothError
from troth.evidence.binding import Bundle
from troth.verify.bundle.facts import BundleInputs
from troth.verify.bundle.kinds._kind import BundleKind, Reported, named
from troth.verify.bundle.steps import Steps
from troth.verify.bundle.wanted import SnpWanted, Wanted
from troth.verify.options import AnyValue, ChipId
from troth.verify.snp import SnpFacts, verify_snp
from troth.verify.trace import Trace
from troth.verify.verified import Verified

__all__ = ["SNP"]

_MEASUREMENT_BYTES: Final = 48
_VMPL_SVSM: Final = 0  # AMD 58019: an SVSM runs at this level, and the guest below it
_TABLE: Final = "a certificate table, and the CAs of its leaf"


def _verify(
    bundle: Bundle, wanted: SnpWanted, inputs: BundleInputs, trace: Trace
) -> Verified[SnpFacts]:
    brought = _brought(bundle.report.auxblob or b"", inputs, trace)
    return verify_snp(
        bundle.report.outblob,
        collateral=(*inputs.endorsements.snp, *brought),
        anchors=inputs.anchors,
        at=inputs.at,
        report_data=AnyValue,
        revocation=wanted.revocation,
        chip=ChipId.MASKED,  # whether that is enough is step 4's
        cache=inputs.cache,
        trace=trace,
    )


def _brought(table: bytes, inputs: BundleInputs, trace: Trace) -> tuple[SnpCollateral, ...]:
    """Return the sets that the host's table makes with what the relying party has.

    Where the relying party gave sets of its own, a table that cannot be read is noted and not used.
    Where it gave none, the report rests on the table.

    Raises:
        TrothError: as `parse_table`, and no set was given.
    """
    if not table:
        return ()
    given = inputs.endorsements
    cas = [ca for one in given.snp for ca in (one.intermediate, one.root)]
    lists = [one.crl for one in given.snp if one.crl is not None]
    try:
        return parse_table(
            table,
            "bundle",
            more=[*cas, *given.amd_certificates],
            crls=[*lists, *given.amd_crls],
        )
    except TrothError as error:
        if given.snp:
            trace.skipped("2.table", why=f"of no use: {error}")
            return ()
        trace.failed("2.table", error, expected=_TABLE, source="bundle")
        raise


def _check_voids(facts: SnpFacts, wanted: SnpWanted, policy: Wanted, steps: Steps) -> None:
    report = facts.report
    steps.check(
        "debug",
        wanted.debug == "any" or not report.guest_policy.debug,
        "policy.debug",
        expected=wanted.debug,
        got=hex(report.policy),
        source=f"{policy.name}: snp.debug",
    )
    steps.check(
        "host-made",
        not report.is_of_host,
        "policy.vmpl",
        expected="a report that the guest asked for",
        got="the host's" if report.is_of_host else f"VMPL {report.vmpl}",
        source="BINDING 4.9",
    )
    if policy.boot.svsm == "required":
        # Below level 0 a guest can have any hash signed, also one over a manifest of its own.
        steps.check(
            "svsm-level",
            report.vmpl == _VMPL_SVSM,
            "policy.vmpl",
            expected=_VMPL_SVSM,
            got=report.vmpl,
            source=f"{policy.name}: boot.svsm",
        )
    levels = wanted.vmpl
    steps.check(
        "vmpl",
        isinstance(levels, type) or report.vmpl in levels,
        "policy.vmpl",
        expected="any" if isinstance(levels, type) else tuple(sorted(levels)),
        got=report.vmpl,
        source=f"{policy.name}: snp.vmpl",
    )
    steps.check(
        "migration",
        wanted.migration_agent == "any" or not report.guest_policy.migration_agent,
        "policy.migration-agent",
        expected=wanted.migration_agent,
        got=hex(report.policy),
        source=f"{policy.name}: snp.migration_agent",
    )
    masked = report.is_chip_key_masked or not any(report.chip_id)
    steps.check(
        "chip",
        wanted.chip is ChipId.MASKED or not masked,
        "policy.chip",
        expected=wanted.chip.value,
        got="masked" if masked else "named",
        source=f"{policy.name}: snp.masked_chip",
    )


def _reported(facts: SnpFacts) -> Reported:
    return Reported(data=facts.report.report_data, boot={"measurement": facts.report.measurement})


SNP: Final[BundleKind[SnpWanted, SnpFacts]] = BundleKind(
    register="none",
    sizes=frozenset({_MEASUREMENT_BYTES}),
    is_boot=named("measurement"),
    boot_words="measurement",
    verify=_verify,
    check_voids=_check_voids,
    reported=_reported,
)
