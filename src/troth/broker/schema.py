# SPDX-License-Identifier: Apache-2.0
"""The broker's tables."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, String, Table, Text

from troth.broker.path import PATH_MAX_BYTES

__all__ = ["METADATA", "entry", "head", "policy", "secret", "state"]

METADATA: Final = MetaData()

secret: Final = Table(
    "secret",
    METADATA,
    Column("path", String(PATH_MAX_BYTES), primary_key=True),
    Column("version", BigInteger, nullable=False),  # the generation in which it was put
    Column("sealed", LargeBinary, nullable=False),
    Column("put_at", String(32), nullable=False),
)

policy: Final = Table(
    "policy",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("text", LargeBinary, nullable=False),
)

# One row that vouches for all secrets and the policy together; see `store`.
state: Final = Table(
    "state",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),  # always 1
    Column("generation", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

# The log: entries from 0, and the head that was signed with the last of each batch.
entry: Final = Table(
    "log_entry",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

head: Final = Table(
    "log_head",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("signed", Text, nullable=False),
)
