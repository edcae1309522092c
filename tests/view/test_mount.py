# SPDX-License-Identifier: Apache-2.0
"""`troth emulate tdx --mount`: a software TDX as the kernel's files."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program import PROGRAM, environment, troth
from tests.view.mounting import Mounted, is_mount, needs_fuse, tdx_view
from troth.crypto.digest import sha384
from troth.errors import DriverError
from troth.evidence.tdx import TdxQuote
from troth.tsm.emulated.tdx import load
from troth.tsm.emulated.view import KERNELS, serve, tdx_tree
from troth.tsm.emulated.view.syscalls import unmount

pytestmark = needs_fuse

NONCE = bytes(range(64))


@pytest.fixture
def entry(tdx: Mounted) -> Path:
    for left in tdx.report.iterdir():
        left.rmdir()
    return tdx.entry()


def test_a_quote_over_the_inblob(entry: Path) -> None:
    (entry / "inblob").write_bytes(NONCE)
    quote = TdxQuote.parse((entry / "outblob").read_bytes())
    assert quote.body.report_data == NONCE
    assert (entry / "generation").read_text() == "1\n"
    assert (entry / "provider").read_text() == "tdx_guest\n"


def test_a_tdx_entry_shows_four_attributes(entry: Path) -> None:
    assert {one.name for one in entry.iterdir()} == {"generation", "provider", "inblob", "outblob"}


@pytest.mark.parametrize("length", [1, 63])
def test_another_length_than_64_is_refused_by_the_provider(entry: Path, length: int) -> None:
    (entry / "inblob").write_bytes(bytes(length))
    with pytest.raises(OSError, match="Invalid argument"):
        (entry / "outblob").read_bytes()


def test_the_quote_has_the_registers_that_the_files_show(tdx: Mounted, entry: Path) -> None:
    register = tdx.measurements / "rtmr2:sha384"
    before = register.read_bytes()
    with register.open("wb", buffering=0) as file:
        assert file.write(sha384(b"event")) == 48
    assert register.read_bytes() == sha384(before + sha384(b"event"))
    (entry / "inblob").write_bytes(NONCE)
    body = TdxQuote.parse((entry / "outblob").read_bytes()).body
    assert body.rtmrs == tuple(
        (tdx.measurements / f"rtmr{n}:sha384").read_bytes() for n in range(4)
    )
    assert body.mr_td == (tdx.measurements / "mrtd:sha384").read_bytes()


def test_an_extend_through_the_files_is_kept_in_the_directory(tdx: Mounted, tee: Path) -> None:
    (tdx.measurements / "rtmr3:sha384").write_bytes(sha384(b"kept"))
    assert load(tee).registers()[3] == (tdx.measurements / "rtmr3:sha384").read_bytes()


def test_kernel_6_12_shows_no_registers(tee: Path, tmp_path: Path) -> None:
    with tdx_view(tmp_path, tee, "--kernel", "6.12") as view:
        assert not (view.root / "class").exists()
        assert view.entry().is_dir()


def test_a_failing_quote_is_an_errno_or_an_empty_report_by_kernel(
    tee: Path, tmp_path: Path
) -> None:
    for kernel, option, error in (("7.3", "EIO", True), ("6.12", "EIO", False)):
        with tdx_view(tmp_path, tee, "--kernel", kernel, "--fail", option) as view:
            entry = view.entry()
            (entry / "inblob").write_bytes(NONCE)
            if error:
                with pytest.raises(OSError, match="Input/output"):
                    (entry / "outblob").read_bytes()
            else:
                assert (entry / "outblob").read_bytes() == b""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_and_unmounts(tee: Path, tmp_path: Path, number: int) -> None:
    with tdx_view(tmp_path, tee) as view:
        view.daemon.send_signal(number)
        assert view.daemon.wait(timeout=60) == 0
        assert not is_mount(view.root)


def test_a_daemon_that_was_killed_leaves_a_stale_mount_which_is_said(
    tee: Path, tmp_path: Path
) -> None:
    with tdx_view(tmp_path, tee) as view:
        descriptor = os.open(view.entry() / "outblob", os.O_RDONLY)
        view.daemon.kill()
        view.daemon.wait(timeout=60)
        with pytest.raises(OSError, match=r"not connected|aborted"):
            os.read(descriptor, 1)
        with contextlib.suppress(OSError):  # closing tells the daemon, which is not there
            os.close(descriptor)
        with pytest.raises(OSError, match="not connected"):
            list(view.root.iterdir())
        refused = troth("emulate", "tdx", "--tee", tee, "--mount", view.root)
        assert refused.status == 7
        assert "tsm.view-stale" in refused.err
        assert f"umount -l {view.root}" in refused.err
        unmount(view.root)
        with tdx_view(tmp_path, tee) as again:
            assert again.entry().is_dir()


def test_without_the_library_it_says_what_to_install(
    tee: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mfusepy", None)
    with pytest.raises(DriverError, match=r"troth\[emulate\]") as caught:
        serve(tdx_tree(tee, KERNELS["7.3"]), tmp_path, ready=lambda: None, everybody=False)
    assert caught.value.code == "tsm.view"


def test_a_device_that_is_not_for_this_user_is_said_with_its_mode(
    tee: Path, tmp_path: Path
) -> None:
    (tmp_path / "m").mkdir()
    device = tmp_path / "fuse"
    device.touch(mode=0o600)
    os.chown(device, 65534, 65534)
    script = (
        'mount --bind "$1" /dev/fuse && shift &&'
        ' exec setpriv --bounding-set -dac_override,-dac_read_search "$@"'
    )
    shown = ("emulate", "tdx", "--tee", tee, "--mount", tmp_path / "m")
    done = subprocess.run(
        ["/usr/bin/unshare", "-m", "sh", "-c", script, "sh", device, PROGRAM, *shown],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
    )
    assert done.returncode == 7
    assert done.stdout == ""
    assert "/dev/fuse has mode 0600" in done.stderr
    assert "chmod 0666 /dev/fuse" in done.stderr


def test_a_relative_mount_point(tee: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    command = [str(PROGRAM), "emulate", "tdx", "--tee", tee.name, "--mount", "m"]
    (tmp_path / tee.name).symlink_to(tee)
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment()
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline()
        (tmp_path / "m/kernel/config/tsm/report/x").mkdir()
        daemon.terminate()
        assert daemon.wait(timeout=60) == 0
    assert not is_mount(tmp_path / "m")


def test_without_a_tee_one_is_made_and_removed(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    command = [str(PROGRAM), "emulate", "tdx", "--mount", str(tmp_path / "m")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(TMPDIR=str(tmp_path)),
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stderr is not None
        assert daemon.stdout.readline() == "READY\n"
        root = daemon.stderr.readline().rpartition("trust it by ")[2].strip()
        assert Path(root).read_bytes().startswith(b"-----BEGIN CERTIFICATE")
        daemon.terminate()
        out, err = daemon.communicate(timeout=60)
        assert (daemon.returncode, out) == (0, "")
        assert f"unmounted {tmp_path}/m" in err
    assert {one.name for one in tmp_path.iterdir()} == {"m"}


def test_it_mounts_over_nothing_that_it_would_hide(tee: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for where in (tmp_path, tmp_path / "file", tmp_path / "absent"):
        refused = troth("emulate", "tdx", "--tee", tee, "--mount", where)
        assert refused.status == 2
        assert f"usage.file: {where}: " in refused.err
