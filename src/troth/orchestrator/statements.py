# SPDX-License-Identifier: Apache-2.0
"""From a request and a frozen state to a statement, and the members of its bundle."""

from __future__ import annotations

from troth.evidence.binding import (
    Bundle,
    Caller,
    LogPart,
    Request,
    Service,
    Statement,
    TsmReport,
)
from troth.evidence.binding.bundle import Delegated
from troth.orchestrator.delegation import Anchor
from troth.orchestrator.namespace import Namespace, State
from troth.tsm.driver import Report

__all__ = ["delegated_bundle", "log_part", "report_member", "statement_of"]


def statement_of(
    request: Request,
    state: State,
    caller: Caller | None,
    *,
    now: int,
    alarms: int,
    anchor: bytes | None = None,
) -> Statement:
    """Return the statement of a namespace for a request.

    Args:
        request: the caller's; nonce, audience, cnf, user data and channel are copied from it.
        state: what was frozen.
        caller: which process asked.
        now: the guest's clock, seconds since 1970.
        alarms: of this boot so far.
        anchor: report data of the anchor epoch, for a delegated statement.
    """
    return Statement(
        audience=request.audience,
        issued_at=now,
        nonce=request.nonce,
        namespace=state.claims,
        alarms=alarms,
        cnf=request.cnf,
        anchor=anchor,
        caller=caller,
        user_data=request.user_data,
        channel=request.channel,
    )


def delegated_bundle(
    namespace: Namespace,
    request: Request,
    caller: Caller,
    anchor: Anchor,
    *,
    now: int,
    alarms: int,
) -> bytes:
    """Return a delegated bundle: made at once, under the key that the anchor's epoch names.

    Raises:
        StaleError: `evidence.anchor-missing`, the key was erased.
        DeniedError: `log.range`.
    """
    key = anchor.of.key.private
    state = namespace.state
    statement = statement_of(
        request,
        state,
        caller,
        now=now,
        alarms=alarms,
        anchor=anchor.of.epoch.epoch.report_data,
    )
    bundle = Bundle(
        report=anchor.of.report,
        root=anchor.of.root,
        epoch=anchor.of.epoch,
        claim=Delegated(signed=statement.sign(key), anchor=anchor.claim),
        log=log_part(namespace, request, state),
    )
    return bundle.encoded


def log_part(namespace: Namespace, request: Request, state: State) -> LogPart | None:
    """Return the log entries that a request asks for, up to the state that was frozen.

    Raises:
        DeniedError: `log.range`, the log is shorter.
    """
    if request.log_since is None:
        return None
    return namespace.log_part(request.log_since, state.log.count)


def report_member(report: Report) -> TsmReport:
    """Return the bundle's member for a report."""
    service = None
    if report.service_provider is not None and report.manifestblob is not None:
        service = Service(provider=report.service_provider, manifest=report.manifestblob)
    return TsmReport(
        provider=report.provider,
        outblob=report.outblob,
        auxblob=report.auxblob,
        service=service,
    )
