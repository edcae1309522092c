# SPDX-License-Identifier: Apache-2.0
"""What programs need of the machine they run on; the pure packages below never import it."""
