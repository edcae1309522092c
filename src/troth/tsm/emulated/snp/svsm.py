# SPDX-License-Identifier: Apache-2.0
"""What an SVSM adds: the manifest of its services, and report data that is bound to it.

Source: AMD 58019, Secure VM Service Module, "Attestation": GUID[16], size of the whole and number
of services, then for each GUID[16], offset and size of its data; GUIDs in mixed byte order. One
service that is asked for by its GUID has its data alone for a manifest. The firmware signs
SHA-512(report data ‖ manifest) at privilege level 0.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from troth.errors import DriverError
from troth.tsm.emulated.snp.settings import Service

__all__ = ["SVSM", "bound_report_data", "service_manifest", "services_manifest"]

SVSM: Final = "svsm"
"""The name by which the kernel's configfs-tsm knows the service (`service_provider`)."""

_SERVICES: Final = UUID("63849ebb-3d92-4670-a1ff-58f9c94b87bb")
_HEADER: Final = struct.Struct("<16sII")
_ENTRY: Final = struct.Struct("<16sII")


def services_manifest(services: Sequence[Service]) -> bytes:
    """Return the manifest of services: their data behind the table, in its order, no gaps."""
    data = [bytes.fromhex(one.data) for one in services]
    at = _HEADER.size + len(data) * _ENTRY.size
    size = at + sum(map(len, data))
    table = b""
    for service, one in zip(services, data, strict=True):
        table += _ENTRY.pack(UUID(service.guid).bytes_le, at, len(one))
        at += len(one)
    return _HEADER.pack(_SERVICES.bytes_le, size, len(data)) + table + b"".join(data)


def service_manifest(services: Sequence[Service], guid: UUID, version: int) -> bytes:
    """Return the manifest of one service.

    Raises:
        DriverError: `tsm.argument`, no such service, or another version than 0.
    """
    for one in services:
        if UUID(one.guid) == guid and version == 0:
            return bytes.fromhex(one.data)
    raise DriverError("tsm.argument", f"no service {guid} with a manifest of version {version}")


def bound_report_data(report_data: bytes, manifest: bytes) -> bytes:
    """Return what the firmware is asked to sign for 64 bytes and a manifest."""
    return hashlib.sha512(report_data + manifest).digest()
