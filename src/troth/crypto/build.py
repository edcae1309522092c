# SPDX-License-Identifier: Apache-2.0
"""Which cryptographic library this process runs on, for `--version` and reports of faults."""

from __future__ import annotations

import cryptography
from cryptography.hazmat.backends.openssl import backend

__all__ = ["library_versions"]


def library_versions() -> tuple[str, str]:
    """Return the versions of `cryptography` and of the OpenSSL inside it."""
    return cryptography.__version__, backend.openssl_version_text()
