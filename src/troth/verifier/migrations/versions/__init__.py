# SPDX-License-Identifier: Apache-2.0
"""The verifier's schema, step by step; Alembic reads this folder."""
