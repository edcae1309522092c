# SPDX-License-Identifier: Apache-2.0
"""What a start imports, and that help from a table says what the commands say of themselves."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

import troth
from tests.program import environment
from tests.program import troth as run
from troth.broker.program import broker
from troth.cli._emulate import emulate
from troth.cli._main import troth as program
from troth.cli._views import KERNELS as OFFERED
from troth.infra.commands import DeferredCommand, LazyGroup
from troth.orchestrator.program import trothd
from troth.tsm.emulated.view import KERNELS

WIDTHS = range(20, 89)


def deferred(group: click.Group) -> Iterator[DeferredCommand]:
    """Walk the commands of a group, and of those that it leads to, that are somewhere else."""
    for one in group.commands.values():
        if isinstance(one, DeferredCommand):
            yield one
        found = one.load() if isinstance(one, DeferredCommand) else one
        if isinstance(found, click.Group):
            yield from deferred(found)


FOUND = [one for group in (program, trothd, broker) for one in deferred(group)]


def test_every_command_is_deferred() -> None:
    assert {one.name for one in FOUND} >= {*program.commands, "init", "quote", "extend"}
    assert all(isinstance(one, DeferredCommand) for one in program.commands.values())


@pytest.mark.parametrize("one", FOUND, ids=lambda one: one.place)
def test_the_table_says_what_the_command_says(one: DeferredCommand) -> None:
    command = one.load()
    assert command.name == one.name
    assert not command.hidden
    assert not command.deprecated
    for width in WIDTHS:
        assert one.get_short_help_str(width) == command.get_short_help_str(width)


def test_the_table_has_the_whole_first_paragraph() -> None:
    for one in FOUND:
        said = (one.load().help or "").partition("\n\n")[0]
        assert one.help == " ".join(said.split())


def test_the_views_kernels_are_offered() -> None:
    assert list(OFFERED) == sorted(KERNELS)
    for word, group in emulate.commands.items():
        for option in group.params:
            if isinstance(option.type, click.Choice):
                due = [one for one in OFFERED if word != "cca" or KERNELS[one].has_cca]
                assert (option.name, list(option.type.choices)) == ("kernel", due)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("--help",), {}),
        (("emulate", "--help"), {}),
        (("emulate", "tdx", "--help"), {}),
        (("emulate", "snp", "--help"), {}),
        (("emulate", "azure"), {}),
        (("nonsense",), {}),
        ((), {"_TROTH_COMPLETE": "bash_complete", "COMP_WORDS": "troth ", "COMP_CWORD": "1"}),
    ],
    ids=["help", "group", "view", "another-view", "no-view", "misuse", "completion"],
)
def test_what_runs_no_command_imports_none(
    arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    """No cryptography, no network, no event loop: a slow start would make completion useless."""
    said = (
        "import atexit, sys\n"
        f"sys.argv[1:] = {arguments!r}\n"
        "def tell():\n"
        "    names = {one.partition('.')[0] for one in sys.modules}\n"
        "    print('IMPORTED', *sorted(names), file=sys.stderr)\n"
        "atexit.register(tell)\n"
        "from troth.cli import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", said],
        capture_output=True,
        check=False,
        env=environment(**variables),
        text=True,
    )
    imported = done.stderr.partition("IMPORTED ")[2].split()
    assert {"troth", "click"} <= set(imported)
    assert not {"asyncio", "cryptography", "http", "ssl", "structlog"} & set(imported)


def completed(words: str) -> list[str]:
    """Return what is offered for the word behind `words`."""
    position = str(words.count(" "))
    done = run(_TROTH_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=position)
    return [line.partition(",")[2] for line in done.text.splitlines()]


def test_completion_knows_the_commands_and_what_is_below_them() -> None:
    assert completed("troth ") == sorted(program.commands)
    assert completed("troth emulate tdx ") == ["extend", "init", "quote"]
    assert "--any-nonce" in completed("troth verify --")


def test_a_supervisor_stays_without_what_only_a_server_imports() -> None:
    said = "import sys, troth.orchestrator._root; print(*sys.modules)"
    imported = subprocess.check_output([sys.executable, "-c", said], text=True).split()
    assert "troth.orchestrator.supervise" in imported
    assert not {"httpx2", "starlette", "uvicorn", "troth.orchestrator.daemon"} & set(imported)


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ("troth.cli._nowhere:verify", ImportError),
        ("troth.cli._verify:nothing", AttributeError),
        ("troth.cli._verify:NONCE_MAX_BYTES", TypeError),
    ],
)
def test_what_is_no_command_is_our_bug(place: str, kind: type[Exception]) -> None:
    group = LazyGroup("group")
    group.add_command(DeferredCommand("one", place, "One."))
    with pytest.raises(kind), group.make_context("group", ["one"]) as context:
        group.invoke(context)


def test_the_package_has_a_version_and_nothing_else_that_is_made_up() -> None:
    assert troth.__version__ == importlib.metadata.version("troth")
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = troth.nonsense
