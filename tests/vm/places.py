# SPDX-License-Identifier: Apache-2.0
"""Where things of the virtual machine lie, and how what was built once is kept by its content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["HERE", "ROOT", "built", "cache", "checked", "digest", "say"]

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
KEPT: Final = 3  # contents of one name: other trees of this machine use theirs


def cache() -> Path:
    """Return the folder of built images: `TROTH_VM_CACHE`, or one in the user's cache."""
    named = os.environ.get("TROTH_VM_CACHE")
    general = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(general) / "troth/vm"


def say(text: str) -> None:
    """Tell a person who waits."""
    print(f"vm: {text}", file=sys.__stderr__, flush=True)


def checked(command: Sequence[object], cwd: Path | None = None) -> str:
    """Run a program and return what it prints; its complaint is the error if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def digest(texts: Iterable[str], files: Iterable[Path]) -> str:
    """Name a content: 16 hex digits over texts and over names and contents of files."""
    state = hashlib.sha256()
    for text in texts:
        state.update(hashlib.sha256(text.encode()).digest())
    for path in files:
        state.update(hashlib.sha256(path.name.encode()).digest())
        state.update(hashlib.sha256(path.read_bytes()).digest())
    return state.hexdigest()[:16]


def built(name: str, content: str, build: Callable[[Path], None]) -> Path:
    """Return the folder that `build` fills for this content; all but the last few used ones go.

    A folder appears whole or not at all, and two runs do not build the same one.
    """
    where = cache()
    where.mkdir(parents=True, exist_ok=True)
    done = where / f"{name}-{content}"
    with _locked(where / f".{name}.lock"):
        if done.is_dir():
            os.utime(done)  # was used now
            return done
        say(f"building {done.name}")
        with tempfile.TemporaryDirectory(dir=where, prefix=f".{name}-") as scratch:
            inner = Path(scratch) / "content"
            inner.mkdir()
            build(inner)
            inner.rename(done)
        used = sorted(where.glob(f"{name}-*"), key=lambda one: one.stat().st_mtime)
        for old in used[:-KEPT]:
            shutil.rmtree(old)
    return done


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
