# SPDX-License-Identifier: Apache-2.0
"""Anchors from root certificates in PEM; only the key of a certificate counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from troth.collect.naming import as_usage, expected
from troth.collect.sorts import PEM_CERTIFICATE
from troth.crypto.pss_certificate import pss_certificates_from_pem
from troth.crypto.tpm_certificate import tpm_certificates_from_pem
from troth.crypto.x509 import certificates_from_pem
from troth.errors import UsageError
from troth.infra.files import read_bounded
from troth.verify import AMD_ARK_GENOA, AMD_ARK_MILAN, AMD_ARK_TURIN, Anchor
from troth.verify.anchors import Keyed

__all__ = ["AMD_ARKS", "amd_anchors", "any_anchors", "intel_anchors"]

_PEM_MAX_BYTES: Final = 64 * 1024
_PEM_MOST: Final = 16
_DUE: Final = "root certificates in PEM are due"

AMD_ARKS: Final = (AMD_ARK_MILAN, AMD_ARK_GENOA, AMD_ARK_TURIN)
"""AMD's roots, one for each line of products."""


def intel_anchors(paths: Iterable[str]) -> tuple[Anchor, ...]:
    """Return the anchors of files with roots as Intel's: P-256.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    return _certified(paths, lambda pem: certificates_from_pem(pem, most=_PEM_MOST))


def amd_anchors(paths: Iterable[str]) -> tuple[Anchor, ...]:
    """Return the anchors of files with roots as AMD's: RSA-PSS.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    return _certified(paths, lambda pem: pss_certificates_from_pem(pem, most=_PEM_MOST))


def any_anchors(paths: Iterable[str]) -> tuple[Anchor, ...]:
    """Return the anchors of files with roots of any of the algorithms that we know.

    Raises:
        UsageError: `usage.file` or `usage.root`.
    """
    return _certified(paths, lambda pem: tpm_certificates_from_pem(pem, most=_PEM_MOST))


def _certified(
    paths: Iterable[str], read: Callable[[bytes], tuple[Keyed, ...] | list[Keyed]]
) -> tuple[Anchor, ...]:
    found: list[Anchor] = []
    for path in paths:
        data = read_bounded(path, _PEM_MAX_BYTES)
        due = expected(_DUE, (PEM_CERTIFICATE,), data)
        with as_usage(path, due):
            certificates = read(data)
            found += [Anchor.of(one) for one in certificates]
        if not certificates:
            raise UsageError("usage.root", f"{path}: {due}no PEM certificate in it")
    return tuple(found)
