# SPDX-License-Identifier: Apache-2.0
"""Whatever is done in whatever order, the model answers as a naive reference does."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.blob import inblob_of
from tests.view.models import Model
from tests.view.scripted import SNP
from troth.tsm.emulated.view.handles import Handle
from troth.tsm.emulated.view.tree import REPORT

NAMES = ("x", "y")
Answer = object


@dataclass
class _Item:
    generation: int = 0
    inblob: bytes = b""
    report: tuple[int, bytes] | None = None  # the generation and the inblob that it is of
    is_there: bool = True


@dataclass
class _Open:
    item: _Item
    buffer: bytes = b""
    wrote: bool = False
    seen: bytes | None = None


@dataclass
class Reference:
    """What the observed tables say, written down once more in the plainest way."""

    items: dict[str, _Item] = field(default_factory=dict)
    files: list[_Open] = field(default_factory=list)

    def mkdir(self, name: str) -> Answer:
        if name in self.items:
            return errno.EEXIST
        self.items[name] = _Item()
        return None

    def rmdir(self, name: str) -> Answer:
        if name not in self.items:
            return errno.ENOENT
        self.items.pop(name).is_there = False
        return None

    def open(self, name: str) -> Answer:
        if name not in self.items:
            return errno.ENOENT
        self.files.append(_Open(self.items[name]))
        return None

    def write(self, number: int, offset: int, data: bytes) -> Answer:
        file = self.files[number]
        file.wrote = True
        if offset + len(data) > 64:
            return errno.EFBIG
        filled = file.buffer.ljust(offset, b"\0")
        file.buffer = filled[:offset] + data + filled[offset + len(data) :]
        return len(data)

    def close(self, number: int) -> Answer:
        file = self.files[number]
        if file.wrote and file.item.is_there:
            file.item.inblob = file.buffer
            file.item.generation += 1
        file.wrote = False
        return None

    def privlevel(self, name: str, level: int) -> Answer:
        if name not in self.items:
            return errno.ENOENT
        if level > 3:
            return errno.EINVAL
        self.items[name].generation += 1
        return len(str(level))

    def generation(self, name: str) -> Answer:
        return self.items[name].generation if name in self.items else errno.ENOENT

    def outblob(self, number: int) -> Answer:
        file = self.files[number]
        if file.seen is None:
            item = file.item
            if not item.is_there:
                return errno.ENOENT
            if not item.inblob:
                return errno.EINVAL
            if item.report is None or item.report[0] != item.generation:
                item.report = (item.generation, item.inblob)
            file.seen = item.report[1]
        return file.seen


@dataclass
class Subject:
    """The model, asked in the same words."""

    model: Model = field(default_factory=lambda: Model(style=SNP))
    writers: list[Handle] = field(default_factory=list)
    readers: list[Handle] = field(default_factory=list)

    def mkdir(self, name: str) -> None:
        self.model.tree.make_directory(f"{REPORT}/{name}")

    def rmdir(self, name: str) -> None:
        self.model.tree.remove_directory(f"{REPORT}/{name}")

    def open(self, name: str) -> None:
        tree = self.model.tree
        writer = tree.open(f"{REPORT}/{name}/inblob", os.O_WRONLY)
        self.readers.append(tree.open(f"{REPORT}/{name}/outblob", os.O_RDONLY))
        self.writers.append(writer)

    def write(self, number: int, offset: int, data: bytes) -> Answer:
        return self.writers[number].write(data, offset)

    def close(self, number: int) -> None:
        self.writers[number].close()

    def privlevel(self, name: str, level: int) -> Answer:
        with self.model.opened(f"{REPORT}/{name}/privlevel", os.O_WRONLY) as handle:
            return handle.write(str(level).encode(), 0)

    def generation(self, name: str) -> Answer:
        return self.model.generation(f"{REPORT}/{name}")

    def outblob(self, number: int) -> Answer:
        blob = self.readers[number].read(4096, 0)
        return inblob_of(blob)[: int.from_bytes(blob[16:20], "little")]


def answer(call: Callable[..., Answer], *arguments: object) -> Answer:
    try:
        return call(*arguments)
    except OSError as error:
        return error.errno


names = st.sampled_from(NAMES)
numbers = st.integers(0, 5)
operations = st.one_of(
    st.tuples(st.sampled_from(["mkdir", "rmdir", "open", "generation"]), names),
    st.tuples(st.just("privlevel"), names, st.integers(0, 5)),
    st.tuples(st.sampled_from(["close", "outblob"]), numbers),
    st.tuples(st.just("write"), numbers, st.integers(0, 70), st.binary(min_size=1, max_size=70)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(operations, max_size=60))
def test_the_model_is_the_reference(script: list[tuple[object, ...]]) -> None:
    reference, subject = Reference(), Subject()
    for name, *arguments in [("mkdir", "x"), ("open", "x"), *script]:
        first = arguments[0]
        if isinstance(first, int) and first >= len(reference.files):
            continue
        due = answer(getattr(reference, str(name)), *arguments)
        assert answer(getattr(subject, str(name)), *arguments) == due, (name, arguments)
    assert set(subject.model.tsm.names) == set(reference.items)
