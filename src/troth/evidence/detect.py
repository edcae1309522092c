# SPDX-License-Identifier: Apache-2.0
"""Which kind of evidence is this? Decided by its form, and never by trying parsers.

    tdx    4..8: 81 00 00 00                  a quote's header: TEE type
    sgx    4..8: 00 00 00 00, 12..28: vendor  likewise, and Intel's quoting enclave
    snp    1184 bytes, 1..4: 00 00 00         a report has no magic: size, and a small version
    cca    d9 01 8f                           CBOR tag 399; 907, a collection, is told from it later
    cove   a1 19 01 0a                        CBOR map of one member, 266
    tpm    {"message", "signature", "pcrs"}   a JSON object, by its members in whatever order;
                                              or "kind": "tpm-quote"
    azure  {"hcl_report"} or {"tpm_quote"}    likewise

What is told apart here is only which verifier to ask: that one decides whether it is well-formed.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from troth.errors import MalformedError
from troth.evidence.intel.layout import HEADER_BYTES, QE_VENDOR_INTEL, TEE_SGX, TEE_TDX
from troth.evidence.snp.layout import REPORT_BYTES
from troth.wire import json

__all__ = ["TEES", "Tee", "begins_as_token", "detect_tee"]

Tee = Literal["tdx", "sgx", "snp", "cca", "cove", "tpm", "azure"]

TEES: Final[tuple[Tee, ...]] = get_args(Tee)
_TEE_TYPE: Final = slice(4, 8)
_VENDOR_ID: Final = slice(12, 28)
_VERSION_REST: Final = slice(1, 4)  # of an SNP report's version; a quote has its key type there
_TOKENS: Final[tuple[tuple[bytes, Tee], ...]] = (
    (bytes.fromhex("d9018f"), "cca"),  # tag 399, draft-ffm-rats-cca-token-00
    (bytes.fromhex("d9038b"), "cca"),  # tag 907, the collection of later drafts
    (bytes.fromhex("a119010a"), "cove"),  # a map of one: submods, RFC 9711
)
_DOCUMENT_MAX_BYTES: Final = 128 * 1024  # of a TPM's evidence and of Azure's
_SPACE: Final = b" \t\r\n"
_TPM_MEMBERS: Final = frozenset({"message", "signature", "pcrs"})
_AZURE_MEMBERS: Final = frozenset({"hcl_report", "tpm_quote"})
# Parts of evidence that nothing vouches for as they are.
_PARTS: Final = (
    (b"HCLA", "a paravisor's report alone; with its vTPM's quote it is evidence"),
    (bytes.fromhex("ff54434780"), "a TPM's statement alone; with signature and key it is evidence"),
)


def detect_tee(data: bytes) -> Tee:
    """Return the kind of evidence that `data` begins as.

    Raises:
        MalformedError: `unsupported.tee`, a part of a known kind; `evidence.unknown`, nothing
            known begins like this; `json.*`, it begins as JSON and cannot be read as such.
    """
    found = begins_as_token(data) or _binary(data) or _document(data)
    if found is not None:
        return found
    for magic, what in _PARTS:
        if data.startswith(magic):
            raise MalformedError("unsupported.tee", what)
    raise MalformedError("evidence.unknown", f"{len(data)} bytes")


def begins_as_token(data: bytes) -> Tee | None:
    """Return the kind of token that `data` begins as, or None."""
    return next((tee for prefix, tee in _TOKENS if data.startswith(prefix)), None)


def _binary(data: bytes) -> Tee | None:
    if len(data) == REPORT_BYTES and data[0] and not any(data[_VERSION_REST]):
        return "snp"
    if len(data) < HEADER_BYTES:
        return None
    tee_type = int.from_bytes(data[_TEE_TYPE], "little")
    if tee_type == TEE_TDX:
        return "tdx"
    return "sgx" if tee_type == TEE_SGX and data[_VENDOR_ID] == QE_VENDOR_INTEL else None


def _document(data: bytes) -> Tee | None:
    """Return the kind of a JSON object. Its members say it; the order of members says nothing."""
    if not data.lstrip(_SPACE).startswith(b"{"):
        return None
    members = json.decode(data, dict[str, object], max_bytes=_DOCUMENT_MAX_BYTES)
    is_tpm = members.get("kind") == "tpm-quote" or members.keys() >= _TPM_MEMBERS
    is_azure = not _AZURE_MEMBERS.isdisjoint(members)
    if is_tpm != is_azure:
        return "tpm" if is_tpm else "azure"
    said = "both" if is_tpm else "neither"
    names = " ".join(sorted(_TPM_MEMBERS)), " ".join(sorted(_AZURE_MEMBERS))
    raise MalformedError(
        "evidence.unknown",
        f"a JSON object with members of {said}: a TPM's ({names[0]}) and Azure's ({names[1]})",
    )
