# SPDX-License-Identifier: Apache-2.0
"""Step 3: the chain of fixed shape, from a pinned ARK down to the key that signed the report.

    ARK-<product>  →  SEV-<product>       →  SEV-VCEK
    ARK-<product>  →  SEV-VLEK-<product>  →  SEV-VLEK

Each name is part of the role: the ASK and the ASVK hang from one root, and each may certify keys
of its own kind alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.chain import check_ca, check_current
from troth.crypto.digest import sha256
from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.pss_crl import PssCrl
from troth.endorse.amd import LeafKind, SnpCollateral
from troth.endorse.intel import Window
from troth.errors import StaleError, TrothError, UntrustedError
from troth.verify.anchors import Anchor, Anchors
from troth.verify.cache import Cache, Seen
from troth.verify.options import Revocation
from troth.verify.trace import Trace

__all__ = ["check_snp_chain"]

_PROFILE: Final = "AMD 57230, certificate chain"
_INTERMEDIATE: Final = {LeafKind.VCEK: "SEV-{}", LeafKind.VLEK: "SEV-VLEK-{}"}
_LEAF: Final = {LeafKind.VCEK: "SEV-VCEK", LeafKind.VLEK: "SEV-VLEK"}


def check_snp_chain(
    collateral: SnpCollateral,
    anchors: Anchors,
    at: datetime,
    revocation: Revocation,
    cache: Cache,
    trace: Trace,
) -> Anchor:
    """Return the anchor that the chain hangs from.

    Signatures and roles come first, then the clock, then the list.

    Raises:
        UntrustedError: `chain.*`, `crl.issuer`, `crl.signature`, `crl.extension`.
        StaleError: `chain.*`, `crl.*`.
    """
    seen = Seen(
        # Rules name no file, so the set's source is no input.
        (collateral.sha256, anchors.sha256, revocation),
        lambda: Window(*collateral.window),
        at,
        trace,
    )
    return seen.once(
        cache.endorsed, lambda: _check_chain(collateral, anchors, at, revocation, cache, trace)
    )


def _check_chain(
    collateral: SnpCollateral,
    anchors: Anchors,
    at: datetime,
    revocation: Revocation,
    cache: Cache,
    trace: Trace,
) -> Anchor:
    anchor = _anchor(collateral.root, anchors, trace)
    names = tuple(one.common_name for one in collateral.certificates)
    due = _names(collateral)
    try:
        _check_links(collateral, cache)
    except TrothError as error:
        trace.failed("3.chain", error, expected=due, source=_PROFILE)
        raise
    for name, wanted in zip(names, due, strict=True):
        trace.check(
            "3.role", name == wanted, "chain.role", expected=wanted, got=name, source=_PROFILE
        )
    for certificate in reversed(collateral.certificates):
        _check_window(certificate, at, trace)
    crl = collateral.crl
    if crl is None:
        _check_missing(collateral.root, revocation, trace)
        return anchor
    seen = Seen(
        (sha256(crl.der), collateral.intermediate.sha256, collateral.root.sha256),
        lambda: Window(crl.this_update, crl.next_update),
        at,
        trace,
    )
    seen.once(
        cache.lists, lambda: _check_list(crl, collateral.intermediate, collateral.root, at, trace)
    )
    return anchor


def _names(collateral: SnpCollateral) -> tuple[str, str, str]:
    kind, product = collateral.leaf.kind, collateral.leaf.product.value
    return _LEAF[kind], _INTERMEDIATE[kind].format(product), f"ARK-{product}"


def _anchor(root: PssCertificate, anchors: Anchors, trace: Trace) -> Anchor:
    try:
        anchor = anchors.match(root)
    except TrothError as error:
        trace.failed("3.root-key", error, expected=anchors.names, source="trust anchors")
        raise
    trace.held("3.root-key", expected=anchors.names, got=anchor.name, source="trust anchors")
    return anchor


def _check_links(collateral: SnpCollateral, cache: Cache) -> None:
    """Check signatures and kinds; the CAs of many chips are the same, and looked at once."""
    leaf, intermediate, root = collateral.certificates
    cas = (intermediate.sha256, root.sha256)
    if cache.links.find(cas, None) is None:
        _check_cas(intermediate, root)
        cache.links.keep(cas, None)
    leaf.check_issued_by(intermediate)
    _check_end_entity(leaf)
    _ = leaf.endorsement_key


def _check_cas(intermediate: PssCertificate, root: PssCertificate) -> None:
    root.check_issued_by(root)
    intermediate.check_issued_by(root)
    check_ca(root, below=1)
    check_ca(intermediate, below=0)


def _check_end_entity(leaf: PssCertificate) -> None:
    """AMD's leaf certificates have neither basicConstraints nor keyUsage."""
    if leaf.unknown_critical:
        raise UntrustedError("chain.extension", f"critical: {', '.join(leaf.unknown_critical)}")
    if leaf.ca[0] or leaf.key_usage[1]:
        raise UntrustedError("chain.leaf-is-ca", f"{leaf.common_name!r} is a CA")


def _check_window(certificate: PssCertificate, at: datetime, trace: Trace) -> None:
    expected = (certificate.not_before, "to", certificate.not_after)
    source = certificate.common_name
    try:
        check_current(certificate, at)
    except TrothError as error:
        trace.failed("3.validity", error, expected=expected, source=source)
        raise
    trace.held("3.validity", expected=expected, got=at, source=source)


def _check_missing(root: PssCertificate, revocation: Revocation, trace: Trace) -> None:
    if revocation is Revocation.REQUIRED:
        error = StaleError("crl.missing", f"no list of {root.common_name!r}")
        trace.failed("3.crl", error, expected=revocation.value, source="caller")
        raise error
    trace.skipped("3.crl", why="no list was given, and none is due")


def _check_list(
    crl: PssCrl, intermediate: PssCertificate, root: PssCertificate, at: datetime, trace: Trace
) -> None:
    """The list, if there is one; leaves have the serial number 0, so it can name CAs alone."""
    expected = (crl.this_update, "to", crl.next_update)
    try:
        crl.check_signed_by_root(root)
        crl.check_current(at)
    except TrothError as error:
        trace.failed("3.crl", error, expected=expected, source=root.common_name)
        raise
    trace.held("3.crl", expected=expected, got=at, source=root.common_name)
    trace.check(
        "3.revoked",
        not crl.revokes(intermediate),
        "chain.revoked",
        expected="not on the list",
        got=f"serial {intermediate.serial:x}",
        source=intermediate.common_name,
    )
