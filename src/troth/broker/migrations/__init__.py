# SPDX-License-Identifier: Apache-2.0
"""The broker's schema, step by step; Alembic reads this folder."""
