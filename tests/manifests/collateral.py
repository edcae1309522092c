# SPDX-License-Identifier: Apache-2.0
"""Intel's collateral: sets as bundles, and answers of its provisioning service as recorded.

Recorded answers are another project's form: the body as a JSON string, the header's chain beside
it. What is signed are the bytes of the object within the body.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase, entries
from troth.crypto.crl import Crl
from troth.crypto.x509 import Certificate, certificates_from_pem
from troth.endorse.intel import (
    QeIdentity,
    TcbInfo,
    is_bundle,
    parse_bundle,
    pcs_document,
)
from troth.verify import INTEL_SGX_ROOT, Anchors
from troth.wire.text import pem_blocks

__all__ = ["READERS"]

ROOT: Final = Anchors([INTEL_SGX_ROOT])
CHAINS: Final = {
    "tcbInfo": "TCB-Info-Issuer-Chain.header",
    "enclaveIdentity": "SGX-Enclave-Identity-Issuer-Chain.header",
}
MISSING: Final = frozenset({"collateral.missing"})
EXPIRED: Final = frozenset({"collateral.expired", "crl.expired"})  # by what ends first
_SECOND: Final = timedelta(seconds=1)
PCK_CRL_CHAIN: Final = "SGX-PCK-CRL-Issuer-Chain.header"
CRL_LABEL: Final = "X509 CRL"
CHAIN_LENGTH: Final = 2
TCB_INFO_V2: Final = 2  # of PCS v3; identities have this version in PCS v4


def _bundle(case: VectorCase, vectors: Path) -> None:
    """The set is for the platform stated, of the window stated, and under Intel's root."""
    data = stated_bytes(case, vectors)
    assert is_bundle(data)
    found = parse_bundle(data, case.file)
    entry = case.entry
    assert (found.tee, found.fmspc.hex()) == (entry["id"], entry["fmspc"].lower())
    assert found.tcb_info.value.evaluation_number == entry["tcbEvaluationDataNumber"]
    start, end = (datetime.fromisoformat(one) for one in entry["valid"])
    assert (found.window.start, found.window.end) == (start, end)
    for document in (found.tcb_info, found.qe_identity):
        _check_signed(document.signed, document.signature, (document.signer, document.root))
    crl_chain = (found.pck_crl_issuer, found.pck_crl_root)
    _check_chain(crl_chain)
    for crl, issuer in zip((found.pck_crl, found.root_crl), crl_chain, strict=True):
        crl.check_signed_by(issuer)


def _outlived(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    """The program reads the set, and takes it neither for another platform nor past its window."""
    tee, fmspc = case.entry["id"].lower(), case.entry["fmspc"].lower()
    end = datetime.fromisoformat(case.entry["valid"][1])
    quotes = _quotes(tee)

    def command(file: str, at: datetime, codes: frozenset[str]) -> Command:
        def check(told: dict[str, Any]) -> None:
            assert told["code"] in codes

        words = ("verify", vectors / file, "--collateral", vectors / case.file)
        told = {"verdict": "stale", "tee": tee, "facts": None}
        status = EXIT["stale"]
        arguments = (*words, "--at", int(at.timestamp()))
        return Command(arguments=arguments, status=status, told=told, check=check)

    file, early, _ = next(one for platform, one in quotes.items() if platform != fmspc)
    found = [command(file, early, MISSING)]
    file, early, late = quotes.get(fmspc, ("", end, end))
    if early <= end < late:
        found += [command(file, end + _SECOND, EXPIRED)]
    return tuple(found)


def _quotes(tee: str) -> dict[str, tuple[str, datetime, datetime]]:
    """Return a genuine quote of each platform, and between when its own certificate is valid."""
    folder = f"{tee}-quote"
    return {
        entry["fields"]["fmspc"]: (
            f"{folder}/{entry['file']}",
            datetime.fromisoformat(entry["fields"]["pck_not_before"]),
            datetime.fromisoformat(entry["fields"]["pck_not_after"]),
        )
        for entry in reversed(entries(folder))
        if entry["expect"]["without_collateral"] == "genuine" and "strict" not in entry["expect"]
    }


def _recorded(case: VectorCase, vectors: Path) -> None:
    """The body is in one member, as text; what is stated of it are the days that it counts for."""
    recorded = json.loads(stated_bytes(case, vectors))
    (member,) = set(recorded) - {"issuer_chain"}
    body = recorded[member].encode()
    _check_document(body, _chain(recorded["issuer_chain"].encode()), case.entry["valid"])


def _document(case: VectorCase, vectors: Path) -> None:
    """The body alone, and the day it was issued; its chain is in the files of headers."""
    body = stated_bytes(case, vectors)
    chain = _header(vectors / "pcs-response" / CHAINS[next(iter(json.loads(body)))])
    _check_document(body, chain, [case.entry["what"].rpartition(", ")[2]])


def _check_document(body: bytes, chain: tuple[Certificate, ...], days: list[str]) -> None:
    signed, signature = pcs_document(body)
    assert signed in body
    _check_signed(signed, signature, chain)
    kind = QeIdentity if "enclaveIdentity" in json.loads(body) else TcbInfo
    if kind is TcbInfo and json.loads(signed)["version"] == TCB_INFO_V2:
        with refused("unsupported.version"):
            TcbInfo.parse(signed)
        return
    found = kind.parse(signed)
    assert [str(one.date()) for one in (found.issue_date, found.next_update)][: len(days)] == days


def _check_signed(signed: bytes, signature: bytes, chain: tuple[Certificate, ...]) -> None:
    _check_chain(chain)
    chain[0].key.verify(signature, signed, "collateral.signature")
    with refused("collateral.signature"):
        chain[0].key.verify(signature, signed + b" ", "collateral.signature")


def _check_chain(chain: tuple[Certificate, ...]) -> None:
    signer, root = chain
    signer.check_issued_by(root)
    assert ROOT.match(root) is INTEL_SGX_ROOT


def _chain(pem: bytes) -> tuple[Certificate, ...]:
    return certificates_from_pem(pem, most=CHAIN_LENGTH)


def _header(path: Path) -> tuple[Certificate, ...]:
    return _chain(unquote(path.read_text(encoding="ascii").strip()).encode())


def _list(case: VectorCase, vectors: Path) -> None:
    """A list is signed by the CA whose chain came with it; the root's own by the root."""
    data = stated_bytes(case, vectors)
    chain = _header(vectors / "pcs-response" / PCK_CRL_CHAIN)
    days: list[str] = []
    if case.file.endswith(".json"):
        recorded = json.loads(data)
        (data,) = pem_blocks(recorded["crl_data"].encode(), CRL_LABEL, most=1)
        chain, days = _chain(recorded["issuer_chain"].encode()), case.entry["valid"]
    crl = Crl(data)
    _check_chain(chain)
    signer, other = chain[::-1] if "rootcrl" in case.file else chain
    crl.check_signed_by(signer)
    with refused("crl.issuer"):
        crl.check_signed_by(other)
    updates = (crl.this_update, crl.next_update)
    assert [str(one.date()) for one in updates][: len(days)] == days


def _chain_header(case: VectorCase, vectors: Path) -> None:
    stated_bytes(case, vectors)
    _check_chain(_header(vectors / case.file))


_PARTS: Final = "part of what a bundle is made of"
READERS: Final = {
    "bundle": Reader(_bundle, _outlived),
    "recorded": Reader(_recorded, _PARTS),
    "document": Reader(_document, _PARTS),
    "list": Reader(_list, _PARTS),
    "chain": Reader(_chain_header, _PARTS),
}
