# SPDX-License-Identifier: Apache-2.0
"""The SGX extension is read by OID: each mandatory member once, in its type and range."""

from __future__ import annotations

from typing import Final

import pytest

from tests.refusals import refused
from tests.tdx import AT
from troth.crypto import der
from troth.evidence.intel.pck import SGX_EXTENSION, PckChain, PckExtension
from troth.tsm.emulated.tdx import SoftwareTdx
from troth.tsm.emulated.tdx.pck import Members, sgx_members, tcb_members

TEE: Final = SoftwareTdx.create(at=AT)
PLATFORM: Final = TEE.settings.platform
MEMBERS: Final = sgx_members(PLATFORM)
TCB: Final = tcb_members(PLATFORM)


def oid(*numbers: int) -> str:
    return ".".join([SGX_EXTENSION, *map(str, numbers)])


def octets(content: bytes) -> bytes:
    return der.encode_tlv(der.TAG_OCTET_STRING, content)


def extension(members: Members) -> PckExtension:
    return PckExtension.parse(der.encode_attributes(members))


def with_member(name: str, value: bytes) -> Members:
    assert name in dict(MEMBERS)
    return [(key, value if key == name else old) for key, old in MEMBERS]


def with_tcb(name: str, value: bytes) -> Members:
    assert name in dict(TCB)
    tcb = [(key, value if key == name else old) for key, old in TCB]
    return with_member(oid(2), der.encode_attributes(tcb))


def without(members: Members, name: str) -> Members:
    return [(key, value) for key, value in members if key != name]


def test_the_extension_says_what_the_platform_is() -> None:
    found = extension(MEMBERS)
    assert found.fmspc.hex() == PLATFORM.fmspc
    assert found.pce_id.hex() == PLATFORM.pce_id
    assert found.ppid.hex() == PLATFORM.ppid
    assert found.components == PLATFORM.components
    assert found.pce_svn == PLATFORM.pce_svn
    assert found.cpu_svn.hex() == PLATFORM.cpu_svn
    assert found.sgx_type == PLATFORM.sgx_type
    assert found.platform_instance_id is not None
    assert found.platform_instance_id.hex() == PLATFORM.platform_instance_id


def test_the_order_of_members_says_nothing() -> None:
    tcb = der.encode_attributes(list(reversed(TCB)))
    members = [(key, tcb if key == oid(2) else value) for key, value in reversed(MEMBERS)]
    assert extension(members) == extension(MEMBERS)


def test_the_processor_ca_writes_five_members() -> None:
    found = extension(MEMBERS[:5])
    assert found.platform_instance_id is None
    assert found.components == PLATFORM.components


@pytest.mark.parametrize("number", range(1, 6))
def test_a_mandatory_member_is_missing(number: int) -> None:
    with refused("pck.extension", f"missing ['{oid(number)}']"):
        extension(without(MEMBERS, oid(number)))


@pytest.mark.parametrize("number", range(1, 19))
def test_a_member_of_the_tcb_is_missing(number: int) -> None:
    tcb = der.encode_attributes(without(TCB, oid(2, number)))
    with refused("pck.extension", f"TCB: missing ['{oid(2, number)}']"):
        extension(with_member(oid(2), tcb))


@pytest.mark.parametrize("number", range(1, 8))
def test_a_member_twice(number: int) -> None:
    again = [pair for pair in MEMBERS if pair[0] == oid(number)]
    with refused("pck.extension", "occurs twice"):
        extension([*MEMBERS, *again])


def test_a_member_of_the_tcb_twice() -> None:
    with refused("pck.extension", "a member of TCB occurs twice"):
        extension(with_member(oid(2), der.encode_attributes([*TCB, TCB[0]])))


def test_an_unknown_member() -> None:
    with refused("pck.extension", "unknown"):
        extension([*MEMBERS, (oid(8), octets(b""))])
    with refused("pck.extension", "TCB: unknown"):
        tcb = der.encode_attributes([*TCB, (oid(2, 19), der.encode_integer(0))])
        extension(with_member(oid(2), tcb))


@pytest.mark.parametrize(("number", "size"), [(1, 16), (3, 2), (4, 6), (6, 16)])
def test_octets_of_another_size_or_type(number: int, size: int) -> None:
    for wrong in (octets(bytes(size - 1)), octets(bytes(size + 1)), octets(b"")):
        with refused("pck.extension", f"is not {size} octets"):
            extension(with_member(oid(number), wrong))
    with refused("pck.extension", f"is not {size} octets"):
        extension(with_member(oid(number), der.encode_tlv(der.TAG_INTEGER, bytes(size))))


def test_cpu_svn_of_another_size() -> None:
    with refused("pck.extension", "CPUSVN is not 16 octets"):
        extension(with_tcb(oid(2, 18), octets(bytes(15))))


INTEGERS: Final = {
    "component": (oid(2, 1), 0xFF),
    "last": (oid(2, 16), 0xFF),
    "pce": (oid(2, 17), 0xFFFF),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_an_integer_in_its_range(name: str) -> None:
    number, most = INTEGERS[name]
    for value in (0, 1, 127, 128, most):
        found = extension(with_tcb(number, der.encode_integer(value)))
        got = {"component": found.components[0], "last": found.components[15], "pce": found.pce_svn}
        assert got[name] == value


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"\x80", b"\x00\x00", b"\x00\x01", b"\x00\x7f", b"\x01\x00\x00", b"\0" * 9],
    ids=lambda content: content.hex() or "empty",
)
def test_an_integer_out_of_range_or_not_the_shortest(name: str, content: bytes) -> None:
    number, most = INTEGERS[name]
    with refused("pck.extension", f"is not a number from 0 to {most}"):
        extension(with_tcb(number, der.encode_tlv(der.TAG_INTEGER, content)))


def test_a_component_of_256() -> None:
    with refused("pck.extension"):
        extension(with_tcb(oid(2, 3), der.encode_integer(256)))
    with refused("pck.extension"):
        extension(with_tcb(oid(2, 17), der.encode_integer(65536)))
    with refused("pck.extension"):
        extension(with_tcb(oid(2, 3), octets(b"\1")))


@pytest.mark.parametrize("value", [0, 1, 2])
def test_a_type_of_sgx(value: int) -> None:
    encoded = der.encode_tlv(der.TAG_ENUMERATED, bytes((value,)))
    assert extension(with_member(oid(5), encoded)).sgx_type == value


@pytest.mark.parametrize(
    "encoded",
    [
        der.encode_tlv(der.TAG_ENUMERATED, b"\3"),
        der.encode_tlv(der.TAG_ENUMERATED, b""),
        der.encode_tlv(der.TAG_ENUMERATED, b"\0\1"),
        der.encode_integer(1),
    ],
    ids=["three", "empty", "long", "integer"],
)
def test_no_type_of_sgx(encoded: bytes) -> None:
    with refused("pck.extension", "SGX type"):
        extension(with_member(oid(5), encoded))


@pytest.mark.parametrize("value", [octets(b""), der.encode_integer(1), b"\x30\x01\x00"])
def test_no_tcb(value: bytes) -> None:
    with refused("pck.extension"):
        extension(with_member(oid(2), value))


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_an_extension_cut_short(cut: int) -> None:
    with refused("pck.extension"):
        PckExtension.parse(der.encode_attributes(MEMBERS)[:-cut])


# --- the chain ------------------------------------------------------------------------------------


def test_a_chain_is_leaf_intermediate_root() -> None:
    chain = PckChain.parse(TEE.pki.pck_chain())
    own = TEE.pki.certificates
    assert [one.der for one in (chain.leaf, chain.intermediate, chain.root)] == [
        own["pck"],
        own["platform-ca"],
        own["root"],
    ]
    assert chain.extension.fmspc.hex() == PLATFORM.fmspc


def test_a_chain_of_another_length() -> None:
    pki = TEE.pki
    with refused("wire.pem", "no certificate"):
        PckChain.parse(b"")
    for pem in (
        pki.pem("pck"),
        pki.pem("pck", "platform-ca"),
        pki.pem("pck", "platform-ca", "root", "root"),
    ):
        with refused("pck.chain-shape", "3 are due"):
            PckChain.parse(pem)


def test_a_leaf_without_the_extension() -> None:
    with refused("pck.extension", "the leaf has none"):
        _ = PckChain.parse(TEE.pki.pem("root", "platform-ca", "pck")).extension


def test_a_chain_with_something_that_is_no_certificate() -> None:
    with refused("x509.malformed"):
        PckChain.parse(TEE.pki.pck_chain(leaf=TEE.pki.certificates["pck"][:-1]))
