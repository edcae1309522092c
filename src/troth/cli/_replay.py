# SPDX-License-Identifier: Apache-2.0
"""`troth replay`: does an event log lead to the registers of a report?"""

from __future__ import annotations

import re
from typing import Final

import click

from troth.cli import _arguments as arguments
from troth.cli._printer import print_json
from troth.cli._quoted import quoted_registers
from troth.errors import CODES, UntrustedError, UsageError
from troth.evidence.eventlog import BANKS, MAPPINGS, Log, RegisterMap, join, parse_log
from troth.evidence.eventlog.columns import LOG_MAX_BYTES
from troth.evidence.eventlog.detect import PARSERS
from troth.evidence.eventlog.report import (
    MATCHED,
    NOT_COMPARED,
    UNPROVEN,
    WRONG,
    Register,
    ReplayReport,
    replay_report,
    usual_mapping,
)
from troth.infra.files import read_bounded

__all__ = ["replay"]

_REGISTERS_MAX_BYTES: Final = 64 * 1024
_VALUE_MAX_BYTES: Final = 64  # SHA-512
_LINE: Final = re.compile(r"(?P<name>[a-z]+\d+)[ \t]+(?P<value>[0-9A-Fa-f]+)", re.ASCII)
_PAIR: Final = re.compile(r"(?P<name>[a-z]+\d+)=(?P<value>[0-9A-Fa-f]+)", re.ASCII)

_EXIT: Final = {
    MATCHED: 0,
    NOT_COMPARED: 1,
    WRONG: UntrustedError.exit_code,
    UNPROVEN: UntrustedError.exit_code,
}
_COLOURS: Final = {MATCHED: "green", NOT_COMPARED: "yellow", WRONG: "red", UNPROVEN: "red"}


@click.command()
@click.argument("log")
@click.option(
    "--kind",
    type=click.Choice(["auto", *PARSERS]),
    default="auto",
    show_default=True,
    help="Kind of log; auto goes by how it begins.",
)
@click.option(
    "--registers",
    metavar="FILE",
    help="Registers to compare with: one a line, its name and its value in hex: "
    "pcr10 8fa1… Lines that begin with # are comments.",
)
@click.option(
    "--register",
    "single",
    metavar="NAME=HEX",
    multiple=True,
    help="A register to compare with. May be given several times.",
)
@click.option(
    "--quote",
    metavar="FILE",
    help="Compare with the registers in this quote, which is not verified here (see troth "
    "verify): the RTMRs of a TDX quote, or the PCRs of a TPM's as JSON or of the one in Azure's "
    "evidence. Of a firmware's log RTMR0 to RTMR2, or PCR 0 to 7, must match; other registers, "
    "and all of them with another kind of log, if the log extends them.",
)
@click.option(
    "--mapping",
    type=click.Choice(list(MAPPINGS)),
    help="Which register a number in the log is. [default: cc for MR indexes, else pcr]",
)
@click.option(
    "--bank",
    type=click.Choice(list(BANKS)),
    help="Which digests to replay. [default: those of the values' size, else the log's first]",
)
@click.option(
    "--reference",
    metavar="LOG",
    help="A log of the same kind, of a boot as it should be: where a register does not match, the "
    "first entry that differs from it is named.",
)
@click.option(
    "--continued-by",
    metavar="LOG",
    help="Another log that goes on in a register where LOG ends, such as the IMA list of a TD "
    "whose kernel extends RTMR2; its kind goes by how it begins.",
)
@click.option(
    "--continued-mapping",
    type=click.Choice(list(MAPPINGS)),
    help="Which register a number in that log is. [default: as of LOG, by its own kind]",
)
@click.option("--events", is_flag=True, help="List all entries, and which of them are proven.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(
    log: str,
    kind: str,
    registers: str | None,
    single: tuple[str, ...],
    quote: str | None,
    mapping: str | None,
    bank: str | None,
    reference: str | None,
    continued_by: str | None,
    continued_mapping: str | None,
    events: bool,
    as_json: bool,
) -> int:
    """Replay the event log in LOG, and compare it with the registers of a report.

    LOG is a TPM's or a TD's firmware log (binary_bios_measurements, CCEL), an IMA list (ASCII or
    binary), a canonical event log (TLV or JSON) or the attestation agent's log; - reads standard
    input.

    A register matches when some prefix of the log leads to its value: logs go on growing after a
    report was made. Entries behind the match are no evidence. Where no prefix does, the log is
    wrong, and the first entry at which it parts from the register is named where it can be told.
    Where only the empty prefix matches, nothing of the log is proven, and it is refused too.

    A register proves digests. It proves no entry's type, and an entry's data only where the
    digest is one of that data; where it should be and is not, a finding says so.

    \b
    Mappings, from the number in the log to the register:
      pcr      the PCR of that number
      cc       MR index: 1 RTMR0, 2 RTMR1, 3 RTMR2, 4 RTMR3
      rtmr     the RTMR of that number
      uefi     PCR 1,7 RTMR0; 2-6 RTMR1; 8-15 RTMR2
      td-shim  PCR 1,7 RTMR0; 4,5 RTMR1; 8-15 RTMR2
      coco     as uefi; all others RTMR3

    \b
    Examples:
      troth replay CCEL --quote quote.bin
      troth replay binary_bios_measurements --bank sha256 --events
      troth replay ascii_runtime_measurements --register pcr10=8fa1…
      troth replay CCEL --continued-by ima.bin --continued-mapping rtmr --registers rtmrs.txt

    \b
    Exit status: 0 every register that was given matches, 1 no register was given, 2 usage,
    3 the log is unusable: it cannot be read, 4 a register does not match, or none proves an entry.
    """
    arguments.one_reader_of_stdin(log, registers, quote, reference, continued_by)
    parsed: Log = parse_log(read_bounded(log, LOG_MAX_BYTES), kind)
    chosen = MAPPINGS[mapping] if mapping else usual_mapping(parsed)
    parsed = _continued(parsed, chosen, continued_by, continued_mapping)
    expected = _given(registers, single)
    _add(expected, {} if quote is None else quoted_registers(quote, parsed, chosen, bank))
    other = None if reference is None else parse_log(read_bounded(reference, LOG_MAX_BYTES), kind)
    report = replay_report(
        parsed, expected, mapping=chosen, bank=bank, reference=other, with_events=events
    )
    _say(report, from_quote=quote is not None, as_json=as_json)
    return _EXIT[report.verdict]


def _continued(first: Log, mapping: RegisterMap, path: str | None, its: str | None) -> Log:
    """Return a log with the one that goes on where it ends, if one was named.

    Raises:
        UsageError: `usage.arguments`, a mapping without a log; `usage.file` or `usage.register`.
        MalformedError: as `parse_log`.
    """
    if path is None and its is None:
        return first
    if path is None:
        raise UsageError("usage.arguments", "--continued-mapping without --continued-by")
    second = parse_log(read_bounded(path, LOG_MAX_BYTES))
    return join(first, second, mapping, MAPPINGS[its] if its else usual_mapping(second))


def _given(path: str | None, single: tuple[str, ...]) -> dict[str, bytes]:
    """Return the registers of a file and of options, each once.

    Raises:
        UsageError: `usage.file`, `usage.register` or `usage.hex`.
    """
    found: dict[str, bytes] = {}
    if path is not None:
        data = read_bounded(path, _REGISTERS_MAX_BYTES)
        text = data.decode("utf-8", "replace")
        if len(data) > _REGISTERS_MAX_BYTES:
            raise UsageError("usage.file", f"{path}: more than {_REGISTERS_MAX_BYTES} bytes")
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                _add(found, _read(_LINE.fullmatch(line.strip()), f"{path}:{number}: {line}"))
        if not found:
            raise UsageError("usage.register", f"{path}: no register in it")
    for one in single:
        _add(found, _read(_PAIR.fullmatch(one), f"--register {one}"))
    return found


def _read(match: re.Match[str] | None, where: str) -> dict[str, bytes]:
    if match is None:
        raise UsageError("usage.register", f"{where}: not a register's name and its value in hex")
    return {match["name"]: arguments.hex_bytes(match["value"], where, _VALUE_MAX_BYTES)}


def _add(found: dict[str, bytes], more: dict[str, bytes]) -> None:
    for name, value in more.items():
        if name in found:
            raise UsageError("usage.register", f"{name} is given twice")
        found[name] = value


def _say(report: ReplayReport, *, from_quote: bool, as_json: bool) -> None:
    """Print the report; what it does not say goes to standard error."""
    if report.verdict == NOT_COMPARED:
        click.echo("troth: replayed, and compared with nothing: no register was given", err=True)
    elif from_quote:
        click.echo("troth: the quote was not verified; troth verify does that", err=True)
    if as_json:
        print_json(report)
    else:
        _print(report)


def _print(report: ReplayReport) -> None:
    click.secho(report.verdict.upper(), fg=_COLOURS[report.verdict], bold=True, nl=False)
    said = f"  {CODES[report.code][1]}" if report.code else ""
    click.echo(f"{said}  {report.kind} log of {report.entries} entries, {report.bank}")
    click.secho("\nRegisters", bold=True)
    for one in report.registers:
        _print_register(one)
    if report.findings:
        click.secho("\nFindings", bold=True)
        for note in report.findings:
            where = "log" if note.index is None else f"entry {note.index}"
            click.echo(f"  {where}: {note.finding}: {note.detail}")
    if report.events is not None:
        click.secho("\nEntries", bold=True)
        for event in report.events:
            mark = "+" if event.proven else "-"
            described = " ".join(str(one) for one in event.described.values())
            register = event.register or "none"
            click.echo(f"  {mark} {event.index:5} {register:6} {event.data:13} {described}")


def _print_register(one: Register) -> None:
    count = "1 entry" if one.entries == 1 else f"{one.entries} entries"
    click.echo(f"  {one.register:6} {one.replayed}  {count}")
    if one.verdict == MATCHED:
        behind = f"; {one.behind} behind it are no evidence" if one.behind else ""
        click.echo(f"         matched by a prefix of {one.prefix} of the log's entries{behind}")
    elif one.verdict == WRONG:
        click.echo(f"         expected {one.expected}")
        click.echo(f"         {one.parted or 'where they part cannot be told from the value'}")
