# SPDX-License-Identifier: Apache-2.0
"""Steps 2 (revocation), 3 and 4: collateral of the right signer, current, this platform's."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.chain import check_leaf
from troth.crypto.crl import Crl
from troth.crypto.x509 import Certificate
from troth.endorse.intel import CollateralSet, QeIdentity, SignedDocument, TcbInfo
from troth.errors import TrothError, UntrustedError
from troth.evidence.intel.pck import PckChain
from troth.verify.cache import Cache, Seen
from troth.verify.intel.pck import check_window
from troth.verify.intel.seen import Terms, collateral_key
from troth.verify.trace import Trace

__all__ = ["check_collateral"]

Document = SignedDocument[TcbInfo] | SignedDocument[QeIdentity]

_SIGNER_NAME: Final = "Intel SGX TCB Signing"
_QE_IDENTIFIER: Final = {"TDX": "TD_QE", "SGX": "QE"}


def check_collateral(
    collateral: CollateralSet,
    chain: PckChain,
    *,
    tee: str,
    terms: Terms,
    cache: Cache,
    trace: Trace,
) -> None:
    """Return if `collateral` may judge the platform of `chain`, whose links have been checked.

    Raises:
        UntrustedError: `chain.*`, `pck.revoked`, `crl.*`, `collateral.signature` or
            `collateral.role`.
        StaleError: `chain.*`, `crl.*` or `collateral.*`.
    """
    at, floor = terms.at, terms.floor
    seen = Seen(collateral_key(collateral, chain), lambda: collateral.whole_window, at, trace)
    seen.once(cache.lists, lambda: _check_lists(collateral, chain, at, trace))
    _check_revoked("2.pck-revoked", collateral.pck_crl, chain.leaf, "pck.revoked", trace)
    seen.once(cache.documents, lambda: _check_documents(collateral, chain.root, at, trace))
    _check_platform(collateral, chain, tee, trace)
    number = collateral.evaluation_number
    trace.check(
        "4.evaluation-number",
        number >= floor,
        "collateral.below-floor",
        expected=f"at least {floor}",
        got=number,
        source="caller",
    )


def _check_roots(collateral: CollateralSet, root: Certificate, trace: Trace) -> None:
    """Every issuer chain in the collateral ends in the platform's own root key."""
    for rule, other in (
        ("2.crl-root", collateral.pck_crl_root),
        ("3.tcb-info-root", collateral.tcb_info.root),
        ("3.qe-identity-root", collateral.qe_identity.root),
    ):
        trace.check(
            rule,
            other == root or other.spki_sha256 == root.spki_sha256,
            "chain.root",
            expected=root,
            got=other,
            source="PCK chain",
        )


def _check_lists(collateral: CollateralSet, chain: PckChain, at: datetime, trace: Trace) -> None:
    """Both lists: signed by the CA they are for, and current; and the CA is not on the root's."""
    issuer = collateral.pck_crl_issuer
    trace.check(
        "2.crl-issuer",
        issuer == chain.intermediate
        or (issuer.subject, issuer.spki_sha256)
        == (chain.intermediate.subject, chain.intermediate.spki_sha256),
        "crl.issuer",
        expected=chain.intermediate,
        got=issuer,
        source="PCK chain",
    )
    for rule, crl, signer in (
        ("2.root-crl", collateral.root_crl, chain.root),
        ("2.pck-crl", collateral.pck_crl, chain.intermediate),
    ):
        expected = (crl.this_update, "to", crl.next_update)
        try:
            crl.check_signed_by(signer)
            crl.check_current(at)
        except TrothError as error:
            trace.failed(rule, error, expected=expected, source=signer)
            raise
        trace.held(rule, expected=expected, got=at, source=signer)
    _check_revoked("2.ca-revoked", collateral.root_crl, chain.intermediate, "chain.revoked", trace)


def _check_documents(
    collateral: CollateralSet, root: Certificate, at: datetime, trace: Trace
) -> None:
    """Both documents: under the platform's root, of the right signer, signed, and current."""
    _check_roots(collateral, root, trace)
    for rule, document in (
        ("3.tcb-info", collateral.tcb_info),
        ("3.qe-identity", collateral.qe_identity),
    ):
        if document is collateral.tcb_info or document.signer != collateral.tcb_info.signer:
            _check_signer(rule, document, collateral, root, at, trace)
        _check_document(rule, document, collateral.source, at, trace)


def _check_revoked(rule: str, crl: Crl, certificate: Certificate, code: str, trace: Trace) -> None:
    trace.check(
        rule,
        not crl.revokes(certificate),
        code,
        expected="not on the list",
        got=f"serial {certificate.serial:x}",
        source=certificate,
    )


def _check_signer(
    rule: str,
    document: Document,
    collateral: CollateralSet,
    root: Certificate,
    at: datetime,
    trace: Trace,
) -> None:
    """The signer is the TCB signing certificate, issued by the platform's own root directly.

    Everything of Intel's hangs from one root, so a chain alone says nothing about the role: a PCK
    or the Platform CA chains to it as well.
    """
    signer = document.signer
    try:
        signer.check_issued_by(root)
        check_leaf(signer)
        if signer.common_name != _SIGNER_NAME:
            raise UntrustedError("chain.role", f"{signer.common_name!r} signs no collateral")
    except TrothError as error:
        trace.failed(f"{rule}-signer", error, expected=_SIGNER_NAME, source=collateral.source)
        raise
    trace.held(f"{rule}-signer", expected=_SIGNER_NAME, got=signer, source=collateral.source)
    check_window(f"{rule}-signer-validity", signer, at, trace)
    _check_revoked(f"{rule}-signer-revoked", collateral.root_crl, signer, "chain.revoked", trace)


def _check_document(rule: str, document: Document, source: str, at: datetime, trace: Trace) -> None:
    """The signature holds over the exact bytes, and the document is current."""
    expected = "signed by the TCB signing certificate"
    try:
        document.signer.key.verify(document.signature, document.signed, "collateral.signature")
    except TrothError as error:
        trace.failed(f"{rule}-signature", error, expected=expected, source=source)
        raise
    trace.held(f"{rule}-signature", expected=expected, got="it is", source=source)
    issued, until = document.value.issue_date, document.value.next_update
    for code, holds in (
        ("collateral.not-yet-valid", issued <= at),
        ("collateral.expired", at <= until),
    ):
        trace.check(
            f"{rule}-{code.removeprefix('collateral.')}",
            holds,
            code,
            expected=(issued, "to", until),
            got=at,
            source=source,
        )


def _check_platform(collateral: CollateralSet, chain: PckChain, tee: str, trace: Trace) -> None:
    info, extension = collateral.tcb_info.value, chain.extension
    for rule, due, got in (
        ("4.tee", tee, info.tee),
        ("4.fmspc", extension.fmspc, info.fmspc),
        ("4.pce-id", extension.pce_id, info.pce_id),
    ):
        trace.check(
            rule, got == due, "collateral.platform", expected=due, got=got, source="PCK certificate"
        )
    trace.check(
        "4.qe-identity-id",
        collateral.qe_identity.value.identifier == _QE_IDENTIFIER[tee],
        "collateral.role",
        expected=_QE_IDENTIFIER[tee],
        got=collateral.qe_identity.value.identifier,
        source="Intel PCS v4",
    )
