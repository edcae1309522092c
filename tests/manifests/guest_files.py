# SPDX-License-Identifier: Apache-2.0
"""What lies beside a guest's quotes and logs: keys, signatures, and what tools said there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.manifests.guest_registers import kernel_registers, nonce_of, registers_of, stated_prefix
from tests.manifests.reader import stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase
from troth.crypto.tpm_key import TpmKey
from troth.evidence.eventlog import parse_ima_ascii, parse_tpm_log
from troth.evidence.eventlog.tcg_types import type_name
from troth.evidence.tpm import TpmPublic, TpmQuote, TpmSignature

__all__ = ["read"]

BANKS: Final = ("sha1", "sha256", "sha384")
_SHA256: Final = bytes.fromhex("000b")  # TPM_ALG_SHA256, part 2, 6.3


def read(case: VectorCase, vectors: Path) -> None:
    """Most of it is read with a quote or a log; of the rest, size and hash are all there is."""
    stated_bytes(case, vectors)
    path = vectors / case.file
    check = _BESIDE.get(path.name) or _BY_SUFFIX.get(path.suffix)
    if check is None:
        assert path.name in _ONLY_DESCRIBED
    else:
        check(path)


def _same_key(path: Path) -> None:
    """The key's two forms say the same, and the area is built as it was read."""
    public = TpmPublic.parse(path.with_suffix(".tss").read_bytes())
    assert public.build() == path.with_suffix(".tss").read_bytes()
    assert public.is_attestation_key
    assert public.key == TpmKey.from_pem(path.with_suffix(".pem").read_bytes())


def _key_name(path: Path) -> None:
    """A key's name is the digest of its public area without the size (part 1, 16)."""
    kind = "rsa" if "rsa" in path.name else "ecc"
    area = path.with_name(f"ak_{kind}.tss").read_bytes()
    assert path.read_bytes() == _SHA256 + hashlib.sha256(area[2:]).digest()
    signer = TpmQuote.parse(path.with_name(f"quote_{kind}.msg").read_bytes()).qualified_signer
    assert signer.startswith(_SHA256)


def _no_attestation_key(path: Path) -> None:
    with refused("tpm.public"):
        TpmPublic.parse(path.read_bytes())


def _signature(path: Path) -> None:
    assert TpmSignature.parse(path.read_bytes()).build() == path.read_bytes()


def _registers(path: Path) -> None:
    shown = kernel_registers(path.parent)
    printed = registers_of((path.parent / "pcrs.yaml").read_text(encoding="utf-8"))
    assert {bank for bank, values in printed.items() if values} == set(BANKS)
    for bank, values in printed.items():
        assert values == {number: shown[bank, number] for number in values}


def _checked_quote(path: Path) -> None:
    """The guest's own check of the quote succeeded, and its registers have the quoted digest."""
    told = path.read_text(encoding="utf-8")
    assert told.rstrip().endswith("rc=0")
    quote = TpmQuote.parse(path.with_name(f"quote_{path.stem.partition('_')[2]}.msg").read_bytes())
    values = registers_of(told)
    joined = b"".join(values[one.bank][n] for one in quote.selections for n in one.registers)
    assert hashlib.sha256(joined).digest() == quote.pcr_digest


def _quoted_values(path: Path) -> None:
    """The tool's own file of registers has every value that is quoted."""
    kind = path.stem.partition("_")[2]
    told = path.with_name(f"checkquote_{kind}.txt").read_text(encoding="utf-8")
    data = path.read_bytes()
    assert all(value in data for values in registers_of(told).values() for value in values.values())


def _firmware_reading(path: Path) -> None:
    """tpm2_eventlog's reading of the firmware's log is ours."""
    text = path.read_text(encoding="utf-8")
    log = parse_tpm_log((path.parent / "binary_bios_measurements.bin").read_bytes())
    events = [log.event(index) for index in range(len(log))]
    # The first entry describes the log.
    types = re.findall(r"^  EventType: (\w+)$", text, re.MULTILINE)[1:]
    numbers = re.findall(r"^  PCRIndex: (\d+)$", text, re.MULTILINE)[1:]
    assert [type_name(one.type) for one in events] == types
    assert [one.register for one in events] == [int(number) for number in numbers]
    digests = re.findall(r"AlgorithmId: sha256\n    Digest: \"([0-9a-f]{64})\"", text)
    assert [one.digests["sha256"].hex() for one in events] == digests


def _measured_files(path: Path) -> None:
    """Where IMA measured with SHA-256, it found what sha256sum did; it writes a space as `_`."""
    if "sha256" not in path.parent.name:
        assert b" ima " in (path.parent / "ima_ascii.txt").read_bytes()
        return
    listed = (path.parent / "ima_ascii.txt").read_bytes()
    for line in path.read_bytes().splitlines():
        digest, _, name = line.partition(b"  ")
        assert b"sha256:" + digest + b" " + name.replace(b" ", b"_") + b"\n" in listed


def _count(path: Path) -> None:
    """Entries, and violations."""
    entries, violations = map(int, path.read_text(encoding="ascii").split())
    log = parse_ima_ascii((path.parent / "ima_ascii.txt").read_bytes())
    named = [one.name for one in log.examine("sha256").findings]
    assert (len(log), named) == (entries, ["violation"] * violations)


def _sizes(path: Path) -> None:
    """The kernel's lists and the files here are of one size."""
    said = dict(line.split() for line in path.read_text(encoding="ascii").splitlines())
    for name in ("ima_ascii_sha256.log", "ima_binary_sha1.log", "ima_binary_sha384.log"):
        _, form, bank = name.removesuffix(".log").split("_")
        listed = f"/sys/kernel/security/ima/{form}_runtime_measurements_{bank}"
        assert int(said[listed]) == (path.parent / name).stat().st_size


def _prefixes(path: Path) -> None:
    for kind in ("ecc", "rsa"):
        prefix, whole = stated_prefix(path.with_name(f"quote_{kind}.msg"))
        assert 0 < prefix < whole


def _nonce(path: Path) -> None:
    quotes = sorted(path.parent.glob("quote_*.msg"))
    assert len(quotes) == 2
    assert {TpmQuote.parse(one.read_bytes()).extra_data for one in quotes} == {
        nonce_of(path.parent)
    }


_BESIDE: Final[Mapping[str, Callable[[Path], None]]] = {
    "ek.pub": _no_attestation_key,
    "nonce.hex": _nonce,
    "pcrs.yaml": _registers,
    "sysfs_pcrs.txt": _registers,
    "bios_eventlog.yaml": _firmware_reading,
    "app_sha256.txt": _measured_files,
    "ima_counts.txt": _count,
    "ima_sizes.txt": _sizes,
    "verify.txt": _prefixes,
    "checkquote_ecc.txt": _checked_quote,
    "checkquote_rsa.txt": _checked_quote,
}
_BY_SUFFIX: Final[Mapping[str, Callable[[Path], None]]] = {
    ".pem": _same_key,
    ".tss": _same_key,
    ".name": _key_name,
    ".sig": _signature,
    ".pcrs": _quoted_values,
}
_ONLY_DESCRIBED: Final = {"cmdline.txt", "ima_dir.txt", "lsm.txt", "tpm_props.txt", "uname.txt"}
