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
from troth.tsm.driver import COVE, Driver
from troth.tsm.root import root_register_of, root_value, why_unrooted

__all__ = ["demand_named", "demand_root_register", "demand_root_taken", "demand_startable"]

_PRIVATE: Final = 0o700
_ROOT_DIGEST_BYTES: Final = 48  # SHA-384 (BINDING 4.6)
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


def demand_root_register(loaded: Loaded[Configuration], provider: str) -> None:
    """Return if the root register that a configuration names is this TSM's, or none.

    Whether a guest can extend it here is seen when it is read: that is no fault of the file.

    Raises:
        UsageError: `usage.configuration`, it is another TSM's; the word to write is named.
        DriverError: `tsm.provider`.
    """
    named, own = loaded.value.trothd.root_register, root_register_of(provider)
    if named in {own, "none"}:
        return
    if own == "none":
        what = f'{why_unrooted(provider)}; write "none", which starts without a root'
    else:
        what = f'that of {provider} is "{own}"; or write "none", which starts without a root'
    where = loaded.where("trothd", "root_register")
    raise UsageError("usage.configuration", f"{where}: {what}")


def demand_root_taken(driver: Driver) -> None:
    """Return if the root register is there and takes the root digest; nothing is extended.

    Raises:
        DriverError: `tsm.no-registers`; `tsm.register`, it takes digests of another size only.
    """
    size = len(root_value(driver.provider, driver.registers()))
    if driver.provider == COVE and size != _ROOT_DIGEST_BYTES:
        raise DriverError(
            "tsm.register", f"a digest of {_ROOT_DIGEST_BYTES} bytes, it takes {size}"
        )


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
