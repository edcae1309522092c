# SPDX-License-Identifier: Apache-2.0
"""Collateral of an emulated platform: two signed documents, two lists, and who signed them.

`Bundle` is the nine strings in which verifiers exchange collateral. With `Changes`, a document is
changed before it is signed; with `msgspec.structs.replace`, a bundle is changed afterwards:

    make_bundle(drafts, pki, at, tcb_info=lambda doc: doc.update(tcbType=1))
    replace(bundle, tcb_info_signature=bundle.qe_identity_signature)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypedDict, Unpack

import msgspec

from troth.crypto.p256 import PrivateKey
from troth.tsm.emulated.tdx.documents import Document
from troth.tsm.emulated.tdx.pki import Pki
from troth.wire import json

__all__ = ["Bundle", "CollateralChanges", "make_bundle", "signed_text"]


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Collateral as strings: PEM chains, signed texts, hex of lists and signatures."""

    pck_crl_issuer_chain: str
    root_ca_crl: str
    pck_crl: str
    tcb_info_issuer_chain: str
    tcb_info: str
    tcb_info_signature: str
    qe_identity_issuer_chain: str
    qe_identity: str
    qe_identity_signature: str

    def json(self) -> bytes:
        """Return the bundle as a JSON object, for a file."""
        return json.encode(self)


class CollateralChanges(TypedDict, total=False):
    """What is to be different in a bundle; all else is sound and signed as it should be.

    Attributes:
        tcb_info: changes the TCB info in place before it is signed.
        qe_identity: changes the QE identity in place before it is signed.
        spelling: makes the text that is signed from each document, if not compact JSON.
        signer: the key that signs both documents.
        signer_chain: PEM of the signer and those above it, for both documents.
        pck_crl: DER of the PCK's revocation list.
        root_crl: DER of the root's revocation list.
        pck_crl_issuer_chain: PEM of the CA and the root.
    """

    tcb_info: Callable[[Document], object]
    qe_identity: Callable[[Document], object]
    spelling: Callable[[Document], str]
    signer: PrivateKey
    signer_chain: bytes
    pck_crl: bytes
    root_crl: bytes
    pck_crl_issuer_chain: bytes


def make_bundle(
    drafts: tuple[Document, Document],
    pki: Pki,
    at: datetime,
    **changes: Unpack[CollateralChanges],
) -> Bundle:
    """Return collateral for a platform, issued for use at `at`.

    Args:
        drafts: TCB info and QE identity, which are changed in place.
        pki: who signs.
        at: the instant for which lists are issued.
        changes: what is to be different from sound collateral.
    """
    tcb_info, qe_identity = drafts
    changes.get("tcb_info", _as_it_is)(tcb_info)
    changes.get("qe_identity", _as_it_is)(qe_identity)
    spelling = changes.get("spelling", _compact)
    signer = changes.get("signer", pki.keys["tcb-signing"])
    signer_chain = changes.get("signer_chain", pki.pem("tcb-signing", "root")).decode()
    tcb_info_text, tcb_info_signature = signed_text(spelling(tcb_info), signer)
    qe_identity_text, qe_identity_signature = signed_text(spelling(qe_identity), signer)
    root_crl = changes["root_crl"] if "root_crl" in changes else pki.crl("root", at=at)
    pck_crl = changes["pck_crl"] if "pck_crl" in changes else pki.crl(pki.ca, at=at)
    pck_crl_issuer_chain = changes.get("pck_crl_issuer_chain", pki.pem(pki.ca, "root"))
    return Bundle(
        pck_crl_issuer_chain=pck_crl_issuer_chain.decode(),
        root_ca_crl=root_crl.hex(),
        pck_crl=pck_crl.hex(),
        tcb_info_issuer_chain=signer_chain,
        tcb_info=tcb_info_text,
        tcb_info_signature=tcb_info_signature,
        qe_identity_issuer_chain=signer_chain,
        qe_identity=qe_identity_text,
        qe_identity_signature=qe_identity_signature,
    )


def signed_text(text: str, signer: PrivateKey) -> tuple[str, str]:
    """Return `text`, and the hex of a signature over its UTF-8."""
    return text, signer.sign(text.encode()).hex()


def _as_it_is(_: Document) -> None:
    """Change nothing."""


def _compact(document: Document) -> str:
    return json.encode(document).decode()
