# SPDX-License-Identifier: Apache-2.0
"""A program in a mount namespace of its own, in which a view lies where the kernel shows a TEE.

For programs that know `/sys/kernel/config/tsm/report` and nothing else. Nobody else sees the
view, and it ends with the program. Root needs no more; others need a user namespace, in which
they appear as root. If this process is killed, the view goes and the program is sent SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from troth.errors import DriverError
from troth.tsm.emulated.view.ending import end
from troth.tsm.emulated.view.fuse import serve
from troth.tsm.emulated.view.placing import place
from troth.tsm.emulated.view.scratch import Scratch
from troth.tsm.emulated.view.syscalls import (
    CLONE_NEWNS,
    CLONE_NEWUSER,
    MS_PRIVATE,
    MS_REC,
    die_with_parent,
    mount,
    unmount,
    unshare,
)
from troth.tsm.emulated.view.tree import Tree

__all__ = ["Namespace", "private_namespace", "run"]

_NOT_FOUND: Final = 127  # as env(1) and shells say it
_NOT_EXECUTABLE: Final = 126
_BY_SIGNAL: Final = 128
_PATIENCE_S: Final = 10.0  # with a daemon that is told to end
_FORWARDED: Final = frozenset(
    {
        signal.SIGHUP,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGTERM,
        signal.SIGUSR1,
        signal.SIGUSR2,
    }
)
_FROM_KERNEL: Final = 0x80  # SI_KERNEL: a terminal's, which the program got as well


class Namespace:
    """A mount namespace that this process is in from now on.

    Attributes:
        scratch: a directory of memory, for this process and those below it alone.
        is_user: whether it took a user namespace, in which we appear as root.
        mask: the signals that were blocked before; those that `run` passes on wait until then.
    """

    def __init__(self, scratch: Path, mask: set[int | signal.Signals], *, is_user: bool) -> None:
        """Take what `private_namespace` made."""
        self.scratch = scratch
        self.mask = mask
        self.is_user = is_user

    @contextmanager
    def showing(self, tree: Tree) -> Iterator[None]:
        """Show a tree below `/sys` for the length of a block, by a process of its own.

        Raises:
            DriverError: `tsm.view`.
        """
        view, saved = self.scratch / "view", self.scratch / "saved"
        view.mkdir()
        saved.mkdir()
        daemon = _daemon(tree, view, self.mask)
        try:
            try:
                targets = [Path(one.lstrip("/")) for one in tree.parts]
                place(view, targets, sysfs=Path("/sys"), scratch=saved)
            except OSError as error:
                raise DriverError("tsm.view", f"{error.filename}: {error.strerror}") from None
            yield
        finally:
            is_alive = os.waitpid(daemon, os.WNOHANG) == (0, 0)
            if is_alive:
                end(daemon, _PATIENCE_S)
            else:
                sys.stderr.write("troth: warning: the view's daemon died before the program did\n")


@contextmanager
def private_namespace() -> Iterator[Namespace]:
    """Go into a mount namespace of our own; there is no way back, but what was made goes.

    Signals that `run` would pass on are blocked within, so that none cuts off the way out.

    Raises:
        DriverError: `tsm.view`, neither root nor a user namespace can be had.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    try:
        try:
            scratch = Scratch()
        except OSError as error:
            raise DriverError("tsm.view", f"no temporary directory: {error.strerror}") from None
        try:
            with _entered(scratch.path) as is_user:
                yield Namespace(scratch.path, mask, is_user=is_user)
        finally:
            scratch.remove()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def run(
    command: Sequence[str], environment: Mapping[str, str], mask: set[int | signal.Signals]
) -> int:
    """Run a program, pass signals on to it, and wait for its end.

    Args:
        command: the program, found on PATH, and its arguments.
        environment: the program's.
        mask: the signals that are blocked in it.

    Returns:
        Its exit status; 128 and the signal's number where it was killed by one; 127 where there
        is no such program, 126 where it cannot be executed.
    """
    waited = _FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    try:
        return _supervised(command, environment, mask, waited)
    except OSError as error:
        sys.stderr.write(f"troth: {command[0]}: {error.strerror}\n")
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _supervised(
    command: Sequence[str],
    environment: Mapping[str, str],
    mask: set[int | signal.Signals],
    waited: frozenset[signal.Signals],
) -> int:
    child = _started(command, environment, mask)
    while True:
        came = signal.sigwaitinfo(waited)
        if came.si_signo != signal.SIGCHLD:
            if came.si_code != _FROM_KERNEL:
                os.kill(child, came.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else _BY_SIGNAL - code


def _started(
    command: Sequence[str], environment: Mapping[str, str], mask: set[int | signal.Signals]
) -> int:
    """Start a program that is sent SIGTERM if we are killed, and return its id.

    Raises:
        OSError: it cannot be executed.
    """
    ours, theirs = os.pipe()  # closed by a program that is executed
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _execute(command, environment, mask, theirs, parent)
    os.close(theirs)
    with os.fdopen(ours, "rb") as said:
        code = said.read()
    if not code:
        return child
    os.waitpid(child, 0)
    raise OSError(int(code), os.strerror(int(code)))


def _execute(
    command: Sequence[str],
    environment: Mapping[str, str],
    mask: set[int | signal.Signals],
    failed: int,
    parent: int,
) -> NoReturn:
    try:
        die_with_parent(signal.SIGTERM)
        if os.getppid() == parent:  # else it died before we could ask
            for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            os.execvpe(command[0], list(command), dict(environment))  # noqa: S606 - no shell is meant
    except OSError as error:
        os.write(failed, b"%d" % (error.errno or 0))
    finally:
        os._exit(_NOT_EXECUTABLE)


@contextmanager
def _entered(directory: Path) -> Iterator[bool]:
    """Enter a namespace with memory at a directory; say whether it took a user namespace."""
    try:
        is_user = _enter()
        mount("troth", directory, "tmpfs")
    except OSError as error:
        raise DriverError(
            "tsm.view", f"a mount namespace needs root or a user namespace: {error.strerror}"
        ) from None
    try:
        yield is_user
    finally:
        unmount(directory)


def _enter() -> bool:
    """Unshare what is needed, and say whether that was a user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        try:
            unshare(CLONE_NEWNS)
        except PermissionError:
            pass  # root of a container without the right to mount
        else:
            mount("none", "/", flags=MS_REC | MS_PRIVATE)
            return False
    unshare(CLONE_NEWUSER | CLONE_NEWNS)
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1", encoding="ascii")
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    return True


def _daemon(tree: Tree, mount_point: Path, mask: set[int | signal.Signals]) -> int:
    """Serve a tree from a process of its own, and return its id once the tree can be used."""
    ours, theirs = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(ours)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _serve_and_exit(tree, mount_point, theirs, parent)
    os.close(theirs)
    with os.fdopen(ours, "rb") as said:
        if said.read(1):
            return child
    os.waitpid(child, 0)
    raise DriverError("tsm.view", "its daemon ended before it was ready")


def _serve_and_exit(tree: Tree, mount_point: Path, ready: int, parent: int) -> NoReturn:
    status = 1
    try:
        os.setsid()  # a terminal's signals are for the program
        die_with_parent(signal.SIGKILL)  # which reaches one that is stopped, too
        if os.getppid() == parent:  # else it died before we could ask
            serve(tree, mount_point, ready=lambda: _say(ready), everybody=True)
            status = 0
    except DriverError as error:
        sys.stderr.write(f"troth: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(status)


def _say(ready: int) -> None:
    os.write(ready, b"\n")
    os.close(ready)
