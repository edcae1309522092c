# SPDX-License-Identifier: Apache-2.0
"""Who is on a socket: the process that connected, and whether it is of a namespace (BINDING 6).

The kernel names the process that **connected**, by a pidfd, and the cgroup it is in, by an id that
is never used again. Both are asked anew for each request and at the freeze. What a process says of
itself has no part in this.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from troth.errors import DeniedError, DriverError

__all__ = ["Cgroup", "Peer", "admit", "find_hierarchy"]

# asm-generic/socket.h, since Linux 6.5; Python 3.11 has no name for it.
_SO_PEERPIDFD: Final = 77
_UCRED: Final = struct.Struct("iII")  # pid, uid, gid; unix(7)

# uapi/linux/pidfd.h, since Linux 6.13: struct pidfd_info, its first 64 bytes.
_PIDFD_INFO: Final = struct.Struct("=QQ11Ii")  # mask, cgroupid, pid and other ids, exit_code
_PIDFD_GET_INFO: Final = (3 << 30) | (_PIDFD_INFO.size << 16) | (0xFF << 8) | 11  # _IOWR(0xFF, 11)
_PIDFD_INFO_CGROUPID: Final = 1 << 2

_MOUNTS: Final = Path("/proc/self/mountinfo")


@dataclass(slots=True)
class Cgroup:
    """A namespace's cgroup, by the id that it had when the namespace was made.

    Attributes:
        hierarchy: where cgroup v2 is mounted.
        id: of the cgroup; None where cgroups are not compared, which only "any" says.
        below: ids of cgroups seen below it. A cgroup is never moved, so this stays true.
    """

    hierarchy: Path
    id: int | None
    below: set[int] = field(default_factory=set)

    @classmethod
    def at(cls, hierarchy: Path, path: str) -> Cgroup:
        """Return the cgroup that is at `path` below the mount now.

        Raises:
            DriverError: `identity.cgroup`, there is none.
        """
        try:
            found = os.stat(hierarchy / path.lstrip("/"))  # noqa: PTH116 - an id, not a file
        except OSError as error:
            raise DriverError("identity.cgroup", f"{path}: {error.strerror}") from None
        return cls(hierarchy, found.st_ino)

    def check(self, peer: Peer) -> None:
        """Return if a process is in this cgroup or one below it.

        Raises:
            DeniedError: `identity.cgroup-other`, it is not; `identity.gone`.
        """
        if self.id is None:
            return
        current = peer.cgroup_id(self.hierarchy)
        if current == self.id or current in self.below:
            return
        if self._is_below(peer, current):
            self.below.add(current)
            return
        raise DeniedError("identity.cgroup-other", "the caller is not in this socket's cgroup")

    def _is_below(self, peer: Peer, current: int) -> bool:
        """Climb from the process's cgroup to the root of the hierarchy, by id at each step."""
        path = self.hierarchy / peer.cgroup_path().lstrip("/")
        try:
            if path.stat().st_ino != current:
                raise DeniedError("identity.gone", "the caller moved while it was looked at")
            while path != self.hierarchy:
                if path.stat().st_ino == self.id:
                    return True
                path = path.parent
        except OSError:
            raise DeniedError("identity.gone", "the caller's cgroup is gone") from None
        return False


class Peer:
    """The process that opened a connection, held by a pidfd until the connection ends."""

    __slots__ = ("_fd", "cgroup", "pid", "uid")

    def __init__(self, fd: int, pid: int, uid: int, cgroup: Cgroup) -> None:
        """Take a pidfd, which is closed with this, and what the process must belong to."""
        self._fd = fd
        self.pid = pid
        self.uid = uid
        self.cgroup = cgroup

    def check(self) -> None:
        """Return if the process still lives and still is where it has to be.

        Raises:
            DeniedError: `identity.gone`, `identity.cgroup-other`.
        """
        self.cgroup.check(self)
        self.check_alive()  # last: what was read of a process counts only if it lives after it

    def check_alive(self) -> None:
        """Return if the process lives.

        Raises:
            DeniedError: `identity.gone`; it ended, or the connection did.
        """
        if self._fd < 0:
            raise DeniedError("identity.gone", "the caller has left")
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)  # readable once the process has ended
        if poll.poll(0):
            raise DeniedError("identity.gone", "the process that connected has ended")

    def cgroup_id(self, hierarchy: Path) -> int:
        """Return the id of the process's cgroup.

        Raises:
            DeniedError: `identity.gone`.
        """
        if self._fd < 0:
            raise DeniedError("identity.gone", "the caller has left")
        buffer = bytearray(_PIDFD_INFO.size)
        struct.pack_into("=Q", buffer, 0, _PIDFD_INFO_CGROUPID)
        try:
            fcntl.ioctl(self._fd, _PIDFD_GET_INFO, buffer)
        except OSError as error:
            if error.errno in {errno.EINVAL, errno.ENOTTY}:  # before Linux 6.13
                return self._cgroup_id_by_path(hierarchy)
            raise DeniedError("identity.gone", "the process that connected has ended") from None
        mask, cgroup_id = struct.unpack_from("=QQ", buffer)
        if not mask & _PIDFD_INFO_CGROUPID:
            raise DeniedError("identity.gone", "the caller has no cgroup any more")
        return int(cgroup_id)

    def cgroup_path(self) -> str:
        """Return the path of the process's cgroup; it counts only if the process lives after it.

        Raises:
            DeniedError: `identity.gone`.
        """
        try:
            lines = Path(f"/proc/{self.pid}/cgroup").read_text(encoding="utf-8").splitlines()
        except OSError:
            raise DeniedError("identity.gone", "the process that connected has ended") from None
        path = next((line[3:] for line in lines if line.startswith("0::")), None)
        self.check_alive()
        if path is None or path.startswith("/.."):
            raise DeniedError("identity.cgroup-other", "the caller is outside the cgroup root")
        return path.removesuffix(" (deleted)")

    def close(self) -> None:
        """Let go of the process: the connection has ended."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _cgroup_id_by_path(self, hierarchy: Path) -> int:
        path = hierarchy / self.cgroup_path().lstrip("/")
        try:
            return path.stat().st_ino
        except OSError:
            raise DeniedError("identity.gone", "the caller's cgroup is gone") from None


def admit(connection: socket.socket, cgroup: Cgroup) -> Peer:
    """Return the process that opened a connection.

    Args:
        connection: a unix stream socket, just accepted.
        cgroup: where the process has to be.

    Raises:
        DeniedError: `identity.unknown`, the kernel does not say who it was, or it has ended;
            `identity.gone`; `identity.cgroup-other`.
    """
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _ = _UCRED.unpack(raw)
        fd = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD)
    except OSError as error:
        raise DeniedError("identity.unknown", f"no pidfd: {error.strerror}") from None
    if pid <= 0 or _pid_of(fd) != pid:
        os.close(fd)
        raise DeniedError("identity.unknown", "the process that connected has ended")
    peer = Peer(fd, pid, uid, cgroup)
    try:
        peer.check()
    except DeniedError:
        peer.close()
        raise
    return peer


def find_hierarchy() -> Path:
    """Return where cgroup v2 is mounted.

    Raises:
        DriverError: `identity.cgroup`, nowhere.
    """
    with contextlib.suppress(OSError):
        for line in _MOUNTS.read_text(encoding="utf-8").splitlines():
            left, _, right = line.partition(" - ")
            if right.split(" ", 1)[0] == "cgroup2":
                return Path(left.split(" ")[4])
    raise DriverError("identity.cgroup", "cgroup v2 is not mounted")


def _pid_of(pidfd: int) -> int:
    """Return the number of a pidfd's process: -1 if it was reaped, 0 if it is out of sight."""
    with contextlib.suppress(OSError, ValueError):
        text = Path(f"/proc/self/fdinfo/{pidfd}").read_text(encoding="ascii")
        for line in text.splitlines():
            name, _, value = line.partition(":")
            if name == "Pid":
                return int(value)
    return -1
