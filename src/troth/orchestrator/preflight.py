# SPDX-License-Identifier: Apache-2.0
"""What can be known of a start before the root step, which is not taken back.

A boot is rooted once. If `trothd serve` could not start behind the extend, its key would be lost,
and with a corrected configuration the boot would stay unrooted until the VM is rebooted. So what
would keep it from starting is looked for first.
"""

from __future__ import annotations

import grp
import os
import socket
import tempfile
from pathlib import Path
from typing import Final

from troth.errors import DriverError, UsageError
from troth.infra.settings import Loaded
from troth.orchestrator.clones import Uevents
from troth.orchestrator.configuration import ANY_CGROUP, Configuration
from troth.orchestrator.identity import Cgroup, find_hierarchy
from troth.orchestrator.run_directory import admin_socket, lock_file, namespace_socket

__all__ = ["demand_named", "demand_startable"]

_PRIVATE: Final = 0o700
_JOURNAL_BYTES: Final = 4096  # a new journal takes no more: one page of a memory file system


def demand_named(loaded: Loaded[Configuration]) -> None:
    """Return if each group and cgroup that a configuration names exists; nothing is touched.

    Raises:
        UsageError: `usage.configuration`, a group does not; key and line are named.
        DriverError: `identity.cgroup`, a cgroup does not; likewise.
    """
    for index, one in enumerate(loaded.value.namespace):
        if one.group is not None:
            try:
                grp.getgrnam(one.group)
            except KeyError:
                where = loaded.where("namespace", index, "group")
                what = f"there is no group {one.group!r}; make it, or name another"
                raise UsageError("usage.configuration", f"{where}: {what}") from None
        if one.cgroup != ANY_CGROUP:
            try:
                Cgroup.at(find_hierarchy(), one.cgroup)
            except DriverError as error:
                where = loaded.where("namespace", index, "cgroup")
                what = f"{error.detail}; make it, or name another"
                raise DriverError("identity.cgroup", f"{where}: {what}") from None


def demand_startable(loaded: Loaded[Configuration], run: Path) -> None:
    """Return if `trothd serve` could start now, as far as can be known without the root step.

    That the logs have room, the kernel cannot hibernate and the TSM answers is looked at elsewhere.

    Args:
        loaded: the configuration; its CA files were read with it.
        run: the run directory.

    Raises:
        UsageError: `usage.configuration`; `usage.running`, trothd serves there already;
            `usage.file`, `usage.socket`.
        DriverError: `identity.cgroup`, `state.write`, `clone.unwatched`.
    """
    demand_named(loaded)
    lock = lock_file(run / "lock")
    try:
        Uevents.open().close()
        _demand_writable(run / "state", 1 + len(loaded.value.namespace))
        for one in loaded.value.namespace:
            _let_go(namespace_socket(run / "ns" / one.label, one.group))
        _let_go(admin_socket(loaded.value.trothd.admin_socket))
    finally:
        os.close(lock)


def _demand_writable(state: Path, journals: int) -> None:
    try:
        state.mkdir(_PRIVATE, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("usage.file", f"{state}: {error.strerror}") from None
    try:
        with tempfile.TemporaryFile(dir=state) as file:
            file.write(bytes(journals * _JOURNAL_BYTES))
            file.flush()
    except OSError as error:
        raise DriverError("state.write", f"{state}: {error.strerror}") from None


def _let_go(listening: socket.socket) -> None:
    """Close a socket that was bound to see that it can be; the next one takes its place."""
    listening.close()
