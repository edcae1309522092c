# SPDX-License-Identifier: Apache-2.0
"""An SVSM's services manifest: is it one, to its last byte?

Source: AMD 58019, Secure VM Service Module, "Attestation": a header of GUID[16], size of the whole
in bytes and number of services, then for each service GUID[16], offset and size of its data, all
little-endian. The report's data is a hash over form 1 and these bytes, so they must have one
reading: the services' data follow the table in its order, without gaps, and fill the rest.
"""

from __future__ import annotations

import struct
from typing import Final

from troth.errors import UntrustedError
from troth.wire.reader import Reader

__all__ = ["check_manifest"]

_SERVICES_GUID: Final = bytes.fromhex("bb9e8463923d7046a1ff58f9c94b87bb")  # 63849ebb-3d92-…, mixed
_HEADER: Final = struct.Struct("<16sII")
_ENTRY: Final = struct.Struct("<16sII")
_MOST_SERVICES: Final = 64


def check_manifest(data: bytes) -> int:
    """Return the number of services of a manifest that parses to its last byte.

    Raises:
        UntrustedError: `binding.manifest`.
    """
    if len(data) < _HEADER.size:
        raise UntrustedError("binding.manifest", f"{len(data)} bytes")
    reader = Reader(data)
    guid, size, count = _HEADER.unpack(reader.take(_HEADER.size, "manifest header"))
    table = count * _ENTRY.size
    if guid != _SERVICES_GUID or size != len(data):
        raise UntrustedError("binding.manifest", "not a services manifest of this size")
    if not 0 < count <= _MOST_SERVICES or table > reader.left:
        raise UntrustedError("binding.manifest", f"{count} services")
    at = _HEADER.size + table
    for _ in range(count):
        _, offset, length = _ENTRY.unpack(reader.take(_ENTRY.size, "manifest entry"))
        if offset != at:
            raise UntrustedError("binding.manifest", f"data at {offset}, {at} is due")
        at += length
    if at != len(data):
        raise UntrustedError("binding.manifest", f"services end at {at} of {len(data)}")
    return int(count)
