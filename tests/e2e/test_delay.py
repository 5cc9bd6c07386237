# SPDX-License-Identifier: BSD-2-Clause
"""
Prefetch: with a slow resolver the message waits for its longest chain of look-ups, not for their sum. Nothing is timed: a
proxy holds the answers of each step of the chain until all questions that need no later answer have come. What asks one after
the other never gets there. (tests/bench measures the time.)
"""
import re
import socket
import socketserver
import threading

import dns.message
import pytest

from world import scenarios
from world.client import Client
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

# The longest chain is SPF's: record, include, include's include. Everything else has its place beside it.
STEPS = (("{}", "_dmarc.{}", "rsa._domainkey.{}", "ed._domainkey.{}"), ("a.{}", "b.{}"), ("c.{}",))
MESSAGES = 5
HANG_SECS = 20


class StepProxy(socketserver.ThreadingUDPServer):
    """Forwards DNS questions; an answer to a name of STEPS waits for the others of its step. stalled: names that waited in vain."""
    daemon_threads = True

    def __init__(self, world, upstream_port):
        super().__init__(("127.0.0.1", 0), None)
        self.upstream, self.port = ("127.0.0.1", upstream_port), self.server_address[1]
        self.changed, self.asked, self.stalled = threading.Condition(), set(), []
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()
        world.on_close(self.close)

    def close(self):
        self.shutdown()
        self.server_close()

    def finish_request(self, request, client_address):
        wire, back = request
        name = dns.message.from_wire(wire).question[0].name.to_text(omit_final_dot=True).lower()
        with self.changed:
            self.asked.add(name)
            self.changed.notify_all()
            if not self.changed.wait_for(lambda: self.step_of(name) <= self.asked, HANG_SECS):
                self.stalled.append(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forward:
            forward.settimeout(HANG_SECS)
            forward.sendto(wire, self.upstream)
            back.sendto(forward.recv(65535), client_address)

    @staticmethod
    def step_of(name):
        domain = re.search(r"d\d+\.delay\.example$", name)
        steps = [{pattern.format(domain[0]) for pattern in step} for step in STEPS] if domain else []
        return next((names for names in steps if name in names), set())


def publish(stack, numbers):
    """Domains with a three-deep SPF chain, two keys and a DMARC record; nothing is asked twice."""
    for i in numbers:
        domain = f"d{i}.delay.example"
        stack.dns.add(domain, "TXT", f"v=spf1 include:a.{domain} include:b.{domain} -all")
        stack.dns.add(domain, "A", "192.0.2.1")
        stack.dns.add(f"a.{domain}", "TXT", f"v=spf1 include:c.{domain} ?all")
        stack.dns.add(f"b.{domain}", "TXT", "v=spf1 ip4:192.0.2.1 -all")
        stack.dns.add(f"c.{domain}", "TXT", "v=spf1 ip4:198.51.100.1 -all")
        stack.dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        stack.keys.publish_rsa(stack.dns, domain)
        stack.keys.publish_ed25519(stack.dns, domain)
    stack.dns.reload()


def test_end_of_message_waits_for_the_longest_chain_only(stack):
    numbers = range(MESSAGES) if stack.mta.name == "postfix" else range(MESSAGES, 2 * MESSAGES)
    publish(stack, numbers)
    proxy = StepProxy(stack.world, stack.dns.port)
    # no policy wants a verdict at RCPT, where nothing is known yet but SPF
    assayd, port = stack.another_assayd("delay", dns_port=proxy.port, findings={}, dns_timeout="9s")
    try:
        for i in numbers:
            mail = scenarios.signed(stack.keys, f"d{i}.delay.example", "rsa", "ed")
            with Client(port, mail.client, mail.client_name) as session:
                assert session.send(mail)["end"].code == 250
            verdicts = scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))
            assert (verdicts["spf"], verdicts["dkim"], verdicts["dmarc"]) == ("pass", ["pass", "pass"], "pass")
            assert not proxy.stalled
            expected = {pattern.format(f"d{i}.delay.example") for step in STEPS for pattern in step}
            assert expected <= proxy.asked, expected - proxy.asked
    finally:
        assayd.stop()


def test_look_ups_begin_at_mail_while_the_client_goes_on(stack):
    """Postfix keeps back what needs no reply: SPF's questions must come before the client has said more than MAIL."""
    stack.dns.add("early.delay.example", "TXT", "v=spf1 include:a.early.delay.example -all")
    stack.dns.add("a.early.delay.example", "TXT", "v=spf1 ip4:192.0.2.1 -all")
    stack.dns.reload()
    proxy = StepProxy(stack.world, stack.dns.port)
    assayd, port = stack.another_assayd("early", dns_port=proxy.port, findings={})
    try:
        mail = scenarios.plain("early.delay.example")
        with Client(port, mail.client, mail.client_name) as session:
            assert session.smtp.mail(mail.mail_from)[0] == 250
            wait_for(lambda: "a.early.delay.example" in proxy.asked, lambda: f"the included record; asked were {proxy.asked}")
            assert session.smtp.rcpt(mail.recipients[0])[0] == 250
    finally:
        assayd.stop()
