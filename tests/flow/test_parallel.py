# SPDX-License-Identifier: BSD-2-Clause
"""Many sessions at the same time: none sees what another's message brought, and descriptors and memory are given back."""
import os
import signal
import threading

from house.waiting import wait_for
from milterclient import Client

SESSIONS, MESSAGES = 200, 5
FOREIGN = "203.0.113.9"


def descriptor_count(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


class Round:
    """SESSIONS sessions, a thread each here; every message is at its end at the same time as the others."""

    def __init__(self, daemon, name):
        self.daemon, self.name = daemon, name
        self.gate = threading.Barrier(SESSIONS + 1, timeout=300)
        self.wrong, self.judged = [], 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.session, args=(number,)) for number in range(SESSIONS)]

    def session(self, number):
        try:
            self.talk(number)
        except Exception as error:  # pylint: disable=broad-except
            self.gate.abort()
            with self.lock:
                self.wrong.append(repr(error))

    def talk(self, number):
        client = Client(self.daemon.socket_spec, timeout=300)
        client.connect(address=FOREIGN if number % 2 else "192.0.2.1")
        client.helo()
        for count in range(MESSAGES):
            sender = f"joe-{self.name}-{number}-{count}"
            client.mail(f"<{sender}@good.example>", i=f"Q-{sender}")
            client.rcpt()
            client.header("From", f"Joe <{sender}@good.example>")
            client.eoh()
            client.body(b"Hello\r\n")
            self.gate.wait()
            outcome = client.eom(i=f"Q-{sender}")
            results = outcome.header("Authentication-Results")
            expected = "spf=fail" if number % 2 else "spf=pass"
            with self.lock:
                self.judged += 1
                if outcome.reply != "c" or len(results) != 2 or expected not in results[0] or \
                        f"smtp.mailfrom={sender}@good.example" not in results[0].replace("\n", ""):
                    self.wrong.append((sender, outcome.reply, results))
        client.quit()

    def run(self, between):
        for thread in self.threads:
            thread.start()
        try:
            for _ in range(MESSAGES):
                self.gate.wait()
                between()
        except threading.BrokenBarrierError:
            pass
        for thread in self.threads:
            thread.join()
        assert not self.wrong, self.wrong[:3]
        assert self.judged == SESSIONS * MESSAGES


def test_200_sessions_at_once_keep_apart_and_give_back_what_they_took(assayd):
    daemon = assayd(sections="headers { smtp-mailfrom = address }").start()
    idle = descriptor_count(daemon)
    most = 0

    def look():
        nonlocal most
        most = max(most, descriptor_count(daemon))

    def look_and_reload():
        look()
        daemon.signal(signal.SIGHUP)

    def settled():
        # something may be opened when it is first needed
        wait_for(lambda: descriptor_count(daemon) <= idle + 3, "descriptors to be closed", 60, 0.05)
        return daemon.rss_kib()

    Round(daemon, "first").run(look_and_reload)
    assert most >= idle + SESSIONS
    daemon.wait_for_log("is in force")

    def lowest(name):
        """What an allocator keeps for its threads comes and goes: the lowest level of three rounds tells of growth."""
        levels = []
        for count in range(3):
            Round(daemon, f"{name}{count}").run(look)
            levels.append(settled())
        return min(levels)

    before, after = lowest("early"), lowest("late")
    print(f"\nRSS {before} KiB at first, {after} KiB at last, {most} descriptors")
    # 600 sessions and their messages that stayed would be far more; the sanitizers hold back what was freed.
    assert after - before < (600 * 1024 if os.environ.get("ASSAY_SANITIZED") else 8192)
    log = daemon.log()
    assert all(f"id=Q-joe-late2-{number}-{MESSAGES - 1} " in log for number in range(SESSIONS))
