# SPDX-License-Identifier: Apache-2.0
"""The report member of a bundle: the three blobs of configfs-tsm (BINDING 4.4, `tsm-report`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from troth.errors import MalformedError
from troth.evidence.binding import _check
from troth.wire import cbor

__all__ = ["TSM_REPORT_MAX_BYTES", "Service", "TsmReport"]

TSM_REPORT_MAX_BYTES: Final = 16 << 20

_DUE: Final = frozenset({"provider", "outblob"})
_MAY: Final = frozenset({"auxblob", "service"})
_SERVICE_DUE: Final = frozenset({"service_provider", "manifestblob"})
_NONE: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What a service such as an SVSM adds: its provider (a hint) and its manifest."""

    provider: str
    manifest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TsmReport:
    """What the TSM gave for one request.

    Attributes:
        provider: the kernel's name for the TSM: a hint, nothing is decided on it.
        outblob: the report.
        auxblob: auxiliary data, such as certificates.
        service: what a service added.
        encoded: the member's bytes.
    """

    provider: str
    outblob: bytes
    auxblob: bytes | None = None
    service: Service | None = None
    encoded: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the types and encode.

        Raises:
            MalformedError: `binding.…`.
        """
        most = TSM_REPORT_MAX_BYTES
        value: dict[str, object] = {}
        if self.auxblob is not None:
            value["auxblob"] = _check.some_bytes(self.auxblob, 0, most, "auxblob")
        value["outblob"] = _check.some_bytes(self.outblob, 0, most, "outblob")
        if self.service is not None:
            value["service"] = {
                "manifestblob": _check.some_bytes(self.service.manifest, 0, most, "manifestblob"),
                "service_provider": _check.text(self.service.provider, 0, most, "service_provider"),
            }
        value["provider"] = _check.text(self.provider, 0, most, "provider")
        object.__setattr__(self, "encoded", cbor.encode(value))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a report member.

        Raises:
            MalformedError: `cbor.…` or `binding.…`.
        """
        value = cbor.decode(data, max_bytes=TSM_REPORT_MAX_BYTES, text_keys=True)
        got = _check.members(value, _DUE, _MAY, "report")
        service = None
        if "service" in got:
            parts = _check.members(got["service"], _SERVICE_DUE, _NONE, "service")
            service = Service(provider=parts["service_provider"], manifest=parts["manifestblob"])
        return cls(
            provider=got["provider"],
            outblob=got["outblob"],
            auxblob=got.get("auxblob"),
            service=service,
        )


def record(value: object, media_type: str, indicator: int, what: str) -> bytes:
    """Return the content of a CMW record (RFC 9999) that must have this type and indicator.

    Raises:
        MalformedError: `binding.type`, `binding.members`, or `binding.media-type`.
    """
    kind, content, found = _check.items(value, 3, what)
    if type(content) is not bytes or type(kind) is not str or type(found) is not int:
        raise MalformedError("binding.type", f"{what} is not a record of type, bytes, indicator")
    if kind != media_type or found != indicator:
        raise MalformedError("binding.media-type", f"{what}: {kind!r}, indicator {found}")
    return content
