# SPDX-License-Identifier: Apache-2.0
"""The relying party's verifier: challenges, appraisals, tokens, their status (`troth-verifier`).

Appraiser     BINDING 4.9 whole, without sockets
Store         what is remembered, and the transaction of step 14
make_app      the same over HTTP
"""

from troth.verifier.app import make_app
from troth.verifier.appraiser import Appraiser
from troth.verifier.program import main
from troth.verifier.store import Store

__all__ = ["Appraiser", "Store", "main", "make_app"]
