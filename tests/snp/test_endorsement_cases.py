# SPDX-License-Identifier: Apache-2.0
"""Leaf certificates and bundles that do not follow their form, lists with one fault each."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import pytest

from tests.snp.reports import with_bytes
from tests.snp.table import (
    DAY,
    Accepted,
    Given,
    Table,
    bundle,
    bundled,
    certificate,
    crl,
    extended,
    named,
    settle,
    sound_report,
)
from tests.snp.test_chain_cases import CRITICAL, SHA_256, free, rooted, vlek
from tests.snp.world import AT, CHIP, TURIN_CHIP, evil, settings_of, snp
from troth.crypto.der import encode_integer, encode_tlv
from troth.crypto.issue import KeyUsage, certificate_pem
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.snp.extensions import ia5
from troth.wire import json

NEEDED: Final = ("1", "2", "3.1", "3.2", "3.3", "3.8", "4")
OCTET_STRING: Final = 0x04


def turin() -> SoftwareSnp:
    return snp(settings_of("Turin"))


def leaf(**members: bytes | None) -> Given:
    """Return the sound report under a leaf of other extensions; `_3_1` is number 3.1."""
    numbered = {key[1:].replace("_", "."): value for key, value in members.items()}
    return bundled(leaf=extended(numbered))


def without(number: str) -> Given:
    return bundled(leaf=extended({number: None}))


def turin_leaf(**members: bytes | None) -> Given:
    numbered = {key[1:].replace("_", "."): value for key, value in members.items()}
    return bundled(turin(), leaf=extended(numbered, tee=turin()))


def text(**members: object) -> Given:
    """Return the sound report with other members in the bundle's JSON."""
    own = snp().pki.certificates
    sound = {
        "kind": "snp",
        "leaf": certificate_pem(own["vcek"]).decode(),
        "chain": certificate_pem(own["ask"], own["ark"]).decode(),
        "crl": snp().crl.hex(),
    }
    held = {key: value for key, value in (sound | members).items() if value is not ...}
    return Given(report=sound_report(), bundles=(json.encode(held),))


def pem(*roles: str) -> str:
    held = {str(role): der for role, der in snp().pki.certificates.items()}
    return certificate_pem(*(held[role] for role in roles)).decode()


def without_lists() -> Given:
    return free(bundled(crl=None))


def with_unused_bit() -> bytes:
    """Return a leaf whose signature ends in a zero bit that is said not to count."""
    der = certificate("vcek")
    while der[-1] & 1:
        der = certificate("vcek")
    return with_bytes(der, len(der) - 512 - 1, b"\1")


def root_may_sign_no_lists() -> Given:
    root = certificate("ark", key_usage=KeyUsage.KEY_CERT_SIGN)
    return dataclasses.replace(bundled(root=root), root=root)


LEAVES: Final[Table] = {
    **{
        f"without-{number}": (
            partial(without, number),
            "snp.certificate",
        )
        for number in NEEDED
    },
    "turin-without-fmc": (lambda: turin_leaf(_3_9=None), "snp.certificate"),
    "fmc-before-turin": (lambda: leaf(_3_9=encode_integer(0)), "snp.certificate"),
    "hardware-id-and-csp": (lambda: leaf(_5=ia5("somebody")), "snp.certificate"),
    "neither-hardware-id-nor-csp": (lambda: leaf(_4=None), "snp.certificate"),
    "svn-256": (lambda: leaf(_3_8=encode_integer(256)), "snp.certificate"),
    "svn-negative": (lambda: leaf(_3_8=b"\2\1\x80"), "snp.certificate"),
    "svn-padded": (lambda: leaf(_3_1=b"\2\2\0\4"), "snp.certificate"),
    "svn-of-another-type": (lambda: leaf(_3_1=b"\4\1\4"), "snp.certificate"),
    "svn-empty": (lambda: leaf(_3_1=b""), "snp.certificate"),
    "svn-and-more": (lambda: leaf(_3_1=b"\2\1\4\0"), "snp.certificate"),
    "structure-version-1": (lambda: leaf(_1=encode_integer(1)), "unsupported.version"),
    "structure-version-0-on-turin": (
        lambda: turin_leaf(_1=encode_integer(0)),
        "unsupported.version",
    ),
    "structure-version-1-of-a-vlek": (
        lambda: bundled(vlek(), leaf=extended({"1": encode_integer(1)}, tee=vlek())),
        "unsupported.version",
    ),
    "product-unknown": (lambda: leaf(_2=ia5("Rome-B0")), "unsupported.product"),
    "product-of-lower-case": (lambda: leaf(_2=ia5("milan")), "unsupported.product"),
    "product-empty": (lambda: leaf(_2=ia5("")), "snp.certificate"),
    "product-of-another-type": (lambda: leaf(_2=encode_tlv(0x0C, b"Milan")), "snp.certificate"),
    "product-long": (lambda: leaf(_2=ia5("Milan-" + "x" * 60)), "snp.certificate"),
    "product-with-a-line-feed": (lambda: leaf(_2=ia5("Milan-\n")), "snp.certificate"),
    "product-beyond-ascii": (
        lambda: leaf(_2=encode_tlv(0x16, b"Milan-\xff")),
        "snp.certificate",
    ),
    "csp-empty": (
        lambda: bundled(vlek(), leaf=extended({"5": ia5("")}, tee=vlek())),
        "snp.certificate",
    ),
    **{
        f"hardware-id-of-{len(value)}-bytes-{name}": (
            partial(leaf, _4=value),
            "snp.certificate",
        )
        for name, value in {
            "short": bytes.fromhex(CHIP)[:63],
            "long": bytes.fromhex(CHIP) + b"\0",
            "other-tag": b"\3\x40" + bytes.fromhex(CHIP),
            "other-length": b"\4\x3f" + bytes.fromhex(CHIP),
            "zeros": bytes(64),
            "as-of-turin": bytes.fromhex(TURIN_CHIP),
        }.items()
    },
    "turins-hardware-id-of-64-bytes": (
        lambda: turin_leaf(_4=bytes.fromhex(TURIN_CHIP).ljust(64, b"\0")),
        "snp.certificate",
    ),
    # Accepted.
    "hardware-id-wrapped": (
        lambda: leaf(_4=encode_tlv(OCTET_STRING, bytes.fromhex(CHIP))),
        Accepted(),
    ),
    "turins-hardware-id-wrapped": (
        lambda: turin_leaf(_4=encode_tlv(OCTET_STRING, bytes.fromhex(TURIN_CHIP))),
        Accepted(product="Turin"),
    ),
    "without-a-spare": (lambda: leaf(_3_4=None), Accepted()),
    "more-that-is-not-critical": (lambda: leaf(_99=b"\5\0"), Accepted()),
    "product-without-stepping": (lambda: leaf(_2=ia5("Milan")), Accepted()),
}

BUNDLES: Final[Table] = {
    "kind-of-another": (lambda: text(kind="tdx"), "json.type"),
    "kind-missing": (lambda: text(kind=...), "json.type"),
    "leaf-missing": (lambda: text(leaf=...), "json.type"),
    "member-unknown": (lambda: text(ark=""), "json.type"),
    "leaf-empty": (lambda: text(leaf=""), "collateral.chain-shape"),
    "leaf-twice": (lambda: text(leaf=pem("vcek", "vcek")), "collateral.chain-shape"),
    "chain-without-root": (lambda: text(chain=pem("ask")), "collateral.chain-shape"),
    "chain-with-a-third": (lambda: text(chain=pem("ask", "ark", "ark")), "collateral.chain-shape"),
    "chain-of-four": (lambda: text(chain=pem("ask", "ark", "ark", "ark")), "wire.pem"),
    "chain-reversed": (lambda: text(chain=pem("ark", "ask")), "chain.root"),
    "junk-between": (lambda: text(chain=pem("ask") + "junk\n" + pem("ark")), "wire.pem"),
    "ca-in-the-leafs-place": (lambda: text(leaf=pem("ask")), "snp.certificate"),
    "leaf-cut-short": (
        lambda: bundled(leaf=snp().pki.certificates["vcek"][:-1]),
        "x509.malformed",
    ),
    "leaf-and-a-byte": (
        lambda: bundled(leaf=snp().pki.certificates["vcek"] + b"\0"),
        "x509.malformed",
    ),
    "leaf-of-more-than-16-kib": (
        lambda: leaf(_99=encode_tlv(OCTET_STRING, bytes(16 * 1024))),
        "x509.malformed",
    ),
    "leaf-signature-of-broken-octets": (
        lambda: bundled(leaf=with_unused_bit()),
        "x509.malformed",
    ),
    "leaf-large": (lambda: bundled(leaf=b"\x30" + bytes(16 * 1024)), "x509.malformed"),
    "leaf-extension-twice": (
        lambda: bundled(leaf=certificate("vcek", extensions=snp().pki.spec("vcek").extensions * 2)),
        "x509.malformed",
    ),
    "leaf-serial-negative": (
        lambda: bundled(
            leaf=snp()
            .pki.certificates["vcek"]
            .replace(b"\xa0\3\2\1\2\2\1\0", b"\xa0\3\2\1\2\2\1\xff", 1)
        ),
        "x509.malformed",
    ),
    "leaf-version-1": (
        lambda: bundled(
            leaf=snp().pki.certificates["vcek"].replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\1", 1)
        ),
        "x509.malformed",
    ),
}

LISTS: Final[Table] = {
    "list-absent": (lambda: bundled(crl=None), "crl.missing"),
    "list-absent-and-none-is-due": (without_lists, Accepted(revocation_checked=False)),
    "list-expired": (lambda: bundled(crl=crl(next_update=AT - DAY / 2)), "crl.expired"),
    "list-expired-and-none-is-due": (
        lambda: free(bundled(crl=crl(next_update=AT - DAY / 2))),
        "crl.expired",
    ),
    "list-of-the-future": (lambda: bundled(crl=crl(this_update=AT + DAY)), "crl.not-yet-valid"),
    "list-of-another-product": (
        lambda: bundled(crl=crl(issuer=named("ARK-Genoa"))),
        "crl.issuer",
    ),
    "list-of-the-ask": (lambda: bundled(crl=crl(issuer=snp().pki.name("ask"))), "crl.issuer"),
    "list-signed-by-another": (lambda: bundled(crl=crl(signed_by=evil())), "crl.signature"),
    "list-of-another-algorithm": (lambda: bundled(crl=crl(algorithm=SHA_256)), "crl.signature"),
    "list-critical-extension": (lambda: bundled(crl=crl(extensions=CRITICAL)), "crl.extension"),
    "list-without-end": (lambda: bundled(crl=crl(next_update=None)), "crl.no-next-update"),
    "list-malformed": (lambda: bundled(crl=snp().crl[:-1]), "crl.malformed"),
    "root-may-sign-no-lists": (root_may_sign_no_lists, "crl.issuer"),
    "ask-revoked": (
        lambda: bundled(crl=snp().pki.crl(revoked=("ask",))),
        "chain.revoked",
    ),
    "ask-revoked-and-none-is-due": (
        lambda: free(bundled(crl=snp().pki.crl(revoked=("ask",)))),
        "chain.revoked",
    ),
    "ask-revoked-under-a-vlek": (
        lambda: bundled(vlek(), crl=snp().pki.crl(revoked=("ask",))),
        Accepted(kind="VLEK"),
    ),
    "asvk-revoked": (
        lambda: bundled(vlek(), crl=snp().pki.crl(revoked=("asvk",))),
        "chain.revoked",
    ),
    "asvk-revoked-under-a-vcek": (
        lambda: bundled(crl=snp().pki.crl(revoked=("asvk",))),
        Accepted(),
    ),
    "leaf-on-the-list": (  # every leaf has the serial number 0: the list cannot mean this one
        lambda: bundled(crl=snp().pki.crl(revoked=("vcek",))),
        Accepted(),
    ),
}

CHOSEN: Final[Table] = {
    # What the judgement falls back on where no set fits in all.
    "current-before-expired": (
        lambda: Given(
            bundles=(
                bundle(leaf=certificate("vcek", not_after=AT - DAY / 2)),
                bundle(leaf=certificate("vcek", not_before=AT - 9 * DAY)),
            )
        ),
        Accepted(),
    ),
    "current-before-future": (
        lambda: Given(
            bundles=(
                bundle(leaf=certificate("vcek", not_before=AT + DAY / 2)),
                bundle(leaf=certificate("vcek", not_before=AT - 9 * DAY)),
            )
        ),
        Accepted(),
    ),
    "reported-tcb-before-others": (
        lambda: Given(
            bundles=(
                bundle(leaf=extended({"3.1": encode_integer(9)})),
                bundle(leaf=certificate("vcek", not_before=AT - 9 * DAY)),
            )
        ),
        Accepted(),
    ),
    "with-a-list-before-without": (
        lambda: Given(
            bundles=(bundle(leaf=certificate("vcek", not_before=AT - DAY / 2), crl=None), bundle())
        ),
        Accepted(),
    ),
    "root-of-its-own": (
        lambda: free(rooted(certificate("ark", serial=7))),
        Accepted(revocation_checked=False),
    ),
}

CASES: Final[Table] = {**LEAVES, **BUNDLES, **LISTS, **CHOSEN}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_its_code(name: str) -> None:
    settle(CASES[name])
