# SPDX-License-Identifier: BSD-2-Clause
"""The server of the figures: where it listens, what it answers, and that nobody who asks can do harm."""
import os
import pwd
import random
import re
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from house import needs
from house.build import TOP, program
from metricsclient import LISTEN, Page, ask, session

pytestmark = pytest.mark.slow


def test_only_what_is_served_is_answered(assayd, free_port):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    assert ask(port, "/metrics?x=1")[0] == 200
    for url in ("/", "/metrics/", "/metrics/../metrics", "//metrics", "/healthz/x", "/../etc/passwd"):
        assert ask(port, url)[0] == 404, url
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"):
        status, fields, _ = ask(port, "/metrics", method)
        assert status == 405 and fields["Allow"] == "GET, HEAD", method
    status, fields, text = ask(port, "/metrics", "HEAD")
    assert status == 200 and text == "" and int(fields["Content-Length"]) > 10000
    page = Page(port)
    assert page.get("assay_http_requests_total", code="404") == 6 == page.get("assay_http_requests_total", code="405")
    assert daemon.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_the_report_is_handed_out_as_it_was_made(assayd, free_port, workdir):
    port, page = free_port(), workdir / "report.html"
    daemon = assayd(sections=LISTEN.format(port).replace("}", f'report = "{page}" }}')).start()
    status, fields, text = ask(port, "/")
    assert status == 503 and str(page) in text and "assay report --html --output" in text
    page.write_text("<!doctype html><title>one</title>" + "x" * 3_000_000)
    status, fields, text = ask(port, "/")
    assert status == 200 and text == page.read_text() and fields["Content-Type"] == "text/html; charset=utf-8"
    assert fields["Content-Security-Policy"].startswith("default-src 'none'")
    status, fields, text = ask(port, "/", "HEAD")
    assert status == 200 and text == "" and int(fields["Content-Length"]) == page.stat().st_size
    assert "Content-Security-Policy" not in ask(port, "/metrics")[1]
    page.write_text("<title>two</title>")
    assert ask(port, "/?x")[2] == "<title>two</title>"
    for url in ("/report.html", "//", "/../report.html"):
        assert ask(port, url)[0] == 404, url
    page.unlink()
    os.mkfifo(page)                     # nobody writes to it: to wait for it would stop the server
    assert ask(port, "/")[0] == 503
    page.unlink()
    page.write_text("")
    assert ask(port, "/")[0] == 503
    with open(page, "wb") as out:
        out.truncate((64 << 20) + 1)
    assert ask(port, "/")[0] == 503 and "longer" in ask(port, "/")[2]
    assert ask(port, "/healthz")[0] == 200
    page.unlink()
    made = subprocess.run([str(program("assay")), "report", "--html", "--output", str(page), "--config", str(daemon.config_path)],
                          capture_output=True, text=True, check=False)
    if made.returncode == 0:            # with a record it is the real page
        assert ask(port, "/")[2] == page.read_text()
    assert daemon.stop() == 0


def test_readers_of_the_report_take_no_descriptors_from_mail(assayd, free_port, workdir):
    """Each that does not read holds the file open, too; so many are set aside."""
    def descriptors(daemon):
        return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))

    port, page = free_port(), workdir / "report.html"
    page.write_bytes(b"x" * (30 << 20))
    without = descriptors(assayd().start())
    daemon = assayd(sections=LISTEN.format(port).replace("}", f'report = "{page}" }}')).start()
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(12) == b"HTTP/1.1 200"
    taken = descriptors(daemon) - without
    header = (TOP / "milter/metrics.h").read_text()
    assert 16 < taken <= int(re.search(r"METRICS_DESCRIPTORS = (\d+)", header).group(1)), taken
    for client in clients:
        client.close()


def test_off_unless_configured(assayd):
    needs.programs("ss")
    daemon = assayd(options='status-socket = ""').start()
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    assert f"pid={daemon.process.pid}," not in listening


@pytest.mark.parametrize("place", ["inet:9198", "inet:9198@0.0.0.0", "inet:9198@192.0.2.1", "inet6:9198@[::]", "inet:9198@localhost"])
def test_a_place_that_others_could_reach_is_refused(assayd, place):
    daemon = assayd(sections=f'metrics {{ listen = "{place}" }}')
    done = subprocess.run([str(program("assayd")), "-n", "-c", str(daemon.config_path)], capture_output=True, text=True, check=False)
    line = daemon.config_path.read_text().split("metrics")[0].count("\n") + 1
    assert done.returncode == 78 and f"{daemon.config_path}:{line}:" in done.stderr and "loopback" in done.stderr, done.stderr


def serves_without_figures(daemon):
    """Mail is judged, and the log says why nobody can ask for figures."""
    client = session(daemon)
    assert client.message().reply[:1] in ("c", "a")
    client.quit()
    lines = [line for line in daemon.log().splitlines() if "metrics { listen = " in line]
    return len(lines) == 1 and "cannot be used: another process" in lines[0] and "until a restart" in lines[0]


def test_a_port_that_is_taken_keeps_no_mail_from_being_judged(assayd):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        daemon = assayd(sections=LISTEN.format(other.getsockname()[1])).start()
        assert serves_without_figures(daemon), daemon.log()
        assert daemon.stop() == 0


def test_a_unix_socket_is_for_root_and_the_group(assayd, workdir):
    path = workdir / "m.sock"
    daemon = assayd(sections=f'metrics {{ listen = "unix:{path}" }}').start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660 and stat.S_ISSOCK(path.stat().st_mode)
    assert Page(str(path)).get("assay_config_generation") == 1
    second = assayd(sections=f'metrics {{ listen = "{path}" }}').start()
    assert serves_without_figures(second), second.log()
    assert second.stop() == 0
    assert ask(str(path), "/healthz")[0] == 200     # untouched
    assert daemon.stop() == 0
    assert not path.exists()
    path.write_text("a file")
    third = assayd(sections=f'metrics {{ listen = "{path}" }}').start()
    assert serves_without_figures(third), third.log()
    assert third.stop() == 0 and path.read_text() == "a file"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:     # what a crash leaves
        dead.bind(str(path))
    assayd(sections=f'metrics {{ listen = "{path}" }}').start()
    assert ask(str(path), "/healthz")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another user")
def test_a_unix_socket_belongs_to_the_user(assayd, workdir):
    user = pwd.getpwnam("nobody")
    workdir.chmod(0o755)
    path = workdir / "m.sock"
    daemon = assayd(sections=f'metrics {{ listen = "unix:{path}" }}')
    daemon.config_path.write_text(daemon.config_path.read_text().replace('user = ""', 'user = "nobody"'))
    daemon.directory.chmod(0o755)
    daemon.start()
    assert (path.stat().st_uid, path.stat().st_gid) == (user.pw_uid, user.pw_gid)
    assert ask(str(path), "/healthz")[0] == 200


def test_another_place_takes_a_restart(assayd, free_port):
    old, new = free_port(), free_port()
    daemon = assayd(sections=LISTEN.format(old)).start()
    daemon.config_path.write_text(daemon.config_path.read_text().replace(str(old), str(new)))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("takes a restart")
    daemon.wait_for_log("is in force")
    assert ask(old, "/healthz")[0] == 200


# ---- those who mean harm ------------------------------------------------------------------------------------------------


def raw(port, data, secs=15):
    """Sends bytes. @return what comes until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=secs) as client:
        heard = b""
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while chunk := client.recv(65536):
                heard += chunk
        except OSError:
            pass    # it may hang up while we still talk
        return heard


def test_large_requests_are_refused(assayd, free_port):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    before = daemon.rss_kib()
    for data in (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 100000 + b"\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"A" * 100000):
        heard = raw(port, data)
        assert not heard.startswith(b"HTTP/1.1 200") and b"assay_" not in heard
    heard = raw(port, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"c" * 100000)
    assert b"assay_" not in heard
    assert Page(port).get("assay_config_generation") == 1
    if "ASSAY_SANITIZED" not in os.environ:
        assert daemon.rss_kib() < before + 4096


def test_nonsense_does_no_harm(assayd, free_port):
    """Requests altered at random: no crash, no answer that is none of HTTP's, and the page as before."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    dice = random.Random(13)
    seeds = [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD /healthz HTTP/1.0\r\n\r\n",
             b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
             b"GET /%2e%2e/%00metrics?a=b&c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nCookie: a=b\r\n\r\n"]
    for _ in range(200):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(0, 8)):
            at = dice.randrange(len(data))
            what = dice.randrange(3)
            if what == 0:
                data[at] = dice.randrange(256)
            elif what == 1:
                del data[at:at + dice.randrange(1, 6)]
            else:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))
            if not data:
                data = bytearray(b"\0")
        heard = raw(port, bytes(data))
        assert heard == b"" or heard.startswith(b"HTTP/1.") or b"assay_build_info" in heard, (bytes(data), heard)
        assert daemon.process.poll() is None, daemon.log()
    assert Page(port).total("assay_http_requests_total") > 10


def test_clients_that_never_end_hold_nobody_up(assayd, free_port):
    """Every connection taken by one who sends a byte at a time, or reads nothing: mail goes on, and so do figures after a while."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    stop = threading.Event()
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]

    def dribble():
        while not stop.wait(1):
            for client in held:
                try:
                    client.send(b"G")
                except OSError:
                    pass

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        client = session(daemon)
        times = []
        for _ in range(50):
            begun = time.monotonic()
            assert client.message().reply == "c"
            times.append(time.monotonic() - begun)
        client.quit()
        fds = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        assert fds < 60, fds
        # eight at a time are let go after ten seconds; who hung up meanwhile is gone at once
        for one in held[8:]:
            one.close()
        del held[8:]
        begun = time.monotonic()
        assert ask(port, "/healthz")[0] == 200
        assert time.monotonic() - begun < 25
        assert sorted(times)[25] < 1
    finally:
        stop.set()
        thread.join()
        for one in held:
            one.close()


def test_who_asks_without_end_is_paced(assayd, free_port):
    port = free_port()
    assayd(sections=LISTEN.format(port)).start()
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < 2:
        ask(port)
        count += 1
    assert count <= 2 * 50 + 2, count
