# SPDX-License-Identifier: Apache-2.0
"""The log: JSON lines on standard error, and the one catalogue of what may be logged.

An event's name is a promise as a code is. No secret, nonce, key or other namespace's data is ever
a value: labels of namespaces stand only in the log of the program that owns them.
"""

from __future__ import annotations

import logging
import sys
from enum import StrEnum
from typing import TextIO

import structlog

__all__ = ["Event", "start_log"]


class Event(StrEnum):
    """Every event that a program logs."""

    BUG = "bug"  # an exception that nobody foresaw; see its traceback
    SETUP = "setup"  # a file or setting was good at the start and is not now
    READY = "ready"
    STOPPING = "stopping"
    # trothd
    ROOT_EXTENDED = "root.extended"
    ROOT_FOUND = "root.found"  # extended by an earlier root step of this boot
    ROOT_UNROOTED = "root.unrooted"
    CHILD_STARTED = "child.started"
    CHILD_ENDED = "child.ended"
    EPOCH_MADE = "epoch.made"
    EPOCH_FAILED = "epoch.failed"
    ALARM_REGISTER = "alarm.register"  # a register was extended behind our back
    ALARM_IDENTITY = "alarm.identity"  # socket and cgroup of a caller disagree
    NAMESPACE_OPENED = "namespace.opened"
    NAMESPACE_SEALED = "namespace.sealed"
    NAMESPACE_CLOSED = "namespace.closed"
    NAMESPACE_LEFT_MODEL = "namespace.left-model"
    JOURNAL_FAILED = "journal.failed"
    STATE_RESTORED = "state.restored"
    STATE_DISCARDED = "state.discarded"
    STATEMENT_KEY = "statement-key.changed"
    GENERATION = "vm.generation"  # the VM was copied or set back, as its hypervisor says
    TOKEN_RENEWED = "token.renewed"  # noqa: S105 - the name of an event
    TOKEN_FAILED = "token.failed"  # noqa: S105 - the name of an event
    PUSHED = "push.done"
    PUSH_FAILED = "push.failed"
    ENTRY_SWEPT = "tsm.entry-swept"  # a report entry of a process that has ended
    ENTRY_LEFT = "tsm.entry-left"  # a report entry of ours that cannot be removed
    # troth-broker
    RELEASE_MADE = "release.made"
    RELEASE_REFUSED = "release.refused"
    LOG_FAILED = "log.failed"
    # troth-verifier
    APPRAISED = "appraised"
    APPRAISAL_REFUSED = "appraisal.refused"
    BARRED = "barred"  # a namespace left its model; its tokens are revoked
    RELOADED = "reloaded"
    RELOAD_FAILED = "reload.failed"


def start_log(*, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send events of `level` and above, as JSON lines, to standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=True,
    )
