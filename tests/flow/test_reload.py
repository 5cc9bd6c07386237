# SPDX-License-Identifier: BSD-2-Clause
"""
Reloads under traffic: 100,000 customer domains in three policies, two configurations that differ in everything that shows (name,
lists, actions), which take each other's place while messages come. Each message has to be judged by one of them as a whole, the
one with which its session began; none is lost or deferred, no session is dropped.
"""
import collections
import os
import re
import signal
import threading
import time

import pytest

from milterclient import Client

ENTRIES = 100_000
RATE, SESSIONS, MESSAGES, PER_SESSION = 200, 20, 2000, 10
NAMES = ("gold", "silver", "bronze")
FORGER = "203.0.113.9"  # good.example's SPF record ends in -all
# What each configuration does about spf-fail, policy by policy: (action, what the MTA is told, whether it is put into quarantine).
REJECT, HOLD, PASS = ("reject", "y", False), ("quarantine", "c", True), ("tag", "c", False)
DOES = {"a": dict(zip(NAMES, (REJECT, HOLD, PASS))), "b": dict(zip(NAMES, (HOLD, PASS, REJECT)))}


def policy_of(letter, number):
    """In which policy of a configuration a customer is: each moves on by one from a to b."""
    return NAMES[(number + (letter == "b")) % 3]


def sections(directory, letter):
    text = "findings { dmarc-reject = none dmarc-reject-corroborated = none }\n"
    for name in NAMES:
        action = DOES[letter][name][0]
        text += f'policy "{name}" {{ recipient-domains = "@{directory}/{letter}-{name}" actions {{ spf-fail = {action} }} }}\n'
    return text


@pytest.fixture(name="daemon")
def fixture_daemon(assayd, workdir):
    for letter in "ab":
        for name in NAMES:
            with open(workdir / f"{letter}-{name}", "w", encoding="ascii") as out:
                out.writelines(f"c{i}.example\n" for i in range(ENTRIES) if policy_of(letter, i) == name)
    daemon = assayd(mode="enforce", sections=sections(workdir, "a"))
    daemon.config_path.write_text(daemon.config_path.read_text().replace("mx.test.example", "a.test.example"))
    return daemon.start()


class Traffic:
    """SESSIONS threads that send MESSAGES messages at RATE a second together, PER_SESSION in a session."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.lock = threading.Lock()
        self.next, self.begun = 0, time.monotonic()
        self.seen, self.errors = {}, []
        self.sessions = []      # of each: the generations that were in force when it began, the first and the last that may have been
        self.asked = self.done = 1      # generations: of the last reload that was asked for, and of the last that was told as done
        self.longest = 0
        self.threads = [threading.Thread(target=self.work) for _ in range(SESSIONS)]

    def take(self):
        with self.lock:
            number = self.next
            self.next += 1
        if number < MESSAGES:
            time.sleep(max(0, self.begun + number / RATE - time.monotonic()))
        return number

    def work(self):
        try:
            while self.session():
                pass
        except Exception as error:  # pylint: disable=broad-except
            self.errors.append(repr(error))

    def session(self):
        first = self.done
        client = Client(self.daemon.socket_spec)
        with self.lock:
            session = len(self.sessions)
            self.sessions.append((first, self.asked))
        client.connect(address=FORGER)
        client.helo()
        for _ in range(PER_SESSION):
            number = self.take()
            if number >= MESSAGES:
                client.quit()
                return False
            began = time.monotonic()
            outcome = client.message(recipients=(f"<ann@c{number * 37}.example>",), queue_id=f"Q{number}")
            with self.lock:
                self.longest = max(self.longest, time.monotonic() - began)
                self.seen[number] = (session, outcome)
        client.quit()
        return True

    def run(self, between):
        for thread in self.threads:
            thread.start()
        while any(thread.is_alive() for thread in self.threads):
            between()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors[:3]
        return time.monotonic() - self.begun


def swap(daemon, texts, count):
    """The other configuration is renamed into place, as the manual says, and the daemon told."""
    fresh = daemon.config_path.with_suffix(".new")
    fresh.write_text(texts[count % 2])
    os.replace(fresh, daemon.config_path)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("is in force (generation ", count)


def test_no_message_is_lost_deferred_or_judged_by_half_a_configuration(daemon, workdir):
    texts = {0: daemon.config_path.read_text()}
    texts[1] = texts[0].replace("a.test.example", "b.test.example").replace(f"{workdir}/a-", f"{workdir}/b-")
    for name in NAMES:
        texts[1] = re.sub(rf'(policy "{name}" .*spf-fail = )\w+', rf'\g<1>{DOES["b"][name][0]}', texts[1])
    traffic, reloads = Traffic(daemon), 0

    def reload():
        nonlocal reloads
        reloads += 1
        traffic.asked = reloads + 1
        swap(daemon, texts, reloads)
        traffic.done = reloads + 1
        time.sleep(0.2 + 0.05 * (reloads * 7 % 5))     # sessions begin together, once a second: not always after as many reloads

    secs = traffic.run(reload)
    print(f"\n{MESSAGES} messages in {secs:.1f} s, {reloads} reloads, the longest message took {traffic.longest * 1000:.0f} ms")
    assert reloads >= 5 and sorted(traffic.seen) == list(range(MESSAGES))
    assert f"is in force (generation {reloads + 1})" in daemon.log()
    lines = {line.split("id=Q", 1)[1].split(" ", 1)[0]: line for line in daemon.log().splitlines() if "id=Q" in line}
    generations, by_letter = collections.defaultdict(set), collections.Counter()
    for number, (session, outcome) in traffic.seen.items():
        line = lines[str(number)]
        generation = int(re.search(r" config=(\d+) ", line).group(1))
        letter = "ab"[(generation - 1) % 2]
        policy = policy_of(letter, number * 37)
        action, reply, held = DOES[letter][policy]
        results = outcome.header("Authentication-Results")
        # what was refused gets no header fields
        assert results == [] or results[0].strip().startswith(f"{letter}.test.example;"), (line, results)
        assert (outcome.reply, getattr(outcome, "quarantine", None) is not None) == (reply, held), line
        assert f" decision={action} " in line and f" policy={policy} " in line and " because=spf-fail " in line, line
        generations[session].add(generation)
        by_letter[letter] += 1
    # the session's own from its first message to its last, whatever was loaded meanwhile
    assert all(len(of_session) == 1 for of_session in generations.values()), generations
    for session, (generation,) in generations.items():
        first, last = traffic.sessions[session]
        assert first <= generation <= last, (generation, first, last)
    assert all(by_letter[letter] > MESSAGES / 10 for letter in "ab"), by_letter
    assert len(set.union(*generations.values())) > 3


def test_a_session_keeps_its_generation_and_says_so(daemon):
    old = Client(daemon.socket_spec)
    old.connect(address=FORGER)
    old.helo()
    text = daemon.config_path.read_text()
    swap(daemon, {1: text.replace("a.test.example", "b.test.example")}, 1)
    assert old.message(recipients=("<ann@c1.example>",), queue_id="OLD").quarantine is not None
    fresh = Client(daemon.socket_spec)
    fresh.connect(address=FORGER)
    fresh.helo()
    fresh.message(recipients=("<ann@c1.example>",), queue_id="FRESH")
    daemon.config_path.write_text("moed = enforce\n")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("the configuration in force stays (generation 2)")
    fresh.message(recipients=("<ann@c1.example>",), queue_id="AFTER")
    for client in (old, fresh):
        client.quit()
    daemon.config_path.write_text(text)
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("is in force (generation 3)")
    log = daemon.log()
    assert [re.search(rf"id={name} (?:.* )?config=(\d+) ", log).group(1) for name in ("OLD", "FRESH", "AFTER")] == ["1", "2", "2"]
