# SPDX-License-Identifier: BSD-2-Clause
"""The daemon as a process: start, socket, signals, privileges, pid file, exit codes."""
import ctypes
import errno
import os
import pwd
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from house.waiting import wait_for
from milterclient import Client

USAGE, NO_USER, UNAVAILABLE, CANT_CREATE, CONFIG = 64, 67, 69, 73, 78

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def run(build_dir, *arguments):
    return subprocess.run([str(build_dir / "assayd"), *map(str, arguments)], capture_output=True, timeout=60, check=False)


def start_fails(daemon, build_dir, *arguments):
    done = run(build_dir, "-f", "-c", daemon.config_path, *arguments)
    return done.returncode, done.stderr.decode()


def test_options_wrong_is_64(build_dir):
    assert run(build_dir, "-z").returncode == USAGE
    assert run(build_dir, "extra").returncode == USAGE


def test_config_broken_is_78_and_names_the_line(build_dir, assayd):
    daemon = assayd(options="sockket = 1")
    code, words = start_fails(daemon, build_dir)
    assert code == CONFIG
    assert "assay.conf:" in words and "socket" in words
    assert run(build_dir, "-n", "-c", "/nonexistent.conf").returncode == CONFIG


def test_check_option_prints_effective_values(build_dir, assayd):
    done = run(build_dir, "-n", "-c", assayd(mode="enforce").config_path)
    assert done.returncode == 0
    assert b"mode = enforce" in done.stdout


def test_socket_serves_and_disappears_at_the_end(assayd):
    daemon = assayd().start()
    path = daemon.socket_spec[5:]
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    assert client.message().reply == "c"
    client.quit()
    assert daemon.stop() == 0
    assert not os.path.exists(path)


def test_socket_in_use_is_69(build_dir, assayd):
    first = assayd().start()
    second = assayd(socket_spec=first.socket_spec)
    code, words = start_fails(second, build_dir)
    assert code == UNAVAILABLE
    assert "another process" in words
    Client(first.socket_spec).quit()  # the first one still answers


def test_socket_stale_is_replaced(assayd):
    daemon = assayd()
    left = socket.socket(socket.AF_UNIX)
    left.bind(daemon.socket_spec[5:])
    left.close()
    daemon.start()
    Client(daemon.socket_spec).quit()


def test_socket_place_taken_by_a_file_is_73_and_the_file_stays(build_dir, assayd):
    daemon = assayd()
    with open(daemon.socket_spec[5:], "w", encoding="ascii") as file:
        file.write("precious")
    code, words = start_fails(daemon, build_dir)
    assert code == CANT_CREATE
    assert "not a socket" in words
    with open(daemon.socket_spec[5:], encoding="ascii") as file:
        assert file.read() == "precious"


def test_socket_path_may_be_as_long_as_libmilter_takes(build_dir, assayd, workdir):
    longest = str(workdir / "s").ljust(106, "x")
    daemon = assayd(socket_spec=f"unix:{longest}").start()
    Client(daemon.socket_spec).quit()
    assert daemon.stop() == 0
    code, words = start_fails(assayd(socket_spec=f"unix:{longest}x"), build_dir)
    assert code == 78 and "the path is too long (at most 106 bytes)" in words


def test_socket_directory_missing_is_73(build_dir, assayd):
    code, words = start_fails(assayd(socket_spec="unix:/nonexistent/dir/sock"), build_dir)
    assert code == CANT_CREATE
    assert "/nonexistent/dir/sock" in words


@pytest.mark.parametrize("spec,codes", [
    ("inet:8@nowhere.invalid", {68}), ("inet:x y@127.0.0.1", {78}), ("inet:25@192.0.2.77", {69}), ("unix:" + "x" * 200, {78}),
    ("smoke:signals", {78}),
])
def test_socket_that_cannot_be_has_its_exit_code(build_dir, assayd, spec, codes):
    code, words = start_fails(assayd(), build_dir, "-p", spec)
    assert code in codes
    assert "socket" in words


PIDFD_GETFD = 438   # syscall number, the same on every architecture


def tcp_nodelay_of(pid, peer):
    """TCP_NODELAY of the process's own end of the connection from that address; None when it cannot be looked at."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            fd = libc.syscall(PIDFD_GETFD, pidfd, int(number), 0)
            if fd < 0 and ctypes.get_errno() != errno.EBADF:     # closed meanwhile
                return None
            if fd < 0:
                continue
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.close(fd)
                continue
            with socket.socket(fileno=fd) as copy:
                try:
                    if copy.getpeername() == peer:
                        return copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                except OSError:
                    pass    # listens, or is connected to nobody
    finally:
        os.close(pidfd)
    raise AssertionError(f"process {pid} has no connection from {peer}")


def test_inet_socket_answers_without_the_nagle_pause(assayd, free_port):
    port = free_port()
    daemon = assayd(socket_spec=f"inet:{port}@127.0.0.1").start()
    client = Client(("127.0.0.1", port))
    client.connect()
    client.helo()
    assert client.message().header("Authentication-Results")
    nodelay = tcp_nodelay_of(daemon.process.pid, client.socket.getsockname())
    client.quit()
    if nodelay is None:
        pytest.skip("this kernel lets nobody look at another process's sockets")
    assert nodelay == 1     # without it each message would wait 41 ms for the client's delayed acknowledgement


def test_umask_and_owner_of_the_socket(assayd):
    daemon = assayd(options="umask = 017").start()
    assert stat.S_IMODE(os.stat(daemon.socket_spec[5:]).st_mode) == 0o760


@root_only
def test_privileges_are_dropped_for_good(assayd):
    nobody = pwd.getpwnam("nobody")
    daemon = assayd()
    os.chmod(daemon.directory.parent, 0o755)
    os.chown(daemon.directory, nobody.pw_uid, nobody.pw_gid)
    daemon.config_path.write_text(daemon.config_path.read_text().replace('user = ""', 'user = "nobody"'))
    daemon.start()
    with open(f"/proc/{daemon.process.pid}/status", encoding="ascii") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    assert status["Uid"].split() == [str(nobody.pw_uid)] * 4
    assert status["Gid"].split() == [str(nobody.pw_gid)] * 4
    assert set(status["Groups"].split()) <= {str(nobody.pw_gid)}
    assert status["NoNewPrivs"] == "1"
    assert os.stat(daemon.socket_spec[5:]).st_uid == nobody.pw_uid
    Client(daemon.socket_spec).quit()


def owned_by(daemon, user, group, mode):
    """The daemon's directory and the way to it, for a daemon that is not root."""
    for directory in list(daemon.directory.parents)[:1]:
        os.chmod(directory, 0o755)
    os.chown(daemon.directory, user, group)
    os.chmod(daemon.directory, mode)


@root_only
@pytest.mark.parametrize("started_by", ["root", "its own user"])
@pytest.mark.parametrize("directory_mode,group", [(0o2750, 8), (0o750, None)])
def test_socket_has_the_group_of_a_setgid_directory(build_dir, assayd, started_by, directory_mode, group):
    nobody = pwd.getpwnam("nobody")
    daemon = assayd()
    owned_by(daemon, nobody.pw_uid, 8, directory_mode)
    if started_by == "root":
        daemon.config_path.write_text(daemon.config_path.read_text().replace('user = ""', 'user = "nobody"'))
        daemon.start()
    else:
        daemon.start(as_user=(nobody.pw_uid, nobody.pw_gid))
    status = os.stat(daemon.socket_spec[5:])
    assert (status.st_uid, status.st_gid) == (nobody.pw_uid, group or nobody.pw_gid)
    assert stat.S_IMODE(status.st_mode) == 0o770
    Client(daemon.socket_spec).quit()


@root_only
def test_user_unknown_is_67(build_dir, assayd):
    daemon = assayd()
    daemon.config_path.write_text(daemon.config_path.read_text().replace('user = ""', 'user = "no-such-user"'))
    code, words = start_fails(daemon, build_dir)
    assert code == NO_USER
    assert "no-such-user" in words


def test_pid_file_written_locked_and_removed(build_dir, assayd):
    daemon = assayd()
    pid_file = daemon.directory / "pid"
    daemon.start("-P", str(pid_file))
    assert int(pid_file.read_text()) == daemon.process.pid
    other = assayd()
    code, words = start_fails(other, build_dir, "-P", str(pid_file))
    assert code == UNAVAILABLE
    assert str(daemon.process.pid) in words
    assert daemon.stop() == 0
    assert not pid_file.exists()


def test_background_start_returns_when_it_serves(build_dir, assayd):
    daemon = assayd(options="log-target = syslog")
    daemon.config_path.write_text(daemon.config_path.read_text().replace("log-target = stderr\n", "", 1))
    pid_file = daemon.directory / "pid"
    assert run(build_dir, "-c", daemon.config_path, "-P", pid_file).returncode == 0
    pid = int(pid_file.read_text())
    try:
        Client(daemon.socket_spec).quit()  # at once: no waiting needed
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not pid_file.exists(), "the pid file to be removed")


def test_background_start_that_fails_tells_its_code(build_dir, assayd):
    done = run(build_dir, "-c", assayd(socket_spec="unix:/nonexistent/sock").config_path)
    assert done.returncode == CANT_CREATE


# ---- signals --------------------------------------------------------------------------------------------------------


def session(daemon):
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    return client


def test_sighup_new_sessions_get_the_new_config_old_ones_keep_theirs(assayd):
    daemon = assayd().start()
    old = session(daemon)
    daemon.config_path.write_text(daemon.config_path.read_text().replace("mx.test.example", "new.test.example"))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("is in force")
    assert old.message().header("Authentication-Results")[0].strip().startswith("mx.test.example")
    new = session(daemon)
    assert new.message().header("Authentication-Results")[0].strip().startswith("new.test.example")
    old.quit()
    new.quit()


def test_sighup_with_a_broken_file_keeps_the_old_config_and_says_why(assayd):
    daemon = assayd().start()
    good = daemon.config_path.read_text()
    daemon.config_path.write_text(good.replace("authserv-id", "authserv-di"))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("configuration in force stays")
    assert "authserv-di" in daemon.log() and "assay.conf:" in daemon.log()
    client = session(daemon)
    assert client.message().header("Authentication-Results")[0].strip().startswith("mx.test.example")
    client.quit()
    daemon.config_path.unlink()
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("configuration in force stays", count=2)
    daemon.config_path.write_text(good)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("is in force")


@pytest.mark.parametrize("text", ["", "# mode = enforce\n", "findings {\n}\n"])
def test_sighup_with_a_file_that_sets_nothing_keeps_the_old_config(assayd, text):
    # so is a file seen while it is being written
    daemon = assayd(mode="enforce", sections="findings { dkim-none = reject }").start()
    daemon.config_path.write_text(text)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("configuration in force stays")
    assert "sets no option" in daemon.log()
    client = session(daemon)
    assert client.message().reply == "y"
    client.quit()


def test_check_option_warns_of_a_file_that_sets_nothing(build_dir, workdir):
    (workdir / "conf").write_text("# nothing\n")
    done = subprocess.run([build_dir / "assayd", "-n", "-c", workdir / "conf"], capture_output=True, text=True, check=False)
    assert "sets no option" in done.stderr
    (workdir / "conf").write_text("mode = dry-run\n")
    done = subprocess.run([build_dir / "assayd", "-n", "-c", workdir / "conf"], capture_output=True, text=True, check=False)
    assert "sets no option" not in done.stderr


def test_sighup_tells_what_changed(assayd):
    daemon = assayd(mode="enforce", sections="findings { spf-fail = reject }\npolicy a { recipient-domains = a.example }").start()
    text = daemon.config_path.read_text()
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("reload: no option changed")
    for before, after in (("mode = enforce", "mode = dry-run"), ("= reject", "= tag"), ("policy a", "policy b")):
        text = text.replace(before, after)
    daemon.config_path.write_text(text)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("is in force", count=2)
    for line in ("mode: enforce -> dry-run", "findings spf-fail: reject -> tag", "policy a is gone", "policy b is new"):
        assert f"notice: reload: {line}\n" in daemon.log()
    assert "policy default" not in daemon.log()     # what it inherits is not told again


def test_sighup_in_bursts_under_load_stops_nothing(assayd):
    # libmilter stops its filter on SIGHUP; milter/sigwait.c keeps the signal from it.
    daemon = assayd().start()
    ended = threading.Event()

    def nag():
        while not ended.is_set():
            daemon.signal(signal.SIGHUP)
            time.sleep(0.001)

    thread = threading.Thread(target=nag)
    thread.start()
    try:
        for _ in range(10):
            client = session(daemon)
            for _ in range(10):
                assert client.message().reply == "c"
            client.quit()
    finally:
        ended.set()
        thread.join()
    assert daemon.process.poll() is None


def test_sigterm_finishes_the_message_under_way(assayd):
    daemon = assayd().start()
    client = session(daemon)
    client.mail(i="LAST")
    client.rcpt()
    client.header("From", "joe@good.example")
    daemon.signal(signal.SIGTERM)   # MAIL has been answered, so that the message is under way
    daemon.wait_for_log("stopping")
    time.sleep(1.5)
    assert daemon.process.poll() is None
    with pytest.raises(OSError):
        Client(daemon.socket_spec)  # nothing new comes in
    client.header("Subject", "the last")
    client.eoh()
    client.body(b"x\r\n")
    outcome = client.eom(i="LAST")
    assert outcome.reply == "c" and outcome.header("Authentication-Results")
    assert daemon.process.wait(15) == 0
    assert "LAST" in daemon.log()


def test_sigterm_finishes_messages_that_begin_just_after_it(assayd):
    """Sessions that are there already: no reply can stop their next message, so it gets its verdict."""
    daemon = assayd().start()
    clients = [session(daemon) for _ in range(20)]
    daemon.signal(signal.SIGTERM)
    daemon.wait_for_log("stopping")
    for number, client in enumerate(clients):
        client.mail(i=f"AFTER{number}")
        client.rcpt()
    time.sleep(1.5)     # longer than anything that the daemon waits for in idle sessions
    for number, client in enumerate(clients):
        client.header("From", "joe@good.example")
        client.eoh()
        client.body(b"x\r\n")
        outcome = client.eom(i=f"AFTER{number}")
        assert outcome.reply == "c" and outcome.header("Authentication-Results")
    assert daemon.process.wait(30) == 0
    log = daemon.log()
    assert all(f"AFTER{number}" in log for number in range(20))


def test_sigterm_with_idle_sessions_ends_soon(assayd):
    daemon = assayd().start()
    clients = [session(daemon) for _ in range(5)]
    assert daemon.stop(30) == 0     # a message under way would be waited for, for a minute
    for client in clients:
        client.close()


def test_sigterm_twice_ends_at_once(assayd):
    daemon = assayd().start()
    client = session(daemon)
    assert client.mail(i="STUCK")[0] == "c"     # so that the message is under way
    daemon.signal(signal.SIGTERM)
    daemon.wait_for_log("stopping")
    time.sleep(0.3)
    assert daemon.process.poll() is None
    daemon.signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0
    client.close()


def test_sigint_stops_too(assayd):
    daemon = assayd().start()
    daemon.signal(signal.SIGINT)
    assert daemon.process.wait(15) == 0
