# SPDX-License-Identifier: Apache-2.0
"""The root step: the one extend of a boot, and what is found of it after a crash (BINDING 4.6, 5).

    RUN/root    what this boot's root step intends: the root statement, and the register before

After a crash, for the key that was handed over, or for a new one if none was:

    register is         key is the intended one     no key, or another
    ------------------  --------------------------  -------------------------------
    as before           extend now                  intend anew, then extend
    as intended after   rooted                      unrooted: the key is gone
    anything else       unrooted                    unrooted

A TSM without registers, or with none that can be extended, ends the root step: a boot is unrooted
from the start only where the configuration says `root_register = "none"`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

import structlog

from troth.crypto.digest import same
from troth.errors import DriverError, MalformedError, UsageError
from troth.evidence.binding import RootStatement
from troth.infra.log import Event
from troth.infra.service import keep
from troth.orchestrator.boot import FD_NAME, Boot, Register
from troth.orchestrator.faults import CrashPoints
from troth.tsm.driver import Driver
from troth.tsm.root import ROOT_INDEX, root_value, why_unrooted
from troth.wire import cbor

__all__ = ["root_step", "will_extend"]

_INTENT_MAX_BYTES: Final = 4096
_PRIVATE: Final = 0o600

_log = structlog.get_logger()


class _Found(Enum):
    """Where the register stands against the intent."""

    UNTOUCHED = "nobody has extended it, and nothing is intended"
    BEFORE = "as before the intended extend"
    AFTER = "as after the intended extend"
    OTHER = "anything else"


class _Do(Enum):
    INTEND = "make a key, intend, extend"
    EXTEND = "extend with the key that was handed over"
    GO_ON = "rooted already"
    UNROOTED = "live on unrooted"


# (where the register stands, whether the intended key was handed over)
_NEXT: Final = {
    (_Found.UNTOUCHED, False): _Do.INTEND,
    (_Found.BEFORE, False): _Do.INTEND,
    (_Found.BEFORE, True): _Do.EXTEND,
    (_Found.AFTER, True): _Do.GO_ON,
    (_Found.AFTER, False): _Do.UNROOTED,
    (_Found.OTHER, True): _Do.UNROOTED,
    (_Found.OTHER, False): _Do.UNROOTED,
}


def root_step(
    driver: Driver,
    run_directory: Path,
    configuration: bytes,
    held: Boot | None,
    crash: CrashPoints,
) -> tuple[Boot, int]:
    """Put this boot's root statement into the root register, once.

    Args:
        driver: the TSM.
        run_directory: where the intent lies.
        configuration: SHA-256 of the configuration file's bytes.
        held: what an earlier root step of this boot handed over.
        crash: where a test may kill us.

    Returns:
        The boot, and its sealed memory. A verifier, not we, says whether it is rooted.

    Raises:
        DriverError: `tsm.…`, `root.read-back`; `tsm.no-registers`, there is nothing to extend.
        UsageError: `usage.file`.
    """
    todo, found, register = _plan(driver, run_directory, held)
    if todo is _Do.UNROOTED or (held is not None and todo is _Do.GO_ON):
        boot = held or Boot.make(configuration, None)
        event = Event.ROOT_FOUND if todo is _Do.GO_ON else Event.ROOT_UNROOTED
        _log.warning(event, register=found.value)
        return boot, boot.seal()
    if todo is _Do.EXTEND and held is not None and held.root.configuration == configuration:
        boot = held
    else:  # trothd would not serve with another configuration's
        boot = Boot.make(configuration, register)
    # 1. The key goes into sealed memory, and to the service manager where there is one. Killed
    #    here: nothing is intended, the next root step begins with another key.
    descriptor = boot.seal()
    keep(descriptor, FD_NAME)
    crash.reach("root.sealed")
    # 2. The intent. Killed here: the register is as before, so the next root step extends, with
    #    this key if the manager kept it, else with another.
    _write(run_directory / "root", boot.root, boot.before or register)
    crash.reach("root.intended")
    # 3. The extend. Killed here: the register is as after. The next root step goes on if the
    #    manager kept the key; if not, this boot stays unrooted, and every verifier sees it.
    with _or_none_by_name(driver):
        driver.extend(ROOT_INDEX, boot.root.digest)
    crash.reach("root.extended")
    # 4. What was put in is read back.
    if driver.registers()[ROOT_INDEX] != boot.after:
        os.close(descriptor)
        raise DriverError("root.read-back", "somebody extended the root register meanwhile")
    _log.info(Event.ROOT_EXTENDED)
    return boot, descriptor


def will_extend(driver: Driver, run_directory: Path, held: Boot | None) -> bool:
    """Say whether `root_step` with the same arguments would extend the root register now.

    Raises:
        DriverError: `tsm.…`.
        UsageError: `usage.file`.
    """
    todo, _, _ = _plan(driver, run_directory, held)
    return todo in {_Do.INTEND, _Do.EXTEND}


def _plan(driver: Driver, run_directory: Path, held: Boot | None) -> tuple[_Do, _Found, Register]:
    """Return what is to be done, where the register stands, and the register."""
    with _or_none_by_name(driver):
        value = root_value(driver.provider, driver.registers())
        register = Register(value, driver.register_hash())
    intent = _read(run_directory / "root")
    found = _where(register, intent)
    is_held = held is not None and intent is not None and held.root == intent[0]
    return _NEXT[found, is_held], found, register


@contextmanager
def _or_none_by_name(driver: Driver) -> Iterator[None]:
    """Say what helps where there is nothing to extend: nobody becomes unrooted by silence."""
    try:
        yield
    except DriverError as error:
        if error.code != "tsm.no-registers":
            raise
        way_out = 'root_register = "none" starts without a root'
        why = why_unrooted(driver.provider)
        raise DriverError(error.code, f"{error.detail}: {why}; {way_out}") from None


def _where(register: Register, intent: tuple[RootStatement, Register] | None) -> _Found:
    if intent is None:  # nobody has extended it since boot if it is all zero
        untouched = bytes(len(register.value))
        return _Found.UNTOUCHED if same(register.value, untouched) else _Found.OTHER
    root, before = intent
    if same(register.value, before.value):
        return _Found.BEFORE
    return _Found.AFTER if same(register.value, before.after(root)) else _Found.OTHER


def _read(path: Path) -> tuple[RootStatement, Register] | None:
    """Return the intent; None if there is none, or none that can be read: it was never whole."""
    try:
        data = path.read_bytes()
        got = cbor.decode(data, max_bytes=_INTENT_MAX_BYTES)
        match got:
            case [bytes(root), before, algorithm]:
                return RootStatement.parse(root), Register.of(before, algorithm)
            case _:
                return None
    except FileNotFoundError:
        return None
    except (MalformedError, ValueError):
        return None
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None


def _write(path: Path, root: RootStatement, before: Register) -> None:
    """Put the intent in place whole: a reader sees all of it or nothing."""
    new = path.with_name(f"{path.name}.new")
    content = cbor.encode([root.encoded, before.value, before.algorithm])
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        raise UsageError("usage.file", f"{path}: {error.strerror}") from None
