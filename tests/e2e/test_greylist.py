# SPDX-License-Identifier: BSD-2-Clause
"""
Greylisting of insecure or unauthenticated senders, before real Postfix and DNS: who waits, who passes at once, and that a
pool of addresses waits as one. Time is moved by assayd's -t.
"""
import itertools
import sqlite3

import pytest

from world import Assayd
from world import mail as m
from world.client import Client, tls_context
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

DELAY_SECS = 300
_serial = itertools.count(1)


class Greylister:
    """assayd that greylists cleartext sessions, with a database that outlives it."""

    def __init__(self, stack, name, options=""):
        self.stack = stack
        self.database = stack.world.path(name, "assay.db")
        self.assayd = Assayd(stack.world, stack.dns.port, mode="enforce", findings={"tls-none": "greylist"}, name=name,
                             options=f'record {{\n\tpath = "{self.database}"\n}}\ngreylist {{\n\tdelay = {DELAY_SECS}s\n'
                                     f'{options}}}\n')
        self.sent = 0
        self.assayd.start()
        self.port = stack.mta.add_service(self.assayd.milter)

    def later(self, secs):
        self.assayd.stop()
        self.assayd.arguments = ["-t", str(secs)]
        self.assayd.start()

    def send(self, mail, tls=False):
        with Client(self.port, mail.client, mail.client_name, tls=tls_context() if tls else None) as session:
            reply = session.send(mail)["end"]
        self.sent += 1
        if self.assayd.options:
            wait_for(lambda: self.counted() == self.sent, "assayd to commit what it noted", 60)
        return reply

    def counted(self):
        """Messages in the database; a message's try is noted before the message is counted."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT coalesce(sum(messages), 0) FROM flow").fetchone()[0]


@pytest.fixture
def greylister(stack):
    made = []

    def make(**options):
        made.append(Greylister(stack, f"grey{next(_serial)}", **options))
        return made[-1]
    yield make
    for each in made:
        each.assayd.stop()


def unsigned(stack):
    """Cleartext, no SPF pass, no signature: nobody vouches for it."""
    domain = f"grey{next(_serial)}.example"
    stack.dns.add(domain, "TXT", "v=spf1 ?all")
    stack.dns.reload()
    return m.Mail(m.message(f"news@{domain}"), f"news@{domain}", client="203.0.113.40", client_name=None)


def waits(reply):
    return (reply.code, reply.enhanced) == (451, "4.7.1") and "greylisted" in reply.text


def test_cleartext_retry_waits_and_then_passes(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    first = grey.send(mail)
    assert waits(first), first
    assert first.text.count("greylisted") == 1 and "greylisted, try again in 300 seconds; see" in first.text
    assert waits(grey.send(mail))
    grey.later(DELAY_SECS - 60)
    assert waits(grey.send(mail))
    grey.later(DELAY_SECS + 1)      # and the entry survived the restarts
    assert grey.send(mail).code == 250
    assert grey.send(mail).code == 250      # once passed, passed
    other = m.Mail(mail.data, mail.mail_from, client=mail.client, client_name=None)
    assert waits(grey.send(other))          # another recipient is another try


def test_retry_over_tls_passes_at_once(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    assert waits(grey.send(mail))
    assert grey.send(mail, tls=True).code == 250
    assert waits(grey.send(mail))           # cleartext itself has still to wait


def test_retry_over_tls_passes_where_tls_is_not_the_matter(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    grey.assayd.findings = {"dkim-none": "greylist"}
    grey.later(0)
    assert waits(grey.send(mail, tls=True))
    assert grey.send(mail, tls=True).code == 250


def test_dkim_aligned_passes_at_once(stack, greylister):
    grey = greylister()
    domain = f"grey{next(_serial)}.example"
    stack.keys.publish_rsa(stack.dns, domain)
    stack.dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=none")
    stack.dns.reload()
    mail = m.Mail(stack.keys.sign(m.message(f"news@{domain}"), domain, "rsa"), f"news@{domain}", client="203.0.113.41",
                  client_name=None)
    assert grey.send(mail).code == 250
    broken = m.Mail(mail.data.replace(b"The end.", b"An end."), mail.mail_from, client=mail.client, client_name=None)
    assert waits(grey.send(broken))


def test_signature_of_another_domain_does_not_help(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    mail.data = stack.keys.sign(mail.data, "pass.example", "rsa")
    assert waits(grey.send(mail))


def test_pool_of_one_domain_waits_once(stack, greylister):
    """Ten addresses in ten networks, one domain that passes SPF; the author is another domain, so nothing is aligned."""
    grey = greylister()
    domain = f"pool{next(_serial)}.example"
    stack.dns.add(domain, "TXT", "v=spf1 ip4:198.18.0.0/15 -all")
    stack.dns.reload()
    mail = m.Mail(m.message("shop@author.example"), f"bounce@{domain}", client_name=None)
    for i in range(10):
        mail.client = f"198.18.{i}.25"
        assert waits(grey.send(mail)), i
    grey.later(DELAY_SECS + 1)
    replies = []
    for i in range(10):
        mail.client = f"198.19.{i}.25"      # addresses that never tried before
        replies.append(grey.send(mail).code)
    assert replies == [250] * 10


def test_pool_without_spf_waits_by_network(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    assert waits(grey.send(mail))
    grey.later(DELAY_SECS + 1)
    mail.client = "203.0.113.99"            # the same /24
    assert grey.send(mail).code == 250
    mail.client = "203.0.112.99"
    assert waits(grey.send(mail))


def test_exempt_senders_never_wait(stack, greylister):
    grey = greylister(options='\texempt-networks = { "203.0.113.40/32" }\n\texempt-domains = { ".pass.example" }\n')
    assert grey.send(unsigned(stack)).code == 250
    # SPF passes for the envelope; the author is somebody else
    mail = m.Mail(m.message("shop@author.example"), "news@pass.example")
    assert grey.send(mail).code == 250


def test_without_a_database_nobody_waits(stack, greylister):
    grey, mail = greylister(), unsigned(stack)
    grey.assayd.options = ""
    grey.later(0)
    assert grey.send(mail).code == 250
