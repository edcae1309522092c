# SPDX-License-Identifier: Apache-2.0
"""TEEs in software, each with a vendor hierarchy of its own: one folder per TEE.

Their evidence is real in every byte but one thing: the root it hangs from is not the vendor's. So
it is judged by the code that judges the vendor's evidence, and never accepted under its root.
"""

__all__: list[str] = []
