# SPDX-License-Identifier: Apache-2.0
"""Talk to troth's programs from Python: no cryptography here, and nothing but the standard library.

    from troth.client import Trothd

    bundle = Trothd("/run/troth/ns/payments/troth.sock").evidence(nonce, "urn:example:broker")

`AsyncTrothd` does the same in an event loop. What a peer refuses raises the error with the peer's
code; a peer that cannot be reached in time raises `DriverError`. A bundle is for a verifier to
judge, and a broker's answer for `troth secret get`, or `troth.token`, to verify and open.
"""

from troth.client.async_services import AsyncBroker, AsyncTrothd, AsyncVerifier
from troth.client.calls import Appraisal, Challenge, Receipt
from troth.client.services import Broker, Trothd, Verifier

__all__ = [
    "Appraisal",
    "AsyncBroker",
    "AsyncTrothd",
    "AsyncVerifier",
    "Broker",
    "Challenge",
    "Receipt",
    "Trothd",
    "Verifier",
]
