# SPDX-License-Identifier: Apache-2.0
"""Chains with one fault each: links, roles, roots, windows, algorithms."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Final

import pytest

from tests.snp.table import (
    DAY,
    Accepted,
    Change,
    Given,
    Table,
    ark_key,
    ask_key,
    asvk_key,
    bundled,
    certificate,
    named,
    settle,
)
from tests.snp.world import AT, evil, settings_of, small, small_exponent, snp, stranger
from troth.crypto._tbs import Extension
from troth.crypto.certificate_parts import PSS_ALGORITHMS
from troth.crypto.issue import KeyUsage
from troth.crypto.signing_key import SigningKey
from troth.tsm.emulated.snp import SoftwareSnp
from troth.tsm.emulated.snp.pki import Role
from troth.verify import Revocation

CRITICAL: Final = (Extension(oid="1.2.3.4", value=b"\5\0", critical=True),)
SHA_256: Final = bytes.fromhex(  # the same algorithm with SHA-256
    "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d"
    "010108300d06096086480165030402010500a203020120"
)
PLACES: Final[dict[str, Role]] = {"leaf": "vcek", "intermediate": "ask", "root": "ark"}
P256: Final = SigningKey.generate("P-256")
ED25519: Final = SigningKey.generate("Ed25519")


def of_another_curve() -> bytes:
    """Return the key of a VCEK that says of itself to be on secp521r1; its point is on P-384."""
    p384, p521 = (bytes.fromhex(f"06052b810400{last}") for last in ("22", "23"))
    return snp().pki.keys.spki("vcek").replace(p384, p521)


def vlek() -> SoftwareSnp:
    return snp(settings_of(signing_key="VLEK"))


def rooted(root: bytes, **places: bytes) -> Given:
    """Return the sound report under another root, which is trusted."""
    return dataclasses.replace(bundled(root=root, **places, crl=None), root=root)


def free(given: Given) -> Given:
    """Return the same without a list being due: it would be of another root."""
    return dataclasses.replace(given, revocation=Revocation.ANY)


def own_root() -> Given:
    """A whole hierarchy of AMD's names under a root that nobody trusts."""
    ark = certificate("ark", spki=evil().spki, signed_by=evil())
    ask = certificate("ask", signed_by=evil())
    return bundled(root=ark, intermediate=ask)


def root_of_another_product() -> Given:
    name = named("ARK-Genoa")
    ark = certificate("ark", subject=name, issuer=name)
    return free(rooted(ark, intermediate=certificate("ask", issuer=name)))


def intermediate_of_another_product() -> Given:
    name = named("SEV-Genoa")
    return bundled(
        intermediate=certificate("ask", subject=name), leaf=certificate("vcek", issuer=name)
    )


def leaf_under_asvk() -> Given:
    name = snp().pki.name("asvk")
    return bundled(
        intermediate=snp().pki.certificates["asvk"],
        leaf=certificate("vcek", issuer=name, signed_by=asvk_key()),
    )


def vlek_under_ask() -> Given:
    name = snp().pki.name("ask")
    return bundled(
        vlek(),
        intermediate=snp().pki.certificates["ask"],
        leaf=certificate("vlek", tee=vlek(), issuer=name, signed_by=ask_key()),
    )


def leaf_under_ark() -> Given:
    """The root issues the leaf itself, and stands in the intermediate's place."""
    name = snp().pki.name("ark")
    return bundled(
        intermediate=snp().pki.certificates["ark"],
        leaf=certificate("vcek", issuer=name, signed_by=ark_key()),
    )


def leaf_used_as_ca() -> Given:
    """A leaf certificate, issued by the root, in the intermediate's place."""
    between = certificate(
        "vcek", issuer=snp().pki.name("ark"), spki=evil().spki, signed_by=ark_key()
    )
    name = snp().pki.name("vcek")
    return bundled(intermediate=between, leaf=certificate("vcek", issuer=name, signed_by=evil()))


def small_root() -> Given:
    ark = certificate("ark", spki=small().spki, signed_by=small())
    return free(rooted(ark, intermediate=certificate("ask", signed_by=small())))


def small_intermediate() -> Given:
    return bundled(
        intermediate=certificate("ask", spki=small().spki),
        leaf=certificate("vcek", signed_by=small()),
    )


def intermediate_of_exponent_3() -> Given:
    return bundled(
        intermediate=certificate("ask", spki=small_exponent().spki),
        leaf=certificate("vcek", signed_by=small_exponent()),
    )


def in_place(place: str, role: Role, **fields: Change) -> Given:
    """Return the sound report with one certificate of other fields in its place."""
    return bundled(**{place: certificate(role, **fields)})


def with_root(**fields: Change) -> Given:
    """Return the sound report under a root of other fields, which is trusted."""
    return free(rooted(certificate("ark", **fields)))


CASES: Final[Table] = {
    "own-root-of-amds-name": (own_root, "chain.root"),
    "own-root-above-a-sound-chain": (
        lambda: bundled(root=certificate("ark", spki=evil().spki, signed_by=evil())),
        "chain.root",
    ),
    "no-anchor-but-another-products": (
        lambda: Given(root=certificate("ark", spki=evil().spki, signed_by=evil())),
        "chain.root",
    ),
    "trusted-root-above-anothers-chain": (
        lambda: bundled(intermediate=certificate("ask", signed_by=evil())),
        "chain.signature",
    ),
    "leaf-signed-by-another": (
        lambda: bundled(leaf=certificate("vcek", signed_by=evil())),
        "chain.signature",
    ),
    "root-signed-by-another": (
        lambda: free(rooted(certificate("ark", signed_by=evil()))),
        "chain.signature",
    ),
    "leaf-names-another-issuer": (
        lambda: bundled(leaf=certificate("vcek", issuer=named("SEV-Genoa"))),
        "chain.issuer",
    ),
    "intermediate-names-another-issuer": (
        lambda: bundled(intermediate=certificate("ask", issuer=named("ARK-Genoa"))),
        "chain.issuer",
    ),
    "root-names-another-issuer": (
        lambda: with_root(issuer=named("ARK-Genoa")),
        "chain.issuer",
    ),
    # Roles.
    "root-of-another-product": (root_of_another_product, "chain.role"),
    "intermediate-of-another-product": (intermediate_of_another_product, "chain.role"),
    "vcek-under-the-asvk": (leaf_under_asvk, "chain.role"),
    "vlek-under-the-ask": (vlek_under_ask, "chain.role"),
    "leaf-of-the-other-kinds-name": (
        lambda: bundled(leaf=certificate("vcek", subject=named("SEV-VLEK"))),
        "chain.role",
    ),
    "leaf-without-a-name": (
        lambda: bundled(leaf=certificate("vcek", subject=named(""))),
        "chain.role",
    ),
    "leaf-under-the-root": (leaf_under_ark, "chain.role"),
    "leaf-used-as-ca": (leaf_used_as_ca, "chain.not-ca"),
    # Constraints.
    "root-is-no-ca": (lambda: with_root(ca=False), "chain.not-ca"),
    "root-without-constraints": (lambda: with_root(ca=None), "chain.not-ca"),
    "root-may-sign-no-certificates": (
        lambda: with_root(key_usage=KeyUsage.CRL_SIGN),
        "chain.not-ca",
    ),
    "root-of-path-length-0": (lambda: with_root(path_length=0), "chain.not-ca"),
    "root-of-path-length-1": (
        lambda: with_root(path_length=1),
        Accepted(revocation_checked=False),
    ),
    "intermediate-is-no-ca": (
        lambda: bundled(intermediate=certificate("ask", ca=False, path_length=None)),
        "chain.not-ca",
    ),
    "intermediate-may-sign-no-certificates": (
        lambda: bundled(intermediate=certificate("ask", key_usage=KeyUsage.CRL_SIGN)),
        "chain.not-ca",
    ),
    "leaf-is-a-ca": (lambda: bundled(leaf=certificate("vcek", ca=True)), "chain.leaf-is-ca"),
    "leaf-may-sign-certificates": (
        lambda: bundled(leaf=certificate("vcek", key_usage=KeyUsage.KEY_CERT_SIGN)),
        "chain.leaf-is-ca",
    ),
    "root-critical-extension": (
        lambda: with_root(extensions=CRITICAL),
        "chain.extension",
    ),
    "intermediate-critical-extension": (
        lambda: bundled(intermediate=certificate("ask", extensions=CRITICAL)),
        "chain.extension",
    ),
    "leaf-critical-extension": (
        lambda: bundled(
            leaf=certificate("vcek", extensions=snp().pki.spec("vcek").extensions + CRITICAL)
        ),
        "chain.extension",
    ),
    # Algorithms and keys.
    **{
        f"{place}-algorithm": (
            partial(in_place, place, role, algorithm=SHA_256),
            "chain.algorithm",
        )
        for place, role in PLACES.items()
    },
    "leaf-algorithms-differ": (
        lambda: bundled(
            leaf=certificate("vcek").replace(PSS_ALGORITHMS[0], PSS_ALGORITHMS[0][:-1] + b"\2", 1)
        ),
        "chain.algorithm",
    ),
    "root-of-2048-bits": (small_root, "chain.algorithm"),
    "intermediate-of-2048-bits": (small_intermediate, "chain.algorithm"),
    "intermediate-of-exponent-3": (intermediate_of_exponent_3, "chain.algorithm"),
    "intermediate-of-ed25519": (
        lambda: bundled(intermediate=certificate("ask", spki=ED25519.public.spki)),
        "chain.algorithm",
    ),
    "leaf-of-p-256": (
        lambda: bundled(leaf=certificate("vcek", spki=P256.public.spki)),
        "chain.algorithm",
    ),
    "leaf-of-another-curve": (
        lambda: bundled(leaf=certificate("vcek", spki=of_another_curve())),
        "chain.algorithm",
    ),
    "leaf-of-rsa": (lambda: bundled(leaf=certificate("vcek", spki=evil().spki)), "chain.algorithm"),
    "leaf-without-a-key": (
        lambda: bundled(leaf=certificate("vcek", spki=b"\x30\0")),
        "chain.algorithm",
    ),
    "intermediate-of-p-384": (
        lambda: bundled(intermediate=certificate("ask", spki=stranger().public.spki)),
        "chain.algorithm",
    ),
    # Windows.
    **{
        f"{place}-expired": (
            partial(in_place, place, role, not_after=AT - DAY),
            "chain.expired",
        )
        for place, role in PLACES.items()
    },
    **{
        f"{place}-not-yet-valid": (
            partial(in_place, place, role, not_before=AT + DAY),
            "chain.not-yet-valid",
        )
        for place, role in PLACES.items()
    },
}


@pytest.mark.parametrize("name", CASES)
def test_one_fault_has_its_code(name: str) -> None:
    settle(CASES[name])
