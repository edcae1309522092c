# SPDX-License-Identifier: Apache-2.0
"""The demo shows what it claims: it passes, and it fails by name when troth has a defect."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.demo.quick import MAINS
from tests.program import HEARS_SIGINT

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo" / "demo.py"
QUICK = Path(__file__).with_name("quick.py")
NO_STATUS = "from troth.token.status import StatusList as S; S.revoked = lambda self, index: False"
BUNDLE = "import troth.verify.bundle.check as m"


REGISTER = f"{BUNDLE}; m.check_register = lambda bundle, body, wanted, steps: wanted.root.register"

# On the kernel's files three checks stand behind each other; a report of another gets past none.
UNHEEDED = """
import troth.orchestrator.device, troth.tsm.configfs.driver as driver, troth.tsm.driver
driver._undisturbed = lambda entry, due: entry.text("provider")
troth.tsm.driver.same = troth.orchestrator.device.same = lambda one, other: True
"""


@dataclass(frozen=True)
class Defect:
    """What is taken out of a program, the act that is played, and the step that must notice."""

    program: str
    code: str
    acts: str
    step: str
    driver: str = "emulated"
    tee: str = "tdx"


DEFECTS = {
    "attestation key not bound": Defect(
        "troth",
        "import troth.verify.intel.enclave as m; m.same = lambda one, other: True",
        "quotes",
        "another attestation key",
    ),
    "report data not compared": Defect(
        "troth",
        "import troth.verify.tdx.quote as m; m.check_report_data = lambda *_: None",
        "quotes",
        "somebody else's nonce",
    ),
    "revocation of platforms ignored": Defect(
        "troth",
        "from troth.crypto.crl import Crl; Crl.revokes = lambda self, certificate: False",
        "quotes",
        "PCK certificate is revoked",
    ),
    "every root trusted": Defect(
        "troth",
        "from troth.verify import Anchor, Anchors; Anchors.match = lambda self, r: Anchor.of(r)",
        "quotes",
        "names its root",
    ),
    "policy for quotes accepts all": Defect(
        "troth",
        "import troth.policy.rules as m; m.Rules.decide = lambda self: None",
        "quotes",
        "now denies it",
    ),
    "genuine exits with 0": Defect(
        "troth", "import troth.cli._verify as m; m._EXIT['genuine'] = 0", "quotes", "not yet a yes"
    ),
    "a report over other data is taken": Defect(
        "trothd",
        "import troth.orchestrator.device as m; m.same = lambda one, other: True",
        "tvm",
        "another writer puts its data",
    ),
    "a torn report of the kernel is taken": Defect(
        "trothd", UNHEEDED, "tvm", "another writer puts its data", driver="fuse"
    ),
    "a foreign writer of registers is unheeded": Defect(
        "trothd",
        "from troth.orchestrator.daemon import Daemon; Daemon._watch = lambda self, found: None",
        "register",
        "seen the foreign writer",
    ),
    "the root register is not compared": Defect(
        "verifier",
        REGISTER,
        "register",
        "somebody extends the root register",
    ),
    "a nonce can be used again": Defect(
        "verifier",
        "import troth.verifier.store as m; m._use_nonce = lambda *_: None",
        "forgeries",
        "a replay",
    ),
    "any nonce is ours": Defect(
        "verifier",
        "import troth.verifier.challenge as m\n"
        "m.Challenges.recognise = lambda self, nonce, steps: self._at\n"
        "m.Challenges.compare = lambda self, nonce, steps: None",
        "forgeries",
        "another's nonce",
    ),
    "audience not compared": Defect(
        "verifier",
        "from troth.verify.bundle.steps import Steps; check = Steps.check\n"
        "Steps.check = lambda self, rule, holds, *a, **k:"
        " check(self, rule, holds or rule == 'audience', *a, **k)",
        "forgeries",
        "another audience",
    ),
    "proof not climbed": Defect(
        "verifier",
        "import troth.verify.bundle.statement as m; m.check_claim = lambda bundle: None",
        "forgeries",
        "the neighbour's proof",
    ),
    "report data of epochs not compared": Defect(
        "verifier",
        f"{BUNDLE}; m.check_report_data = lambda *_: None",
        "forgeries",
        "one flipped bit",
    ),
    "epoch signature not checked": Defect(
        "verifier",
        "import troth.verify.bundle.root as m; m.check_epoch_signature = lambda bundle: None",
        "forgeries",
        "one flipped bit",
    ),
    "release policy accepts all": Defect(
        "broker",
        "from troth.broker.policy import Decision, ReleasePolicy\n"
        "ReleasePolicy.decide = lambda self, ear, path: Decision(granted=True, rule='all')",
        "secrets",
        "refused the secret of payments",
    ),
    "verifier's policy accepts every model": Defect(
        "verifier",
        "import troth.verifier.appraiser as m; m.check_model = lambda verified, steps: None",
        "model",
        "trothd told the verifier",
    ),
    "token verify ignores the status list": Defect(
        "troth", NO_STATUS, "model", "told the verifier"
    ),
    "broker ignores the status list": Defect("broker", NO_STATUS, "model", "the broker takes"),
    "trothd tells nobody": Defect(
        "trothd",
        "from troth.orchestrator.renewal import Push; Push.demand = lambda self: None",
        "model",
        "trothd told the verifier",
    ),
    "AMD's revocation lists ignored": Defect(
        "troth",
        "from troth.crypto.pss_crl import PssCrl; PssCrl.revokes = lambda self, certificate: False",
        "quotes",
        "AMD has revoked",
        tee="snp",
    ),
    "unrooted is not said": Defect(
        "verifier",
        "import troth.policy.bundle as m; m.CAUTION = m.APPROVED",
        "register",
        "every token of this TVM says so",
        tee="snp",
    ),
    "a root register is taken for granted": Defect(
        "trothd",
        "import troth.orchestrator._root as m; m.demand_root_register = lambda *_: None",
        "register",
        "nobody can extend",
        tee="snp",
    ),
    "signature of the realm not checked": Defect(
        "troth",
        "import troth.verify.cca.token as m; m._check_realm_signature = lambda *_: None",
        "quotes",
        "another realm key",
        tee="cca",
    ),
    "the root register of a realm is not compared": Defect(
        "verifier", REGISTER, "register", "somebody extends the root register", tee="cca"
    ),
    "challenge of a TVM not compared": Defect(
        "troth",
        "import troth.verify.cove.token as m; m.same = lambda one, other: True",
        "quotes",
        "somebody else's nonce",
        tee="cove",
    ),
    "a foreign writer of a TVM's registers is unheeded": Defect(
        "trothd",
        "from troth.orchestrator.daemon import Daemon; Daemon._watch = lambda self, found: None",
        "register",
        "seen the foreign writer",
        tee="cove",
    ),
}
STEPS = {"tdx": 36, "snp": 36, "cca": 36, "cove": 35}  # nobody has a real CoVE token


def command(*arguments: str) -> list[str]:
    return [sys.executable, str(DEMO), *arguments]


def run_demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo; without options all of it, in less than half a minute."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def demand_fuse() -> None:
    """Skip a test where nothing can be mounted."""
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("mounting a view takes /dev/fuse and root")


def processes_with(text: str) -> list[str]:
    """Return the command lines of living processes in which a text occurs."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        if text in line:
            found.append(line)
    return found


def test_every_step_holds(vectors: Path) -> None:
    done = run_demo(TROTH_VECTORS=str(vectors))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {STEPS['tdx']} steps held" in done.stdout
    assert "three of Intel's own" in done.stdout


@pytest.mark.parametrize("tee", ["snp", "cca", "cove"])
def test_every_step_holds_on_other_kinds(tee: str, forks: str, vectors: Path) -> None:
    done = run_demo(*quickly(forks, {}), f"--tee={tee}", TROTH_VECTORS=str(vectors))
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"All {STEPS[tee]} steps held" in done.stdout
    assert ("BELIEVED, for want of a register" in done.stdout) is (tee == "snp")


def test_without_vectors_it_says_so(tmp_path: Path) -> None:
    done = run_demo("--acts", "quotes", TROTH_VECTORS=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "Real quotes are NOT judged" in done.stdout
    assert "All 8 steps held" in done.stdout


@pytest.fixture(scope="module")
def forks() -> Iterator[str]:
    """The socket of a process that has imported all programs; see quick.py."""
    with tempfile.TemporaryDirectory() as base:
        path = f"{base}/forks"
        process = subprocess.Popen([sys.executable, str(QUICK), path], stdout=subprocess.PIPE)
        with process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"READY\n"
            yield path
            process.terminate()


def quickly(forks: str, defects: Mapping[str, str]) -> list[str]:
    """Return options that start the programs by quick.py, some of them with a defect."""
    start = [sys.executable, "-S", "-E", str(QUICK), forks]
    return [
        f"--{program}={shlex.join([*start, module, defects.get(program, '')])}"
        for program, module in MAINS.items()
    ]


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_fails_the_demo_by_name(name: str, forks: str, tmp_path: Path) -> None:
    defect = DEFECTS[name]
    if defect.driver == "fuse":
        demand_fuse()
    done = run_demo(
        *quickly(forks, {defect.program: defect.code}),
        f"--acts={defect.acts}",
        f"--driver={defect.driver}",
        f"--tee={defect.tee}",
        "--patience=3",
        TROTH_VECTORS=str(tmp_path),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    failed = re.search(r"^DEMO FAILED at step \d+ \((.*?)\): ", done.stderr, re.MULTILINE)
    assert failed is not None, done.stderr
    assert defect.step in failed[1], done.stderr


@pytest.mark.parametrize("tee", ["tdx", "snp", "cca"])  # CoVE's are CCA's, by another name
def test_the_steps_hold_on_the_files_of_a_kernel(tee: str, forks: str) -> None:
    demand_fuse()
    with tempfile.TemporaryDirectory(prefix="f") as base:
        done = run_demo(
            *quickly(forks, {}),
            "--driver=fuse",
            f"--tee={tee}",
            "--acts=tvm,callers,register",
            TMPDIR=base,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "foreign writer: " in done.stdout
        assert processes_with(base) == []
        assert list(Path(base).iterdir()) == []
        assert base not in Path("/proc/self/mounts").read_text(encoding="utf-8")


def test_an_unknown_act_is_refused() -> None:
    assert "no act" in run_demo("--acts", "quotes,none").stderr


@contextmanager
def kept(
    forks: str, base: str, stdin: int, tee: str = "tdx"
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run the demo with --keep; give its process and what it says that one may try."""
    played = ("--tee", tee, "--acts", "tvm", "--keep")
    with subprocess.Popen(
        [*HEARS_SIGINT, *command(*quickly(forks, {}), *played)],
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": base},
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or "Enter or Ctrl-C" not in lines[-1]:
            lines.append(process.stdout.readline())
            assert lines[-1], "".join(lines)
        try:
            yield process, [line.strip() for line in lines[lines.index("\n") :]]
        finally:
            process.terminate()


def is_gone(base: str) -> bool:
    """Wait until nothing of a demo runs; say whether nothing of it lies about either."""
    deadline = time.monotonic() + 10
    while processes_with(base) and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes_with(base) == [] and list(Path(base).iterdir()) == []


@pytest.fixture
def base() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="k") as name:  # a unix socket's path must be short
        yield name


@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("stdin", [subprocess.PIPE, subprocess.DEVNULL], ids=["input", "no input"])
def test_what_is_kept_runs_until_told(
    number: signal.Signals | None, stdin: int, forks: str, base: str
) -> None:
    if number is None and stdin == subprocess.DEVNULL:
        number = signal.SIGHUP
    with kept(forks, base, stdin) as (process, _):
        time.sleep(0.5)
        assert process.poll() is None
        assert len(processes_with(base)) >= 4
        if number is None:
            process.communicate("\n")
        else:
            process.send_signal(number)
            process.communicate()
    assert is_gone(base)


@pytest.mark.parametrize("tee", ["tdx", "snp"])
def test_what_one_may_try_ends_as_it_says(tee: str, forks: str, base: str) -> None:
    with kept(forks, base, subprocess.DEVNULL, tee) as (_, lines):
        exports = [line for line in lines if line.startswith("export ")]
        tried = 0
        for about, line in pairwise(lines):
            if not about.startswith("#"):
                continue
            said = re.search(r"\(exit status (\d+)\):$", about)
            script = "\n".join([*exports, line])
            done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, check=False)
            assert done.returncode == (int(said[1]) if said else 0), (line, done.stderr)
            tried += 1
            if tried == 3:
                assert done.stdout == b"correct horse"
        assert tried >= (9 if tee == "tdx" else 7)  # without curl; no register of SNP to extend
    assert is_gone(base)
