# SPDX-License-Identifier: BSD-2-Clause
"""Prefetch: with a slow resolver the message waits for its longest chain of look-ups, not for their sum."""
import os
import statistics
import time

from world import DelayProxy, scenarios
from world import mail as m
from world.client import Client

# Longer where sanitizers make everything else slow: what is compared are the round trips.
ROUND_TRIP = 0.100 if os.environ.get("ASSAY_SANITIZED") else 0.030
LONGEST_CHAIN = 3       # SPF: record, include, include's include
MESSAGES = 15


def publish(stack, count):
    """Domains with a three-deep SPF chain, two keys and a DMARC record; nothing is asked twice."""
    for i in range(count):
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


def delays(stack, proxy, port, count):
    """Seconds from the end of the message to its reply, and questions asked a message."""
    seconds, questions = [], []
    for i in range(count):
        domain = f"d{i}.delay.example"
        mail = scenarios.signed(stack.keys, domain, "rsa", "ed")
        with Client(port, mail.client, mail.client_name) as session:
            before = proxy.questions
            session.smtp.mail(mail.mail_from)
            session.smtp.rcpt(mail.recipients[0])
            session.smtp.docmd("DATA")
            session.smtp.send(mail.data)
            start = time.monotonic()
            code, _ = session.smtp.docmd(".")
            seconds.append(time.monotonic() - start)
            assert code == 250
            questions.append(proxy.questions - before)
        assert scenarios.seen_verdicts(stack.postfix.delivered(mail.recipients[0]))["dkim"] == ["pass", "pass"]
    return seconds, questions


def test_end_of_message_waits_for_the_longest_chain_only(stack):
    publish(stack, MESSAGES)
    proxy = DelayProxy(stack.world, stack.dns.port, ROUND_TRIP)
    assayd, port = stack.another_assayd("delay", dns_port=proxy.port, dns_options="cache-size = 64M")
    try:
        seconds, questions = delays(stack, proxy, port, MESSAGES)
    finally:
        assayd.stop()
    median, worst = statistics.median(seconds), max(seconds)
    print(f"end of message: median {median * 1000:.0f} ms, worst {worst * 1000:.0f} ms; "
          f"{statistics.median(questions):.0f} questions, chain of {LONGEST_CHAIN} round trips of {ROUND_TRIP * 1000:.0f} ms")
    assert statistics.median(questions) >= 7
    assert median < (LONGEST_CHAIN + 2) * ROUND_TRIP     # what Postfix itself takes, on a busy machine too
    assert median < 0.6 * statistics.median(questions) * ROUND_TRIP
