# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.broker.world import World, world


@pytest.fixture
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A broker that is made and not started."""
    with world(tmp_path_factory.mktemp("w")) as made:
        yield made


@pytest.fixture
def running(stopped: World) -> World:
    """A broker that serves."""
    stopped.start()
    return stopped


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A broker that serves, for tests that leave nothing behind but entries of its log."""
    with world(tmp_path_factory.mktemp("w")) as made:
        made.start()
        yield made
