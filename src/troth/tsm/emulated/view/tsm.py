# SPDX-License-Identifier: Apache-2.0
"""configfs-tsm without a kernel: a provider, entries, and the one lock of all reports.

Source: `drivers/virt/coco/guest/report.c`. While a report is made, everything that needs the lock
waits, for other entries too; removing another entry and looking at files does not need it.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from typing import Final

from troth.tsm.emulated.view.answers import refusal
from troth.tsm.emulated.view.entry import Entry
from troth.tsm.emulated.view.numbers import guid, unsigned
from troth.tsm.emulated.view.provider import Kernel, Provider
from troth.tsm.emulated.view.turns import Turns

__all__ = ["INBLOB_MAX_BYTES", "NAME_MAX_BYTES", "Tsm"]

INBLOB_MAX_BYTES: Final = 64
NAME_MAX_BYTES: Final = 255
_PRIVLEVEL_MAX: Final = 3


class Tsm:
    """One TSM. Safe for use by several threads."""

    def __init__(self, kernel: Kernel, provider: Provider | None = None) -> None:
        """Take the kernel that is imitated and a provider, if one is registered from the start."""
        self.kernel = kernel
        self._provider = provider
        self._lock = Turns()  # the provider, and every field of every entry
        self._naming = threading.Lock()  # the table of names; never held while a report is made
        self._entries: dict[str, Entry] = {}

    def register(self, provider: Provider) -> None:
        """Put a provider in place.

        Raises:
            OSError: EBUSY, there is one, or an entry of an earlier one.
        """
        with self._lock:
            if self._provider is not None or self._entries:
                raise refusal(errno.EBUSY)
            self._provider = provider

    def unregister(self) -> None:
        """Take the provider away; entries stay.

        Raises:
            OSError: ENXIO, there is none.
        """
        with self._lock:
            self._registered()
            self._provider = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all entries."""
        with self._naming:
            return tuple(self._entries)

    def entry(self, name: str) -> Entry:
        """Return an entry.

        Raises:
            OSError: ENOENT; ENAMETOOLONG.
        """
        _check_name(name)
        with self._naming:
            found = self._entries.get(name)
        if found is None:
            raise refusal(errno.ENOENT)
        return found

    def make(self, name: str) -> Entry:
        """Make an entry.

        Raises:
            OSError: ENXIO, no provider; EEXIST; ENAMETOOLONG.
        """
        _check_name(name)
        with self._lock:
            provider = self._registered()
            with self._naming:
                if name in self._entries:
                    raise refusal(errno.EEXIST)
                made = self._entries[name] = Entry.showing(provider.attributes)
                return made

    def remove(self, name: str) -> None:
        """Remove an entry, after what is being done with it, whatever is open of it.

        Raises:
            OSError: ENOENT; ENAMETOOLONG.
        """
        entry = self.entry(name)
        entry.life.end()
        with self._naming:
            if self._entries.get(name) is entry:
                del self._entries[name]

    def commit(self, entry: Entry, inblob: bytes) -> None:
        """Make `inblob`, up to 64 bytes, what the next report is over; none wipes it.

        Raises:
            OSError: ENOENT, the entry was removed; EBUSY.
        """
        with entry.life.held(), self._lock:
            entry.advance()
            entry.ask(inblob=inblob)

    def store(self, entry: Entry, name: str, text: bytes) -> None:
        """Set an option.

        Raises:
            OSError: EINVAL, ERANGE, ENXIO, EBUSY; ENOENT, the entry was removed.
        """
        with entry.life.held():
            _STORES[name](self, entry, text)

    def show(self, entry: Entry, name: str) -> bytes:
        """Return the text of a text attribute.

        Raises:
            OSError: ENXIO, it is the provider's and there is none; ENOENT, the entry was removed.
        """
        with entry.life.held(), self._lock:
            return f"{self._shown(entry, name)}\n".encode()

    def blob(self, entry: Entry, name: str) -> bytes:
        """Return outblob, auxblob or manifestblob, and make a report first if that is due.

        The kernel calls this twice for a reader: for the length, and for the content.

        Raises:
            OSError: EINVAL, no inblob; ENXIO, no provider; ENOENT, the entry was removed; what
                the provider raises.
        """
        with entry.life.held(), self._lock:
            if not entry.request.inblob:
                raise refusal(errno.EINVAL)
            if not entry.is_current:
                provider = self._registered()
                entry.forget()
                entry.keep(provider.report(entry.request))
            value: bytes | None = getattr(entry.blobs, name)
            return b"" if value is None else value

    def set_privlevel(self, entry: Entry, text: bytes) -> None:
        """Ask for a privilege level; see `store`."""
        level = unsigned(text)
        with self._lock:
            if not self._registered().floor <= level <= _PRIVLEVEL_MAX:
                raise refusal(errno.EINVAL)
            entry.advance()
            entry.ask(privlevel=level)

    def set_service_provider(self, entry: Entry, text: bytes) -> None:
        """Ask a service; see `store`. Any name is accepted, and looked at when it is asked."""
        with self._lock:
            entry.advance()
            entry.ask(service_provider=text.removesuffix(b"\n").partition(b"\0")[0])

    def set_service_guid(self, entry: Entry, text: bytes) -> None:
        """Ask for one service's manifest; see `store`. A bad GUID is counted, and asks for all."""
        with self._lock:
            entry.advance()
            entry.ask(service_guid=bytes(16))
            entry.ask(service_guid=guid(text))

    def set_manifest_version(self, entry: Entry, text: bytes) -> None:
        """Ask for a version of the manifest; see `store`."""
        version = unsigned(text)
        with self._lock:
            entry.advance()
            entry.ask(service_manifest_version=version)

    def _shown(self, entry: Entry, name: str) -> object:
        if name == "generation":
            return entry.written
        provider = self._registered()
        return provider.name if name == "provider" else provider.floor

    def _registered(self) -> Provider:
        if self._provider is None:
            raise refusal(errno.ENXIO)
        return self._provider


def _check_name(name: str) -> None:
    if len(name.encode(errors="surrogateescape")) > NAME_MAX_BYTES:
        raise refusal(errno.ENAMETOOLONG)


_STORES: Final[dict[str, Callable[[Tsm, Entry, bytes], None]]] = {
    "privlevel": Tsm.set_privlevel,
    "service_provider": Tsm.set_service_provider,
    "service_guid": Tsm.set_service_guid,
    "service_manifest_version": Tsm.set_manifest_version,
}
