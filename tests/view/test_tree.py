# SPDX-License-Identifier: Apache-2.0
"""Directories, names, modes and registration in the model."""

from __future__ import annotations

import errno
import os
import stat
import threading

import pytest

from tests.view.errnos import refused_with
from tests.view.models import NONCE, Model
from tests.view.scripted import SNP, SVSM, Parameters, Scripted
from troth.tsm.emulated.view.attributes import ATTRIBUTES
from troth.tsm.emulated.view.tree import REPORT

WRITTEN = {
    "inblob",
    "privlevel",
    "service_provider",
    "service_guid",
    "service_manifest_version",
}


@pytest.mark.parametrize(("style", "count"), [(0, 4), (SNP, 7), (SVSM, 11)])
def test_what_shows_and_how(style: int, count: int) -> None:
    model = Model(style=style)
    node = model.tree.node(model.make())
    assert stat.S_IMODE(node.mode) == 0o755
    names = model.tree.names(node)
    assert len(names) == count
    for name in names:
        looked = model.tree.node(f"{REPORT}/x/{name}")
        assert stat.S_IMODE(looked.mode) == (0o200 if name in WRITTEN else 0o444)
        assert looked.size == (0 if name.endswith("blob") else 4096)
        assert model.tree.links(looked) == 1
    for hidden in set(ATTRIBUTES) - set(names):
        with refused_with(errno.ENOENT):
            model.tree.node(f"{REPORT}/x/{hidden}")


def test_a_provider_may_hide_everything() -> None:
    model = Model()
    model.tsm.unregister()

    class Hidden(Scripted):
        attributes = frozenset()

    model.tsm.register(Hidden(Parameters()))
    assert model.tree.names(model.tree.node(model.make())) == ()


def test_what_shows_stays_when_the_provider_goes() -> None:
    model = Model(style=SNP)
    x = model.make()
    model.tsm.unregister()
    assert len(model.tree.names(model.tree.node(x))) == 7


@pytest.mark.parametrize("name", [one for one in ATTRIBUTES if one in WRITTEN])
def test_a_written_attribute_is_not_read(name: str) -> None:
    model = Model(style=SVSM)
    x = model.make()
    model.tree.node(f"{x}/{name}").allow(0o666)  # a mode gives no method
    for flags in (os.O_RDONLY, os.O_RDWR):
        with refused_with(errno.EACCES):
            model.tree.open(f"{x}/{name}", flags)


@pytest.mark.parametrize("name", [one for one in ATTRIBUTES if one not in WRITTEN])
def test_a_read_attribute_is_not_written(name: str) -> None:
    model = Model(style=SVSM)
    x = model.make()
    model.tree.node(f"{x}/{name}").allow(0o666)
    for flags in (os.O_WRONLY, os.O_RDWR):
        with refused_with(errno.EACCES):
            model.tree.open(f"{x}/{name}", flags)


def test_direct_io_is_refused() -> None:
    model = Model()
    with refused_with(errno.EINVAL):
        model.tree.open(f"{model.make()}/outblob", os.O_RDONLY | os.O_DIRECT)


def test_where_directories_can_be_made() -> None:
    model = Model()
    x = model.make()
    for path, code in (
        (x, errno.EEXIST),
        (f"{x}/sub", errno.EPERM),
        ("/kernel/config/tsm/other", errno.EPERM),
        ("/kernel/config/other", errno.EPERM),
        ("/other", errno.EPERM),
        (f"{REPORT}/{'x' * 256}", errno.ENAMETOOLONG),
        (f"{REPORT}/{'ä' * 128}", errno.ENAMETOOLONG),
    ):
        with refused_with(code):
            model.tree.make_directory(path)


@pytest.mark.parametrize("name", ["a b", ".x", "..x", "a\nb", "ümläut", "x" * 255, "\udcff\udcfe"])
def test_names(name: str) -> None:
    model = Model()
    path = model.make(name)
    assert model.tree.names(model.tree.node(REPORT)) == (name,)
    model.tree.remove_directory(path)
    assert model.tsm.names == ()


def test_what_can_be_removed() -> None:
    model = Model()
    x = model.make()
    for path, code in (
        (REPORT, errno.EPERM),
        ("/kernel/config/tsm", errno.EPERM),
        (f"{x}/inblob", errno.ENOTDIR),
        (f"{REPORT}/absent", errno.ENOENT),
    ):
        with refused_with(code):
            model.tree.remove_directory(path)
    model.write(f"{x}/inblob", NONCE)
    model.tree.remove_directory(x)
    assert model.generation(model.make()) == 0


def test_files_are_not_made() -> None:
    model = Model()
    with refused_with(errno.EACCES):
        model.tree.make_file(f"{REPORT}/new", stat.S_IFREG)
    with refused_with(errno.EPERM):
        model.tree.make_file(f"{REPORT}/new", stat.S_IFIFO)


def test_a_mode_lasts_as_long_as_the_entry() -> None:
    model = Model()
    x = model.make()
    model.tree.node(f"{x}/inblob").allow(0o222)
    assert stat.S_IMODE(model.tree.node(f"{x}/inblob").mode) == 0o222
    model.tree.remove_directory(x)
    model.make()
    assert stat.S_IMODE(model.tree.node(f"{x}/inblob").mode) == 0o200


def test_without_a_provider() -> None:
    model = Model(style=SNP)
    x = model.make()
    model.write(f"{x}/inblob", NONCE)
    cached = model.read(f"{x}/outblob")
    stale = model.make("stale")
    model.tsm.unregister()
    for path, code in (
        (f"{x}/provider", errno.ENXIO),
        (f"{x}/privlevel_floor", errno.ENXIO),
        (f"{stale}/outblob", errno.EINVAL),  # without an inblob nobody asks for a provider
    ):
        with refused_with(code):
            model.read(path)
    with refused_with(errno.ENXIO):
        model.write(f"{x}/privlevel", b"1")
    assert model.read(f"{x}/outblob") == cached
    model.write(f"{stale}/inblob", NONCE)
    assert model.generation(stale) == 1
    for name in ("outblob", "auxblob"):
        with refused_with(errno.ENXIO):
            model.read(f"{stale}/{name}")
    with refused_with(errno.ENXIO):
        model.make("new")


def test_registration_waits_for_an_empty_directory() -> None:
    model = Model()
    with refused_with(errno.EBUSY):
        model.tsm.register(Scripted(Parameters()))
    x = model.make()
    model.tsm.unregister()
    with refused_with(errno.ENXIO):
        model.tsm.unregister()
    with refused_with(errno.EBUSY):
        model.tsm.register(Scripted(Parameters()))
    model.tree.remove_directory(x)
    model.tsm.register(Scripted(Parameters()))


def test_removal_waits_for_what_is_being_done_with_the_entry() -> None:
    model = Model()
    x = model.make()
    entry = model.tsm.entry("x")
    removed = threading.Event()

    def remove() -> None:
        model.tree.remove_directory(x)
        removed.set()

    with entry.life.held():
        other = threading.Thread(target=remove)
        other.start()
        assert not removed.wait(0.05)
    assert removed.wait(60)
    other.join()
