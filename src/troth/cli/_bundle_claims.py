# SPDX-License-Identifier: Apache-2.0
"""What a bundle claims, as groups of plain values: for `troth inspect`, which verifies nothing."""

from __future__ import annotations

from typing import Final

from troth.errors import MalformedError
from troth.evidence.binding import Bundle, Delegated, Door, ModelClaims, Origin, Phase, Statement
from troth.evidence.detect import detect_tee
from troth.token import jwk_of
from troth.verify.bundle.statement import ORIGINS, image_text

__all__ = ["TITLES", "bundle_claims"]

TITLES: Final = {
    "statement": "Statement",
    "namespace": "Namespace",
    "model": "Event model",
    "boot": "Boot and report",
    "parts": "Parts",
}

Claims = dict[str, object]


def bundle_claims(bundle: Bundle) -> dict[str, Claims]:
    """Return the claims of a parsed bundle by group; byte strings in lower-case hex.

    What a bundle may leave out is None there, so that every bundle has the same names; without an
    event model the group `model` is empty.
    """
    said = bundle.statement
    return {
        "statement": _statement(said, "delegated" if bundle.delegated else "fresh"),
        "namespace": _namespace(said),
        "model": {} if said.namespace.model is None else _model(said.namespace.model),
        "boot": _boot(bundle),
        "parts": _parts(bundle),
    }


def _statement(said: Statement, mode: str) -> Claims:
    key = None if said.cnf is None else jwk_of(said.cnf)
    return {
        "mode": mode,
        "audience": said.audience,
        "nonce": said.nonce.hex(),
        "issued_at_s": said.issued_at,
        "cnf": None if key is None else f"{key.kty} {key.crv} for {key.alg}",
        "user_data": _hex(said.user_data),
        "caller_uid": None if said.caller is None else said.caller.uid,
        "channel": None if said.channel is None else said.channel.exporter.hex(),
        "alarms": said.alarms,
        "digest": said.digest.hex(),
    }


def _namespace(said: Statement) -> Claims:
    namespace = said.namespace
    return {
        "label": namespace.label,
        "id": namespace.id.hex(),
        "origin": ORIGINS[Origin(namespace.origin)],
        "image_digest": image_text(namespace),
        "count": namespace.log.count,
        "head": namespace.log.head.hex(),
        "gaps": namespace.gaps,
    }


def _model(model: ModelClaims) -> Claims:
    return {
        "profile": model.profile,
        "phase": Phase(model.phase).name.lower(),
        "points": model.points,
        "forensic": model.forensic,
        "state": model.state.hex(),
        "measurement": model.measurement.hex(),
        "base": _hex(model.base),
    }


def _boot(bundle: Bundle) -> Claims:
    root, epoch = bundle.root, bundle.epoch.epoch
    return {
        "provider": bundle.report.provider,
        "root_digest": root.digest.hex(),
        "configuration": root.configuration.hex(),
        "software": root.software,
        "doors": [Door(one).name.lower() for one in root.doors],
        "report_data": epoch.report_data.hex(),
        "tree_height": epoch.height,
    }


def _parts(bundle: Bundle) -> Claims:
    claim, log = bundle.claim, bundle.log
    anchor = claim.anchor.statement.digest.hex() if isinstance(claim, Delegated) else None
    return {
        "report_kind": _report_kind(bundle.report.outblob),
        "report_bytes": len(bundle.report.outblob),
        "certificate_bytes": None if bundle.report.auxblob is None else len(bundle.report.auxblob),
        "service": None if bundle.report.service is None else bundle.report.service.provider,
        "anchor": anchor,
        "log_start": None if log is None else log.start,
        "log_entries": None if log is None else len(log.entries),
        "ccel_bytes": None if bundle.ccel is None else len(bundle.ccel),
        "ima_bytes": None if bundle.ima is None else len(bundle.ima),
        "collateral": [one.name for one in bundle.collateral or ()],
    }


def _report_kind(outblob: bytes) -> str:
    """Return what the report begins as. A verifier asks its policy instead."""
    try:
        return detect_tee(outblob)
    except MalformedError:
        return "unknown"


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()
