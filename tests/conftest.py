# SPDX-License-Identifier: Apache-2.0
"""What all tests share: the real vectors, the count of their cases, hypothesis settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.vectors import MISSING, VectorCount, required, vectors_root

settings.register_profile(
    "house",
    deadline=None,  # a shared machine's pauses are no fault of ours
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The folder of real vectors; where it is missing the test is skipped, or fails if required."""
    root = vectors_root()
    if not root.is_dir():
        (pytest.fail if required() else pytest.skip)(MISSING)
    return root


def pytest_configure(config: pytest.Config) -> None:
    """Start counting, in the one process that gathers the reports.

    Raises:
        pytest.UsageError: the vectors are required and not here.
    """
    if hasattr(config, "workerinput"):
        return
    if required() and not vectors_root().is_dir():
        message = f"TROTH_REQUIRE_VECTORS=1, but {MISSING}"
        raise pytest.UsageError(message)
    config.pluginmanager.register(VectorCount(demand=required() and _is_full_run(config)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each report carry the vector cases that its test settles; skip what needs a TEE."""
    for item in items:
        for mark in item.iter_markers("vector"):
            item.user_properties.extend(("vector", name) for name in mark.args)
        if item.get_closest_marker("hardware") and os.environ.get("TROTH_HARDWARE") != "1":
            item.add_marker(pytest.mark.skip(reason="needs a confidential VM: TROTH_HARDWARE=1"))


def _is_full_run(config: pytest.Config) -> bool:
    """Say whether all tests run: nothing chosen by path, name, mark or earlier failure."""
    narrowing = ("keyword", "markexpr", "lf", "deselect", "ignore", "ignore_glob", "collectonly")
    chosen = any(config.getoption(option, default=None) for option in narrowing)
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS and not chosen
