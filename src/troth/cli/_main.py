# SPDX-License-Identifier: Apache-2.0
"""The `troth` command: groups, `--version`, and what becomes of errors."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import traceback
import warnings
from typing import Final, NoReturn

import click

from troth.cli._printer import print_bug, print_error, without_colour
from troth.errors import TrothError, UsageError
from troth.infra.commands import DeferredCommand, LazyGroup

__all__ = ["main"]

_BUG: Final = 70
_COMPLETION: Final = re.compile("(bash|zsh|fish)_(source|complete)")
_INTERRUPTED: Final = 130
_PIPE_CLOSED: Final = 141

# Of each command, which is in the module of its name, the first paragraph of its help.
_COMMANDS: Final = {
    "verify": "Judge the evidence in FILE: is it genuine, and does a policy accept it?",
    "inspect": "Show what the evidence in FILE claims. Nothing is verified.",
    "replay": "Replay the event log in LOG, and compare it with the registers of a report.",
    "policy": "Make and check policy files.",
    "emulate": "Run software TEEs, each under a root of trust of its own.",
    "completion": "Print a completion script for SHELL.",
    "attest": "Ask trothd for an evidence bundle of this namespace, a CMW collection in CBOR.",
    "key": "Make a workload's own key.",
    "token": "Get and check attestation results (EAR, signed JSON Web Tokens).",
    "secret": "Get secrets from a broker. To store them, see troth-broker.",
    "event": "Append an event to the log of this namespace. It cannot be taken back.",
    "namespace": (
        "Show the namespace that trothd takes this process for: id, log, model, capabilities."
    ),
    "doctor": "Say what troth finds on this machine and which of the configured programs answer.",
}

EPILOG = """\b
Exit status:
  0   accepted: every rule of the policy held
  1   genuine: authentic, and no policy was given
  2   the command or a file named in it cannot be used
  3   malformed     the bytes do not follow the format
  4   untrusted     a signature, chain, role or binding does not hold
  5   stale         other collateral or another time would help
  6   denied        authentic, and the policy says no
  7   this machine failed: disk, kernel, TSM
  70  a bug in troth: please report it
"""


def _version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    context.invoke(DeferredCommand("version", "troth.cli._version:version", "").load())
    context.exit()


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 88},
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Print versions of troth, Python and the cryptographic library.",
)
@click.pass_context
def troth(context: click.Context) -> None:
    """Judge the evidence of confidential VMs: is it genuine, and is it what you want?

    Judging works offline. The instant, the trust anchors and the collateral that a judgement
    rests on are arguments, so the same command gives the same answer years later. The commands of
    a workload (attest, token, secret, event, namespace) ask the trothd of its VM.

    \b
      troth verify quote.bin --collateral bundle.json     is it genuine?
      troth policy init --from quote.bin > td.toml        write down what you want
      troth verify quote.bin --collateral bundle.json --policy td.toml
    """
    if without_colour():
        context.color = False


for _name, _summary in _COMMANDS.items():
    troth.add_command(DeferredCommand(_name, f"troth.cli._{_name}:{_name}", _summary))


def main() -> NoReturn:
    """Run the command line and exit; the only place where an error becomes an exit status."""
    if not sys.warnoptions:
        # The library warns of oddities in certificates: words in our output of a peer's choice.
        warnings.simplefilter("ignore")
    try:
        status = _status()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output went away: nothing is left to say, and nobody to say it to. The
        # status is a shell's for SIGPIPE, because every other one would be a verdict.
        status = _PIPE_CLOSED
    except OSError as error:
        # What was to be said cannot be written, be it a verdict: so the status is none of those.
        with contextlib.suppress(OSError):
            click.echo(f"troth: error: standard output: {error.strerror}", err=True)
        status = UsageError.exit_code
    # Not sys.exit: at a normal end the interpreter flushes what could not be written, fails once
    # more, and would put a status of its own, 1 or 120, in place of ours.
    _leave(status)


def _leave(status: int) -> NoReturn:
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.exit(status)
    os._exit(status)


def _status() -> int:
    try:
        status = _run()
    except (KeyboardInterrupt, click.exceptions.Abort):
        return _INTERRUPTED
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        return _misused(error)
    except (TrothError, UsageError) as error:
        return _refuse(error)
    except BrokenPipeError:
        raise
    except OSError as error:  # such as a full disk under standard output
        where = error.filename or "standard output"
        return _refuse(UsageError("usage.file", f"{where}: {error.strerror}"))
    except Exception as error:  # noqa: BLE001 - the last resort: our bug, not a verdict
        traceback.print_exc()
        print_bug(error, as_json=_as_json())
        return _BUG
    return status if isinstance(status, int) else 0


def _run() -> object:
    if _COMPLETION.fullmatch(os.environ.get("_TROTH_COMPLETE", "")) and not sys.argv[1:]:
        # As the shells' scripts call it; with arguments it would replace a verdict.
        return troth.main(prog_name="troth", standalone_mode=False)
    # Not by click's own `main`: that ends the process with 1, which is a verdict, on closed pipes.
    with troth.make_context("troth", sys.argv[1:]) as context:
        return troth.invoke(context)


def _misused(error: click.ClickException) -> int:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        click.echo(error.ctx.get_help(), err=True)
        return UsageError.exit_code
    return _refuse(UsageError("usage.arguments", error.format_message()))


def _refuse(error: TrothError | UsageError) -> int:
    print_error(error, as_json=_as_json())
    return error.exit_code


def _as_json() -> bool:
    return "--json" in sys.argv[1:]
