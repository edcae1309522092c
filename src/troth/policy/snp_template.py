# SPDX-License-Identifier: Apache-2.0
"""A commented section `[snp]`, written from the values that a report shows."""

from __future__ import annotations

from typing import Final

from msgspec.structs import asdict

from troth.evidence.snp import Product, SigningKey, SnpReport, Tcb
from troth.evidence.snp.policy import GuestPolicy

__all__ = ["policy_template_snp"]

_HEAD: Final = """\
# Policy for `troth verify --policy`. Every key is required; "any" is the only way to not compare.
# The values below are claims of {source}: this file was written without verifying it.
version = 1

[snp]
"""
_OWN_KEYS: Final = frozenset({"DEBUG", "MIGRATE_MA"})


def policy_template_snp(report: SnpReport, product: Product | None, source: str) -> str:
    """Return the text of a policy that accepts guests like that of `report`.

    Args:
        report: a parsed report; nothing of it has been verified.
        product: which processor made it, where the report (version 2) does not say.
        source: a name for it, such as the file's.
    """
    lines = [*_endorsement(report), *_platform(report, report.product or product), *_guest(report)]
    return _HEAD.format(source=_comment_safe(source)) + "\n".join(lines) + "\n"


def _endorsement(report: SnpReport) -> list[str]:
    return [
        "# Whether a current revocation list of the ARK is due: required, or any.",
        'crl = "required"',
        "# Reports that do not name their chip, as those under a VLEK may: forbid, or any.",
        f'masked_chip = "{"any" if _is_unnamed(report) else "forbid"}"',
        "# Chips and products whose keys are not trusted any more, because they leaked.",
        "chip_ids_refused = []",
        "products_refused = []",
        "# Keys: the chip's (VCEK) or the cloud provider's (VLEK); a VCEK has no provider: absent.",
        f"signing_key = {_list([report.signing_key.name])}",
        'csp_id = "any"',
        "",
    ]


def _is_unnamed(report: SnpReport) -> bool:
    """Say whether no chip is named because a provider's key speaks for it; that is no fault."""
    return report.signing_key is SigningKey.VLEK and not any(report.chip_id)


def _platform(report: SnpReport, product: Product | None) -> list[str]:
    settings = sorted(one for one in report.platform.names if not one.startswith("BIT_"))
    return [
        "# The oldest TCB that is good enough, part by part, of each product; others are denied.",
        f"minimum_reported_tcb = {_minimum(report.reported_tcb, product)}",
        f"minimum_launch_tcb = {_minimum(report.launch_tcb, product)}",
        "# Numbers of bits that must be set in the mitigation vectors (reports of version 5).",
        'launch_mitigations = "any"',
        'current_mitigations = "any"',
        f"# PLATFORM_INFO that must be set, and that must not; the report has {_list(settings)}.",
        "platform_required = []",
        "platform_forbidden = []",
        "",
    ]


def _guest(report: SnpReport) -> list[str]:
    bits = report.guest_policy
    major, minor = bits.abi
    names = sorted(bits.names & GuestPolicy.NAMES - _OWN_KEYS)
    author = report.author_key_digest.hex() if report.has_author_key else "absent"
    id_key = report.id_key_digest.hex() if any(report.id_key_digest) else "absent"
    level = '"host"' if report.is_of_host else str(report.vmpl)
    return [
        "# Privilege levels that may ask; a report of level 1 proves nothing about level 0.",
        f"vmpl = [{level}]",
        "# Permissions that the guest was launched with: debug and migration first; the others",
        "# must be there, or may be; one in neither list denies, as do bits that nobody knows.",
        'debug = "forbid"',
        'migration_agent = "forbid"',
        "policy_required = []",
        f"policy_allowed = {_list(names)}",
        'unknown_policy_bits = "forbid"',
        "# The oldest firmware ABI that the guest may run under, and its own security version.",
        f'minimum_abi = "{major}.{minor}"',
        f"minimum_guest_svn = {report.guest_svn}",
        "",
        "# The guest as launched, and what its owner and host said of it.",
        *(
            f"{name} = {_list([getattr(report, name).hex()])}"
            for name in ("measurement", "family_id", "image_id", "host_data")
        ),
        f"id_key_digest = {_list([id_key])}",
        f"author_key_digest = {_list([author])}",
        "",
        "# Up to 64 bytes each, zeros behind; differs with each nonce, so not compared here.",
        'report_data = "any"',
    ]


def _minimum(tcb: Tcb, product: Product | None) -> str:
    if product is None:
        return '"any"'
    parts = ", ".join(f"{name} = {svn}" for name, svn in asdict(tcb).items() if svn is not None)
    return f"{{ {product.value} = {{ {parts} }} }}"


def _list(words: list[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in words) + "]"


def _comment_safe(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)
