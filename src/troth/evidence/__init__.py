# SPDX-License-Identifier: Apache-2.0
"""Evidence as bytes and as values: one folder per TEE, with layout, parser and builder.

A parser says what the bytes claim and nothing about whether it is true: that is `troth.verify`.
"""
