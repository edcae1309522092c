# SPDX-License-Identifier: Apache-2.0
"""A real verifier bars a namespace although trothd was killed before it could be told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests import verifiers
from tests.bundles import AUDIENCE, Machine
from tests.orchestrator.running import Trothd, call, until
from tests.orchestrator.test_errands import QUIET
from troth.tsm.emulated.tdx import SoftwareTdx, create_in


def test_a_verifier_bars_what_left_its_model_before_a_kill(
    make: Callable[..., Trothd], tmp_path: Path
) -> None:
    (tmp_path / "t").mkdir()
    create_in(tmp_path / "t" / "tee", SoftwareTdx.create(at=datetime.now(UTC)))
    tail = f"[verifier]\nurl = 'unix:{tmp_path}/v/verifier.sock'\naudience = '{AUDIENCE}'"
    one = make(QUIET, tail=tail).start()
    call(one.admin, "POST", "/v1/namespaces/payments/seal")
    view = call(one.socket("payments"), "GET", "/v1/namespace").json
    machine = Machine.__new__(Machine)  # its policy only: this boot is trothd's own
    machine.tee = one.software()
    digest = hashlib.sha256(one.config.read_bytes()).hexdigest()
    state = view["model"]["state"]
    text = machine.policy_text(configuration=f'["{digest}"]', state=f'["{state}"]')
    config = verifiers.make_directory(tmp_path / "v", machine, text)
    assert one.event("payments", "outside").json["forensic"] == 1  # no verifier runs yet
    one.kill_daemon()
    with verifiers.running(config) as verifier:
        until(lambda: '"barred"' in verifier.log.read_text())
        lines = [line for line in verifier.log.read_text().splitlines() if '"barred"' in line]
        assert all('"payments"' in line and '"model.forensic"' in line for line in lines)
        until(lambda: one.metric("troth_pushes_total") >= 1)
