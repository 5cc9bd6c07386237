# SPDX-License-Identifier: BSD-2-Clause
"""One assayd meets every hostile answer and signature of test_hostile_dns.py in a row, round after round, validating
DNSSEC and not: it stays alive, ends each message with a named verdict, and its memory does not grow."""
import os
import re
import threading

import pytest

import hostile_dns as h
import milterclient
import programs
import test_hostile_dns as t

CONFIG = """\
socket = "unix:{directory}/milter"
user = ""
log-target = stderr
authserv-id = "mx.test.example"
trusted-networks = {{}}
adsp {{ enabled = yes }}
dns {{ servers = {{ "127.0.0.1@{port}" }} dnssec = {dnssec} timeout = 100ms rounds = 1 fail-ttl = 1s cache-max-ttl = 1s
       cache-negative-ttl = 1s }}
limits {{ dns-deadline = 5s }}
"""
SPF_WORDS = {"none", "pass", "fail", "softfail", "neutral", "temperror", "permerror"}


class Hostility:
    """Serves case N under cN.hostile.example: SPF records, whole messages, DKIM keys."""

    def __init__(self):
        self.lock = threading.Lock()
        self.cases = []
        for record, _ in t.SPF_CASES.values():
            self.cases.append(lambda query, name, text=record: h.message(query, [h.rr(name, h.TXT, h.txt_rdata(text))]))
        for make, _ in t.MESSAGES.values():
            self.cases.append(lambda query, name, make=make: make(query))
        for text in t.KEY_RECORDS.values():
            self.cases.append(lambda query, name, text=text: h.message(query, [h.rr(name, h.TXT, h.txt_rdata(text))]))

    def answer(self, query, name, rrtype, _tcp):
        found = re.search(r"(?:^|\.)c(\d+)\.hostile\.example$", name)
        if found is None or rrtype != h.TXT:
            return h.message(query, rcode=3)
        with self.lock:
            t.DOMAIN = name     # the makers of messages build for this name
            return self.cases[int(found.group(1)) % len(self.cases)](query, name)


def send(client, domain, fields):
    client.mail(f"<user@{domain}>")
    client.rcpt()
    client.header("From", f"A <a@{domain}>")
    for name, value in fields:
        client.header(name, value)
    client.eoh()
    client.body(b"body\r\n")
    return client.eom()


def signature_fields(domain):
    yield []
    for raw in t.SIGNATURES.values():
        lines = raw.replace(b"case.hostile.example", domain.encode()).rstrip(b"\r\n").split(b"\r\n")
        yield [(line.split(b":", 1)[0], line.split(b":", 1)[1].lstrip()) for line in lines]


def play(client, hostility):
    """Every case once as a sender, and every signature under some case's key."""
    signatures = list(signature_fields("s.hostile.example"))
    count = 0
    for number in range(len(hostility.cases)):
        outcome = send(client, f"c{number}.hostile.example", signatures[number % len(signatures)])
        results, _ = outcome.header("Authentication-Results")
        assert set(re.findall(r"\bspf=(\w+)", results)) <= SPF_WORDS and "spf=" in results, results
        assert re.search(r"\bdmarc=(none|fail|temperror|permerror)", results), results
        count += 1
    for fields in signatures:
        results, _ = send(client, "c0.hostile.example", fields).header("Authentication-Results")
        assert "dkim=pass" not in results
        count += 1
    return count


@pytest.mark.parametrize("dnssec", ["off", "validate"])
def test_one_daemon_stays_alive_and_small(dnssec, workdir, monkeypatch):
    monkeypatch.setattr(t, "DOMAIN", t.DOMAIN)      # put back at the end: see Hostility.answer()
    hostility = Hostility()
    with h.HostileServer(hostility.answer) as server:
        daemon = programs.Daemon(workdir, CONFIG.format(directory=workdir, port=server.port, dnssec=dnssec),
                                 f"unix:{workdir}/milter").start()
        try:
            client = milterclient.Client(daemon.socket_spec)
            client.connect(address=t.CLIENT)
            client.helo("helo.hostile.example")
            messages = play(client, hostility)
            first = daemon.rss_kib()
            for _ in range(2):
                messages += play(client, hostility)
            last = daemon.rss_kib()
            print(f"dnssec={dnssec}: {messages} messages, RSS {first} KiB after the first round, {last} KiB at the end")
            assert daemon.process.poll() is None
            if not os.environ.get("ASSAY_SANITIZED"):
                assert last < 64 * 1024
                assert last - first < 8 * 1024
        finally:
            assert daemon.stop() == 0, daemon.log()[-3000:]
