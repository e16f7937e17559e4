"""Whatever goes wrong while a file is written: the old one or the new one is there, whole, and nothing else."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading

import numpy as np
import pytest

import deltaprop as dp
from deltaprop.files.atomic import check_writable

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX files")
KILL_AT = """
import os, signal, sys
import deltaprop as dp

path, function, call = sys.argv[1], sys.argv[2], int(sys.argv[3])
real, calls = getattr(os, function), []

def kill(*given, **named):
    calls.append(1)
    if len(calls) == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)

net = dp.Network([3, 4, 2], seed=1)
setattr(os, function, kill)
net.save(path)
"""


@pytest.fixture
def second():
    """The network that is to take the first one's place."""
    return dp.Network([3, 4, 2], seed=1)


@pytest.fixture
def kept(path):
    """The file must be as it was, and alone in its folder, when the test is over."""
    before = path.read_bytes()
    yield path
    assert path.read_bytes() == before
    assert only(path)


def only(path):
    return [entry.name for entry in path.parent.iterdir()] == [path.name]


@posix
@pytest.mark.parametrize(
    ("function", "call", "new"),
    [("open", 1, False), ("fsync", 1, False), ("replace", 1, False), ("fsync", 2, True)],
    ids=["before the first byte", "before the flush", "before the rename", "before the folder's flush"],
)
def test_a_killed_process_leaves_a_whole_file(net, second, path, function, call, new):
    done = subprocess.run([sys.executable, "-c", KILL_AT, str(path), function, str(call)], check=False)
    assert done.returncode == -signal.SIGKILL
    np.testing.assert_array_equal(dp.load(path).theta, (second if new else net).theta)


@posix
def test_a_killed_process_leaves_no_half_file_where_there_was_none(tmp_path):
    file = tmp_path / "net"
    subprocess.run([sys.executable, "-c", KILL_AT, str(file), "fsync", "1"], check=False)
    assert not file.exists()


@posix
def test_a_save_after_a_killed_one_succeeds(second, path):
    subprocess.run([sys.executable, "-c", KILL_AT, str(path), "replace", "1"], check=False)
    second.save(path)
    np.testing.assert_array_equal(dp.load(path).theta, second.theta)


@pytest.mark.parametrize("function", ["open", "fsync", "replace"])
@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "no space left on device"), (errno.EACCES, "permission denied")]
)
def test_an_error_of_the_disk_leaves_the_old_file_and_no_other(second, kept, monkeypatch, function, number, reason):
    def fail(*given, **named):
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, function, fail)
        with pytest.raises(dp.OutputError) as caught:
            second.save(kept)
    assert str(caught.value) == f"Cannot write {str(kept)!r}: {reason}. Nothing was changed."


@posix
def test_a_file_too_large_for_the_disk_leaves_the_old_one(kept):
    code = """
import resource, sys
import deltaprop as dp
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    dp.Network([100, 100, 2]).save(sys.argv[1])
except dp.OutputError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(kept)], capture_output=True, text=True, check=True)
    assert done.stdout == f"Cannot write {str(kept)!r}: file too large. Nothing was changed.\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")  # noqa: PTH110
def test_a_full_device_is_named(net):
    with pytest.raises(dp.OutputError, match="Cannot write '/dev/full': no space left on device"):
        net.save("/dev/full")


def test_ctrl_c_while_writing_leaves_the_old_file_and_no_other(second, kept, monkeypatch):
    def press(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", press)
        with pytest.raises(KeyboardInterrupt):
            second.save(kept)


@posix
def test_a_folder_that_cannot_be_flushed_still_has_the_new_file(second, path, monkeypatch):
    real = os.fsync

    def only_files(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(handle)

    monkeypatch.setattr(os, "fsync", only_files)
    second.save(path)
    np.testing.assert_array_equal(dp.load(path).theta, second.theta)


@posix
def test_file_and_folder_are_flushed(net, tmp_path, monkeypatch):
    flushed, real = [], os.fsync

    def note(handle):
        flushed.append(stat.S_ISDIR(os.fstat(handle).st_mode))
        real(handle)

    monkeypatch.setattr(os, "fsync", note)
    net.save(tmp_path / "net")
    assert flushed == [False, True]


def test_a_folder_that_is_missing_is_refused_and_not_made(net, tmp_path):
    with pytest.raises(dp.OutputError, match=r"Cannot write .*: no such file or directory\. Nothing was changed\."):
        net.save(tmp_path / "missing" / "net")
    assert not list(tmp_path.iterdir())


@posix
def test_a_folder_in_the_place_of_the_file_is_refused(net, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(dp.OutputError, match=r"Cannot write .*: is a directory\. Nothing was changed\."):
        net.save(tmp_path / "there")
    assert [entry.name for entry in tmp_path.rglob("*")] == ["there"]


@posix
def test_a_file_in_the_place_of_a_folder_is_refused(net, path):
    with pytest.raises(dp.OutputError, match="not a directory"):
        net.save(path / "net")


@posix
def test_a_folder_without_permission_is_refused(net, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(dp.OutputError, match="permission denied"):
            net.save(tmp_path / "net")
    finally:
        tmp_path.chmod(0o700)


def test_a_path_can_be_refused_before_the_work(path, tmp_path):
    check_writable(path)
    check_writable(tmp_path / "new")
    for wrong, reason in ((tmp_path, "it is a folder"), (tmp_path / "missing" / "net", "there is no folder")):
        with pytest.raises(dp.OutputError, match=f"Cannot write .*: {reason}"):
            check_writable(wrong)
    assert only(path)


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_permissions_are_kept(second, path, mode):
    path.chmod(mode)
    second.save(path)
    assert path.stat().st_mode & 0o7777 == mode
    np.testing.assert_array_equal(dp.load(path).theta, second.theta)


@posix
@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_a_new_file_has_the_usual_permissions(net, tmp_path, umask):
    before = os.umask(umask)
    try:
        net.save(tmp_path / "net")
    finally:
        os.umask(before)
    assert (tmp_path / "net").stat().st_mode & 0o7777 == 0o666 & ~umask


@posix
def test_nobody_else_can_read_the_copy_of_a_private_file_while_it_is_written(second, path, monkeypatch):
    path.chmod(0o600)
    seen, real = [], os.fsync

    def look(handle):
        seen.append(os.fstat(handle).st_mode)
        real(handle)

    monkeypatch.setattr(os, "fsync", look)
    second.save(path)
    assert seen[0] & 0o077 == 0


@posix
@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to a place without one"])
def test_a_link_is_followed(second, path, there):
    if not there:
        path.unlink()
    link = path.parent / "link"
    link.symlink_to(path.name)
    second.save(link)
    assert link.is_symlink()
    assert not path.is_symlink()
    np.testing.assert_array_equal(dp.load(path).theta, second.theta)


@posix
def test_another_name_of_the_same_file_keeps_the_old_one(net, second, path):
    """A rename replaces the name, not the bytes: who has the old file open goes on reading it."""
    os.link(path, path.parent / "other")
    second.save(path)
    np.testing.assert_array_equal(dp.load(path.parent / "other").theta, net.theta)


def test_a_name_as_long_as_the_system_allows_can_be_written(net, tmp_path):
    file = tmp_path / ("ü" * 127)
    net.save(file)
    assert only(file)


@posix
def test_a_pipe_is_written_to_directly(net, path, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    thread = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    thread.start()
    net.save(pipe)
    thread.join(10)
    assert read == [path.read_bytes()]


def test_many_writers_leave_one_whole_file(path):
    nets = [dp.Network([3, 4, 2], seed=seed) for seed in range(8)]
    threads = [threading.Thread(target=net.save, args=(path,)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any(np.array_equal(dp.load(path).theta, net.theta) for net in nets)
    assert only(path)
