# SPDX-License-Identifier: Apache-2.0
"""Endorsements: signed statements about a platform by its vendor, parsed and kept with their bytes.

Parsing proves nothing. Signatures, roles and windows are judged by `troth.verify`, because they
count only together with the evidence they are used on.
"""
