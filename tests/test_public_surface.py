# SPDX-License-Identifier: Apache-2.0
"""Widening the public surface is a reviewed diff."""

from __future__ import annotations

from importlib import import_module

from tools.public_surface import PINNED, modules, surface, unlisted


def test_surface_is_the_pinned_one() -> None:
    assert surface() == PINNED.read_text(encoding="utf-8").splitlines(), "run `make surface`"


def test_every_public_module_lists_what_it_offers() -> None:
    assert unlisted() == []


def test_every_listed_name_exists_once() -> None:
    for name in modules():
        module = import_module(name)
        listed = list(getattr(module, "__all__", ()))
        assert len(listed) == len(set(listed)), f"{name}.__all__ repeats a name"
        assert [item for item in listed if not hasattr(module, item)] == []
