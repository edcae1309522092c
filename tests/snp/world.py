# SPDX-License-Identifier: Apache-2.0
"""What tests with a software SNP share: an instant, one set of keys, chips made once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from troth.crypto.pss_certificate import PssCertificate
from troth.crypto.rsa_pss import RsaPrivateKey
from troth.crypto.signing_key import SigningKey
from troth.tsm.emulated.snp import Settings, SnpKeys, SoftwareSnp
from troth.tsm.emulated.snp.settings import Platform
from troth.verify import Anchor, Anchors

AT: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
REPORT_DATA: Final = bytes(range(64))
CHIP: Final = "c0" * 64
TURIN_CHIP: Final = "c1" * 8

ProductName = Literal["Milan", "Genoa", "Turin"]


@cache
def keys() -> SnpKeys:
    """Return the keys of every software SNP of a run: RSA keys take about a second each."""
    return SnpKeys.generate()


@cache
def evil() -> RsaPrivateKey:
    """Return the key of a CA that nobody trusts."""
    return RsaPrivateKey.generate()


@cache
def small() -> RsaPrivateKey:
    """Return a key of a size that AMD does not have."""
    return RsaPrivateKey.generate(2048)


@cache
def small_exponent() -> RsaPrivateKey:
    """Return a key of the right size whose public exponent is 3."""
    return RsaPrivateKey(rsa.generate_private_key(3, 4096))


@cache
def stranger() -> SigningKey:
    """Return a P-384 key that nobody certified."""
    return SigningKey.generate("P-384")


def settings_of(
    product: ProductName = "Milan",
    signing_key: Literal["VCEK", "VLEK"] = "VCEK",
    version: Literal[2, 3, 4, 5] = 5,
) -> Settings:
    """Return the settings of a sound chip."""
    platform = Platform(product=product, chip_id=TURIN_CHIP if product == "Turin" else CHIP)
    return replace(Settings(), platform=platform, signing_key=signing_key, report_version=version)


@cache
def snp(settings: Settings | None = None) -> SoftwareSnp:
    """Return the software SNP of some settings, made once."""
    return SoftwareSnp.create(settings or settings_of(), at=AT, keys=keys())


def anchors(*roots: bytes) -> Anchors:
    """Return the anchors of root certificates, DER."""
    return Anchors([Anchor.of(PssCertificate(root)) for root in roots])
