# SPDX-License-Identifier: Apache-2.0
"""The PCK certificate chain and the SGX extension of its leaf.

Source: Intel SGX PCK Certificate and Certificate Revocation List Profile Specification, §1.3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import Final, Self

import msgspec

from troth.crypto import der
from troth.crypto.digest import sha256
from troth.crypto.x509 import Certificate
from troth.errors import MalformedError, UntrustedError
from troth.evidence.intel.layout import CPU_SVN_BYTES, TCB_COMPONENTS
from troth.wire.text import pem_blocks

__all__ = ["CA_NAMES", "PCK_NAME", "SGX_EXTENSION", "PckChain", "PckExtension"]

SGX_EXTENSION: Final = "1.2.840.113741.1.13.1"
_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE, _INSTANCE, _CONFIG = (
    f"{SGX_EXTENSION}.{n}" for n in range(1, 8)
)
_COMPONENTS: Final = tuple(f"{_TCB}.{n}" for n in range(1, TCB_COMPONENTS + 1))
_PCE_SVN: Final = f"{_TCB}.17"
_CPU_SVN: Final = f"{_TCB}.18"
_MANDATORY: Final = frozenset({_PPID, _TCB, _PCE_ID, _FMSPC, _SGX_TYPE})
_PLATFORM_ONLY: Final = frozenset({_INSTANCE, _CONFIG})
_TCB_MEMBERS: Final = frozenset({*_COMPONENTS, _PCE_SVN, _CPU_SVN})
_CHAIN_LENGTH: Final = 3
# The one encoding of each number from 0 to 255 (X.690 §8.3.2).
_OCTETS: Final = {(der.TAG_INTEGER, der.encode_integer(one)[2:]): one for one in range(256)}

# The common names of the profile (§1.3), and what its CAs are called elsewhere.
PCK_NAME: Final = "Intel SGX PCK Certificate"
CA_NAMES: Final = {
    "Intel SGX PCK Platform CA": "platform",
    "Intel SGX PCK Processor CA": "processor",
}


class PckExtension(msgspec.Struct, frozen=True):
    """What the SGX extension says of the platform.

    `components` are the sixteen SVNs that TCB levels are compared with; `cpu_svn` is the raw
    register and is not compared with anything.
    """

    ppid: bytes
    components: tuple[int, ...]
    pce_svn: int
    cpu_svn: bytes
    pce_id: bytes
    fmspc: bytes
    sgx_type: int
    platform_instance_id: bytes | None

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read the extension's value by OID, each mandatory member exactly once.

        Raises:
            MalformedError: `pck.extension`.
        """
        members = _members(content, "SGX extension", _MANDATORY, _PLATFORM_ONLY)
        tag, tcb_content = members[_TCB]
        tcb = _members(der.encode_tlv(tag, tcb_content), "TCB", _TCB_MEMBERS, frozenset())
        instance = members.get(_INSTANCE)
        return cls(
            ppid=_octets(members[_PPID], 16, "PPID"),
            components=tuple([_component(tcb[oid]) for oid in _COMPONENTS]),
            pce_svn=_integer(tcb[_PCE_SVN], 0xFFFF, "PCESVN"),
            cpu_svn=_octets(tcb[_CPU_SVN], CPU_SVN_BYTES, "CPUSVN"),
            pce_id=_octets(members[_PCE_ID], 2, "PCEID"),
            fmspc=_octets(members[_FMSPC], 6, "FMSPC"),
            sgx_type=_number(members[_SGX_TYPE], der.TAG_ENUMERATED, 2, "SGX type"),
            platform_instance_id=None if instance is None else _octets(instance, 16, "instance"),
        )


class PckChain(msgspec.Struct, frozen=True, dict=True):
    """Leaf, intermediate and root as a quote carries them; nothing is checked but the shape.

    `pem_sha256` is of the text that they were read from.
    """

    pem_sha256: bytes
    leaf: Certificate
    intermediate: Certificate
    root: Certificate

    @classmethod
    def parse(cls, pem: bytes, read: Callable[[bytes], Certificate] = Certificate) -> Self:
        """Read three PEM certificates.

        Args:
            pem: the text.
            read: reads a certificate's DER, or knows it from before.

        Raises:
            MalformedError: `wire.pem` or `x509.malformed`.
            UntrustedError: `pck.chain-shape`.
        """
        certificates = [read(one) for one in pem_blocks(pem, "CERTIFICATE", most=_CHAIN_LENGTH + 1)]
        if not certificates:
            raise MalformedError("wire.pem", "no certificate")
        if len(certificates) != _CHAIN_LENGTH:
            raise UntrustedError(
                "pck.chain-shape", f"{len(certificates)} certificates, {_CHAIN_LENGTH} are due"
            )
        return cls(sha256(pem), *certificates)

    @cached_property
    def extension(self) -> PckExtension:
        """What the leaf says of the platform, read when first asked for.

        Raises:
            MalformedError: `pck.extension`.
        """
        content = self.leaf.extension(SGX_EXTENSION)
        if content is None:
            raise MalformedError("pck.extension", "the leaf has none")
        return PckExtension.parse(content)

    @cached_property
    def window(self) -> tuple[datetime, datetime]:
        """The instants, both included, between which all three certificates count."""
        parts = (self.leaf, self.intermediate, self.root)
        return max(one.not_before for one in parts), min(one.not_after for one in parts)

    @property
    def ca(self) -> str:
        """Which kind of CA issued the leaf: `platform`, `processor` or `unknown`."""
        return CA_NAMES.get(self.intermediate.common_name, "unknown")


def _members(
    content: bytes, what: str, mandatory: frozenset[str], optional: frozenset[str]
) -> dict[str, der.Value]:
    pairs = der.attributes(content, "pck.extension")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedError("pck.extension", f"a member of {what} occurs twice")
    missing = mandatory - members.keys()
    unknown = members.keys() - mandatory - optional
    if missing or unknown:
        problem = f"missing {sorted(missing)}" if missing else f"unknown {sorted(unknown)}"
        raise MalformedError("pck.extension", f"{what}: {problem}")
    return members


def _octets(value: der.Value, size: int, what: str) -> bytes:
    tag, content = value
    if tag != der.TAG_OCTET_STRING or len(content) != size:
        raise MalformedError("pck.extension", f"{what} is not {size} octets")
    return content


def _component(value: der.Value) -> int:
    number = _OCTETS.get(value)
    if number is None:
        raise MalformedError("pck.extension", "an SVN is not a number from 0 to 255")
    return number


def _integer(value: der.Value, most: int, what: str) -> int:
    return _number(value, der.TAG_INTEGER, most, what)


def _number(value: der.Value, tag: int, most: int, what: str) -> int:
    got, content = value
    number = int.from_bytes(content, "big", signed=True) if content else -1
    if got != tag or not 0 <= number <= most or len(content) != number.bit_length() // 8 + 1:
        raise MalformedError("pck.extension", f"{what} is not a number from 0 to {most}")
    return number
