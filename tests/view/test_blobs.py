# SPDX-License-Identifier: Apache-2.0
"""outblob, auxblob and manifestblob in the model: made when first read, a snapshot from then on."""

from __future__ import annotations

import errno
import os

import pytest

from tests.conformance.blob import inblob_of
from tests.view.errnos import refused_with
from tests.view.models import NONCE, OTHER, Model
from tests.view.scripted import SNP, SVSM
from troth.tsm.emulated.view.handles import BlobReader
from troth.tsm.emulated.view.provider import KERNELS, Blobs, Request

ERRORS = [
    errno.EINVAL,
    errno.EIO,
    errno.EBUSY,
    errno.EINTR,
    errno.EAGAIN,
    errno.ENOMEM,
    errno.ETIMEDOUT,
    errno.EFBIG,
    errno.ENXIO,
    errno.ENODEV,
    errno.EPERM,
    errno.EOPNOTSUPP,
    errno.ENOTTY,
]


def ready(model: Model, name: str = "x") -> str:
    x = model.make(name)
    model.write(f"{x}/inblob", NONCE)
    return x


def test_without_an_inblob_there_is_nothing_to_make() -> None:
    model = Model(style=SNP)
    x = model.make()
    model.write(f"{x}/privlevel", b"1")
    for name in ("outblob", "auxblob"):
        with refused_with(errno.EINVAL):
            model.read(f"{x}/{name}")
    assert model.parameters.calls == 0


def test_one_call_serves_all_reads_until_the_next_write() -> None:
    model = Model(style=SVSM)
    x = ready(model)
    for name in ("auxblob", "outblob", "manifestblob", "outblob"):
        assert model.read(f"{x}/{name}")
    assert model.parameters.calls == 1
    model.write(f"{x}/inblob", NONCE)  # the same content, and yet a new report
    model.read(f"{x}/outblob")
    assert model.parameters.calls == 2


@pytest.mark.parametrize("size", [1, 7, 100, 4096])
def test_short_reads_give_the_same_bytes(size: int) -> None:
    model = Model()
    x = ready(model)
    with model.opened(f"{x}/outblob") as handle:
        data, at = b"", 0
        while piece := handle.read(size, at):
            data += piece
            at += len(piece)
    assert data == model.read(f"{x}/outblob")
    assert model.parameters.calls == 1


def test_a_read_at_an_offset_and_behind_the_end() -> None:
    model = Model()
    x = ready(model)
    with model.opened(f"{x}/outblob") as handle:
        assert len(handle.read(4096, 900)) == 100
        assert handle.read(1, 1000) == handle.read(1, 5000) == b""


def test_an_open_file_is_a_snapshot_across_commit_and_removal() -> None:
    model = Model()
    x = ready(model)
    early, late = (model.tree.open(f"{x}/outblob", os.O_RDONLY) for _ in range(2))
    old = early.read(4096, 0)
    model.write(f"{x}/inblob", OTHER)
    assert early.read(4096, 0) == old
    model.tree.remove_directory(x)
    assert early.read(4096, 0) == old
    with refused_with(errno.ENOENT):
        late.read(4096, 0)


@pytest.mark.parametrize("code", ERRORS)
def test_a_provider_error_is_the_reads_and_no_stale_blob_survives_it(code: int) -> None:
    model = Model()
    x = ready(model)
    model.read(f"{x}/outblob")
    model.write(f"{x}/inblob", OTHER)
    model.parameters.error = code
    with model.opened(f"{x}/outblob") as handle:
        for calls in (2, 3):
            with refused_with(code):
                handle.read(4096, 0)
            assert model.parameters.calls == calls
        assert model.generation(x) == 2
        model.parameters.error = 0
        assert inblob_of(handle.read(4096, 0)) == OTHER


def test_a_length_that_the_provider_does_not_want_shows_at_the_read() -> None:
    model = Model(need64=1)
    x = model.make()
    for length in (63, 1):
        model.write(f"{x}/inblob", bytes(length))
        with refused_with(errno.EINVAL):
            model.read(f"{x}/outblob")


class _Nothing:
    name = "nothing"
    attributes = frozenset({"inblob", "outblob", "generation"})
    floor = 0
    calls = 0

    def report(self, request: Request) -> Blobs:
        del request
        self.calls += 1
        return Blobs(outblob=None)


def test_a_provider_without_a_blob_is_asked_at_every_read() -> None:
    model = Model()
    model.tsm.unregister()
    provider = _Nothing()
    model.tsm.register(provider)
    x = ready(model)
    assert model.read(f"{x}/outblob") == model.read(f"{x}/outblob") == b""
    assert provider.calls >= 2


def test_an_empty_blob_is_a_report() -> None:
    model = Model(outblob_size=0)
    x = ready(model)
    assert model.read(f"{x}/outblob") == model.read(f"{x}/outblob") == b""
    assert model.parameters.calls == 1


def test_no_aux_data_reads_as_nothing() -> None:
    model = Model(style=SNP, auxblob_size=0)
    x = ready(model)
    assert model.read(f"{x}/auxblob") == b""


def test_aux_data_that_comes_later_is_not_seen_before_the_next_write() -> None:
    model = Model(style=SNP, auxblob_size=0)
    x = ready(model)
    model.read(f"{x}/outblob")
    model.parameters.auxblob_size = 10
    assert model.read(f"{x}/auxblob") == b""
    model.write(f"{x}/inblob", NONCE)
    assert len(model.read(f"{x}/auxblob")) == 10


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("name", ["outblob", "auxblob"])
def test_the_largest_blob(kernel: str, name: str) -> None:
    most = KERNELS[kernel].blob_max_bytes
    model = Model(kernel, style=SNP, **{f"{name}_size": most})
    x = ready(model)
    assert len(model.read(f"{x}/{name}")) == most
    setattr(model.parameters, f"{name}_size", most + 1)
    model.write(f"{x}/inblob", NONCE)
    for _ in range(2):  # it counts as made: the provider is not asked again
        with refused_with(errno.EFBIG):
            model.read(f"{x}/{name}")
    assert model.parameters.calls == 2
    setattr(model.parameters, f"{name}_size", 5)
    model.write(f"{x}/inblob", NONCE)
    assert len(model.read(f"{x}/{name}")) == 5


@pytest.mark.parametrize(("first", "second"), [(1000, 600), (600, 1000)])
def test_a_torn_read_has_the_old_length_and_the_new_bytes(first: int, second: int) -> None:
    model = Model(outblob_size=first)
    x = ready(model)
    reader = BlobReader(model.tsm, model.tsm.entry("x"), "outblob")
    length = reader.length()
    model.parameters.outblob_size = second
    model.write(f"{x}/inblob", OTHER)
    torn = reader.content(length)
    assert len(torn) == first
    assert inblob_of(torn) == OTHER
    assert torn[second:] == bytes(max(0, first - second))
