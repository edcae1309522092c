# SPDX-License-Identifier: Apache-2.0
"""A bundle without what chance and the clock put into it; all other bytes stay as they are.

proof            salt, place, path: their sizes stay
epoch            the tree's root, the signature
report           the report data, which is the epoch's digest, and both signatures
signed claims    the anchor's report data, the signature
statement        the guest's clock
"""

from __future__ import annotations

from typing import Any, Final

import cbor2

_REPORT_DATA: Final = slice(48 + 520, 48 + 584)  # TDX quote 4: header 48 bytes, body 584
_SIGNATURE: Final = slice(636, 700)  # behind the length of what is signed with
_QE_SIGNATURE: Final = slice(1154, 1218)  # behind the key, the certification header, the QE report
_IAT, _ANCHOR = 6, -65537
_NO_TIME: Final = 1 << 31  # as many bytes as any instant up to 2106


def normal(bundle: bytes) -> bytes:
    """Return a bundle whose random parts are zeros."""
    members = cbor2.loads(bundle)
    members["report"][1] = _report(members["report"][1])
    members["epoch"][1] = _signed(members["epoch"][1], {2: bytes(32)})
    spare = _claim(members) + (_claim(members["anchor"]) if "anchor" in members else 0)
    found = cbor2.dumps(members, canonical=True)
    assert len(found) == len(bundle) - spare
    return found


def _claim(members: dict[str, Any]) -> int:
    """Make a claim normal, and return by how much it got shorter: a place takes 1 to 3 bytes."""
    statement = members["statement"]
    if "proof" not in members:
        statement[1] = _signed(statement[1], {_IAT: _NO_TIME, _ANCHOR: bytes(64)})
        return 0
    statement[1] = _clockless(statement[1])
    was = members["proof"][1]
    salt, _, path = cbor2.loads(was)
    members["proof"][1] = cbor2.dumps([bytes(len(salt)), 0, [bytes(len(one)) for one in path]])
    return len(was) - len(members["proof"][1])


def _clockless(statement: bytes) -> bytes:
    value = cbor2.loads(statement)
    value[_IAT] = _NO_TIME
    return cbor2.dumps(value, canonical=True)


def _signed(data: bytes, changes: dict[int, object]) -> bytes:
    """Return a COSE_Sign1 whose payload has other members and whose signature is zeros."""
    tag = cbor2.loads(data)
    protected, unprotected, payload, signature = tag.value
    value = cbor2.loads(payload)
    assert changes.keys() <= value.keys()
    value |= changes
    content = cbor2.dumps(value, canonical=True)
    parts = [protected, unprotected, content, bytes(len(signature))]
    return cbor2.dumps(cbor2.CBORTag(tag.tag, parts))


def _report(data: bytes) -> bytes:
    value = cbor2.loads(data)
    quote = bytearray(value["outblob"])
    for part in (_REPORT_DATA, _SIGNATURE, _QE_SIGNATURE):
        quote[part] = bytes(64)
    value["outblob"] = bytes(quote)
    return cbor2.dumps(value, canonical=True)
