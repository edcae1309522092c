# SPDX-License-Identifier: Apache-2.0
"""How Alembic runs: on the connection that `troth.infra.database` gives it, and on no other."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
