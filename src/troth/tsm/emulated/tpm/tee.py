# SPDX-License-Identifier: Apache-2.0
"""A software TPM: registers, a clock, an attestation key, and the authority that vouches for it.

    tpm = SoftwareTpm.create(at=now)
    tpm.event(14, b"what happened")
    evidence, root = tpm.evidence(challenge), tpm.root_pem

No files, no clock: `store` saves and loads one, and the instant is the caller's. It keeps a TPM's
promises toward verifiers, and has none of the commands; for those there is swtpm.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal, Self, TypedDict, Unpack

import msgspec

from troth.crypto.issue import certificate_pem
from troth.crypto.tpm_key import HashName
from troth.crypto.tpm_signer import TpmSigner
from troth.errors import DriverError
from troth.evidence.tpm import (
    ClockInfo,
    KeyText,
    PcrSelection,
    TpmDocument,
    TpmPublic,
    TpmQuote,
    TpmSignature,
    digest_of,
)
from troth.evidence.tpm.layout import (
    ATTRIBUTES_DUE,
    BANK_NUMBERS,
    BANKS,
    EXTRA_DATA_MAX_BYTES,
    PCR_COUNT,
)
from troth.tsm.emulated.tpm.pki import TpmPki
from troth.tsm.emulated.tpm.settings import Settings
from troth.wire import json

__all__ = ["Carry", "QuoteChanges", "SoftwareTpm"]

Carry = Literal["certificates", "public", "pem"]
Banks = dict[str, list[bytes]]

DEFAULT: Final = Settings()
_MODULUS_BITS: Final = 2048
_ONES: Final = range(17, 23)  # reset to ones: nobody has started a measured launch


class QuoteChanges(TypedDict, total=False):
    """What is to be different in a quote, in the order in which it takes effect.

    Attributes:
        quote: makes another quote.
        message: makes other bytes to be signed.
        key: the key that signs; the certified one stays what it is.
        hash_name: what is signed with; the registers' digest is by it as well.
        signature: makes another signature; nothing is signed again.
        public: makes another public area.
        document: changes the JSON's members in place.
    """

    quote: Callable[[TpmQuote], TpmQuote]
    message: Callable[[bytes], bytes]
    key: TpmSigner
    hash_name: HashName
    signature: Callable[[TpmSignature], TpmSignature]
    public: Callable[[TpmPublic], TpmPublic]
    document: Callable[[dict[str, object]], object]


class SoftwareTpm:
    """A TPM that can be extended and quoted. Not safe for use by several threads at once."""

    def __init__(
        self, settings: Settings, at: datetime, pki: TpmPki, *, registers: Banks | None = None
    ) -> None:
        """Put a software TPM together; `create` and `store.load` are the usual ways."""
        self.settings = settings
        self.at = at
        self.pki = pki
        self._registers = {
            bank: list(values) for bank, values in (registers or _at_reset(settings)).items()
        }

    @classmethod
    def create(cls, settings: Settings = DEFAULT, *, at: datetime) -> Self:
        """Make a TPM with fresh keys.

        Args:
            settings: what it is like.
            at: the instant for which certificates are issued, aware.

        Raises:
            ValueError: a setting is out of its range, or `at` is not aware.
        """
        if at.tzinfo is None:
            raise ValueError("the instant has no time zone")
        try:
            settings = msgspec.convert(msgspec.to_builtins(settings), Settings)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        at = at.replace(microsecond=0)
        return cls(settings, at, TpmPki.generate(settings, at))

    @property
    def root_pem(self) -> bytes:
        """The root certificate, the anchor under which quotes of this TPM are genuine."""
        return certificate_pem(self.pki.certificates["root"])

    @property
    def key(self) -> TpmSigner:
        """The attestation key."""
        return self.pki.keys["ak"]

    def registers(self) -> Mapping[str, tuple[bytes, ...]]:
        """Return the values of all registers, by bank."""
        return {bank: tuple(values) for bank, values in self._registers.items()}

    def extend(self, index: int, digests: Mapping[str, bytes]) -> None:
        """Extend a register in the banks named (part 3, 22.2, TPM2_PCR_Extend).

        Raises:
            DriverError: `tsm.register`, another index, bank or size; nothing was extended.
        """
        if not 0 <= index < PCR_COUNT:
            raise DriverError("tsm.register", f"PCR {index}; there are 0 to {PCR_COUNT - 1}")
        for bank, digest in digests.items():
            if bank not in self._registers or len(digest) != _size(bank):
                raise DriverError("tsm.register", f"{len(digest)} bytes for bank {bank!r}")
        for bank, digest in digests.items():
            before = self._registers[bank][index]
            self._registers[bank][index] = hashlib.new(bank, before + digest).digest()

    def event(self, index: int, data: bytes) -> None:
        """Extend a register in all banks with the digest of `data` (part 3, 22.4).

        Raises:
            DriverError: `tsm.register`.
        """
        self.extend(index, {bank: hashlib.new(bank, data).digest() for bank in self._registers})

    def quote(
        self,
        challenge: bytes,
        selections: tuple[PcrSelection, ...] | None = None,
        **changes: Unpack[QuoteChanges],
    ) -> tuple[bytes, TpmSignature, tuple[PcrSelection, ...]]:
        """Return a TPMS_ATTEST, its signature, and what it is over.

        Args:
            challenge: the extra data, at most 66 bytes.
            selections: which registers; all of them where it is None.
            changes: what is to be different from a sound quote, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`, more bytes.
        """
        if len(challenge) > EXTRA_DATA_MAX_BYTES:
            raise DriverError("tsm.report-data", f"{len(challenge)} bytes, 66 at most")
        chosen = self._all() if selections is None else selections
        hash_name = changes.get("hash_name", self.settings.hash_name)
        quote = self._quote(challenge, chosen, hash_name)
        if "quote" in changes:
            quote = changes["quote"](quote)
        message = quote.build()
        if "message" in changes:
            message = changes["message"](message)
        key = changes.get("key", self.key)
        scheme: Literal["RSASSA", "ECDSA"] = "RSASSA" if key.public.kind == "RSA" else "ECDSA"
        signature = TpmSignature(scheme, hash_name, key.sign(hash_name, message))
        if "signature" in changes:
            signature = changes["signature"](signature)
        return message, signature, chosen

    def evidence(
        self,
        challenge: bytes,
        selections: tuple[PcrSelection, ...] | None = None,
        *,
        carry: Carry = "certificates",
        chain: bytes | None = None,
        **changes: Unpack[QuoteChanges],
    ) -> bytes:
        """Return a quote with its registers and its key, as JSON; see `quote`.

        Args:
            challenge: the extra data, at most 66 bytes.
            selections: which registers; all of them where it is None.
            carry: in which form the key comes along.
            chain: PEM in place of the key's own chain.
            changes: what is to be different from sound evidence, for tests of verifiers.

        Raises:
            DriverError: `tsm.report-data`.
        """
        message, signature, chosen = self.quote(challenge, selections, **changes)
        document = TpmDocument(
            kind="tpm-quote",
            version=1,
            message=message.hex(),
            signature=signature.build().hex(),
            pcrs={
                one.bank: {str(n): self._registers[one.bank][n].hex() for n in one.registers}
                for one in chosen
            },
            ak=self._key_text(carry, chain, changes),
        )
        members = msgspec.to_builtins(document)
        if "document" in changes:
            changes["document"](members)
        return json.encode(members)

    def public(self) -> TpmPublic:
        """Return the attestation key's public area."""
        raw = self.key.public.raw
        rsa = self.key.public.kind == "RSA"
        return TpmPublic(
            name_algorithm="sha256",
            attributes=ATTRIBUTES_DUE | 1 << 6,  # userWithAuth
            policy=b"",
            hash_name=self.settings.hash_name,
            kind=self.key.public.kind,
            bits=_MODULUS_BITS if rsa else 0,
            unique=raw,
        )

    def _key_text(self, carry: Carry, chain: bytes | None, changes: QuoteChanges) -> KeyText:
        if carry == "certificates":
            return KeyText(certificates=(chain or self.pki.chain()).decode())
        if carry == "pem":
            return KeyText(pem=self.key.public.pem().decode())
        public = self.public()
        change = changes.get("public")
        return KeyText(public=(public if change is None else change(public)).build().hex())

    def _quote(
        self, challenge: bytes, chosen: tuple[PcrSelection, ...], hash_name: HashName
    ) -> TpmQuote:
        own = self.settings
        values = {bank: dict(enumerate(held)) for bank, held in self._registers.items()}
        name = BANK_NUMBERS["sha256"].to_bytes(2, "big")
        name += hashlib.sha256(self.public().build()).digest()
        return TpmQuote(
            qualified_signer=name,
            extra_data=challenge,
            clock=ClockInfo(own.clock_ms, own.reset_count, own.restart_count, own.clock_safe),
            firmware_version=own.firmware_version,
            selections=chosen,
            pcr_digest=digest_of(chosen, values, hash_name),
        )

    def _all(self) -> tuple[PcrSelection, ...]:
        return tuple(PcrSelection(bank, tuple(range(PCR_COUNT))) for bank in self._registers)


def _at_reset(settings: Settings) -> Banks:
    return {
        bank: [bytes((0xFF if n in _ONES else 0,)) * _size(bank) for n in range(PCR_COUNT)]
        for bank in settings.banks
    }


def _size(bank: str) -> int:
    return BANKS[BANK_NUMBERS[bank]][1]
