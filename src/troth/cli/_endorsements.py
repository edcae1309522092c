# SPDX-License-Identifier: Apache-2.0
"""What vouches for each kind of evidence: the options, and which kind takes which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypedDict

import click
from msgspec.structs import replace

from troth.cli import _inputs as inputs
from troth.cli import _trusted as trusted
from troth.collect import AmdFiles, attestation_keys
from troth.errors import TrothError, UsageError
from troth.evidence.azure import AzureEvidence
from troth.evidence.detect import Tee
from troth.policy import Endorsements, JudgeOptions
from troth.verify import ChipId, Revocation

__all__ = ["Flags", "demand_suitable", "endorsed", "endorsement_options"]


class Flags(TypedDict):
    """The options as click gives them."""

    collateral: tuple[str, ...]
    without_collateral: bool
    root: tuple[str, ...]
    without_crl: bool
    any_chip: bool
    cpak: tuple[str, ...]
    implementation_id: str | None
    instance_id: str | None
    ak: tuple[str, ...]


_INTEL: Final = frozenset({"collateral", "without_collateral", "root"})
_AMD: Final = frozenset({"collateral", "root", "without_crl", "any_chip"})
_TAKEN: Final[Mapping[Tee, frozenset[str]]] = {
    "tdx": _INTEL,
    "sgx": _INTEL,
    "snp": _AMD,
    "cca": frozenset({"cpak", "implementation_id", "instance_id"}),
    "cove": frozenset({"root"}),
    "tpm": frozenset({"root", "ak"}),
    "azure": _INTEL | _AMD,
}
_NOT_GIVEN: Final = ((), False, None)  # an empty word was given
_OPTIONS: Final = (
    click.option(
        "--collateral",
        metavar="PATH",
        multiple=True,
        help="What the vendor signed about the platform, or a directory of such files. May be "
        "given several times. TDX, SGX: collateral bundles; the set is chosen by TEE, FMSPC and "
        "CA; of those valid, the highest evaluation number. SNP: certificates (PEM, DER), "
        "revocation lists, the host's certificate table, bundles.",
    ),
    click.option(
        "--without-collateral",
        is_flag=True,
        help="TDX, SGX: do not ask whether the platform is up to date or revoked, nor which build "
        'of the quoting enclave made the quote. The TCB status is "unknown", and the trace lists '
        "what was not checked.",
    ),
    click.option(
        "--root",
        metavar="FILE",
        multiple=True,
        help="Trust the key of this root certificate (PEM) instead of the vendors'. CoVE: roots "
        "of trust as JSON; none are built in. TPM: roots of attestation keys; likewise. May be "
        "given several times.",
    ),
    click.option(
        "--without-crl",
        is_flag=True,
        help="SNP without a policy: do not demand a current revocation list of the root.",
    ),
    click.option(
        "--any-chip",
        is_flag=True,
        help="SNP without a policy: take a report whose host keeps the chip's identity back.",
    ),
    click.option(
        "--cpak",
        metavar="FILE",
        multiple=True,
        help="CCA: keys of known platforms: a JSON array, each with its ids, or one key as JWK or "
        "PEM, whose platform the next two options name. May be given several times.",
    ),
    click.option(
        "--implementation-id", metavar="HEX", help="CCA: of the platform of a lone key, 32 bytes."
    ),
    click.option("--instance-id", metavar="HEX", help="CCA: likewise, 33 bytes."),
    click.option(
        "--ak",
        metavar="FILE",
        multiple=True,
        help="TPM: take this attestation key (public, PEM) as known, whatever certificates say. "
        "May be given several times.",
    ),
)


def endorsement_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options in `Flags`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def demand_suitable(tee: Tee, flags: Flags, *, has_policy: bool) -> None:
    """Return if every option that was given is one for this kind of evidence.

    Raises:
        UsageError: `usage.arguments`.
    """
    _demand_taken(flags, _TAKEN[tee], f"{tee} evidence")
    for name in ("without_crl", "any_chip"):
        if has_policy and flags[name]:
            raise UsageError("usage.arguments", f"{_spelt(name)}: the policy says so, or does not")
    if flags["ak"] and flags["root"]:
        raise UsageError("usage.arguments", "--ak and --root exclude one another")
    if not flags["cpak"]:
        for own in ("implementation_id", "instance_id"):
            if flags[own] is not None:
                raise UsageError("usage.arguments", f"{_spelt(own)} is for a key of --cpak")


def endorsed(evidence: bytes, tee: Tee, flags: Flags, options: JudgeOptions) -> JudgeOptions:
    """Return the options of a judgement with what vouches for evidence of a kind.

    Raises:
        UsageError: `usage.arguments`, an option for the other hardware below Azure's paravisor;
            `usage.file`, `usage.hex`, `usage.root`.
        MalformedError, UntrustedError, StaleError: of collateral; the file's name in front.
    """
    hardware = _hardware(evidence) if tee == "azure" else tee
    if tee == "azure" and hardware is not None:
        _demand_taken(flags, _TAKEN[hardware], f"azure evidence over {hardware}")
    options = replace(options, anchors=trusted.anchors(tee, flags["root"]))
    paths = flags["collateral"]
    if hardware in ("tdx", "sgx") and not flags["without_collateral"]:
        options = replace(options, collateral=inputs.collateral_sets(paths))
    amd = inputs.amd_files(paths) if hardware == "snp" else AmdFiles()
    return replace(
        options,
        endorsements=Endorsements(
            snp=amd.sets,
            amd_certificates=amd.authorities,
            amd_crls=amd.crls,
            revocation=Revocation.ANY if flags["without_crl"] else Revocation.REQUIRED,
            chip=ChipId.MASKED if flags["any_chip"] else ChipId.NAMED,
            cpaks=trusted.cpaks(flags["cpak"], flags["implementation_id"], flags["instance_id"]),
            cove_roots=trusted.cove_roots(flags["root"] if tee == "cove" else ()),
            tpm_keys=attestation_keys(flags["ak"]) if flags["ak"] else None,
        ),
    )


def _demand_taken(flags: Flags, taken: frozenset[str], what: str) -> None:
    for name, value in flags.items():
        if value not in _NOT_GIVEN and name not in taken:
            own = [_spelt(one) for one in Flags.__annotations__ if one in taken]
            raise UsageError(
                "usage.arguments",
                f"{_spelt(name)} is not for {what}, which takes {', '.join(own)}",
            )


def _hardware(evidence: bytes) -> Literal["tdx", "snp"] | None:
    """Return what lies under a paravisor; None of evidence that the judgement will refuse."""
    try:
        return AzureEvidence.parse(evidence).hcl.hardware
    except TrothError:
        return None


def _spelt(name: str) -> str:
    return "--" + name.replace("_", "-")
