# SPDX-License-Identifier: Apache-2.0
"""How it is said: the published schema, colour on terminals only, closed pipes, our own bugs."""

from __future__ import annotations

import copy
import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from tests.cli.conftest import WHEN, Files
from tests.program import PROGRAM, environment, troth
from tools import judgement_schema
from troth.cli import main

PIPE_CLOSED: Final = 141
COLOUR: Final = b"\x1b["


# --- JSON -----------------------------------------------------------------------------------------


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema, taking no member that it does not name."""
    made = copy.deepcopy(schema)
    for definition in made["$defs"].values():
        definition["additionalProperties"] = False
    return made


def verdicts(files: Files, folder: Path) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Yield each verdict with arguments that lead to it."""
    strict = folder / "strict.toml"
    text = files.policy.read_text(encoding="utf-8")
    strict.write_text(text.replace('status = ["UpToDate"]', "status = []"), encoding="utf-8")
    yield "accepted", (*files.sound, "--policy", files.policy)
    yield "genuine", files.sound
    yield "genuine", (*files.sound[:2], *files.sound[4:], "--without-collateral")
    yield "denied", (*files.sound, "--policy", strict)
    yield "malformed", ("verify", files.bundle)
    yield "malformed", (*files.sound, "--collateral", files.policy)
    yield "untrusted", ("verify", files.quote, "--at", WHEN)
    yield "stale", ("verify", files.quote, "--root", files.root, "--at", WHEN)
    yield "error", ("verify", folder / "nowhere")
    yield "error", ("verify", files.quote, "--no-such-option")
    yield "error", ("policy", "check", files.quote)


def test_every_verdict_follows_the_published_schema(files: Files, tmp_path: Path) -> None:
    schema = judgement_schema.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(closed(schema))
    seen = set()
    for verdict, arguments in verdicts(files, tmp_path):
        # A command without --json refuses it, which is a usage error like the one looked for.
        judged = troth(*arguments, "--json").json()
        validator.validate(judged)
        assert judged["verdict"] == verdict
        seen.add(verdict)
    stated = schema["$defs"]["Judgement"]["properties"]["verdict"]["enum"]
    assert seen == set(stated)


@pytest.mark.parametrize("member", ["verdict", "code", "tcb", "trace", "trailing_bytes"])
def test_the_schema_demands_each_member(files: Files, member: str) -> None:
    judged = troth(*files.sound, "--json").json()
    judged.pop(member)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(judged, judgement_schema.schema())


def test_the_published_schema_is_current() -> None:
    published = judgement_schema.PUBLISHED.read_text(encoding="utf-8")
    assert published == judgement_schema.text(), "run `make schema`"


def test_json_is_one_line_and_nothing_else(files: Files) -> None:
    out = troth(*files.sound, "--json").out
    assert (out.count(b"\n"), out[:1], out[-2:]) == (1, b"{", b"}\n")


# --- colour ---------------------------------------------------------------------------------------


def on_terminal(*arguments: object, stream: str = "stdout", **variables: str) -> bytes:
    """Run with one stream on a terminal and return what is written there."""
    leader, follower = pty.openpty()
    others = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    with subprocess.Popen(
        [PROGRAM, *map(str, arguments)],
        env=environment(TERM="xterm", **variables),
        **(others | {stream: follower}),  # type: ignore[call-overload]  # the three streams
    ) as process:
        os.close(follower)
        written = b""
        while True:
            try:
                chunk = os.read(leader, 65536)
            except OSError:  # Linux says EIO once the other end is closed
                break
            if not chunk:
                break
            written += chunk
        process.wait()
    os.close(leader)
    return written


def test_a_terminal_gets_colour(files: Files) -> None:
    out = on_terminal(*files.sound)
    assert b"\x1b[36m\x1b[1mGENUINE\x1b[0m" in out
    assert b"\x1b[32m\x1b[1mACCEPTED" in on_terminal(*files.sound, "--policy", files.policy)
    assert b"\x1b[31m\x1b[1mUNTRUSTED" in on_terminal("verify", files.quote, "--at", WHEN)
    assert COLOUR in on_terminal("inspect", files.quote)


def test_no_color_is_respected(files: Files) -> None:
    plain = troth(*files.sound).out
    assert on_terminal(*files.sound, NO_COLOR="1").replace(b"\r\n", b"\n") == plain
    assert COLOUR in on_terminal(*files.sound, NO_COLOR="")


def test_errors_are_coloured_on_a_terminal_only() -> None:
    arguments = ("verify", "/nowhere")
    assert COLOUR in on_terminal(*arguments, stream="stderr")
    assert COLOUR not in on_terminal(*arguments, stream="stderr", NO_COLOR="1")
    assert "\x1b" not in troth(*arguments).err


def test_a_file_gets_no_colour(files: Files) -> None:
    assert COLOUR not in troth(*files.sound, "--trace").out
    assert COLOUR not in on_terminal(*files.sound, "--json")


def test_a_quote_is_not_written_to_a_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "td"
    assert troth("emulate", "tdx", "init", folder).status == 0
    arguments = ("emulate", "tdx", "quote", folder, "--report-data", "00")
    assert on_terminal(*arguments) == b""


# --- streams --------------------------------------------------------------------------------------


@pytest.mark.parametrize("extra", [(), ("--json",), ("--trace",)])
def test_a_closed_pipe_is_no_verdict(files: Files, extra: tuple[str, ...]) -> None:
    status, err = into_closed_pipe(*files.sound, *extra)
    assert status == PIPE_CLOSED
    assert b"Traceback" not in err
    assert b"BrokenPipe" not in err


def test_a_usage_error_into_a_closed_pipe() -> None:
    assert into_closed_pipe("verify", "--json") == (PIPE_CLOSED, b"")


def into_closed_pipe(*arguments: object) -> tuple[int, bytes]:
    """Run with a standard output that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        done = subprocess.run(
            [PROGRAM, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=nobody,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    return done.returncode, done.stderr


def test_a_full_disk_is_no_bug(files: Files) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [PROGRAM, *files.sound],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    assert done.returncode == 2
    assert b"usage.file: standard output: No space left on device" in done.stderr


# --- bugs -----------------------------------------------------------------------------------------


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("our own\nfault")


@pytest.mark.parametrize("as_json", [False, True])
def test_a_bug_is_70_and_says_so(
    files: Files,
    as_json: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    extra = ["--json"] if as_json else []
    monkeypatch.setattr(sys, "argv", ["troth", *files.sound, *extra])
    monkeypatch.setattr("troth.cli._verify.judge", broken)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    out, err = capsys.readouterr()
    assert "ZeroDivisionError: our own" in err
    assert "this is a bug; please report it" in err
    if as_json:
        judged = json.loads(out)
        jsonschema.validate(judged, closed(judgement_schema.schema()))
        assert (judged["verdict"], judged["class"], judged["code"]) == ("error", None, "bug")
        assert judged["detail"] == "ZeroDivisionError: our own\\nfault"
    else:
        assert out == ""
