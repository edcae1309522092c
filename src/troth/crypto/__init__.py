# SPDX-License-Identifier: Apache-2.0
"""The only importer of `cryptography`: keys, signatures, certificates, revocation lists, DER.

Nothing here knows a vendor. What a certificate must look like is said by the caller.
"""
