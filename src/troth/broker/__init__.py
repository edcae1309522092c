# SPDX-License-Identifier: Apache-2.0
"""The broker: secrets for workloads that a verifier vouches for, and for nobody else.

It trusts tokens of the verifiers that its configuration names, seals a secret to the key that the
token is bound to, signs what it answers, and writes each release and each refusal to an
append-only Merkle log before the answer leaves.
"""
