# SPDX-License-Identifier: Apache-2.0
"""`python -m troth.orchestrator` is `trothd`: what the supervisor starts without a search path."""

from troth.orchestrator.program import main

main()
