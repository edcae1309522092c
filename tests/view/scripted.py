# SPDX-License-Identifier: Apache-2.0
"""The test provider of tests/vm/module in Python, for the model: same parameters, same bytes."""

from __future__ import annotations

import errno
import struct
import threading
import time
from dataclasses import dataclass
from typing import Final

from troth.tsm.emulated.view import attributes
from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.provider import Blobs, Request
from troth.tsm.emulated.view.tsm import Tsm

__all__ = ["Parameters", "Scripted", "Switchboard"]

_HEAD: Final = struct.Struct("<8sIIII64s16s64sI")
_SERVICE_MAX_BYTES: Final = 63  # and a NUL
_ATTRIBUTES: Final = (attributes.TDX, attributes.SNP, attributes.SVSM)
_NAMES: Final = ("tdx_guest", "sev_guest", "sev_guest")
SNP: Final = 1
SVSM: Final = 2


@dataclass(slots=True)
class Parameters:
    """What the provider is told; see tests/conformance/control.py."""

    style: int = 0
    floor: int = 0
    outblob_size: int = 1000
    auxblob_size: int = 600
    manifest_size: int = 300
    delay_ms: int = 0
    error: int = 0
    need64: int = 0
    calls: int = 0
    busy: int = 0


class Scripted:
    """A provider, with the name and the floor that its parameters gave when it was made."""

    def __init__(self, parameters: Parameters) -> None:
        """Take the parameters, which may change while it is registered."""
        self.parameters = parameters
        self.name = _NAMES[parameters.style]
        self.floor = parameters.floor

    @property
    def attributes(self) -> frozenset[str]:
        """What a new entry shows."""
        return _ATTRIBUTES[self.parameters.style]

    def report(self, request: Request) -> Blobs:
        """Make the blobs of the test provider."""
        self.parameters.busy = 1
        try:
            return self._report(request)
        finally:
            self.parameters.busy = 0

    def _report(self, request: Request) -> Blobs:
        told = self.parameters
        told.calls += 1
        call = told.calls
        time.sleep(told.delay_ms / 1000)
        if told.error:
            raise refusal(told.error)
        if told.need64 and len(request.inblob) != 64:
            raise refusal(errno.EINVAL)
        head = _HEAD.pack(
            b"TROTHTSM",
            call,
            request.privlevel,
            len(request.inblob),
            told.outblob_size,
            request.inblob,
            request.service_guid,
            (request.service_provider or b"")[:_SERVICE_MAX_BYTES],
            request.service_manifest_version,
        )
        return Blobs(
            outblob=head[: told.outblob_size] + _filler(told.outblob_size - len(head), call),
            auxblob=_filler(told.auxblob_size, call + 1) if told.style >= SNP else None,
            manifestblob=_filler(told.manifest_size, call + 2) if told.style >= SVSM else None,
        )


class Switchboard:
    """The parameters as the control's lines set and ask them."""

    def __init__(self, tsm: Tsm, parameters: Parameters) -> None:
        """Take a TSM without a provider."""
        self._tsm = tsm
        self._parameters = parameters
        self._registering = threading.Lock()
        self._registered = 0

    def answer(self, line: str) -> str:
        """Carry out `set NAME VALUE` or `get NAME`."""
        word, name, *value = line.split()
        if word == "get":
            return str(self._registered if name == "registered" else self._value(name))
        try:
            self.change(name, int(value[0]))
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        return "0"

    def change(self, name: str, value: int) -> None:
        """Set a parameter."""
        if name == "registered":
            self._register(value)
            return
        self._value(name)
        setattr(self._parameters, name, value)

    def _value(self, name: str) -> object:
        if name not in Parameters.__slots__:
            raise ValueError(name)
        return getattr(self._parameters, name)

    def _register(self, value: int) -> None:
        with self._registering:
            if value == self._registered:
                return
            if value:
                self._tsm.register(Scripted(self._parameters))
            else:
                self._tsm.unregister()
            self._registered = value


def _filler(size: int, byte: int) -> bytes:
    return bytes([byte & 0xFF]) * max(0, size)
