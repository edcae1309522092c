# SPDX-License-Identifier: Apache-2.0
"""Step 2: the PCK chain, from a pinned root key down to the certificate of this platform."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.chain import check_ca, check_current, check_leaf
from troth.crypto.x509 import Certificate
from troth.errors import TrothError, UntrustedError
from troth.evidence.intel.pck import CA_NAMES, PCK_NAME, PckChain
from troth.verify.anchors import Anchor, Anchors
from troth.verify.cache import Cache, Seen
from troth.verify.intel.seen import chain_key, chain_window, links_key
from troth.verify.trace import Trace

__all__ = ["check_pck_chain", "check_window"]

_PROFILE: Final = "Intel PCK certificate profile"


def check_pck_chain(
    chain: PckChain, anchors: Anchors, at: datetime, cache: Cache, trace: Trace
) -> Anchor:
    """Return the anchor that `chain` hangs from; revocation is a later step.

    Signatures and roles come first, then the clock. The SGX extension is read only then, from a
    certificate that is known to be a PCK's.

    Raises:
        MalformedError: `pck.extension`.
        UntrustedError: `chain.*`.
        StaleError: `chain.not-yet-valid` or `chain.expired`.
    """
    seen = Seen(chain_key(chain, anchors), lambda: chain_window(chain), at, trace)
    return seen.once(cache.chains, lambda: _check_chain(chain, anchors, at, cache, trace))


def _check_chain(
    chain: PckChain, anchors: Anchors, at: datetime, cache: Cache, trace: Trace
) -> Anchor:
    anchor = _anchor(chain, anchors, trace)
    try:
        cas_seen = _check_links(chain, cache)
    except TrothError as error:
        trace.failed("2.chain", error, expected="leaf, CA, root", source=_PROFILE)
        raise
    trace.held(
        "2.chain",
        expected="leaf, CA, root",
        got=(chain.leaf, chain.intermediate, chain.root),
        source=f"{_PROFILE}; CAs seen before" if cas_seen else _PROFILE,
    )
    for certificate in (chain.root, chain.intermediate, chain.leaf):
        check_window("2.validity", certificate, at, trace)
    try:
        fmspc = chain.extension.fmspc
    except TrothError as error:
        trace.failed("2.sgx-extension", error, expected="an SGX extension", source=_PROFILE)
        raise
    trace.held("2.sgx-extension", expected="an SGX extension", got=fmspc, source=_PROFILE)
    return anchor


def check_window(rule: str, certificate: Certificate, at: datetime, trace: Trace) -> None:
    """Check a certificate's validity and note it.

    Raises:
        StaleError: `chain.not-yet-valid` or `chain.expired`.
    """
    expected = (certificate.not_before, "to", certificate.not_after)
    try:
        check_current(certificate, at)
    except TrothError as error:
        trace.failed(rule, error, expected=expected, source=certificate)
        raise
    trace.held(rule, expected=expected, got=at, source=certificate)


def _anchor(chain: PckChain, anchors: Anchors, trace: Trace) -> Anchor:
    try:
        anchor = anchors.match(chain.root)
    except TrothError as error:
        trace.failed("2.root-key", error, expected=anchors.names, source="trust anchors")
        raise
    trace.held("2.root-key", expected=anchors.names, got=anchor.name, source="trust anchors")
    return anchor


def _check_links(chain: PckChain, cache: Cache) -> bool:
    """Check signatures and roles; return whether those of the CAs, many platforms', were known."""
    key = links_key(chain)
    seen = cache.links.find(key, None) is not None
    if not seen:
        _check_cas(chain)
        cache.links.keep(key, None)
    chain.leaf.check_issued_by(chain.intermediate)
    check_leaf(chain.leaf)
    if chain.intermediate.common_name not in CA_NAMES:
        raise UntrustedError("chain.role", f"{chain.intermediate.common_name!r} is no PCK CA")
    if chain.leaf.common_name != PCK_NAME:
        raise UntrustedError("chain.role", f"{chain.leaf.common_name!r} is no PCK certificate")
    return seen


def _check_cas(chain: PckChain) -> None:
    chain.root.check_issued_by(chain.root)
    chain.intermediate.check_issued_by(chain.root)
    check_ca(chain.root, below=1)
    check_ca(chain.intermediate, below=0)
