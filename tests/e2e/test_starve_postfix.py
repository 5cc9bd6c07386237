# SPDX-License-Identifier: BSD-2-Clause
"""What test_starve.py holds of single messages and of the others' mail, in enforce mode behind real Postfix."""
import time

import pytest

from starve_world import signature_field
from test_starve import (ACTING, HONEST_CLIENT, HOSTILE_CLIENT, MOST_QUERIES, long_name, place_fixture, start_messages,  # noqa: F401  pylint: disable=unused-import
                         tree_fixture, wait_for)
from world import mail as m
from world.client import deliver

pytestmark = pytest.mark.mta("postfix", "sendmail")


def forgery(client="198.18.9.1", sender="x@good.one"):
    return m.Mail(m.message("ceo@victim.one"), sender, client=client, client_name=None, helo="mail.good.one")


def end_of(replies):
    return replies["end"] or replies["last"]


def test_long_names_cost_little_and_hide_no_forgery(stack, place):
    """Thirty long names of a signed zone, each proven to be no zone of its own."""
    here = place(mode="enforce", findings=ACTING)
    mail = forgery(sender=f"x@{long_name(0, 'denied')}")
    for i in range(1, 20):
        name, value = signature_field(long_name(i, "denied"), "k")
        mail.data = f"{name}: {value}\r\n".encode() + mail.data
    before = len(here.front.queries)
    end = end_of(deliver(stack.mta, mail, stack.mta.add_service(here.assayd.milter)))
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    assert 0 < len(here.front.queries) - before <= MOST_QUERIES
    assert here.check(mail)["decision"]["action"] == "reject"


def test_flood_keeps_nobody_else_from_being_judged(stack, place):
    here = place(mode="enforce", findings=ACTING, dns_timeout="30s", options="limits {\n\tdns-deadline = 8s\n}")
    port = stack.mta.add_service(here.assayd.milter)
    threads = start_messages(here)
    for thread in threads:
        thread.start()
    wait_for(lambda: len(here.front.queries) > 1000, "the attack to fill what it may fill")
    honest = m.Mail(m.message("joe@good.one"), "joe@good.one", client=HONEST_CLIENT, client_name=None, helo="mail.good.one")
    assert deliver(stack.mta, honest, port)["end"].code == 250
    assert b"dmarc=pass" in stack.mta.delivered(honest.recipients[0])
    end = end_of(deliver(stack.mta, forgery(), port))
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    for thread in threads:
        thread.join(60)


def waited(stack, here, number):
    """Seconds that Postfix waited for a message whose names are all silent."""
    silent = f"m{number}.silent0.one"
    mail = m.Mail(m.message(f"x@{silent}"), f"x@{silent}", client=HOSTILE_CLIENT.format(0, 1), client_name=None, helo=silent)
    port = stack.mta.add_service(here.assayd.milter)
    begun = time.monotonic()
    deliver(stack.mta, mail, port)
    return time.monotonic() - begun


def test_one_deadline_although_a_policy_acts_at_rcpt(stack, place):
    """A ratio of two waits in one run, for the reason that test_starve.py gives."""
    options = "limits {\n\tdns-deadline = 4s\n}"
    plain = place(dns_timeout="30s", options=options)
    acting = place(mode="enforce", dns_timeout="30s", options=options, findings={"spf-fail": "reject", "spf-temperror": "tag"})
    once, both = waited(stack, plain, 1), waited(stack, acting, 2)
    assert both < 1.5 * once, (once, both)
