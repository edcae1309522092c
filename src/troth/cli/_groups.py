# SPDX-License-Identifier: Apache-2.0
"""Headings for the facts of each kind; what no heading names stands under the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["GROUPS", "grouped", "spelt"]

_OTHER: Final = "Other"
_PLATFORM: Final = ("fmspc", "pck_ca", "pck_not_before", "pck_not_after", "cpu_svn", "pce_svn")
_QUOTE: Final = ("version", "body_type", "cert_data_type", "quote_bytes")
_NAMES: Final = {"cove": "CoVE", "azure": "Azure"}

GROUPS: Final[Mapping[str, Mapping[str, Sequence[str]]]] = {
    "tdx": {
        "Trust domain": (
            "mr_td",
            "td_attributes",
            "attributes_set",
            "debug",
            "sept_ve_disable",
            "xfam",
            "mr_config_id",
            "mr_owner",
            "mr_owner_config",
            "mr_service_td",
        ),
        "Registers": ("rtmr0", "rtmr1", "rtmr2", "rtmr3", "report_data"),
        "TDX module": (
            "tee_tcb_svn",
            "tee_tcb_svn2",
            "mr_seam",
            "mr_signer_seam",
            "seam_attributes",
        ),
        "Platform": _PLATFORM,
        "Quote": _QUOTE,
    },
    "sgx": {
        "Enclave": (
            "mr_enclave",
            "mr_signer",
            "isv_prod_id",
            "isv_svn",
            "attributes",
            "attributes_set",
            "debug",
            "xfrm",
            "misc_select",
            "report_data",
        ),
        "Key separation and sharing": (
            "isv_ext_prod_id",
            "family_id",
            "config_id",
            "config_svn",
        ),
        "Platform": ("report_cpu_svn", *_PLATFORM),
        "Quote": _QUOTE,
    },
    "snp": {
        "Guest": (
            "measurement",
            "host_data",
            "family_id",
            "image_id",
            "guest_svn",
            "vmpl",
            "of_host",
            "policy",
            "policy_set",
            "debug",
            "id_key_digest",
            "author_key_digest",
            "report_id",
            "report_data",
        ),
        "Platform": (
            "product",
            "chip_id",
            "chip_key_masked",
            "platform_info",
            "platform_set",
            "current_tcb",
            "committed_tcb",
            "launch_tcb",
            "reported_tcb",
        ),
    },
    "cca": {
        "Realm": (
            "rim",
            "rem0",
            "rem1",
            "rem2",
            "rem3",
            "personalization_value",
            "challenge",
            "realm_hash_algorithm",
            "realm_profile",
        ),
        "Platform": (
            "implementation_id",
            "instance_id",
            "platform_config",
            "lifecycle_state",
            "debug",
            "components",
            "platform_profile",
        ),
    },
    "cove": {
        "TVM": ("initial", "runtime", "identity", "public_key_sha256", "challenge"),
        "TSM": ("tsm_key_sha256", "tsm_components"),
        "Platform": (
            "manufacturer_id",
            "platform_state",
            "platform_key_sha256",
            "platform_components",
        ),
    },
    "azure": {
        "VM": (
            "hardware",
            "vm_unique_id",
            "secure_boot",
            "console_enabled",
            "tpm_enabled",
            "user_data",
            "hcl_version",
        ),
    },
}


def grouped(facts: Mapping[str, object], tee: str) -> dict[str, dict[str, object]]:
    """Return facts by heading, in the order of the headings; none is left out."""
    groups = {
        title: {name: facts[name] for name in names if name in facts}
        for title, names in GROUPS.get(tee, {}).items()
    }
    named = {name for group in groups.values() for name in group}
    groups[_OTHER if groups else "Claims"] = {
        name: value for name, value in facts.items() if name not in named
    }
    return {title: group for title, group in groups.items() if group}


def spelt(tee: str) -> str:
    """Return the name of a kind as people write it."""
    return _NAMES.get(tee, tee.upper())
