# SPDX-License-Identifier: BSD-2-Clause
"""
What one message, session or client may cost in queries, and what becomes of the others' mail meanwhile: counts at the
recursive server, with names whose servers never answer (starve_world.py) and long names of signed zones behind real NSD and
Unbound. tests/bench/run-starve measures the same with honest mail at a steady rate beside it.
"""
import itertools
import json
import re
import statistics
import subprocess
import threading
import time

import dns.rdatatype
import pytest

import dnssec_tree
import starve_world
from starve_world import Front, Hostile, KINDS, LONG_NAMES, long_message, long_name, long_zones, signature_field
from world import Assayd, wait_for
from world import mail as m
from world.client import deliver

pytestmark = pytest.mark.slow
MOST_QUERIES = 400
SESSIONS = 40
FEW_PROBES = 20         # of a zone that is known to be silent, in one message
NUMBERS = itertools.count()
ZONES = 10
HOSTILE_CLIENT, HONEST_CLIENT = "198.19.{}.{}", "198.18.0.1"


SPENDERS = ("a", "b")


def spending_zone_text():
    """Domains whose SPF records use up what RFC 7208 lets them: ten mx with ten hosts each. Reverse names add ten."""
    lines = []
    for who in SPENDERS:
        lines.append(who + ' TXT "v=spf1"' + "".join(f' " mx:x{i}.{who}.spend.one"' for i in range(10)) + ' " ~all"')
        for i in range(10):
            lines += [f"x{i}.{who} MX {host} h{host}.x{i}.{who}" for host in range(10)]
            lines.append(f"*.x{i}.{who} A 203.0.113.7")
    return "\n".join(lines + ["*.p A 203.0.113.7"]) + "\n"


def reverse_zone_text():
    return "1.0 PTR mail.good.one.\n" + "\n".join(f"1.9 PTR r{i}.p.spend.one." for i in range(10)) + "\n"


def nested_zone_text():
    """SPF by way of eight records, one after the other, that let nobody send."""
    lines = [f'i{i} TXT "v=spf1 include:i{i + 1}.nested.one -all"' for i in range(7)]
    return "\n".join(['@ TXT "v=spf1 include:i0.nested.one -all"', *lines, 'i7 TXT "v=spf1 -all"']) + "\n"


def zones():
    good = f'@ TXT "v=spf1 ip4:{HONEST_CLIENT} -all"\nmail A {HONEST_CLIENT}\n_dmarc TXT "v=DMARC1; p=reject"\n'
    made = [dnssec_tree.Zone(".", ""), dnssec_tree.Zone("one", ""), dnssec_tree.Zone("good.one", good),
            dnssec_tree.Zone("victim.one", '@ TXT "v=spf1 -all"\n_dmarc TXT "v=DMARC1; p=reject"\n'),
            dnssec_tree.Zone("spend.one", spending_zone_text(), signed=False),
            dnssec_tree.Zone("nested.one", nested_zone_text(), signed=False),
            dnssec_tree.Zone("18.198.in-addr.arpa", reverse_zone_text(), signed=False)]
    made += [dnssec_tree.Zone(f"{word}{i}.one", "", signed=False) for word in ("silent", "evil") for i in range(ZONES)]
    return made + long_zones()


@pytest.fixture(name="tree", scope="module")
def tree_fixture():
    with dnssec_tree.started(zones()) as tree:
        yield tree


class Place:
    """A front and an assayd behind it. Policies act on nothing unless told."""

    def __init__(self, tree, name, front=None, dns_options="", dnssec="validate", **settings):
        self.front = front or Front(tree.world, tree.port, ZONES)
        settings.setdefault("findings", {})
        self.assayd = Assayd(tree.world, self.front.port, name=name, trusted="", dnssec=dnssec,
                             dns_options=f'trust-anchor-files = {{ "{tree.anchor}" }}\n\t{dns_options}', **settings)
        self.address = "unix:" + self.assayd.socket
        self.assayd.start()
        self.serial = 0

    def hostile(self, zones_used=ZONES, first=0):
        """A hostile message with names of its own."""
        self.serial += 1
        return Hostile(f"m{self.serial}", zones_used, first)

    def honest(self, domain="good.one", client=HONEST_CLIENT):
        """@return the reply to an ordinary message of the domain, its results by method."""
        session = starve_world.milterclient.Client(self.address, timeout=300)
        session.connect(name="mail.good.one", address=client)
        session.helo("mail.good.one")
        outcome = session.message(sender=f"<joe@{domain}>", recipients=[f"<{m.recipient()}>"],
                                  headers=[("From", f"Joe <joe@{domain}>"), ("Subject", "x")])
        session.quit()
        results = re.findall(r"[\s;](spf|dmarc|iprev|dkim)=(\w+)", "".join(outcome.header("Authentication-Results")))
        return outcome, dict(reversed(results))

    def check(self, mail):
        """What assay check says of it, as JSON."""
        argv = [Assayd.program("assay"), "check", "--json", "--config", self.assayd.write_config(), "--client", mail.client,
                "--helo", mail.helo, "--mail-from", mail.mail_from, "--rcpt", mail.recipients[0], "-"]
        done = subprocess.run(argv, input=mail.data, capture_output=True, check=False)
        return json.loads(done.stdout)

    def barrier(self):
        """Returns when all queries that assayd has sent so far are counted: a message's own are behind them in the socket."""
        self.honest()

    def close(self):
        self.assayd.stop()
        self.front.close()


@pytest.fixture(name="place")
def place_fixture(tree):
    """A function that makes a Place."""
    made = []

    def make(**settings):
        made.append(Place(tree, f"starve-{next(NUMBERS)}", **settings))
        return made[-1]

    make.tree = tree
    yield make
    for one in made:
        one.close()


# ---- what one message may cost ----

def test_queries_for_silent_zones_are_bounded_with_their_retries(place):
    here = place(dns_timeout="200ms")
    message = here.hostile()
    session = message.open(here.address, HOSTILE_CLIENT.format(0, 1))
    assert message.send(session).reply is not None
    session.quit()
    here.barrier()
    count = len(here.front.of(message.label))
    assert 0 < count <= MOST_QUERIES


def chain_of(queries):
    return [query for query in queries if query.type in (dns.rdatatype.DS, dns.rdatatype.DNSKEY)]


def send_long(here, kind, numbers):
    """@return the queries that the message caused."""
    sender, fields = long_message(kind, numbers)
    before = len(here.front.queries)
    session = starve_world.milterclient.Client(here.address, timeout=300)
    session.connect("unknown", HOSTILE_CLIENT.format(0, 1))
    session.helo(long_name(numbers[-1], kind))
    session.message(sender=sender, recipients=[f"<{m.recipient()}>"], headers=fields)
    session.quit()
    return here.front.queries[before:]


@pytest.mark.parametrize("kind", KINDS)
def test_long_names_with_unsigned_answers_are_walked_within_bounds(place, kind):
    """One message, then another with other names: the tree above them is known by then."""
    here = place()
    for numbers in (range(30), range(30, LONG_NAMES)):
        queries = send_long(here, kind, numbers)
        count, chain = len(queries), len(chain_of(queries))
        assert 0 < count <= MOST_QUERIES, f"{count} queries, {chain} of them for the chain of trust"


def test_names_below_an_unsigned_zone_are_not_walked_again(place):
    here = place()
    send_long(here, "unsigned", range(1, 31))
    again = send_long(here, "unsigned", range(31, LONG_NAMES + 1))
    count, chain = len(again), len(chain_of(again))
    assert count > 0 and chain == 0, (count, chain)


# ---- nor does it hide what the policy would refuse ----

def spending_mail(authors):
    """All that one message may look up: twice SPF with mx and ptr, twenty signatures, deep author domains."""
    deep = "a.b.c.d.e.f{}.spend.one"
    mail = m.Mail(m.message("x@spend.one", sender_field=authors), "x@a.spend.one", client="198.18.9.1", client_name=None,
                  helo="b.spend.one")
    for i in range(20):
        name, value = signature_field(deep.format(i + 100), f"k{i}")
        mail.data = f"{name}: {value}\r\n".encode() + mail.data
    return mail


ACTING = {"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject", "spf-fail": "tag", "from-multiple": "tag"}
ACTING_AT_RCPT = {**ACTING, "spf-fail": "reject"}
DEEP_AUTHORS = [f"x@a.b.c.d.e.f.g.evil{i}.one" for i in range(7)]


SETTINGS = [("validate", ACTING), ("validate", ACTING_AT_RCPT), ("off", ACTING), ("off", ACTING_AT_RCPT)]


@pytest.mark.mta("postfix", "sendmail")
@pytest.mark.parametrize("authors", [DEEP_AUTHORS + ["ceo@victim.one"], ["ceo@victim.one"] + DEEP_AUTHORS],
                         ids=["victim-last", "victim-first"])
@pytest.mark.parametrize("dnssec, findings", SETTINGS, ids=["validate-end", "validate-rcpt", "off-end", "off-rcpt"])
def test_policy_of_one_author_holds_however_much_the_message_looks_up(stack, place, authors, dnssec, findings):
    """Through Postfix, in enforce mode, where nothing else refuses. Where SPF acts at RCPT, its look-ups are the first of all."""
    here = place(mode="enforce", dnssec=dnssec, findings=findings)
    mail = spending_mail(", ".join(authors))
    end = deliver(stack.mta, mail, stack.mta.add_service(here.assayd.milter))["end"]
    # about victim.one, or about one whose policy nobody could ask for any more: such a domain is taken at its strictest
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
    line = next(line for line in here.assayd.log().splitlines() if "findings=" in line)
    assert "limit-exceeded" in line or not re.search(r"(spf|spf_helo|dmarc)=(temp|perm)error", line), line
    checked = here.check(mail)
    assert checked["decision"]["action"] == "reject", checked["decision"]


@pytest.mark.mta("postfix", "sendmail")
@pytest.mark.parametrize("dnssec", ["validate", "off"])
def test_helo_name_takes_no_look_ups_from_mail_from(stack, place, dnssec):
    """Who forges MAIL FROM chooses his HELO name: its record must not use up what it takes to see the forgery."""
    here = place(mode="enforce", dnssec=dnssec, findings={"spf-fail": "reject"}, options="limits { max-dns-lookups = 60 }",
                 front=Front(stack.world, place.tree.port, ZONES, 0.02))
    mail = m.Mail(m.message("x@nested.one"), "x@nested.one", client="198.18.9.1", client_name=None, helo="b.spend.one")
    replies = deliver(stack.mta, mail, stack.mta.add_service(here.assayd.milter))
    assert (replies["last"].code, replies["last"].enhanced) == (550, "5.7.23"), replies["last"]


# ---- queries end with their message ----

def leave_by_reset(session, messages):
    for message in messages:
        session.mail(message.sender)
        time.sleep(0.02)        # the client's round trip: the SPF record arrives
        session.abort()


def leave_by_close(session, messages):
    session.mail(messages[0].sender)


@pytest.mark.parametrize("leave", [leave_by_reset, leave_by_close])
def test_no_query_begins_after_its_message_is_gone(place, leave):
    """The second try of each follows after a second: what goes on is seen, and what was sent before is not taken for it."""
    here = place(dns_timeout="1s")
    messages = [here.hostile() for _ in range(10)]
    session = messages[0].open(here.address, HOSTILE_CLIENT.format(0, 1))
    leave(session, messages)
    wait_for(lambda: here.front.of(messages[0].label), "the first queries")
    session.close()
    time.sleep(0.3)
    here.barrier()
    seen = len(here.front.queries)
    time.sleep(2.5)
    late = [query.name for query in here.front.queries[seen:] if starve_world.label_of(query.name)]
    assert not late, (len(late), late[0])


# ---- the others' mail ----

def start_messages(here, networks=1, zones_used=ZONES):
    """Forty sessions with one message each: twice what fills the table."""
    def run(number):
        message = here.hostile(zones_used, number)
        session = message.open(here.address, HOSTILE_CLIENT.format(number % networks, number + 1))
        message.send(session)
        session.quit()
    return [threading.Thread(target=run, args=(number,), daemon=True) for number in range(SESSIONS)]


def start_messages_for_one_zone(here):
    return start_messages(here, networks=SESSIONS, zones_used=1)


def start_messages_of_networks(here):
    return start_messages(here, networks=SESSIONS)


def start_resets(here):
    """One session, a hundred messages that are begun and given up."""
    def run():
        messages = [here.hostile(first=i) for i in range(100)]
        session = messages[0].open(here.address, HOSTILE_CLIENT.format(0, 1))
        leave_by_reset(session, messages)
        time.sleep(1)
        session.quit()
    return [threading.Thread(target=run, daemon=True)]


@pytest.mark.parametrize("start", [start_messages, start_resets, start_messages_for_one_zone, start_messages_of_networks])
def test_others_are_judged_while_some_wait_for_silent_servers(place, start):
    """They begin more look-ups than the query table holds (4,096), and none of them is answered."""
    here = place(dns_timeout="30s", options="limits {\n\tdns-deadline = 8s\n}")
    threads = start(here)
    for thread in threads:
        thread.start()
    counts = [0]

    def settled():
        counts.append(len(here.front.queries))
        return counts[-1] > 0 and counts[-1] == counts[-2]
    wait_for(settled, "the attack to fill what it may fill", step=0.5)
    outcome, results = here.honest()
    assert results == {"spf": "pass", "iprev": "pass", "dmarc": "pass", "dkim": "none"}, outcome.header("Authentication-Results")
    assert [query for query in here.front.queries if query.name == "_dmarc.good.one"]
    for thread in threads:
        thread.join(60)


def test_silent_zone_is_remembered_whatever_the_name(place):
    """Each message has names below another label of it; some may be needed to see that it is the zone that is silent."""
    here = place(dns_timeout="200ms")
    counts = []
    for _ in range(8):
        message = here.hostile(zones_used=1)
        session = message.open(here.address, HOSTILE_CLIENT.format(0, 1))
        message.send(session)
        session.quit()
        here.barrier()
        counts.append(sum(1 for query in here.front.of(message.label) if query.kind == "s"))
    # now and then some are let through, and repeated, to see whether it answers again: whenever that is, it is few in all
    assert counts[0] > 0 and statistics.median(counts[1:]) <= FEW_PROBES and sum(counts[1:]) <= counts[0], counts


# ---- while nothing can be found out ----

DEFERRING = """
policy "careful" {
	dns-outage = defer
}
"""


@pytest.mark.parametrize("policies, wanted", [("", {"c", "a"}), (DEFERRING, {"t", "y"})], ids=["accept", "defer"])
def test_forgery_is_deferred_while_the_resolver_is_silent(place, policies, wanted):
    """The policy would refuse it if it could be judged."""
    here = place(mode="enforce", policies=policies, dns_timeout="300ms",
                 findings={"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject"})
    outcome, _ = here.honest("victim.one")
    assert outcome.reply == "y" and outcome.text.startswith("550"), outcome.text
    here.assayd.restart()
    here.front.held = lambda name: True
    outcome, _ = here.honest("victim.one")
    assert outcome.reply in wanted, (outcome.reply, outcome.text)
    if policies:
        assert outcome.text.startswith("4"), outcome.text


def waited(here):
    """Seconds from RCPT to the end of a message whose every name is silent, and the last reply."""
    message = here.hostile()
    session = message.open(here.address, HOSTILE_CLIENT.format(0, 1))
    begun = time.monotonic()
    outcome = message.send(session)
    session.quit()
    return time.monotonic() - begun, outcome


def test_whole_message_waits_one_deadline_although_a_policy_acts_at_rcpt(place):
    """
    A ratio of two waits in one run, and no absolute time: each is some deadlines of four seconds, so that the load of the
    machine, which is in both, would have to cost two seconds more in one of them to be taken for a deadline.
    """
    options = "limits {\n\tdns-deadline = 4s\n}"
    plain = place(dns_timeout="30s", options=options)
    acting = place(mode="enforce", dns_timeout="30s", options=options,
                   findings={"spf-fail": "reject", "spf-temperror": "tag"})
    once, _ = waited(plain)
    both, outcome = waited(acting)
    assert outcome is not None and outcome.reply is not None
    assert both < 1.5 * once, (once, both)
