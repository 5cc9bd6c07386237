# SPDX-License-Identifier: BSD-2-Clause
"""
TLS memory over simulated days: assayd is restarted with a growing time shift (-t) on the same database, before real
Postfix and real DNS. A peer is known by its forward-confirmed name's organizational domain. RFC 3207 section 6.
"""
import itertools
import json
import re
import ssl
import subprocess

import pytest

from world import Assayd
from world import mail as m
from world.client import Client, tls_context
from world.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mta("postfix", "sendmail")]
_domain = itertools.count(1)
_network = itertools.count(20)


class Peer:
    """A sender's domain with some hosts whose names are forward-confirmed."""

    def __init__(self, stack, hosts=2):
        self.network = f"192.0.{next(_network) + 100}"
        self.domain = f"peer{next(_domain)}.example"
        self.hosts = {}
        for i in range(1, hosts + 1):
            address, name = f"{self.network}.{i}", f"mx{i}.{self.domain}"
            reverse = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
            stack.dns.add(reverse, "PTR", name + ".")
            stack.dns.add(name, "A", address)
            self.hosts[i] = (address, name)
        stack.dns.add(self.domain, "TXT", "v=spf1 +all")


class Daemon:
    """assayd with a database, at a day of one's choice; assay on the same database."""

    def __init__(self, stack, name, downgrade="tag", options="", trusted=None):
        self.stack = stack
        self.assayd = Assayd(stack.world, stack.dns.port, mode="enforce", name=name,
                             findings={"tls-downgrade": downgrade}, policies="")
        if trusted is not None:
            self.assayd.trusted = trusted
        self.database = stack.world.path(name, "assay.db")
        self.assayd.options = f'record {{\n\tpath = "{self.database}"\n\thabit-min-sessions = 6\n}}\n{options}'
        self.day = None
        self.port = None

    def at(self, day):
        """Restarts assayd on that day."""
        self.assayd.stop()
        self.assayd.arguments = ["-t", str(day * 86400)]
        self.assayd.start()
        self.day = day
        if self.port is None:
            self.port = self.stack.mta.add_service(self.assayd.milter)
        return self

    def settle(self):
        """Everything noted so far is committed: assayd does that before it ends, however slow the machine is."""
        self.at(self.day)

    def send(self, peer, host=1, tls=True, client=None):
        """One session with one message. @return (reply, log line)."""
        mail = m.Mail(m.message(f"news@{peer.domain}"), m.recipient("s").split("@")[0] + "@" + peer.domain)
        address, name = client or peer.hosts[host]
        with Client(self.port, address, name, helo=name or "helo.example", tls=tls_context() if tls else None) as session:
            reply = session.send(mail)["last"]
        lines = [line for line in self.assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]
        assert len(lines) == 1
        return reply, lines[0]

    def assay(self, *arguments, check=True):
        done = subprocess.run([self.assayd.program("assay"), *arguments[:1], "--config", self.stack.world.path(
            self.assayd.name + ".conf"), *arguments[1:]], capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout if check else done

    def peer(self, peer):
        self.settle()
        return json.loads(self.assay("peers", "--json", "show", peer.domain))

    def habit(self, peer, first=0, days=4):
        """Two TLS sessions a day from each host."""
        for day in range(first, first + days):
            self.at(day)
            for host in peer.hosts:
                for _ in range(2):
                    _, line = self.send(peer, host)
                    assert "tls-downgrade" not in line
        return first + days


def downgraded(line):
    return "tls-downgrade" in re.search(r"findings=(\S+)", line).group(1).split(",")


@pytest.fixture
def daemon(stack, request):
    made = []

    def make(*arguments, **options):
        name = f"mem{len(made)}-" + re.sub(r"\W", "", request.node.name)[:30]
        made.append(Daemon(stack, name, *arguments, **options))
        return made[-1]
    yield make
    for each in made:
        each.assayd.stop()


@pytest.fixture
def peer(stack):
    def make(hosts=2):
        new = Peer(stack, hosts)
        stack.dns.reload()
        return new
    return make


@pytest.mark.parametrize("action, code, enhanced", [("tag", 250, "2.0.0"), ("defer", 454, "4.7.0"), ("reject", 554, "5.7.0")])
def test_cleartext_after_a_habit_is_a_downgrade(daemon, peer, action, code, enhanced):
    sender, assayd = peer(), daemon(action)
    day = assayd.habit(sender)
    assayd.at(day)
    assert assayd.peer(sender)["habit"] is True
    reply, line = assayd.send(sender, tls=False)
    assert downgraded(line)
    assert (reply.code, reply.enhanced) == (code, enhanced), reply
    # the session counts as a change, not into the habit
    shown = assayd.peer(sender)
    assert (shown["sessions"], shown["none"], shown["changed_sessions"]) == (16, 0, 1)
    assert shown["days"] == 5 and shown["tls_days"] == 4
    reply, line = assayd.send(sender)
    assert reply.code == 250 and not downgraded(line)
    assert assayd.peer(sender)["changed"] == 0


def test_no_habit_before_enough_days(daemon, peer):
    sender, assayd = peer(), daemon("reject")
    assayd.habit(sender, days=2)
    reply, line = assayd.send(sender, tls=False)
    assert reply.code == 250 and not downgraded(line)
    assert assayd.peer(sender)["habit"] is False


def test_one_host_is_told_apart_from_the_whole_domain(daemon, peer):
    sender, assayd = peer(hosts=3), daemon()
    day = assayd.at(assayd.habit(sender)).day
    for _ in range(2):
        _, line = assayd.send(sender, 1, tls=False)
        assert downgraded(line) and "only this host" in line, line
    _, line = assayd.send(sender, 2)
    _, line = assayd.send(sender, 1, tls=False)
    assert "only this host" in line, line
    assayd.at(day + 1)
    _, line = assayd.send(sender, 2, tls=False)
    assert downgraded(line) and "the whole peer" in line, line
    _, line = assayd.send(sender, 3, tls=False)
    assert "the whole peer" in line, line
    hosts = {row["host"]: row for row in assayd.peer(sender)["hosts"]}
    assert set(hosts) == {address for address, _ in sender.hosts.values()}
    assert hosts[sender.hosts[1][0]]["changed_sessions"] == 3


def test_changed_habit_settles_after_the_configured_time(daemon, peer):
    """A rejected session counts as well: else a peer that changed for good would be refused for ever."""
    sender, assayd = peer(hosts=1), daemon("reject", options="tls {\n\thonor-tls-required-no = no\n}\n")
    first = assayd.habit(sender, days=6)
    for day in (first, first + 7, first + 13):
        reply, line = assayd.at(day).send(sender, tls=False)
        assert reply.code == 554 and reply.stage == "RCPT", (day, reply)
        assert downgraded(line)
    assert assayd.peer(sender)["habit"] is True
    assayd.at(first + 14).send(sender, tls=False)    # the session that settles it is refused like those before
    assert assayd.peer(sender)["habit"] is False
    reply, line = assayd.send(sender, tls=False)
    assert reply.code == 250 and not downgraded(line)
    shown = assayd.peer(sender)
    assert (shown["habit"], shown["tls_days"], shown["usual"]) == (False, 0, "none")
    assert "gave up its earlier habit" in assayd.assay("peers", "show", sender.domain)


def test_one_host_settles_while_its_peer_keeps_the_habit(daemon, peer):
    sender, assayd = peer(), daemon()
    first = assayd.habit(sender)
    for day in (first, first + 7, first + 14):
        assayd.at(day)
        assert downgraded(assayd.send(sender, 1, tls=False)[1])
        assert not downgraded(assayd.send(sender, 2)[1])
    assayd.settle()
    assert not downgraded(assayd.send(sender, 1, tls=False)[1])
    assert downgraded(assayd.send(sender, 2, tls=False)[1])
    assert assayd.peer(sender)["habit"] is True


def test_local_trusted_and_authenticated_mail_never_counts(stack, daemon, peer):
    sender = peer(hosts=1)
    address, name = sender.hosts[1]
    assayd = daemon("reject", options="exempt-authenticated = no\n", trusted=f'"127.0.0.0/8", "{sender.network}.128/25"')
    assayd.at(assayd.habit(sender, days=6))
    before = assayd.peer(sender)
    # authenticated: judged here, but its session is a user's
    mail = m.Mail(m.message(f"news@{sender.domain}"), f"user@{sender.domain}")
    with Client(assayd.port, address, name, login=("alice", "wonderland")) as session:
        assert session.send(mail)["end"].code == 250
    # trusted network
    reply, line = assayd.send(sender, tls=False, client=(f"{sender.network}.200", name))
    assert reply.code == 250 and not downgraded(line)
    # submitted on the machine itself: Postfix makes 127.0.0.1 without TLS of it
    with stack.mta.local_mail_through(assayd.assayd.milter, assayd.port):
        for _ in range(3):
            address = m.recipient("local")
            stack.mta.submit_local(f"root@{sender.domain}", address, m.message(f"root@{sender.domain}"))
            stack.mta.delivered(address)
    after = assayd.peer(sender)
    assert after == before
    names = [row["peer"] for row in json.loads(assayd.assay("peers", "--json", "list"))]
    assert names == [sender.domain]


def test_peer_without_a_confirmed_name_is_its_network(daemon, peer):
    sender, assayd = peer(), daemon()
    assayd.at(0)
    assayd.send(sender, client=(f"{sender.network}.77", None))
    assayd.settle()
    assert [row["peer"] for row in json.loads(assayd.assay("peers", "--json", "list", sender.network))] == [
        f"{sender.network}.0/24"]


def test_weak_session_after_a_strong_habit_is_a_downgrade(stack, daemon, peer):
    sender, assayd = peer(hosts=1), daemon()
    assayd.at(assayd.habit(sender, days=6))
    certificate, key = stack.authority.issue("weak.assay.example", kind="rsa")
    port = stack.mta.add_service(assayd.assayd.milter, *stack.mta.lax_tls(certificate, key))
    address, name = sender.hosts[1]
    context = tls_context()
    context.set_ciphers("AES128-GCM-SHA256:@SECLEVEL=0")
    mail = m.Mail(m.message(f"news@{sender.domain}"), f"weak@{sender.domain}")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Client(port, address, name, tls=context) as session:
        assert session.send(mail)["end"].code == 250
    line, = [line for line in assayd.assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]
    assert downgraded(line) and "grade weak, usually strong" in line


def test_assay_peers_pins_and_forgets(daemon, peer):
    sender, assayd = peer(hosts=1), daemon("reject")
    assayd.at(0)
    assayd.send(sender)
    assayd.settle()
    assayd.assay("peers", "pin", sender.domain)
    assert "pinned" in assayd.assay("peers", "list")
    # a daemon that has just read of the peer sees it within a second
    wait_for(lambda: assayd.send(sender, tls=False)[0].code == 554, "the pin to be seen")
    reply, line = assayd.send(sender, tls=False)
    assert reply.code == 554 and "required of " + sender.domain in line
    assayd.assay("peers", "unpin", sender.domain)
    wait_for(lambda: assayd.send(sender, tls=False)[0].code == 250, "that it is no longer pinned to be seen")
    assayd.settle()
    assayd.assay("peers", "forget", sender.domain)
    gone = assayd.assay("peers", "show", sender.domain, check=False)
    assert gone.returncode == 65 and "not known" in gone.stderr
    assert assayd.assay("peers", "pin", "never-seen.example") == ""
    assert json.loads(assayd.assay("peers", "--json", "show", "never-seen.example"))["pinned"] is True
