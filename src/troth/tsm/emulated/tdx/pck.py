# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of a PCK certificate, written (read by `troth.evidence.intel.pck`).

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, §1.3.5.
The members are lists, so that a test can drop, repeat or replace one before they are encoded.
"""

from __future__ import annotations

from troth.crypto import der
from troth.crypto.issue import Extension
from troth.evidence.intel.pck import SGX_EXTENSION
from troth.tsm.emulated.tdx.settings import Platform

__all__ = ["Members", "sgx_extension", "sgx_members", "tcb_members"]

Members = list[tuple[str, bytes]]
"""OIDs and encoded values, in the order in which they are written."""


def sgx_extension(members: Members) -> Extension:
    """Return the extension that holds `members`."""
    return Extension(oid=SGX_EXTENSION, value=der.encode_attributes(members))


def sgx_members(platform: Platform, tcb: Members | None = None) -> Members:
    """Return the members of the extension: five, and two more under the Platform CA.

    Args:
        platform: whose they are. Identifiers that it leaves open are zero.
        tcb: members of the TCB instead of the platform's own.
    """
    members = [
        (f"{SGX_EXTENSION}.1", _octets(platform.ppid or "00" * 16)),
        (f"{SGX_EXTENSION}.2", der.encode_attributes(tcb or tcb_members(platform))),
        (f"{SGX_EXTENSION}.3", _octets(platform.pce_id)),
        (f"{SGX_EXTENSION}.4", _octets(platform.fmspc)),
        (f"{SGX_EXTENSION}.5", der.encode_tlv(der.TAG_ENUMERATED, bytes((platform.sgx_type,)))),
    ]
    if platform.ca == "platform":
        configuration = (platform.dynamic_platform, platform.cached_keys, platform.smt)
        flags = [
            (f"{SGX_EXTENSION}.7.{n}", der.encode_tlv(der.TAG_BOOLEAN, b"\xff" if on else b"\0"))
            for n, on in enumerate(configuration, 1)
        ]
        members += [
            (f"{SGX_EXTENSION}.6", _octets(platform.platform_instance_id or "00" * 16)),
            (f"{SGX_EXTENSION}.7", der.encode_attributes(flags)),
        ]
    return members


def tcb_members(platform: Platform) -> Members:
    """Return the eighteen members of the TCB: components, PCESVN, CPUSVN."""
    components = [
        (f"{SGX_EXTENSION}.2.{n}", der.encode_integer(svn))
        for n, svn in enumerate(platform.components, 1)
    ]
    return [
        *components,
        (f"{SGX_EXTENSION}.2.17", der.encode_integer(platform.pce_svn)),
        (f"{SGX_EXTENSION}.2.18", _octets(platform.cpu_svn or "00" * 16)),
    ]


def _octets(text: str) -> bytes:
    return der.encode_tlv(der.TAG_OCTET_STRING, bytes.fromhex(text))
