# SPDX-License-Identifier: Apache-2.0
"""Guests with a software TPM: quotes, the lists of IMA, and firmware logs.

What a guest's registers were when they were quoted is in what `tpm2_checkquote` printed there; IMA
went on extending PCR 10 until the other files were written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.manifests import guest_files
from tests.manifests.guest_registers import kernel_registers, nonce_of, registers_of, stated_prefix
from tests.manifests.reader import EXIT, Command, Reader, stated_bytes
from tests.refusals import refused
from tests.vectors import VectorCase
from troth.crypto.tpm_key import TpmKey
from troth.evidence.eventlog import (
    MAPPINGS,
    ImaList,
    build_ima_ascii,
    build_ima_binary,
    match_prefix,
    parse_ima_binary,
    parse_log,
)
from troth.evidence.tpm import TpmQuote
from troth.verify.tpm import PinnedKeys, TpmFacts, verify_tpm

__all__ = ["FOLDER", "IMA", "READERS", "ima_prefixes", "quote_document", "verified"]

FOLDER: Final = "qemu-ima"
AT: Final = datetime(2026, 11, 24, tzinfo=UTC)
IMA: Final = 10  # the register that goes on while a quote is made
BANKS: Final = ("sha1", "sha256", "sha384")

Registers = Mapping[str, Mapping[int, bytes]]


def quote_document(
    message: bytes, signature: bytes, registers: Registers, ak: dict[str, str]
) -> bytes:
    """Return TPM evidence: a quote with those of the registers that it selects, and its key.

    Args:
        message: TPMS_ATTEST.
        signature: TPMT_SIGNATURE.
        registers: of each bank, at least those quoted.
        ak: `public` and a TPM2B_PUBLIC in hex, or `pem` and the key.
    """
    selections = TpmQuote.parse(message).selections
    return json.dumps(
        {
            "kind": "tpm-quote",
            "version": 1,
            "message": message.hex(),
            "signature": signature.hex(),
            "pcrs": {
                one.bank: {str(index): registers[one.bank][index].hex() for index in one.registers}
                for one in selections
            },
            "ak": ak,
        }
    ).encode()


def ima_prefixes(log: ImaList, facts: TpmFacts) -> dict[str, tuple[int, int]]:
    """Return how many entries of a list lead to the quoted PCR 10, and how many do not, by bank."""
    found = {}
    for bank, values in facts.quoted.registers.items():
        quoted = {f"pcr{IMA}": values[IMA]}
        (match,) = match_prefix(log.extends(bank), MAPPINGS["pcr"], quoted)
        assert match.prefix is not None
        found[bank] = (match.prefix, match.behind)
    return found


def verified(evidence: bytes, key: TpmKey, challenge: bytes) -> TpmFacts:
    """Verify evidence under a key that is known."""
    pinned = PinnedKeys([key.spki_sha256])
    return verify_tpm(evidence, anchors=pinned, at=AT, challenge=challenge).value


# --- quotes ---------------------------------------------------------------------------------------


def evidence_of(path: Path, form: str, registers: Registers | None = None) -> bytes:
    """Return the evidence of a quote: with the key's public area, or in PEM."""
    kind = path.stem.partition("_")[2]
    told = path.with_name(f"checkquote_{kind}.txt").read_text(encoding="utf-8")
    area = path.with_name(f"ak_{kind}.tss").read_bytes().hex()
    pem = path.with_name(f"ak_{kind}.pem").read_text(encoding="ascii")
    return quote_document(
        path.read_bytes(),
        path.with_suffix(".sig").read_bytes(),
        registers or registers_of(told),
        {"public": area} if form == "public" else {"pem": pem},
    )


def key_of(path: Path) -> TpmKey:
    """Return the key of a quote, as the guest wrote it in PEM."""
    return TpmKey.from_pem(path.with_name(f"ak_{path.stem.partition('_')[2]}.pem").read_bytes())


def _quote(case: VectorCase, vectors: Path) -> None:
    path = vectors / case.file
    quote = TpmQuote.parse(stated_bytes(case, vectors))
    assert quote.build() == path.read_bytes()
    key, nonce = key_of(path), nonce_of(path.parent)
    log = parse_ima_binary((path.parent / "ima_binary.bin").read_bytes())
    prefix, whole = stated_prefix(path)
    assert prefix < whole
    for form in ("public", "pem"):
        evidence = evidence_of(path, form)
        facts = verified(evidence, key, nonce)
        assert (facts.quoted.quote, facts.quoted.key) == (quote, key)
        behind = dict.fromkeys(facts.quoted.registers, (prefix, whole - prefix))
        assert ima_prefixes(log, facts) == behind
        with refused("tpm.challenge"):
            verified(evidence, key, nonce[:31])
    registers = registers_of((path.parent / "pcrs.yaml").read_text(encoding="utf-8"))
    with refused("tpm.pcr-digest"):  # PCR 10 has gone on
        verified(evidence_of(path, "pem", registers), key, nonce)


def _judge_quote(case: VectorCase, vectors: Path, scratch: Path) -> tuple[Command, ...]:
    path = vectors / case.file
    kind = path.stem.partition("_")[2]
    nonce = nonce_of(path.parent).hex()
    evidence = scratch / "evidence.json"
    evidence.write_bytes(evidence_of(path, "public"))
    registers = registers_of(path.with_name(f"checkquote_{kind}.txt").read_text(encoding="utf-8"))
    facts = {
        f"pcr_{bank}_{index}": value.hex()
        for bank, values in registers.items()
        for index, value in values.items()
    }
    prefix, whole = stated_prefix(path)

    def check(told: dict[str, Any]) -> None:
        assert {key: told["facts"][key] for key in facts} == facts
        assert told["facts"]["extra_data"] == nonce

    def check_prefix(told: dict[str, Any]) -> None:
        (one,) = told["registers"]
        assert (one["verdict"], one["prefix"], one["behind"]) == ("matched", prefix, whole - prefix)

    words = ("verify", evidence, "--at", int(AT.timestamp()))
    ak = ("--ak", path.with_name(f"ak_{kind}.pem"))
    other = ("--ak", path.with_name(f"ak_{'rsa' if kind == 'ecc' else 'ecc'}.pem"))
    due = {"verdict": "untrusted", "facts": None}
    lists = [path.parent / name for name in ("ima_binary.bin", "ima_ascii.txt")]
    return (
        Command(
            arguments=(*words, *ak, "--report-data", nonce),
            status=EXIT["genuine"],
            told={"verdict": "genuine", "tee": "tpm", "code": None},
            check=check,
        ),
        Command(
            arguments=(*words, *ak, "--report-data", nonce[2:]),
            status=EXIT["untrusted"],
            told={**due, "code": "tpm.challenge"},
        ),
        Command(
            arguments=(*words, *other, "--report-data", nonce),
            status=EXIT["untrusted"],
            told={**due, "code": "tpm.ak"},
        ),
        Command(arguments=("inspect", evidence), status=0, told={"verified": False}, check=check),
        *(
            Command(
                arguments=("replay", log, "--register", f"pcr{IMA}={values[IMA].hex()}"),
                status=0,
                told={"verdict": "matched", "bank": bank, "entries": whole},
                check=check_prefix,
            )
            for log in lists
            for bank, values in registers.items()
        ),
        *(_compared(log, evidence, whole, check_prefix) for log in lists),
        _compared(path.parent / "binary_bios_measurements.bin", evidence, None, _check_firmware),
    )


def _compared(
    log: Path, evidence: Path, entries: int | None, check: Callable[[dict[str, Any]], None]
) -> Command:
    told = {"verdict": "matched", "bank": "sha256"} | ({"entries": entries} if entries else {})
    return Command(arguments=("replay", log, "--quote", evidence), status=0, told=told, check=check)


def _check_firmware(told: dict[str, Any]) -> None:
    assert {one["verdict"] for one in told["registers"]} == {"matched"}
    assert {one["behind"] for one in told["registers"]} == {0}


# --- logs -----------------------------------------------------------------------------------------


def _due(path: Path, kind: str, bank: str) -> dict[str, bytes]:
    """Return the registers that a log must lead to."""
    due = kernel_registers(path.parent)
    numbers = [n for n in range(IMA) if n != 8] if kind == "tpm" else [IMA]
    return {f"pcr{number}": due[bank, number] for number in numbers}


def _log(case: VectorCase, vectors: Path) -> None:
    """The log at the end leads to the PCRs that the kernel showed at the end, in every bank."""
    data = stated_bytes(case, vectors)
    log = parse_log(data)
    for bank in BANKS:
        values = _due(vectors / case.file, log.kind, bank)
        matches = match_prefix(log.extends(bank), MAPPINGS["pcr"], values)
        assert [one.behind for one in matches] == [0] * len(values)
    if isinstance(log, ImaList):
        build = build_ima_ascii if "ascii" in case.file else build_ima_binary
        assert build(log) == data
        assert [one.name for one in log.examine("sha256").findings] == ["violation"] * 2


def _replay_log(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    path = vectors / case.file
    kind = parse_log(path.read_bytes()).kind

    def command(bank: str) -> Command:
        values = _due(path, kind, bank)
        given = [f"--register={name}={value.hex()}" for name, value in values.items()]

        def check(told: dict[str, Any]) -> None:
            compared = [one for one in told["registers"] if one["register"] in values]
            assert [one["behind"] for one in compared] == [0] * len(values)

        told = {"verdict": "matched", "bank": bank}
        return Command(arguments=("replay", path, *given), status=0, told=told, check=check)

    return tuple(command(bank) for bank in BANKS)


def _after_quote(case: VectorCase, vectors: Path) -> None:
    """The quoted PCR 10 matches a proper prefix: something ran between quote and list."""
    log = parse_log(stated_bytes(case, vectors))
    folder = (vectors / case.file).parent
    prefix, whole = stated_prefix(folder / "quote_ecc.msg")
    (match,) = match_prefix(log.extends("sha256"), MAPPINGS["pcr"], _quoted_ima(folder))
    assert match.prefix == prefix < len(log) <= whole
    assert match.behind == len(log) - prefix


def _quoted_ima(folder: Path) -> dict[str, bytes]:
    told = (folder / "checkquote_ecc.txt").read_text(encoding="utf-8")
    return {f"pcr{IMA}": registers_of(told)["sha256"][IMA]}


def _replay_after_quote(case: VectorCase, vectors: Path, _scratch: Path) -> tuple[Command, ...]:
    path = vectors / case.file
    prefix, _ = stated_prefix(path.parent / "quote_ecc.msg")
    (value,) = _quoted_ima(path.parent).values()

    def check(told: dict[str, Any]) -> None:
        (one,) = told["registers"]
        assert one["prefix"] == prefix
        assert 0 < one["behind"] == told["entries"] - prefix

    given = ("--register", f"pcr{IMA}={value.hex()}")
    told = {"verdict": "matched", "bank": "sha256"}
    return (Command(arguments=("replay", path, *given), status=0, told=told, check=check),)


READERS: Final = {
    "quote": Reader(_quote, _judge_quote),
    "pcrs": Reader(_log, _replay_log),
    "after-quote": Reader(_after_quote, _replay_after_quote),
    "beside": Reader(guest_files.read, "read with a quote or a log, or by people alone"),
}
