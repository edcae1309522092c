# SPDX-License-Identifier: Apache-2.0
"""The tables of the verifier, as the newest migration leaves them.

A count is an unsigned integer of 64 bits, which SQL does not have; it is written with 20 digits,
so that texts sort as numbers. Instants are microseconds since 1970.

    nonces   SHA-256 of each nonce that was used, and when it was issued
    heads    the counts and heads that were accepted, by namespace id
    bars     the highest count of a namespace id whose statements are refused
    tokens   one row a token; its number says which bit of which status list is its own
    marks    `instance`: names the status lists of this database
             `pruned_us`: nonces that were issued before are forgotten, and refused
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from troth.infra.database import Migrations

__all__ = ["MIGRATIONS", "bars", "heads", "marks", "nonces", "spell_count", "tokens"]

MIGRATIONS: Final = Migrations(Path(__file__).parent / "migrations", "0001")

_metadata = sa.MetaData()

nonces: Final = sa.Table(
    "nonces",
    _metadata,
    sa.Column("digest", sa.LargeBinary(32), primary_key=True),
    sa.Column("issued_us", sa.BigInteger, nullable=False, index=True),
)
heads: Final = sa.Table(
    "heads",
    _metadata,
    sa.Column("namespace_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("count", sa.String(20), primary_key=True),
    sa.Column("head", sa.LargeBinary(32), nullable=False),
    sa.Column("accepted_us", sa.BigInteger, nullable=False),
)
bars: Final = sa.Table(
    "bars",
    _metadata,
    sa.Column("namespace_id", sa.LargeBinary(16), primary_key=True),
    sa.Column("count", sa.String(20), nullable=False),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("barred_us", sa.BigInteger, nullable=False),
)
tokens: Final = sa.Table(
    "tokens",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("namespace_id", sa.LargeBinary(16), nullable=False, index=True),
    sa.Column("expires_s", sa.BigInteger, nullable=False),
    sa.Column("revoked", sa.Boolean, nullable=False),
    sqlite_autoincrement=True,
)
marks: Final = sa.Table(
    "marks",
    _metadata,
    sa.Column("name", sa.String(32), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)


def spell_count(count: int) -> str:
    """Return a count as it is stored."""
    return f"{count:020d}"
