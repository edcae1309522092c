# SPDX-License-Identifier: Apache-2.0
"""Policy for SNP: which genuine guests are wanted ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec

from troth.evidence.snp import GuestPolicy, Product, SnpReport, Tcb
from troth.evidence.snp.layout import VMPL_HOST
from troth.policy import snp_values, values
from troth.policy.rules import Rules, spell
from troth.policy.snp_values import BitNumbers, Minima, Versions
from troth.policy.values import ABSENT, ANY, Allowed, Words
from troth.verify import AnyValue, ChipId, Revocation, Trace, Verified
from troth.verify.snp import SnpFacts

__all__ = ["CONVERTERS", "SnpPolicy", "appraise_snp"]

_MEASURED: Final = {"measurement": 48, "family_id": 16, "image_id": 16, "host_data": 32}
_KEY_DIGEST_BYTES: Final = 48
_REPORT_DATA_BYTES: Final = 64
_MITIGATIONS_SINCE: Final = 5  # reports of earlier versions do not speak of them
_OWN_KEYS: Final = frozenset({"DEBUG", "MIGRATE_MA"})  # permissions with a key of their own


class SnpPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[snp]`, one field a key; see the guide on policies for what each means."""

    crl: str
    masked_chip: str
    chip_ids_refused: frozenset[bytes]
    products_refused: frozenset[str]
    signing_key: Words
    csp_id: Words
    minimum_reported_tcb: Minima
    minimum_launch_tcb: Minima
    launch_mitigations: BitNumbers
    current_mitigations: BitNumbers
    platform_required: frozenset[str]
    platform_forbidden: frozenset[str]
    vmpl: frozenset[int] | type[AnyValue]
    debug: str
    migration_agent: str
    policy_required: frozenset[str]
    policy_allowed: Words
    unknown_policy_bits: str
    minimum_abi: Versions
    minimum_guest_svn: int | type[AnyValue]
    measurement: Allowed
    family_id: Allowed
    image_id: Allowed
    host_data: Allowed
    id_key_digest: Allowed
    author_key_digest: Allowed
    report_data: Allowed

    @property
    def revocation(self) -> Revocation:
        """What `verify_snp` is to demand for this policy."""
        return Revocation.ANY if self.crl == ANY else Revocation.REQUIRED

    @property
    def chip(self) -> ChipId:
        """Likewise."""
        return ChipId.MASKED if self.masked_chip == ANY else ChipId.NAMED


def appraise_snp(
    verified: Verified[SnpFacts], policy: SnpPolicy, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule; all rules are tried and noted.

    Args:
        verified: what `troth.verify.snp` returned.
        policy: the section of a policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.*`, the first rule that said no.
    """
    facts = verified.value
    rules = Rules("snp", name, trace)
    _endorsement_rules(facts, policy, rules)
    _platform_rules(facts, policy, rules)
    _permission_rules(facts.report, policy, rules)
    _guest_rules(facts.report, policy, rules)
    rules.decide()


def _endorsement_rules(facts: SnpFacts, policy: SnpPolicy, rules: Rules) -> None:
    report = facts.report
    rules.holds(
        "crl",
        policy.crl == ANY or facts.is_revocation_checked,
        "policy.revocation",
        expected=policy.crl,
        got="checked" if facts.is_revocation_checked else "not checked",
    )
    # A VLEK is for no single chip, so that a report under it names one or leaves its chip unnamed.
    masked = report.is_chip_key_masked or not any(report.chip_id)
    rules.holds(
        "masked_chip",
        policy.masked_chip == ANY or not masked,
        "policy.chip",
        expected=policy.masked_chip,
        got="masked" if masked else "not masked",
    )
    chips = frozenset(
        one for one in (report.chip_id, facts.leaf.chip_id) if one is not None and any(one)
    )
    refused = policy.chip_ids_refused
    rules.holds(
        "chip_ids_refused",
        not chips & refused and (bool(chips) or not refused),
        "policy.chip",
        expected=("none of", *sorted(one.hex() for one in refused)),
        got=chips or "a chip without a name",
    )
    rules.holds(
        "products_refused",
        facts.product not in policy.products_refused,
        "policy.product",
        expected=("none of", *sorted(policy.products_refused)),
        got=facts.product.value,
    )
    rules.fits("signing_key", facts.leaf.kind.name, policy.signing_key, "policy.signer")
    csp = "absent" if facts.leaf.csp_id is None else facts.leaf.csp_id
    rules.fits("csp_id", csp, policy.csp_id, "policy.signer")


def _platform_rules(facts: SnpFacts, policy: SnpPolicy, rules: Rules) -> None:
    report = facts.report
    for name, tcb in (("reported", report.reported_tcb), ("launch", report.launch_tcb)):
        minima: Minima = getattr(policy, f"minimum_{name}_tcb")
        rules.holds(
            f"minimum_{name}_tcb",
            isinstance(minima, type) or _reaches(tcb, minima.get(facts.product)),
            "policy.tcb",
            expected=ANY if isinstance(minima, type) else minima.get(facts.product, "no product"),
            got=tcb,
        )
    for name, word in (
        ("launch_mitigations", report.launch_mitigations),
        ("current_mitigations", report.current_mitigations),
    ):
        wanted: BitNumbers = getattr(policy, name)
        rules.holds(
            name,
            isinstance(wanted, type) or all(word >> bit & 1 for bit in wanted),
            "policy.mitigations",
            expected=ANY if isinstance(wanted, type) else tuple(sorted(wanted)),
            got=hex(word) if report.version >= _MITIGATIONS_SINCE else "unknown",
        )
    names = report.platform.names
    rules.holds(
        "platform_required",
        policy.platform_required <= names,
        "policy.platform-info",
        expected=policy.platform_required,
        got=names,
    )
    rules.holds(
        "platform_forbidden",
        not names & policy.platform_forbidden,
        "policy.platform-info",
        expected=("none of", *sorted(policy.platform_forbidden)),
        got=names,
    )


def _permission_rules(report: SnpReport, policy: SnpPolicy, rules: Rules) -> None:
    rules.holds(
        "vmpl",
        isinstance(policy.vmpl, type) or report.vmpl in policy.vmpl,
        "policy.vmpl",
        expected=ANY if isinstance(policy.vmpl, type) else tuple(sorted(policy.vmpl)),
        got="host" if report.is_of_host else report.vmpl,
    )
    bits = report.guest_policy
    for name, code, wanted, permitted in (
        ("debug", "policy.debug", policy.debug, bits.debug),
        (
            "migration_agent",
            "policy.migration-agent",
            policy.migration_agent,
            bits.migration_agent,
        ),
        (
            "unknown_policy_bits",
            "policy.attributes",
            policy.unknown_policy_bits,
            bool(bits.unknown),
        ),
    ):
        rules.holds(
            name, wanted == ANY or not permitted, code, expected=wanted, got=hex(report.policy)
        )
    names = bits.names - bits.unknown - _OWN_KEYS
    rules.holds(
        "policy_required",
        policy.policy_required <= names,
        "policy.attributes",
        expected=policy.policy_required,
        got=names,
    )
    allowed = policy.policy_allowed
    rules.holds(
        "policy_allowed",
        isinstance(allowed, type) or names <= allowed | policy.policy_required,
        "policy.attributes",
        expected=spell(allowed),
        got=names,
    )
    least = policy.minimum_abi
    rules.holds(
        "minimum_abi",
        isinstance(least, type) or bits.abi >= least,
        "policy.abi",
        expected=ANY if isinstance(least, type) else least,
        got=bits.abi,
    )


def _guest_rules(report: SnpReport, policy: SnpPolicy, rules: Rules) -> None:
    least = policy.minimum_guest_svn
    rules.holds(
        "minimum_guest_svn",
        isinstance(least, type) or report.guest_svn >= least,
        "policy.guest-svn",
        expected=ANY if isinstance(least, type) else f"at least {least}",
        got=report.guest_svn,
    )
    for name in _MEASURED:
        rules.fits(name, getattr(report, name), getattr(policy, name), "policy.measurement")
    author = report.author_key_digest if report.has_author_key else ABSENT
    id_key = report.id_key_digest if any(report.id_key_digest) else ABSENT
    rules.fits("id_key_digest", id_key, policy.id_key_digest, "policy.signer")
    rules.fits("author_key_digest", author, policy.author_key_digest, "policy.signer")
    rules.fits("report_data", report.report_data, policy.report_data, "policy.report-data")


def _reaches(tcb: Tcb, least: Tcb | None) -> bool:
    """Say whether no part is older; a product that the minima do not name reaches none."""
    return least is not None and tcb.covers(least)


_PERMISSIONS: Final = GuestPolicy.NAMES - _OWN_KEYS
_PRODUCTS: Final = frozenset(one.value for one in Product)

CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "crl": lambda value: snp_values.one_of(value, ("required", ANY)),
    "masked_chip": values.debug,
    "chip_ids_refused": snp_values.refused_chips,
    "products_refused": lambda value: values.word_set(value, _PRODUCTS),
    "signing_key": lambda value: values.words(value, frozenset({"VCEK", "VLEK"})),
    "csp_id": values.words,
    "minimum_reported_tcb": snp_values.minima,
    "minimum_launch_tcb": snp_values.minima,
    "launch_mitigations": snp_values.bit_numbers,
    "current_mitigations": snp_values.bit_numbers,
    "platform_required": snp_values.platform_words,
    "platform_forbidden": snp_values.platform_words,
    "vmpl": lambda value: snp_values.privilege_levels(value, VMPL_HOST),
    "debug": values.debug,
    "migration_agent": values.debug,
    "policy_required": lambda value: values.word_set(value, _PERMISSIONS),
    "policy_allowed": lambda value: values.words(value, _PERMISSIONS),
    "unknown_policy_bits": values.debug,
    "minimum_abi": snp_values.version,
    "minimum_guest_svn": values.number,
    **{name: partial(values.values, size=size) for name, size in _MEASURED.items()},
    "id_key_digest": lambda value: values.values(value, _KEY_DIGEST_BYTES, absent=True),
    "author_key_digest": lambda value: values.values(value, _KEY_DIGEST_BYTES, absent=True),
    "report_data": lambda value: values.values(value, _REPORT_DATA_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
