# SPDX-License-Identifier: Apache-2.0
"""Nonces, memory, bars, tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from troth.infra import clock

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the first tables; what each holds stands in `troth.verifier.schema`."""
    op.create_table(
        "nonces",
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("issued_us", sa.BigInteger, nullable=False, index=True),
    )
    op.create_table(
        "heads",
        sa.Column("namespace_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("count", sa.String(20), primary_key=True),
        sa.Column("head", sa.LargeBinary(32), nullable=False),
        sa.Column("accepted_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "bars",
        sa.Column("namespace_id", sa.LargeBinary(16), primary_key=True),
        sa.Column("count", sa.String(20), nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("barred_us", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("namespace_id", sa.LargeBinary(16), nullable=False, index=True),
        sa.Column("expires_s", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    marks = op.create_table(
        "marks",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    # A new database remembers nothing of the nonces that were used before it was made.
    now = int(clock.exact().timestamp() * 1_000_000)
    op.bulk_insert(marks, [{"name": "pruned_us", "value": now}])


def downgrade() -> None:
    """Refuse: memory that is thrown away lets old nonces and forked logs in."""
    message = "there is no way back that keeps what was promised"
    raise NotImplementedError(message)
