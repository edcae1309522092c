# SPDX-License-Identifier: Apache-2.0
"""Bytes in, frozen values out: the strict readers that every other package parses through."""
