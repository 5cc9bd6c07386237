# SPDX-License-Identifier: BSD-2-Clause
"""What systemd hears of the daemon: readiness, its state in words, signs of life. The test listens in systemd's place."""
import os
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

from milterclient import Client

pytestmark = pytest.mark.slow
START_SECS = 60
MEMORY = 'record {{ path = "{}" }}'


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.path = path
        self.heard = []

    def environment(self, watchdog_secs=None):
        names = {"NOTIFY_SOCKET": str(self.path)}
        if watchdog_secs:
            names["WATCHDOG_USEC"] = str(int(watchdog_secs * 1000000))
        return names

    def listen(self, secs):
        """The next message; None when none comes."""
        self.socket.settimeout(secs)
        try:
            self.heard.append(self.socket.recv(4096).decode())
        except TimeoutError:
            return None
        return self.heard[-1]

    def wait(self, words, secs=START_SECS):
        """Goes through what comes until a message has these words."""
        end = time.monotonic() + secs
        while time.monotonic() < end:
            message = self.listen(max(0.01, end - time.monotonic()))
            if message is not None and words in message:
                return message
        raise AssertionError(f"{words!r} was not heard: {self.heard}")

    def status(self):
        return [line[7:] for message in self.heard for line in message.splitlines() if line.startswith("STATUS=")][-1]


@pytest.fixture
def manager(workdir, monkeypatch):
    made = Manager(workdir / "notify")
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    yield made
    made.socket.close()


def start(daemon):
    return daemon.start(wait=False)


def test_ready_when_socket_and_database_are_there(assayd, manager, workdir):
    database = workdir / "memory.db"
    daemon = start(assayd(sections=MEMORY.format(database)))
    manager.wait("READY=1")
    Client(daemon.socket_spec).quit()
    assert sqlite3.connect(database).execute("select count(*) from sqlite_master where name = 'flow'").fetchone() == (1,)
    assert daemon.socket_spec in manager.status()
    assert "mode dry-run" in manager.status() and f"remembers in {database}" in manager.status()


def test_ready_without_a_database_when_none_is_wanted(assayd, manager):
    start(assayd(mode="enforce"))
    manager.wait("READY=1")
    assert "mode enforce" in manager.status() and "remembers nothing" in manager.status()


def lines_after_listening(daemon):
    """The log from the line that says that the socket is there."""
    return daemon.log()[daemon.log().index("listening at"):]


def test_serving_is_said_once_and_with_what(assayd, manager, workdir):
    database = workdir / "memory.db"
    daemon = start(assayd(sections=MEMORY.format(database)))
    daemon.wait_for_log("serving at")
    assert (f"serving at {daemon.socket_spec}, mode dry-run; remembers in {database}; DNS answers come from a file\n"
            in lines_after_listening(daemon))
    manager.wait("STATUS=Serving at")
    assert daemon.log().count("serving at") == 1


def test_serving_is_not_said_while_the_database_is_being_opened(assayd, manager, workdir):
    database = workdir / "memory.db"
    with sqlite3.connect(database, isolation_level=None) as holder:
        holder.execute("vacuum")
        holder.execute("begin exclusive")
        daemon = start(assayd(sections=MEMORY.format(database)))
        manager.wait("STATUS=Listening at")
        assert "serving at" not in daemon.log() and "is being opened" in manager.status()
        holder.execute("rollback")
    daemon.wait_for_log("serving at")
    assert ("remembers in" in daemon.log()) != ("without memory" in daemon.log())


DNS = 'socket = "{}"\nuser = ""\nlog-target = stderr\ndns {{ servers = "127.0.0.1@{}" timeout = 1s }}\n'


def test_serving_waits_for_the_dns_servers_and_mail_does_not(assayd, workdir):
    """A server that takes questions and never answers: known to be silent after a while, and listened to from the start."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        spec = f"unix:{workdir}/sock"
        daemon = start(assayd(config=DNS.format(spec, silent.getsockname()[1]), socket_spec=spec))
        daemon.wait_for_log("listening at")
        silent.settimeout(START_SECS)
        silent.recv(512)
        assert "serving at" not in daemon.log()
        client = Client(daemon.socket_spec)
        client.connect()
        client.helo()
        assert client.message().reply in "ct"
        client.quit()
        daemon.wait_for_log("serving at")
        last = daemon.log().rsplit("serving at", 1)[1].splitlines()[0]
        assert last.endswith("; no DNS server answers") or last.endswith("; the DNS servers have not answered yet")


def test_serving_is_said_when_dnssec_is_off(assayd, workdir, free_port):
    spec = f"unix:{workdir}/sock"
    config = DNS.format(spec, free_port()).replace("timeout", "dnssec = off timeout")
    daemon = start(assayd(config=config, socket_spec=spec))
    daemon.wait_for_log("; DNSSEC is not validated\n")


@pytest.mark.parametrize("fault", ["directory missing", "no database", "locked"])
def test_ready_with_a_database_that_cannot_be_used_says_so(assayd, manager, workdir, fault):
    database = workdir / "memory.db"
    if fault == "directory missing":
        database = workdir / "absent" / "memory.db"
    elif fault == "no database":
        database.write_bytes(b"this is no database, for sure " * 100)
    else:
        holder = sqlite3.connect(database, isolation_level=None)
        holder.execute("create table mine (a)")
        holder.execute("begin exclusive")
    daemon = start(assayd(sections=MEMORY.format(database)))
    manager.wait("READY=1")
    assert "without memory" in manager.status() and str(database) in manager.status()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    assert client.message().reply == "c"  # nothing lost
    client.quit()


def test_a_database_that_comes_back_is_told(assayd, manager, workdir):
    (workdir / "later").write_text("a file where the directory will be")
    daemon = start(assayd(sections=MEMORY.format(workdir / "later" / "memory.db")))
    manager.wait("READY=1")
    assert "without memory" in manager.status()
    (workdir / "later").unlink()
    (workdir / "later").mkdir()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    assert client.message().reply == "c"  # something to remember: the database is tried again when its pause is over
    manager.wait("remembers in")
    client.quit()


def test_reload_and_stop_are_told(assayd, manager):
    daemon = start(assayd())
    manager.wait("READY=1")
    daemon.config_path.write_text(daemon.config_path.read_text().replace("mode = dry-run", "mode = enforce"))
    daemon.signal(signal.SIGHUP)
    manager.wait("RELOADING=1")
    manager.wait("READY=1")
    assert "mode enforce" in manager.status()
    assert daemon.stop() == 0
    manager.wait("STOPPING=1")


def alive(manager, count):
    for _ in range(count):
        manager.wait("WATCHDOG=1")


def test_signs_of_life_come_without_any_mail(assayd, manager, monkeypatch, free_port):
    monkeypatch.setenv("WATCHDOG_USEC", "1200000")
    daemon = start(assayd())
    manager.wait("READY=1")
    alive(manager, 5)
    assert daemon.stop() == 0
    assert "warning" not in daemon.log().lower()
    start(assayd(socket_spec=f"inet:{free_port()}@127.0.0.1"))
    manager.wait("READY=1")
    alive(manager, 3)


def test_no_signs_of_life_unless_asked_for(assayd, manager):
    start(assayd())
    manager.wait("READY=1")
    while (message := manager.listen(1)) is not None:
        assert "WATCHDOG" not in message


def silence(manager):
    """Signs of life end: for two seconds none comes, where several came in one. What was under way may still come."""
    end = time.monotonic() + START_SECS
    while manager.listen(2) is not None:
        assert time.monotonic() < end, "it still says that it lives"


def test_no_sign_of_life_when_nobody_can_reach_the_socket(assayd, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "1200000")
    daemon = start(assayd())
    manager.wait("READY=1")
    alive(manager, 1)
    path = daemon.socket_spec[5:]
    os.rename(path, path + ".away")
    silence(manager)
    os.rename(path + ".away", path)
    alive(manager, 2)


def test_no_sign_of_life_when_sessions_do_not_begin(assayd, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_USEC", "1200000")
    daemon = start(assayd())
    manager.wait("READY=1")
    alive(manager, 1)
    # a listener that takes connections and answers none, in the daemon's place
    path = daemon.socket_spec[5:]
    os.rename(path, path + ".away")
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(path)
        mute.listen(50)
        silence(manager)
    os.rename(path + ".away", path)
    alive(manager, 1)


def test_signs_of_life_come_while_all_places_are_taken(assayd, manager, monkeypatch):
    """By so many idle sessions that not even our own client gets in: that is no reason to be killed."""
    monkeypatch.setenv("WATCHDOG_USEC", "1200000")
    daemon = start(assayd(options="max-sessions = 1"))
    manager.wait("READY=1")
    held = []
    for _ in range(1 + 16 + 1):     # judged, put off, in the socket's queue
        held.append(socket.socket(socket.AF_UNIX))
        held[-1].connect(daemon.socket_spec[5:])
    daemon.wait_for_log("connections of the MTA wait")
    alive(manager, 5)
    for one in held:
        one.close()
    alive(manager, 2)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can put another /etc in front of the daemon")
def test_neighbours_configurations_that_are_no_files_hold_nobody_up(assayd, build_dir, workdir):
    """A pipe that nobody writes to, a device without an end and a directory where a filter's or the MTA's configuration is looked for."""
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:
        pytest.skip("here nobody may have mounts of his own (unshare -m)")
    daemon = assayd()
    etc = workdir / "etc"
    for name in ("postfix/main.cf", "mail"):
        (etc / name).mkdir(parents=True)
    for name in ("opendkim.conf", "mail/sendmail.cf"):
        os.mkfifo(etc / name)
    (etc / "opendmarc.conf").symlink_to("/dev/zero")
    with open(daemon.log_path, "wb") as log:
        daemon.process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc && shift && exec "$@"', "sh", str(etc),
             str(build_dir / "assayd"), "-f", "-c", str(daemon.config_path)], stdout=log, stderr=log)
    daemon.wait_for_log("serving at")
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    assert client.message().reply == "c"
    client.quit()
