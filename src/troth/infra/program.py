# SPDX-License-Identifier: Apache-2.0
"""What becomes of the errors of a program that is started from a command line.

The exit statuses are those of `troth`: 2 usage, 3 malformed, 4 untrusted, 5 stale, 6 denied,
7 this machine, 70 a bug, 130 interrupted.
"""

from __future__ import annotations

import sys
import traceback
from typing import Final, NoReturn

import click

from troth.errors import TrothError, UsageError
from troth.wire import json

__all__ = ["run_command"]

_BUG: Final = 70
_INTERRUPTED: Final = 130


def run_command(command: click.Command, name: str) -> NoReturn:
    """Run a command with the arguments of the process and exit."""
    sys.exit(_status(command, name))


def _status(command: click.Command, name: str) -> int:
    try:
        status = command.main(prog_name=name, standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help(), err=True)
        return UsageError.exit_code
    except click.ClickException as error:
        return _refuse(name, UsageError("usage.arguments", error.format_message()))
    except (TrothError, UsageError) as error:
        return _refuse(name, error)
    except Exception:  # noqa: BLE001 - the last resort: our bug, not the user's
        traceback.print_exc()
        click.echo(f"{name}: this is a bug; please report it with the lines above", err=True)
        return _BUG
    return status if isinstance(status, int) else 0


def _refuse(name: str, error: TrothError | UsageError) -> int:
    if "--json" in sys.argv[1:]:
        told = {"verdict": error.verdict, "code": error.code, "detail": error.detail}
        click.echo(json.encode(told).decode())
    else:
        click.echo(f"{name}: {error.verdict}: {error.meaning}\n  {error}", err=True)
    return error.exit_code
