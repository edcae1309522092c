# SPDX-License-Identifier: Apache-2.0
"""PCK chain: shape, root, links, roles, dates, and the SGX extension of the leaf."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from tests.encodings import with_unused_bit
from tests.negative.table import (
    EVIL,
    OTHER,
    PKI,
    TEE,
    Accepted,
    Case,
    Change,
    Given,
    Table,
    certificate,
    chained,
    named,
    pem,
    quoted,
    settle,
)
from tests.tdx import AT
from troth.crypto import der
from troth.crypto.issue import Extension, KeyUsage
from troth.crypto.p256 import PrivateKey, PublicKey
from troth.evidence.intel.pck import SGX_EXTENSION
from troth.tsm.emulated.tdx.pck import Members, sgx_extension, sgx_members, tcb_members
from troth.tsm.emulated.tdx.pki import Role


class ForeignKey(PublicKey):
    """A key of another kind, where a certificate's spec wants one on a curve."""

    @property
    def raw(self) -> bytes:
        return bytes(64)


P384: Final = PublicKey(ec.generate_private_key(ec.SECP384R1()).public_key())
ED25519: Final = ForeignKey(ed25519.Ed25519PrivateKey.generate().public_key())  # type: ignore[arg-type]  # what is tested
NO_ONE_KNOWS: Final = Extension(oid="1.2.3.4", value=b"\5\0", critical=True)
NO_ONE_MINDS: Final = Extension(oid="1.2.3.4", value=b"\5\0")
# certificatePolicies of anyPolicy: the library knows it, and nobody here enforces it.
POLICIES: Final = Extension(
    oid="2.5.29.32", value=bytes.fromhex("300830060604551d2000"), critical=True
)
LEAF, CA, ROOT = (PKI.certificates[role] for role in ("pck", "platform-ca", "root"))
MEMBERS: Final = sgx_members(TEE.settings.platform)
TCB: Final = tcb_members(TEE.settings.platform)
PLACES: Final[dict[str, Role]] = {"leaf": "pck", "intermediate": "platform-ca", "root": "root"}
SECOND: Final = timedelta(seconds=1)


def one(place: str, *, signed_by: PrivateKey | None = None, **fields: Change) -> Given:
    """Put another certificate in one place; the key stays, so that all else still holds."""
    return chained(**{place: certificate(PLACES[place], signed_by=signed_by, **fields)})


def below(role: Role, **fields: Change) -> bytes:
    """Return a PCK certificate issued by the key of another role."""
    above = PKI.spec(role)
    names = {"issuer": above.subject, "authority": above.key}
    return certificate("pck", signed_by=PKI.keys[role], **names, **fields)


def renamed_ca() -> Given:
    """The CA is called something else; names and signatures are consistent."""
    name = named("Intel SGX PCK Something CA")
    return chained(
        intermediate=certificate("platform-ca", subject=name), leaf=certificate("pck", issuer=name)
    )


def end_entity_as_ca() -> Given:
    """The root issued a certificate that is no CA's, and its key issues a PCK certificate."""
    middle = certificate("platform-ca", ca=False, path_length=None)
    return chained(intermediate=middle)


def unsound_signer_as_ca() -> Given:
    return quoted(chain=pem(below("tcb-signing"), PKI.certificates["tcb-signing"], ROOT))


def mixed_root() -> Given:
    """The trusted root stands in a chain whose links hang from another of the same name."""
    other = OTHER.pki.certificates
    return Given(
        quote=OTHER.quote(bytes(64), chain=pem(other["pck"], other["platform-ca"], ROOT)),
        report_data=bytes(64),
    )


def extension(members: Members) -> Given:
    return one("leaf", extensions=(sgx_extension(members),))


def tcb(members: Members) -> Given:
    return extension(sgx_members(TEE.settings.platform, members))


def raw(value: bytes) -> Given:
    return one("leaf", extensions=(Extension(oid=SGX_EXTENSION, value=value),))


def swapped(members: Members, suffix: str, value: bytes) -> Members:
    """Return members of which one has another encoded value."""
    oid = f"{SGX_EXTENSION}.{suffix}"
    assert oid in dict(members)
    return [(name, value if name == oid else old) for name, old in members]


def without(members: Members, suffix: str) -> Members:
    return [(name, value) for name, value in members if name != f"{SGX_EXTENSION}.{suffix}"]


def with_der(change: Callable[[bytes], bytes]) -> Given:
    """Change the DER of the leaf after it was signed, or write it into the PEM in another way."""
    return quoted(chain=pem(change(LEAF), CA, ROOT))


def not_canonical() -> Given:
    """Base64 that ends in bits that nobody reads, and decodes to a sound certificate."""
    sizes = (Extension(oid="1.2.3.4", value=octets(n)) for n in range(1000))
    leaf = next(
        one
        for extra in sizes
        if len(one := certificate("pck", extensions=(sgx_extension(MEMBERS), extra))) % 3 == 1
    )
    text = pem(leaf)
    at = text.index(b"==") - 1
    assert text[at : at + 1] in b"AQgw"
    return quoted(chain=text[:at] + bytes((text[at] + 1,)) + text[at + 1 :] + pem(CA, ROOT))


def octets(size: int) -> bytes:
    return der.encode_tlv(der.TAG_OCTET_STRING, bytes(size))


def dates(place: str) -> dict[str, Case]:
    return {
        f"{place}-expired": (partial(one, place, not_after=AT - SECOND), "chain.expired"),
        f"{place}-not-yet-valid": (
            partial(one, place, not_before=AT + SECOND),
            "chain.not-yet-valid",
        ),
        f"{place}-to-the-second": (
            partial(one, place, not_before=AT, not_after=AT),
            Accepted(),
        ),
        f"{place}-unknown-critical-extension": (
            partial(one, place, extensions=(NO_ONE_KNOWS, sgx_extension(MEMBERS))),
            "chain.extension",
        ),
        f"{place}-unknown-extension": (
            partial(one, place, extensions=(NO_ONE_MINDS, sgx_extension(MEMBERS))),
            Accepted(),
        ),
        f"{place}-signed-by-another": (
            partial(one, place, signed_by=EVIL),
            "chain.signature",
        ),
        f"{place}-names-another-issuer": (
            partial(one, place, issuer=named("Nobody")),
            "chain.issuer",
        ),
        f"{place}-with-sha-384": (partial(one, place, digest="sha384"), "chain.algorithm"),
        f"{place}-with-an-ed25519-key": (partial(one, place, key=ED25519), "chain.algorithm"),
        f"{place}-with-a-p384-key": (
            partial(one, place, key=P384),
            "chain.algorithm",
        ),
    }


NOT_A_CA: Final[dict[str, dict[str, Change]]] = {
    "basic-constraints-off": {"ca": None, "path_length": None},
    "basic-constraints-not-ca": {"ca": False, "path_length": None},
    "may-not-issue": {"key_usage": KeyUsage.CRL_SIGN | KeyUsage.DIGITAL_SIGNATURE},
    "without-key-usage": {"key_usage": None},
}

SHAPES: Final[Table] = {
    "empty": (lambda: quoted(chain=b""), "wire.pem"),
    "empty-but-for-nul": (lambda: quoted(chain=b"\0"), "wire.pem"),
    "leaf-only": (lambda: quoted(chain=pem(LEAF)), "pck.chain-shape"),
    "no-intermediate": (lambda: quoted(chain=pem(LEAF, ROOT)), "pck.chain-shape"),
    "no-root": (lambda: quoted(chain=pem(LEAF, CA)), "pck.chain-shape"),
    "no-leaf": (lambda: quoted(chain=pem(CA, ROOT)), "pck.chain-shape"),
    "extra-certificate": (lambda: quoted(chain=pem(LEAF, CA, ROOT, ROOT)), "pck.chain-shape"),
    "forty-certificates": (lambda: quoted(chain=pem(*[ROOT] * 40)), "wire.pem"),
    "order-reversed": (lambda: quoted(chain=pem(ROOT, CA, LEAF)), "chain.root"),
    "order-leaf-behind-ca": (lambda: quoted(chain=pem(CA, LEAF, ROOT)), "chain.issuer"),
    "order-root-before-ca": (lambda: quoted(chain=pem(LEAF, ROOT, CA)), "chain.root"),
    "leaf-three-times": (lambda: quoted(chain=pem(LEAF, LEAF, LEAF)), "chain.root"),
    "root-in-the-middle": (lambda: quoted(chain=pem(LEAF, ROOT, ROOT)), "chain.issuer"),
    "no-nul": (lambda: quoted(chain=pem(LEAF, CA, ROOT)), Accepted()),
    "many-nuls": (lambda: quoted(chain=PKI.pck_chain() + bytes(100)), Accepted()),
    "crlf": (lambda: quoted(chain=PKI.pck_chain().replace(b"\n", b"\r\n")), Accepted()),
    "white-space-between": (
        lambda: quoted(chain=pem(LEAF) + b" \t\r\n\n" + pem(CA, ROOT)),
        Accepted(),
    ),
    "junk-before": (lambda: quoted(chain=b"x" + PKI.pck_chain()), "wire.pem"),
    "junk-between": (lambda: quoted(chain=pem(LEAF) + b"x" + pem(CA, ROOT)), "wire.pem"),
    "junk-behind": (lambda: quoted(chain=PKI.pck_chain() + b"x"), "wire.pem"),
    "other-label": (
        lambda: quoted(chain=PKI.pck_chain().replace(b"CERTIFICATE", b"X509 CRL")),
        "wire.pem",
    ),
    "label-end-differs": (
        lambda: quoted(chain=PKI.pck_chain().replace(b"END CERTIFICATE", b"END CERTIFICATES", 1)),
        "wire.pem",
    ),
    "base64-cut": (lambda: quoted(chain=PKI.pck_chain().replace(b"M", b"", 1)), "wire.pem"),
    "base64-not-canonical": (not_canonical, "wire.pem"),
    "base64-padded-too-much": (
        lambda: quoted(chain=PKI.pck_chain().replace(b"\n-----END", b"====\n-----END")),
        "wire.pem",
    ),
}

TRUST: Final[Table] = {
    "own-root-of-intels-name": (
        lambda: Given(quote=OTHER.quote(bytes(64)), report_data=bytes(64)),
        "chain.root",
    ),
    "trusted-root-above-anothers-chain": (mixed_root, "chain.signature"),
    "root-of-another-name": (
        lambda: one("root", subject=named("A Root"), issuer=named("A Root")),
        "chain.issuer",
    ),
    "leaf-used-as-ca": (end_entity_as_ca, "chain.not-ca"),
    "tcb-signer-used-as-ca": (unsound_signer_as_ca, "chain.not-ca"),
    "pck-issuing-pck": (lambda: quoted(chain=pem(below("pck"), LEAF, ROOT)), "chain.issuer"),
    "root-issuing-pck": (lambda: quoted(chain=pem(below("root"), CA, ROOT)), "chain.issuer"),
    "processor-ca-issuing-under-the-platform-cas-name": (
        lambda: one("leaf", signed_by=PKI.keys["processor-ca"]),
        "chain.signature",
    ),
    "tcb-signer-in-the-pcks-place": (
        lambda: chained(leaf=PKI.certificates["tcb-signing"]),
        "chain.issuer",
    ),
    "tcb-signers-name-on-the-leaf": (
        lambda: one("leaf", subject=named("Intel SGX TCB Signing")),
        "chain.role",
    ),
    "ca-of-another-name": (renamed_ca, "chain.role"),
    "leaf-may-not-sign": (lambda: one("leaf", key_usage=KeyUsage.NON_REPUDIATION), "chain.role"),
    "leaf-without-key-usage": (lambda: one("leaf", key_usage=None), "chain.role"),
    "leaf-is-ca": (lambda: one("leaf", ca=True), "chain.leaf-is-ca"),
    "leaf-may-issue": (
        lambda: one("leaf", key_usage=KeyUsage.DIGITAL_SIGNATURE | KeyUsage.KEY_CERT_SIGN),
        "chain.leaf-is-ca",
    ),
    "leaf-without-basic-constraints": (lambda: one("leaf", ca=None), Accepted()),
    **{
        f"{place}-{name}": (partial(one, place, **fields), "chain.not-ca")
        for place in ("intermediate", "root")
        for name, fields in NOT_A_CA.items()
    },
    "root-path-length-0": (lambda: one("root", path_length=0), "chain.not-ca"),
    "root-path-length-open": (lambda: one("root", path_length=None), Accepted()),
    "ca-policies": (
        lambda: one("intermediate", extensions=(POLICIES,)),
        "chain.extension",
    ),
    **{name: case for place in PLACES for name, case in dates(place).items()},
}

EXTENSION: Final[Table] = {
    "extension-missing": (lambda: one("leaf", extensions=()), "pck.extension"),
    "extension-empty": (lambda: raw(b""), "pck.extension"),
    "extension-without-members": (lambda: raw(b"\x30\0"), "pck.extension"),
    "extension-truncated": (lambda: raw(sgx_extension(MEMBERS).value[:-1]), "pck.extension"),
    "extension-trailing-byte": (lambda: raw(sgx_extension(MEMBERS).value + b"\0"), "pck.extension"),
    "extension-twice": (
        lambda: one("leaf", extensions=(sgx_extension(MEMBERS),) * 2),
        "x509.malformed",
    ),
    "extension-not-a-sequence": (lambda: raw(b"\4\2\x30\0"), "pck.extension"),
    "extension-indefinite-length": (
        lambda: raw(b"\x30\x80" + sgx_extension(MEMBERS).value[4:] + b"\0\0"),
        "pck.extension",
    ),
    "extension-length-not-shortest": (
        lambda: raw(b"\x30\x83\0" + sgx_extension(MEMBERS).value[2:]),
        "pck.extension",
    ),
    "extension-length-of-gigabytes": (lambda: raw(b"\x30\x84\xff\xff\xff\xff"), "pck.extension"),
    "extension-nested-a-thousandfold": (lambda: raw(nested(1000)), "pck.extension"),
    "extension-unknown-member": (
        lambda: extension([*MEMBERS, (f"{SGX_EXTENSION}.8", octets(1))]),
        "pck.extension",
    ),
    **{
        f"extension-without-{name}": (partial(extension, without(MEMBERS, suffix)), "pck.extension")
        for suffix, name in {
            "1": "ppid",
            "2": "tcb",
            "3": "pceid",
            "4": "fmspc",
            "5": "type",
        }.items()
    },
    **{
        f"extension-duplicate-{name}": (
            partial(extension, [*MEMBERS, MEMBERS[n]]),
            "pck.extension",
        )
        for n, name in enumerate(("ppid", "tcb", "pceid", "fmspc", "type"))
    },
    **{
        f"extension-{name}": (partial(extension, swapped(MEMBERS, suffix, value)), "pck.extension")
        for name, suffix, value in (
            ("ppid-short", "1", octets(15)),
            ("ppid-integer", "1", der.encode_integer(1)),
            ("tcb-octets", "2", octets(16)),
            ("pceid-long", "3", octets(3)),
            ("fmspc-short", "4", octets(5)),
            ("fmspc-utf8", "4", b"\x0c\6abcdef"),
            ("type-3", "5", b"\x0a\1\3"),
            ("type-negative", "5", b"\x0a\1\xff"),
            ("type-integer", "5", der.encode_integer(1)),
            ("instance-short", "6", octets(15)),
        )
    },
    "tcb-15-components": (lambda: tcb(without(TCB, "2.16")), "pck.extension"),
    "tcb-17-components": (
        lambda: tcb([*TCB, (f"{SGX_EXTENSION}.2.19", der.encode_integer(1))]),
        "pck.extension",
    ),
    "tcb-duplicate-component": (lambda: tcb([*TCB, TCB[0]]), "pck.extension"),
    "tcb-duplicate-instead-of-another": (
        lambda: tcb([TCB[1] if n == 0 else one for n, one in enumerate(TCB)]),
        "pck.extension",
    ),
    "tcb-in-another-order": (lambda: tcb(TCB[::-1]), Accepted()),
    "tcb-without-pcesvn": (lambda: tcb(without(TCB, "2.17")), "pck.extension"),
    "tcb-without-cpusvn": (lambda: tcb(without(TCB, "2.18")), "pck.extension"),
    **{
        f"tcb-{name}": (partial(tcb, swapped(TCB, suffix, value)), "pck.extension")
        for name, suffix, value in (
            ("component-256", "2.1", der.encode_integer(256)),
            ("component-negative", "2.1", b"\2\1\xff"),
            ("component-not-shortest", "2.1", b"\2\2\0\4"),
            ("component-empty", "2.1", b"\2\0"),
            ("component-huge", "2.1", der.encode_integer(1 << 512)),
            ("component-octets", "2.1", octets(1)),
            ("pcesvn-65536", "2.17", der.encode_integer(65_536)),
            ("pcesvn-not-shortest", "2.17", b"\2\2\0\x0d"),
            ("cpusvn-short", "2.18", octets(15)),
        )
    },
    "tcb-component-255": (lambda: tcb(swapped(TCB, "2.1", der.encode_integer(255))), Accepted()),
    "tcb-pcesvn-65535": (
        lambda: tcb(swapped(TCB, "2.17", der.encode_integer(65_535))),
        Accepted(),
    ),
    # Certificates that the library must refuse by an error that we know.
    "der-truncated": (lambda: with_der(lambda one: one[:-1]), "x509.malformed"),
    "signature-with-an-unused-bit": (
        lambda: chained(leaf=with_unused_bit(partial(certificate, "pck"))),
        "x509.malformed",
    ),
    "der-trailing-byte": (lambda: with_der(lambda one: one + b"\0"), "x509.malformed"),
    "der-empty": (lambda: with_der(lambda _: b"\x30\0"), "x509.malformed"),
    "der-nested-a-thousandfold": (lambda: with_der(lambda _: nested(1000)), "x509.malformed"),
    "der-over-16-kib": (
        lambda: one(
            "leaf",
            extensions=(
                sgx_extension(MEMBERS),
                Extension(oid="1.2.3.4", value=octets(16 * 1024)),
            ),
        ),
        "x509.malformed",
    ),
    "der-version-9": (
        lambda: with_der(lambda one: one.replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\x09", 1)),
        "x509.malformed",
    ),
    "der-a-list-in-place-of-a-certificate": (
        lambda: with_der(lambda _: PKI.crl("root")),
        "x509.malformed",
    ),
}

CASES: Final[Table] = {**SHAPES, **TRUST, **EXTENSION}


def nested(depth: int) -> bytes:
    """Return a SEQUENCE in a SEQUENCE in a SEQUENCE."""
    found = b""
    for _ in range(depth):
        found = der.encode_tlv(der.TAG_SEQUENCE, found)
    return found


@pytest.mark.parametrize("name", CASES)
def test_chain(name: str) -> None:
    settle(CASES[name])
