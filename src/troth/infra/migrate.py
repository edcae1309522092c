# SPDX-License-Identifier: Apache-2.0
"""Alembic's part of a database: bring it to the newest revision.

Apart from `database`, which imports it when it is needed: a start that finds its schema needs none.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from troth.errors import DriverError

__all__ = ["newest", "upgrade"]


def upgrade(connection: Connection, folder: Path) -> None:
    """Take the steps in `folder` that the database has not taken; the caller commits.

    Raises:
        DriverError: `database.schema`, the database is at a revision that is not in `folder`.
    """
    config = _config(folder)
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DriverError("database.schema", str(error)) from None


def newest(folder: Path) -> str | None:
    """Return the revision behind the last step in `folder`."""
    return ScriptDirectory.from_config(_config(folder)).get_current_head()


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
