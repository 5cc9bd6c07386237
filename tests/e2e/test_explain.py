# SPDX-License-Identifier: BSD-2-Clause
"""
assay explain through real Postfix: the reference in the client's reply is enough to learn what was seen of the message, at RCPT and at
its end; another policy is tried on it; it stands in the header that is delivered, and DNSSEC's verdicts stand beside the answers.
"""
import itertools
import json
import re
import subprocess

import pytest

from world import Assayd, delivered_fields, scenarios
from world import mail as m
from world.client import Client, deliver
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

REFERENCE = re.compile(r"\bref ([0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4})\b")
FOREIGN = "203.0.113.77"
_serial = itertools.count(1)


class Traced:
    def __init__(self, stack, findings, kept="failures"):
        self.stack, name = stack, f"explain{next(_serial)}"
        self.database = stack.world.path(name, "assay.db")
        self.assayd = Assayd(stack.world, stack.dns.port, mode="enforce", findings=findings, name=name,
                             options=f'record {{\n\tpath = "{self.database}"\n\ttraces = {kept}\n}}')
        self.assayd.start()
        self.port = stack.mta.add_service(self.assayd.milter)

    def send(self, mail):
        with Client(self.port, mail.client, mail.client_name) as session:
            return session.send(mail)

    def run(self, *arguments):
        return subprocess.run([Assayd.program("assay"), "explain", *arguments], capture_output=True, text=True, check=False)

    def explain(self, pasted, *arguments):
        """As the admin: with the daemon's configuration, which says where the database is."""
        found = []

        def there():
            found[:] = [self.run("--config", self.stack.world.path(self.assayd.name + ".conf"), "--json", *arguments, pasted)]
            return found[0].returncode == 0
        wait_for(there, lambda: f"the trace of {pasted}: {found[0].stderr}", 30)
        return json.loads(found[0].stdout)

    def other_policies(self, name, findings):
        path = self.stack.world.path(name)
        with open(path, "w", encoding="ascii") as file:
            file.write("mode = enforce\nfindings {\n" + "\n".join(f"\t{each} = {action}" for each, action in findings.items()) + "\n}\n")
        return path


@pytest.fixture
def traced(stack):
    made = []

    def make(findings, **options):
        made.append(Traced(stack, findings, **options))
        return made[-1]
    yield make
    for each in made:
        each.assayd.stop()


def forged(stack, domain=None):
    domain = domain or f"explain{next(_serial)}.example"
    stack.dns.add(domain, "TXT", "v=spf1 ip4:192.0.2.1 -all")
    stack.dns.add(domain, "A", "192.0.2.1")
    stack.dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
    stack.dns.reload()
    return domain, m.Mail(m.message(f"joe@{domain}"), f"joe@{domain}", client=FOREIGN, client_name=None)


def test_reply_at_the_end_is_enough(stack, traced):
    there = traced({"spf-fail": "none", "dmarc-reject-corroborated": "reject", "dmarc-reject": "reject"})
    domain, mail = forged(stack)
    reply = there.send(mail)["end"]
    assert reply.code == 550, reply
    reference, = REFERENCE.findall(reply.text)
    assert reply.text.index(reference) < reply.text.index("https://help.assay.example/")
    told = there.explain(str(reply))        # nothing but what the client was told
    assert told["reference"] == reference and told["client"]["address"] == FOREIGN
    assert (told["decision"]["action"], told["decision"]["about"]) == ("reject", domain)
    assert told["decision"]["reply"] == str(reply)
    asked = {(row["name"], row["type"]): row for row in told["dns"]}
    assert any("p=reject" in record for record in asked[f"_dmarc.{domain}", "TXT"]["records"])
    assert asked[domain, "TXT"]["status"] == "NOERROR" and int(asked[domain, "TXT"]["ttl"]) > 0
    assert {row["check"]: row["result"] for row in told["results"]}["dmarc"] == "fail"
    # by the queue id of the MTA's log, too
    assert f"id={told['queue_id']} ref={reference} " in there.assayd.log()
    assert there.explain(told["queue_id"])["reference"] == reference
    # another policy, whose file names no database: the admin says which
    lenient = there.other_policies(there.assayd.name + ".lenient", {"dmarc-reject-corroborated": "tag", "dmarc-reject": "tag", "spf-fail": "none"})
    done = there.run("--database", there.database, "--config", lenient, reference)
    assert done.returncode == 0, done.stderr
    assert "change    another outcome than then" in done.stdout
    finding = told["decision"]["finding"]
    assert f"decision  tag for {finding}, by policy default" in done.stdout
    assert f"why       {finding} asked for reject, and asks for tag in policy default there" in done.stdout


def test_reply_at_rcpt_is_enough(stack, traced):
    there = traced({"spf-fail": "reject"})
    domain, mail = forged(stack)
    mail.recipients = [m.recipient(), m.recipient()]
    replies = there.send(mail)
    refused = [replies[address] for address in mail.recipients]
    assert [reply.code for reply in refused] == [550, 550]
    references = {reference for reply in refused for reference in REFERENCE.findall(reply.text)}
    assert len(references) == 1, "one message, one reference"
    told = there.explain(refused[0].text)
    assert told["message"]["stage"] == "refused-at-rcpt" and {row["state"] for row in told["recipients"]} == {"refused"}
    assert {row["to"] for row in told["recipients"]} == set(mail.recipients)
    assert (told["decision"]["finding"], told["decision"]["about"]) == ("spf-fail", domain)
    again = there.explain(references.pop(), "--config", there.other_policies(there.assayd.name + ".none", {"spf-fail": "none"}), "--database",
                          there.database)["again"]
    assert again["action"] is None and "RCPT" in again["untold"]


def test_delivered_header_has_the_reference(stack, traced):
    there = traced({}, kept="all")
    domain, mail = forged(stack)
    mail.client = "192.0.2.1"
    reply = there.send(mail)["end"]
    assert reply.code == 250
    raw = stack.mta.delivered(mail.recipients[0])
    first = next(value for value in delivered_fields(raw, "Authentication-Results") if "spf=" in value)
    reference, = REFERENCE.findall(first)
    told = there.explain(first)
    assert (told["reference"], told["queue_id"], told["decision"]["action"]) == (reference, reply.queue_id, "none")
    assert domain in told["envelope"]["from"]


@pytest.mark.parametrize("domain,security,status,rule", [
    ("spfsecure.one", "secure", "NOERROR", "spf-fail = reject"),
    ("spfinsecure.one", "insecure", "NOERROR",
     "spf-fail = reject; reject-only-secure: what it stands on is not secured by DNSSEC"),
    ("spfbogus.one", "bogus", "bogus", "dnssec-bogus = defer"),
])
def test_security_of_each_answer_is_told(stack, tree, domain, security, status, rule):
    name = f"explain{next(_serial)}"
    database = stack.world.path(name, "assay.db")
    assayd, port = stack.another_assayd(name, dns_port=tree.port, dnssec="validate", findings={"spf-fail": "reject", "dnssec-bogus": "defer"},
                                        policies="policy careful {\n\treject-only-secure = yes\n}\n",
                                        dns_options=f'trust-anchor-files = {{ "{tree.anchor}" }}',
                                        options=f'record {{\n\tpath = "{database}"\n\ttraces = failures\n}}')
    mail = scenarios.plain(domain)
    mail.client, mail.client_name = FOREIGN, None
    try:
        assert deliver(stack.mta, mail, port)["last"].code in (250, 451, 550)
    finally:
        assayd.stop()   # what is noted is written then
    queue_id = re.search(r"id=(\S+) ref=", assayd.log()).group(1)
    reference = re.search(r" ref=(\S+) ", assayd.log()).group(1)
    done = subprocess.run([Assayd.program("assay"), "explain", "--database", database, "--json", reference], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    asked = next(row for row in told["dns"] if (row["name"], row["type"]) == (domain, "TXT"))
    assert (asked["security"], asked["status"], asked["used"]) == (security, status, "yes")
    assert bool(asked["records"]) == (security != "bogus"), asked
    assert told["policies"][0]["rule"] == rule and told["queue_id"] in (queue_id, None, "")
