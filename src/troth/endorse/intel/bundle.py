# SPDX-License-Identifier: Apache-2.0
"""Reading collateral: bundles as PCCS clients keep them, and the answers of PCS v4 themselves.

A bundle is one JSON object. Documents and certificate chains are strings, revocation lists and
signatures are hex. What is signed are the bytes of a document exactly as Intel sent them, so they
are cut out and kept, never written anew: another member order is another document.
"""

from __future__ import annotations

from typing import Final

import msgspec

from troth.crypto.crl import Crl
from troth.crypto.p256 import P256_SIGNATURE_BYTES
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.endorse.intel.collateral import CollateralSet, SignedDocument
from troth.endorse.intel.qe_identity import QeIdentity
from troth.endorse.intel.tcb_info import TcbInfo
from troth.errors import MalformedError, UntrustedError
from troth.wire import json
from troth.wire.text import parse_hex

__all__ = ["BUNDLE_MAX_BYTES", "is_bundle", "parse_bundle", "pcs_document"]

BUNDLE_MAX_BYTES: Final = 4 * 1024 * 1024
_CHAIN_LENGTH: Final = 2  # signer or CA first, root second
_QUOTE: Final = 0x22  # the byte a JSON string begins with


class _Bundle(msgspec.Struct):
    pck_crl_issuer_chain: str
    root_ca_crl: str
    pck_crl: str
    tcb_info_issuer_chain: str
    tcb_info: msgspec.Raw
    tcb_info_signature: str
    qe_identity_issuer_chain: str
    qe_identity: msgspec.Raw
    qe_identity_signature: str


def parse_bundle(data: bytes, source: str) -> CollateralSet:
    """Return the collateral set of one bundle.

    Args:
        data: the JSON text, at most 4 MiB. `tcb_info` and `qe_identity` may be strings that hold
            the signed text or the signed objects themselves.
        source: a name for people, such as the file's.

    Raises:
        MalformedError: `json.*`, `wire.*`, `x509.malformed`, `crl.*`, `unsupported.version` or
            `collateral.*`.
        UntrustedError: `tcb.status-word` or `collateral.chain-shape`.
    """
    raw = json.decode(data, _Bundle, max_bytes=BUNDLE_MAX_BYTES)
    info, identity = _signed_bytes(raw.tcb_info), _signed_bytes(raw.qe_identity)
    crl_issuer, crl_root = _chain(raw.pck_crl_issuer_chain)
    tcb_signer, tcb_root = _chain(raw.tcb_info_issuer_chain)
    if raw.qe_identity_issuer_chain == raw.tcb_info_issuer_chain:
        qe_signer, qe_root = tcb_signer, tcb_root
    else:
        qe_signer, qe_root = _chain(raw.qe_identity_issuer_chain)
    return CollateralSet(
        source=source,
        tcb_info=SignedDocument(
            TcbInfo.parse(info), info, _signature(raw.tcb_info_signature), tcb_signer, tcb_root
        ),
        qe_identity=SignedDocument(
            QeIdentity.parse(identity),
            identity,
            _signature(raw.qe_identity_signature),
            qe_signer,
            qe_root,
        ),
        pck_crl=Crl(parse_hex(raw.pck_crl)),
        pck_crl_issuer=crl_issuer,
        pck_crl_root=crl_root,
        root_crl=Crl(parse_hex(raw.root_ca_crl)),
    )


def is_bundle(data: bytes) -> bool:
    """Say whether a JSON text is an object with any member of a bundle: one to be parsed, then.

    Raises:
        MalformedError: `json.*`, not JSON at all.
    """
    try:
        raw = json.decode(data, dict[str, msgspec.Raw], max_bytes=BUNDLE_MAX_BYTES)
    except MalformedError as error:
        if error.code == "json.type":
            return False
        raise
    return not raw.keys().isdisjoint(_Bundle.__struct_fields__)


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    signature: str
    tcb_info: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="tcbInfo", default=msgspec.UNSET)
    enclave_identity: msgspec.Raw | msgspec.UnsetType = msgspec.field(
        name="enclaveIdentity", default=msgspec.UNSET
    )


def pcs_document(body: bytes) -> tuple[bytes, bytes]:
    """Return the signed bytes and the signature of a PCS v4 answer.

    Args:
        body: `{"tcbInfo":{…},"signature":"…"}` or the same with `enclaveIdentity`.

    Raises:
        MalformedError: `json.*` or `wire.hex`.
    """
    raw = json.decode(body, _Answer, max_bytes=BUNDLE_MAX_BYTES)
    documents = [
        one for one in (raw.tcb_info, raw.enclave_identity) if isinstance(one, msgspec.Raw)
    ]
    if len(documents) != 1:
        raise MalformedError("json.type", "one of tcbInfo and enclaveIdentity is due")
    return bytes(documents[0]), _signature(raw.signature)


def _signed_bytes(raw: msgspec.Raw) -> bytes:
    text = bytes(raw)
    if text[0] != _QUOTE:
        return text
    return json.decode(text, str, max_bytes=BUNDLE_MAX_BYTES).encode()


def _signature(text: str) -> bytes:
    return parse_hex(text, P256_SIGNATURE_BYTES)


def _chain(pem: str) -> tuple[Certificate, Certificate]:
    chain = certificates_from_pem(pem.encode(), most=_CHAIN_LENGTH + 1)
    if not chain:
        raise MalformedError("wire.pem", "no certificate")
    if len(chain) != _CHAIN_LENGTH:
        raise UntrustedError(
            "collateral.chain-shape", f"{len(chain)} certificates, issuer and root are due"
        )
    return chain[0], chain[1]
