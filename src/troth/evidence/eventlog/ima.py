# SPDX-License-Identifier: Apache-2.0
"""IMA measurement lists as values: a hash for each entry, and the template data it is of.

The hash in a list is not believed: PCR and list agree in their own bank whoever wrote the fields
behind the hash, so it is computed again from them. An entry whose hash is all zeros marks a
violation, the kernel's word for a file that changed while it was measured: it extends a value of
all ones, and nothing proves what else it says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from troth.errors import MalformedError
from troth.evidence.eventlog.banks import BANKS, Bank, bank_named
from troth.evidence.eventlog.columns import Extends
from troth.evidence.eventlog.examination import Data, Examination, Finding
from troth.evidence.eventlog.ima_template import (
    LEGACY,
    LEGACY_DIGEST_BYTES,
    TEMPLATES,
    Order,
    split_fields,
)
from troth.evidence.eventlog.text import readable

__all__ = ["BOOT_AGGREGATE", "ImaList"]

BOOT_AGGREGATE: Final = b"boot_aggregate"
"""The name of the first entry, whose digest is over the firmware's PCRs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImaList:
    """A parsed list, in columns.

    Attributes:
        bank: of the hashes in the list: `sha1`, unless it is a list of one bank.
        registers: PCR, or RTMR, of each entry.
        hashes: as the list has them.
        templates: name of each entry's template.
        template_data: what each hash should be of.
        order: of integers in the template data.
        padded: whether banks other than `bank` were extended by its hash with zeros behind, as
            kernels before 5.8 did.
    """

    bank: str
    registers: list[int]
    hashes: list[bytes]
    templates: list[bytes]
    template_data: list[bytes]
    order: Order
    padded: bool = False

    @property
    def kind(self) -> str:
        """`ima`."""
        return "ima"

    @property
    def banks(self) -> tuple[str, ...]:
        """All banks: that of the list first, those that are computed behind it."""
        return (self.bank, *(name for name in BANKS if name != self.bank))

    def __len__(self) -> int:
        return len(self.hashes)

    def extends(self, bank: str) -> Extends:
        """Return what the kernel extended in `bank`.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        to = bank_named(bank)
        zeros = bytes(bank_named(self.bank).size)
        if bank == self.bank:
            digests = self.hashes
        elif self.padded:
            digests = [one.ljust(to.size, b"\0") for one in self._fitting(to)]
        else:
            new = to.new
            digests = [new(data).digest() for data in self.template_data]
        if zeros in self.hashes:
            ones = b"\xff" * to.size
            pairs = zip(self.hashes, digests, strict=True)
            digests = [ones if recorded == zeros else digest for recorded, digest in pairs]
        return Extends(bank, self.registers, digests, {})

    def examine(self, bank: str) -> Examination:
        """Return where the hashes in the list are not those of its fields.

        Args:
            bank: any that the list can be replayed in; the hashes are of the list's own.

        Raises:
            MalformedError: `eventlog.bank`.
        """
        bank_named(bank)
        new = bank_named(self.bank).new
        zeros = bytes(bank_named(self.bank).size)
        due = [new(data).digest() for data in self.template_data]
        status = [Data.MEASURED] * len(due)
        findings: list[Finding] = []
        recomputed: dict[int, bytes] = {}
        for index, (recorded, digest) in enumerate(zip(self.hashes, due, strict=True)):
            if digest == recorded:
                continue
            if recorded == zeros:
                status[index] = Data.UNPROVEN
                findings.append(Finding(index, "violation", "changed while it was measured"))
            else:
                status[index] = Data.DIFFERS
                findings.append(Finding(index, "data-differs", "the hash is not of the fields"))
                recomputed[index] = digest
        if self.hashes and self.name(0) != BOOT_AGGREGATE:
            findings.append(Finding(None, "no-boot-aggregate", "the list begins without one"))
        return Examination(status, findings, recomputed if bank == self.bank else {})

    def name(self, index: int) -> bytes:
        """Return the name of the file, or of the buffer, of one entry."""
        if self.templates[index] == LEGACY:
            return self.template_data[index][LEGACY_DIGEST_BYTES:].rstrip(b"\0")
        return self.fields(index)["n-ng"].rstrip(b"\0")

    def fields(self, index: int) -> dict[str, bytes]:
        """Return the fields of one entry by their names in the template."""
        template, data = self.templates[index], self.template_data[index]
        if template == LEGACY:
            return {"d": data[:LEGACY_DIGEST_BYTES], "n": self.name(index)}
        return dict(zip(TEMPLATES[template], split_fields(template, data, self.order), strict=True))

    def describe(self, index: int) -> dict[str, int | str]:
        """Return one entry for people: template, name, and the digest that the kernel took."""
        fields = [*self.fields(index).values()]
        names, _, digest = fields[0].partition(b":\0")
        if self.templates[index] == LEGACY:
            names, digest = b"sha1", fields[0]
        algorithm = names.decode("ascii", "replace")
        return {
            "type": self.templates[index].decode("ascii", "replace"),
            "content": readable(self.name(index)),
            "digest": f"{algorithm}:{digest.hex()}",
        }

    def _fitting(self, bank: Bank) -> list[bytes]:
        if bank.size < bank_named(self.bank).size:
            raise MalformedError("eventlog.bank", f"{bank.name}: {self.bank} does not fit into it")
        return self.hashes
