# SPDX-License-Identifier: Apache-2.0
"""Policy for Azure's confidential VMs: the paravisor's claims, and what lies under and in them.

Three sections judge one VM: `[azure]` the configuration, `[tpm]` the quote of its vTPM, and that
of the hardware, `[snp]` or `[tdx]`. Each of them must be there, and no other: a policy that has
`[azure]` takes nothing else, since whoever sends evidence could cut a part out of Azure's and be
held to that part's section alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

import msgspec

from troth.errors import DeniedError
from troth.evidence.azure.layout import HARDWARE, REPORT_DATA_BYTES
from troth.policy import values
from troth.policy.rules import Rules
from troth.policy.snp import SnpPolicy, appraise_snp
from troth.policy.tdx import TdxPolicy, appraise_tdx
from troth.policy.tpm import TpmPolicy, quoted_rules, required
from troth.policy.values import ANY, Allowed, Words
from troth.verify import Trace, Verified
from troth.verify.azure import AzureFacts, HardwareFacts, SnpHardware

__all__ = [
    "CONVERTERS",
    "AzurePolicy",
    "AzureSections",
    "appraise_azure",
    "companions_problem",
    "takes_azure_alone",
]

T = TypeVar("T")

_SAYS_NOTHING: Final = "not said"


class AzurePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The section `[azure]`, one field a key; see the guide on policies for what each means."""

    hardware: Words
    secure_boot: str
    console: str
    vm_unique_id: Words
    user_data: Allowed


class AzureSections(msgspec.Struct, frozen=True, kw_only=True):
    """The sections of a policy that bear on one VM; None for those that it does not have."""

    azure: AzurePolicy | None
    tpm: TpmPolicy | None
    snp: SnpPolicy | None
    tdx: TdxPolicy | None


def takes_azure_alone(name: str, what: str) -> DeniedError:
    """Return what denies other evidence under a policy that has [azure].

    Args:
        name: of the policy.
        what: there was, such as "snp evidence by itself".
    """
    return DeniedError(
        "policy.section",
        f"{name} has [azure], which takes Azure's evidence alone: {what} needs a policy without "
        "that section",
    )


def companions_problem(policy: AzurePolicy, sections: Collection[str]) -> str | None:
    """Return why no VM could be judged by [azure] beside these sections, for people; else None.

    Due are [tpm] and the section of each hardware that [azure] takes; others could judge nothing.
    """
    taken = policy.hardware
    due = ["tpm", *sorted(HARDWARE.values() if isinstance(taken, type) else taken)]
    missing = [f"[{one}]" for one in due if one not in sections]
    if missing:
        return f"lacks {', '.join(missing)} beside it: its evidence is held to each of them"
    idle = [f"[{one}]" for one in sections if one not in (*due, "azure")]
    if idle:
        has = "has" if len(idle) == 1 else "have"
        return (
            f"{', '.join(idle)} {has} no use beside it: a policy with [azure] takes Azure's "
            "evidence alone, of the hardware that it names"
        )
    return None


def appraise_azure(
    verified: Verified[AzureFacts], sections: AzureSections, *, name: str, trace: Trace
) -> None:
    """Return if the facts satisfy every rule of every section.

    Args:
        verified: what `troth.verify.azure` returned.
        sections: of the policy.
        name: what the policy is called in the trace.
        trace: where each rule is noted.

    Raises:
        DeniedError: `policy.section`, one is missing; `policy.*`, the first rule that said no.
    """
    facts = verified.value
    azure = _due(sections.azure, "azure", name)
    tpm = _due(sections.tpm, "tpm", name)
    rules = Rules("azure", name, trace)
    _vm_rules(facts, azure, rules)
    rules.decide()
    rules = Rules("tpm", name, trace.nested("tpm."))
    quoted_rules(facts.quoted, tpm, rules)
    rules.decide()
    _appraise_hardware(facts.hardware, sections, name, trace.nested("hardware."))


def _vm_rules(facts: AzureFacts, policy: AzurePolicy, rules: Rules) -> None:
    """Try the rules of `[azure]`. What the paravisor does not say is not what is demanded."""
    configuration = facts.hcl.claims.vm_configuration
    rules.fits("hardware", facts.hcl.hardware, policy.hardware, "policy.hardware")
    rules.holds(
        "secure_boot",
        policy.secure_boot == ANY or configuration.secure_boot is True,
        "policy.vm",
        expected=policy.secure_boot,
        got=_told(configuration.secure_boot),
    )
    rules.holds(
        "console",
        policy.console == ANY or configuration.console_enabled is False,
        "policy.vm",
        expected=policy.console,
        got=_told(configuration.console_enabled),
    )
    vm = configuration.vm_unique_id or _SAYS_NOTHING
    rules.fits("vm_unique_id", vm, policy.vm_unique_id, "policy.vm")
    user_data = bytes.fromhex(facts.hcl.claims.user_data)
    rules.fits("user_data", user_data, policy.user_data, "policy.report-data")


def _appraise_hardware(
    hardware: HardwareFacts, sections: AzureSections, name: str, trace: Trace
) -> None:
    if isinstance(hardware, SnpHardware):
        snp = _due(sections.snp, "snp", name)
        appraise_snp(hardware.verified, snp, name=name, trace=trace)
    else:
        tdx = _due(sections.tdx, "tdx", name)
        appraise_tdx(hardware.verified, tdx, name=name, trace=trace)


def _told(value: bool | None) -> str:
    return _SAYS_NOTHING if value is None else str(value).lower()


def _due(section: T | None, key: str, name: str) -> T:
    if section is None:
        raise DeniedError("policy.section", f"{name}: no section [{key}]")
    return section


CONVERTERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "hardware": lambda value: values.words(value, frozenset(HARDWARE.values())),
    "secure_boot": required,
    "console": values.debug,
    "vm_unique_id": values.words,
    "user_data": lambda value: values.values(value, REPORT_DATA_BYTES, pad=True),
}
"""What makes a value of each key, or raises ValueError for people."""
