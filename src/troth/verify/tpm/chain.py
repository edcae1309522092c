# SPDX-License-Identifier: Apache-2.0
"""Step 2: whose TPM the attestation key is in, by its certificates or by the caller's word."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from troth.crypto.chain import check_ca, check_current, check_leaf
from troth.crypto.tpm_certificate import ATTESTATION_KEY_USAGE, TpmCertificate
from troth.errors import TrothError, UntrustedError
from troth.evidence.tpm import AttestationKey
from troth.verify.anchors import Anchor, Anchors
from troth.verify.tpm.pinned import PinnedKeys
from troth.verify.trace import Trace

__all__ = ["check_attestation_key"]

_PROFILE: Final = "TCG, tcg-kp-AIKCertificate"
_LEAST: Final = 2  # the key's own certificate and the root's


def check_attestation_key(
    ak: AttestationKey, trusted: Anchors | PinnedKeys, at: datetime, trace: Trace
) -> Anchor:
    """Return the anchor that the key hangs from; of a pinned key, the key itself.

    Raises:
        UntrustedError: `chain.*`, `tpm.chain-shape`, `tpm.ak`, `tpm.ak-attributes`.
        StaleError: `chain.not-yet-valid` or `chain.expired`.
    """
    if isinstance(trusted, PinnedKeys):
        return _pinned(ak, trusted, trace)
    trace.check(
        "2.certified",
        bool(ak.chain),
        "tpm.ak",
        expected="a certified attestation key",
        got=f"{len(ak.chain)} certificates",
        source="caller",
    )
    return _certified(ak.chain, trusted, at, trace)


def _pinned(ak: AttestationKey, trusted: PinnedKeys, trace: Trace) -> Anchor:
    key = ak.key
    name = f"sha256:{key.spki_sha256.hex()}"
    trace.skipped("2.chain", why="the key is one that the caller knows")
    trace.check(
        "2.pinned", key in trusted, "tpm.ak", expected=trusted.names, got=name, source="caller"
    )
    if ak.public is not None:
        trace.check(
            "2.attributes",
            ak.public.is_attestation_key,
            "tpm.ak-attributes",
            expected="a restricted signing key that never leaves its TPM",
            got=f"{ak.public.attributes:#010x}",
            source="TPM 2.0 library, part 2, 8.3",
        )
    return Anchor(name, key.spki_sha256)


def _certified(
    chain: tuple[TpmCertificate, ...], anchors: Anchors, at: datetime, trace: Trace
) -> Anchor:
    """Signatures and roles come first, then the clock."""
    trace.check(
        "2.chain-shape",
        len(chain) >= _LEAST and len(set(chain)) == len(chain),
        "tpm.chain-shape",
        expected="the key's certificate, CAs, root, each once",
        got=f"{len(chain)} certificates, {len(set(chain))} of them different",
        source=_PROFILE,
    )
    anchor = _anchor(chain[-1], anchors, trace)
    try:
        _check_links(chain)
    except TrothError as error:
        trace.failed("2.chain", error, expected="the key's certificate, CAs, root", source=_PROFILE)
        raise
    trace.held("2.chain", expected="the key's certificate, CAs, root", got=chain, source=_PROFILE)
    for certificate in reversed(chain):
        _check_window(certificate, at, trace)
    return anchor


def _anchor(root: TpmCertificate, anchors: Anchors, trace: Trace) -> Anchor:
    try:
        anchor = anchors.match(root)
    except TrothError as error:
        trace.failed("2.root-key", error, expected=anchors.names, source="trust anchors")
        raise
    trace.held("2.root-key", expected=anchors.names, got=anchor.name, source="trust anchors")
    return anchor


def _check_links(chain: tuple[TpmCertificate, ...]) -> None:
    leaf, *authorities = chain
    for below, (certificate, issuer) in enumerate(
        zip(chain, (*authorities, authorities[-1]), strict=True)
    ):
        certificate.check_issued_by(issuer)
        check_ca(issuer, below=min(below, len(authorities) - 1))
    check_leaf(leaf)
    if ATTESTATION_KEY_USAGE not in leaf.usages:
        raise UntrustedError("chain.role", f"{leaf.common_name!r} is for no attestation key")


def _check_window(certificate: TpmCertificate, at: datetime, trace: Trace) -> None:
    expected = (certificate.not_before, "to", certificate.not_after)
    try:
        check_current(certificate, at)
    except TrothError as error:
        trace.failed("2.validity", error, expected=expected, source=certificate)
        raise
    trace.held("2.validity", expected=expected, got=at, source=certificate)
