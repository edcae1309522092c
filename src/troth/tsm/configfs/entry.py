# SPDX-License-Identifier: Apache-2.0
"""Report entries of our own: made for one request, shut to others, removed whatever happens.

A foreign uid that enters an entry could read the report, or have a new one made; so the entry is
made 0700 at once. What is left of the moment in between is in LIMITATIONS.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from troth.errors import DriverError
from troth.infra.log import Event
from troth.tsm import raw
from troth.tsm.configfs.owner import Owner
from troth.tsm.raw import Files
from troth.tsm.refusal import AT_ENTRY, AT_OPTION, told

__all__ = ["LEFT_MOST", "Entries", "Entry"]

LEFT_MOST: Final = 16  # entries that could not be removed; with more of them no other is made
_ALL_GONE: Final = frozenset({errno.ENOTCONN, errno.ECONNABORTED})  # the daemon of a FUSE mount

_log = structlog.get_logger()


class Entry:
    """One report entry, while it is there."""

    def __init__(self, files: Files, path: Path) -> None:
        """Take an entry that is there."""
        self._files = files
        self._path = path

    def names(self) -> frozenset[str]:
        """Return the attributes that the provider shows.

        Raises:
            DriverError: as `told`.
        """
        with told(self._path.parent):
            return self._files.names(self._path)

    def text(self, name: str) -> str:
        """Return a text attribute; see `raw.text`."""
        return raw.text(self._files, self._path / name)

    def number(self, name: str) -> int:
        """Return a number; see `raw.number`."""
        return raw.number(self._files, self._path / name)

    def blob(self, name: str) -> bytes:
        """Return a binary attribute; see `raw.blob`."""
        return raw.blob(self._files, self._path / name)

    def write(self, name: str, data: bytes) -> None:
        """Write an attribute in one piece.

        Raises:
            DriverError: `tsm.argument`, the kernel refuses the value; `tsm.failed`, it took a part
                of it; and as `told`.
        """
        path = self._path / name
        with told(path, AT_OPTION):
            taken = self._files.write(path, data)
        if taken != len(data):
            raise DriverError("tsm.failed", f"{name}: {taken} of {len(data)} bytes taken")


class Entries:
    """Our entries in the one directory of all."""

    def __init__(self, files: Files, reports: Path) -> None:
        """Take the directory `…/config/tsm/report`.

        Raises:
            DriverError: `tsm.entry`, it cannot be said who we are.
        """
        self._files = files
        self._reports = reports
        self._left: list[str] = []
        self._owner = Owner.here()

    @contextmanager
    def fresh(self) -> Iterator[Entry]:
        """Make an entry for the block, and remove it behind it.

        Raises:
            DriverError: `tsm.absent`, `tsm.denied`, `tsm.entry`; `tsm.entry-left`, too many could
                not be removed.
        """
        self.remove_left()
        if len(self._left) >= LEFT_MOST:
            raise DriverError("tsm.entry-left", f"{len(self._left)} of them")
        if self._owner.pid != os.getpid():  # a child of the process that made us
            self._owner = Owner.here()
        name = self._owner.new_name()
        path = self._reports / name
        may_be_there = True
        try:
            try:
                self._files.make(path)
            except OSError:
                may_be_there = False
                with told(self._reports, AT_ENTRY):  # not the entry: its name is for nobody else
                    raise
            with told(self._reports):
                self._files.restrict(path)
            yield Entry(self._files, path)
        finally:  # also when a signal's handler raised in the midst of the making
            if may_be_there and not self._remove(name):
                self._left.append(name)

    def remove_left(self) -> None:
        """Try again to remove what could not be removed."""
        self._left = [name for name in self._left if not self._remove(name)]

    def sweep(self) -> None:
        """Remove the entries of processes that have ended, as far as we may.

        Raises:
            DriverError: `tsm.absent`, `tsm.denied`.
        """
        with told(self._reports, AT_ENTRY):
            names = self._files.names(self._reports)
        for name in sorted(names):
            owner = Owner.of(name)
            if owner is not None and owner.is_dead(self._owner) and self._remove(name):
                _log.info(Event.ENTRY_SWEPT, entry=name)

    def _remove(self, name: str) -> bool:
        """Remove an entry and say whether it is gone; if not, the report is good anyway."""
        try:
            self._files.remove(self._reports / name)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in _ALL_GONE:
                return True
            _log.warning(Event.ENTRY_LEFT, code="tsm.entry-left", entry=name, reason=error.strerror)
            return False
        return True
