# SPDX-License-Identifier: BSD-2-Clause
"""Little memory, few descriptors, no threads: assayd says so, puts off what it cannot take, and goes on."""
import collections
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import threading
import time

import pytest

import test_hostile_daemon as hostile
from house import build
from house.waiting import wait_for
from milterclient import Client
from programs import Daemon

not_sanitized = pytest.mark.skipif("ASSAY_SANITIZED" in os.environ, reason="sanitizers have memory and stacks of their own")
MIB = 1 << 20
STACK_KIB = 512
RESERVE = 16 * MIB
SIGNATURE = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=good.example; s=s{}; h=from; bh=AAAA; b=" + 340 * "A"


# A header of 2 MiB, which is as much as is kept, with twenty signatures.
LARGE = [("DKIM-Signature", SIGNATURE.format(number)) for number in range(20)]
LARGE += [(name, "x" * 10000) for name in ("X-A", "Authentication-Results", "Received", "From") for _ in range(50)]


def limited(daemon, **limits):
    """Starts it with limits, as ulimit would set them."""
    def apply():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, "RLIMIT_" + name.upper()), (value, value))
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen([str(build.program("assayd")), "-f", "-c", str(daemon.config_path)], stderr=log, stdout=log,
                                          stdin=subprocess.DEVNULL, preexec_fn=apply)
    return daemon


def one_message(daemon, headers=None, count=1):
    """@return the final replies of so many messages in one session: c, y, t; or the one that put it off before."""
    client = Client(daemon.socket_spec)
    replies = []
    if client.connect() is not None:    # an answer is wanted of those only who are put off
        client.close()
        return ["t"]
    client.helo()
    for _ in range(count):
        answer = client.mail()
        if answer is not None and answer[0] != "c":     # put off here, and an MTA says no more of it
            replies.append(answer[0])
            continue
        client.rcpt()
        client.header("From", "Joe <joe@good.example>")
        for name, value in headers or ():
            client.header(name, value)
        client.eoh()
        early = client.command("B", b"Hello\r\n" * 9000)
        replies.append(early[0] if early is not None and early[0] not in "cs" else client.eom().reply)
    client.quit()
    return replies


def at_once(daemon, number, headers=None, count=1):
    replies, lock = [], threading.Lock()

    def run():
        got = one_message(daemon, headers, count)
        with lock:
            replies.extend(got)
    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return replies


def warnings(daemon, what):
    return [line for line in daemon.log().splitlines() if line.startswith(f"warning: {what}: ")]


def test_too_few_descriptors_for_any_work_are_said(assayd):
    daemon = limited(assayd(), nofile=50)
    assert daemon.process.wait(30) == 71
    assert re.search(r"limit of 50 .*LimitNOFILE=.* to \d{4}", daemon.log()), daemon.log()


def test_descriptors_are_told_at_start_and_by_the_check(assayd):
    daemon = limited(assayd(options="max-sessions = 300"), nofile=200)
    daemon.wait_for_log("listening at")
    (line,) = warnings(daemon, "descriptors")
    assert "limit of 200 " in line and "max-sessions = 300" in line and "max-inflight = 4096" in line
    wanted = re.search(r"to (\d+),", line).group(1)
    for limit, told in ((int(wanted), False), (int(wanted) - 1, True)):
        done = subprocess.run([str(build.program("assayd")), "-n", "-c", str(daemon.config_path)], capture_output=True, text=True, check=True,
                              preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)))
        assert ("LimitNOFILE=" in done.stderr) == told, done.stderr


def test_soft_limit_is_raised(assayd):
    def soft():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    daemon = assayd()
    with open(daemon.log_path, "ab") as log:
        daemon.process = subprocess.Popen([str(build.program("assayd")), "-f", "-c", str(daemon.config_path)], stderr=log, stdout=log,
                                          preexec_fn=soft)
    daemon.wait_for_log("listening at")
    assert resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)[0] == resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def admitted_session(daemon):
    """libmilter closes a session a moment after its end: until then it counts, and the next one may be put off."""
    made = []

    def admitted():
        client = Client(daemon.socket_spec)
        if client.steps == 0:
            client.close()
            return False
        made.append(client)
        return True
    wait_for(admitted, "a session that is let in")
    return made[0]


def test_sessions_over_max_sessions_are_put_off(assayd):
    """Whatever came of them before: sessions that end, that break off, that never begin."""
    daemon = assayd(options="max-sessions = 4").start()
    for _ in range(10):
        with socket.socket(socket.AF_UNIX) as silent:   # connects and goes
            silent.connect(daemon.socket_spec.split(":", 1)[1])
        Client(daemon.socket_spec).close()
        assert one_message(daemon) == ["c"]
    held = [admitted_session(daemon) for _ in range(4)]
    fifth = Client(daemon.socket_spec)
    assert fifth.steps == 0 and fifth.connect()[0] == "t"
    for client in held:
        client.connect()
        client.helo()
        assert client.message().reply == "c"
    held.pop().quit()
    fifth.quit()
    # libmilter closes it a moment later
    wait_for(lambda: one_message(daemon) == ["c"], "a message that is let in")
    *_, line = warnings(daemon, "sessions")
    assert "4 sessions" in line and "max-sessions" in line
    for client in held:
        client.quit()


def message_of(daemon, number, client=None):
    """One message in a session of its own. @return the reply: "t" for a session that is put off."""
    client = client or Client(daemon.socket_spec)
    try:
        if client.steps == 0:
            return client.connect()[0]
        client.connect()
        client.helo()
        return client.message(queue_id=f"N{number:03}X").reply
    finally:
        client.quit()


def test_message_of_a_session_that_is_put_off_comes_later_and_none_is_lost(assayd):
    """64 sessions may be, and 65 come while they are: each is put off in words, and as an MTA tries again each is let in once."""
    limit, more = 64, 65
    daemon = assayd(options=f"max-sessions = {limit}").start()
    held = [admitted_session(daemon) for _ in range(limit)]
    first_tries, replies, lock = [], collections.Counter(), threading.Lock()
    go_on = threading.Event()

    def try_until_let_in(number):
        reply = message_of(daemon, number)
        with lock:
            first_tries.append(reply)
        go_on.wait(60)
        end = time.monotonic() + 60
        while reply == "t" and time.monotonic() < end:
            time.sleep(0.01)
            reply = message_of(daemon, number)
        with lock:
            replies[reply] += 1

    threads = [threading.Thread(target=try_until_let_in, args=(number,)) for number in range(more)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(first_tries) == more, lambda: f"an answer to each of {more} sessions: {len(first_tries)}", 60)
    assert set(first_tries) == {"t"}
    # those that were in first are served as ever, and make room
    assert {message_of(daemon, more + number, client) for number, client in enumerate(held)} == {"c"}
    go_on.set()
    for thread in threads:
        thread.join(120)
    assert replies == {"c": more}
    seen = collections.Counter(re.findall(r" id=N(\d+)X ", daemon.log()))
    assert seen == {f"{number:03}": 1 for number in range(more + limit)}
    assert len(warnings(daemon, "sessions")) >= 1


@not_sanitized
@pytest.mark.parametrize("space", [120, 400])
def test_little_address_space_is_enough(assayd, workdir, space):
    """Before, 120 to 400 MiB were too little to start."""
    daemon = limited(assayd(options=f'record {{ path = "{workdir}/assay.db" }}'), **{"as": space * MIB})
    daemon.wait_for_log("listening at")
    # a cache that takes all there is would have mail put off for good
    assert (f"limit of {space} MB leaves {space // 8} MB for the DNS cache" in daemon.log()) == (space // 8 < 64)
    assert set(at_once(daemon, 40, count=3)) == {"c"}
    replies = at_once(daemon, 40, LARGE)
    assert set(replies) <= {"c", "t"}
    assert daemon.process.poll() is None, daemon.log()
    assert len([line for line in warnings(daemon, "memory") if "nearly reached" in line]) == ("t" in replies)
    assert set(at_once(daemon, 20, count=3)) == {"c"}
    assert daemon.stop() == 0


@not_sanitized
def test_stacks_are_never_half_full(workdir, monkeypatch):
    """What hostile answers, signatures and headers touch of the stacks; the kernel keeps what was touched."""
    monkeypatch.setattr(hostile.t, "DOMAIN", hostile.t.DOMAIN)      # put back at the end: see Hostility.answer()
    hostility = hostile.Hostility()
    with hostile.h.HostileServer(hostility.answer) as server:
        daemon = Daemon(workdir, hostile.CONFIG.format(directory=workdir, port=server.port, dnssec="validate"),
                        f"unix:{workdir}/milter").start()
        try:
            client = Client(daemon.socket_spec)
            client.connect(address=hostile.t.CLIENT)
            client.helo("helo.hostile.example")
            hostile.play(client, hostility)
            nested = 20000 * "("
            hostile.send(client, "c0.hostile.example", [("Authentication-Results", nested + "mx.test.example"), ("From", nested + "<a@b"),
                                                        ("Received", "from " + nested), ("DKIM-Signature", "v=1; i=" + nested)])
            client.quit()
            stacks = thread_stacks(daemon.process.pid)
            print(f"{len(stacks)} stacks, {max(stacks)} KiB at most")
            assert len(stacks) > 4 and 8 <= max(stacks) <= STACK_KIB // 2, stacks
        finally:
            assert daemon.stop() == 0


@not_sanitized
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a mount namespace")
def test_little_memory_of_the_control_group_is_enough(assayd, workdir):
    """MemoryMax= as systemd sets it, here in a file where the kernel would have it: it is never reached."""
    daemon = assayd()
    limited(daemon).wait_for_log("listening at")
    assert set(at_once(daemon, 20, count=3)) == {"c"}
    group_max = vm_kib(daemon, "VmHWM") * 1024 + RESERVE + 24 * MIB     # what it is at rest differs from release to release
    assert daemon.stop() == 0
    group = re.search(r"^0::(/.*)$", pathlib.Path("/proc/self/cgroup").read_text(), re.M)
    if group is None:
        pytest.skip("no unified cgroup hierarchy")
    place = workdir / "group" / group.group(1).lstrip("/")
    place.mkdir(parents=True)
    (place / "memory.max").write_text(f"{group_max}\n")
    with open(daemon.log_path, "ab") as log:
        command = f'mount --make-rprivate / && mount --bind {workdir}/group /sys/fs/cgroup && exec "$@"'
        daemon.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", command, "sh", str(build.program("assayd")), "-f", "-c",
                                           str(daemon.config_path)], stderr=log, stdout=log, stdin=subprocess.DEVNULL)
    daemon.wait_for_log("listening at", count=2)
    assert set(at_once(daemon, 20, count=3)) == {"c"} and len(warnings(daemon, "memory")) == 1      # of the cache
    replies = at_once(daemon, 60, LARGE)
    assert set(replies) <= {"c", "t"} and "t" in replies
    assert len(warnings(daemon, "memory")) == 2 and "MemoryMax=" in warnings(daemon, "memory")[1]
    assert vm_kib(daemon, "VmHWM") * 1024 < group_max
    assert set(at_once(daemon, 20, count=3)) == {"c"}


def thread_stacks(pid):
    """Resident KiB of every mapping as large as a thread's stack, with a guard page below."""
    found, is_stack, guard_end = [], False, None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ 0 *$", line)
        if match:
            size = (int(match.group(2), 16) - int(match.group(1), 16)) // 1024
            is_stack = match.group(3) == "rw-p" and match.group(1) == guard_end and STACK_KIB - 8 <= size <= STACK_KIB + 8
            guard_end = match.group(2) if match.group(3) == "---p" and size == 4 else None
        elif re.match(r"[0-9a-f]+-", line):
            is_stack, guard_end = False, None
        elif line.startswith("Rss:") and is_stack:
            found.append(int(line.split()[1]))
    return found


def vm_kib(daemon, name):
    return int(re.search(rf"^{name}:\s+(\d+)", pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(), re.M).group(1))


def steady_kib(daemon):
    """VmSize when it has stopped to change: a heap that is being made takes twice its space for a moment, and the thread that
    looks what it serves with leaves its stack to others."""
    daemon.wait_for_log("serving at")
    seen = []

    def is_steady():
        seen.append(vm_kib(daemon, "VmSize"))
        return len(seen) >= 10 and len(set(seen[-10:])) == 1
    wait_for(is_steady, "the daemon's address space to be steady", 60, 0.05)
    return seen[-1]


def set_space(daemon, value):
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (value, resource.RLIM_INFINITY))


def set_data(daemon, value):
    resource.prlimit(daemon.process.pid, resource.RLIMIT_DATA, (value, resource.RLIM_INFINITY))


@not_sanitized
def test_last_words_when_memory_is_out(assayd):
    daemon = assayd().start()
    many = "".join(f'policy "p{number}" {{ author-domains = {{ "{"x" * 60}{number}.example" }} }}\n' for number in range(900))
    daemon.config_path.write_text(daemon.config_path.read_text() + many)
    # It answers: libmilter has its threads. And it stays: the heap of a thread that has ended would be room for the reload.
    client = Client(daemon.socket_spec)
    set_space(daemon, (steady_kib(daemon) + 512) * 1024)
    # The heaps of other threads are address space already, and malloc turns to them when its own cannot grow.
    set_data(daemon, (vm_kib(daemon, "VmData") + 512) * 1024)
    daemon.signal(signal.SIGHUP)
    assert daemon.process.wait(60) == -signal.SIGABRT
    client.close()
    (line,) = [line for line in daemon.log().splitlines() if "out of memory" in line]
    assert line.startswith("error: ") and "MemoryMax=" in line


@not_sanitized
def test_thread_that_cannot_be_made_is_made_later(assayd):
    """libmilter forgets a session for which it has no thread; it waits instead, and is served."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silence:   # look-ups that keep threads busy
        silence.bind(("127.0.0.1", 0))
        daemon = assayd()
        text = re.sub(r'zone-file = "[^"]*"', f'servers = {{ "127.0.0.1@{silence.getsockname()[1]}" }} timeout = 8s rounds = 1',
                      daemon.config_path.read_text())
        daemon.config_path.write_text(text)
        daemon.start()
        Client(daemon.socket_spec).quit()       # it answers: libmilter has its first threads
        set_space(daemon, (steady_kib(daemon) + STACK_KIB // 2) * 1024)
        replies, lock = [], threading.Lock()

        def run():
            client = Client(daemon.socket_spec)
            client.connect()
            client.helo()
            reply = client.message().reply
            with lock:
                replies.append(reply)
            client.quit()
        threads = []

        def is_told():      # sessions that come at once queue up for the threads there are: only one that finds all busy asks for more
            if len(threads) < 40:
                threads.append(threading.Thread(target=run))
                threads[-1].start()
            return "warning: threads: " in daemon.log()
        wait_for(is_told, "a thread that cannot be made", 60, 0.2)
        set_space(daemon, resource.RLIM_INFINITY)
        for thread in threads:
            thread.join(60)
        assert replies == ["c"] * len(threads)
        daemon.wait_for_log("threads: they can be made again", secs=60)
        assert len(warnings(daemon, "threads")) == 2
