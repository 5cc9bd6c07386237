# SPDX-License-Identifier: BSD-2-Clause
"""
What others make of our Authentication-Results, of messages that came through Postfix: SpamAssassin's AuthRes plugin, OpenDMARC,
python-authres and a reader written from RFC 8601's grammar. Each reads what assayd's log says that it found.
"""
import dataclasses
import re

import pytest

from house.authres_grammar import Reader
from other_readers import METHODS, OpenDmarc, SpamAssassin
from world import Assayd, delivered_fields, parse_authres, scenarios
from world import mail as m
from world.client import deliver
from world.dns import BLACK_HOLE

pytestmark = pytest.mark.mta("postfix", "sendmail")

UNDERSCORE = "under_score.example"
EVIL = 'see (it) "here\\" now ; spf=pass (x'      # an explanation that would end what it stands in


@dataclasses.dataclass
class Case:
    mail: m.Mail
    expected: dict      # as the RFCs have it; None: absent
    opendmarc: str      # what its DMARC must come to; None: not asked, for it and we see other DNS


def publish(dns, keys):
    for domain in ("readers.example", UNDERSCORE, "helo-readers.example"):
        dns.add(domain, "TXT", "v=spf1 ip4:192.0.2.1 -all")
        dns.add(domain, "A", "192.0.2.1")
        dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        keys.publish_rsa(dns, domain)
    keys.publish_rsa(dns, "readers.example", "sel_ector")
    dns.add("empty-readers.example", "A", "192.0.2.1")
    for word, record in (("softfail", "v=spf1 ~all"), ("neutral", "v=spf1 ?all"), ("permerror", "v=spf1 no-such-mechanism"),
                         ("evil", "v=spf1 -all exp=why.evil-readers.example")):
        dns.add(f"{word}-readers.example", "A", "192.0.2.1")
        dns.add(f"{word}-readers.example", "TXT", record)
        dns.add(f"_dmarc.{word}-readers.example", "TXT", "v=DMARC1; p=none")
    dns.add("why.evil-readers.example", "TXT", EVIL.replace("\\", "\\\\").replace('"', '\\"'))
    dns.reload()


def from_elsewhere(mail):
    mail.client, mail.client_name = "203.0.113.9", None
    return mail


def cases(keys):
    signed, plain = scenarios.signed, scenarios.plain
    good, under = "readers.example", UNDERSCORE
    made = {"pass": Case(signed(keys, good, "rsa"), {"spf": "pass", "dkim": "pass", "dmarc": "pass", "iprev": "pass"}, "pass")}

    made["fail"] = Case(from_elsewhere(plain(good)), {"spf": "fail", "dkim": "none", "dmarc": "fail"}, "fail")

    mail = from_elsewhere(signed(keys, good, "rsa", "sel_ector"))
    made["two signatures, forwarded"] = Case(mail, {"spf": "fail", "dkim": "pass", "dmarc": "pass"}, "pass")

    mail = signed(keys, good, "rsa")
    mail.data = mail.data.replace(b"The end.", b"The End.")
    made["body changed"] = Case(mail, {"spf": "pass", "dkim": "fail", "dmarc": "pass"}, "pass")
    mail = from_elsewhere(signed(keys, good, "rsa"))
    mail.data = mail.data.replace(b"The end.", b"The End.")
    made["body changed, forwarded"] = Case(mail, {"spf": "fail", "dkim": "fail", "dmarc": "fail"}, "fail")

    made["nothing published"] = Case(plain("empty-readers.example"), {"spf": "none", "dkim": "none", "dmarc": "none"}, "none")
    made["DNS time-out"] = Case(plain(f"readers.{BLACK_HOLE}"), {"spf": "temperror", "dkim": "none", "dmarc": "temperror"}, None)
    for word in ("softfail", "neutral", "permerror"):
        made[word] = Case(plain(f"{word}-readers.example"), {"spf": word, "dkim": "none", "dmarc": "fail"}, "fail")

    made["underscore"] = Case(signed(keys, under, "rsa"), {"spf": "pass", "dkim": "pass", "dmarc": "pass"}, "pass")
    made["underscore, SPF alone"] = Case(plain(under), {"spf": "pass", "dkim": "none", "dmarc": "pass"}, "pass")
    made["underscore, DKIM alone"] = Case(from_elsewhere(signed(keys, under, "rsa")), {"spf": "fail", "dkim": "pass", "dmarc": "pass"}, "pass")

    # an aligned HELO alone is nothing that OpenDMARC counts; with the signature it is no matter
    mail = signed(keys, "helo-readers.example", "rsa")
    mail.mail_from, mail.helo = "", "helo-readers.example"
    made["null sender"] = Case(mail, {"spf": "pass", "dkim": "pass", "dmarc": "pass"}, "pass")
    mail = from_elsewhere(plain("helo-readers.example"))
    mail.mail_from, mail.helo = "", "helo-readers.example"
    made["null sender, fails"] = Case(mail, {"spf": "fail", "dkim": "none", "dmarc": "fail"}, "fail")

    made["hostile explanation"] = Case(plain("evil-readers.example"), {"spf": "fail", "dkim": "none", "dmarc": "fail"}, "fail")

    mail = signed(keys, good, "rsa")
    mail.mail_from = f"a=b/c_d!+joe@{good}"
    mail.helo = "[192.0.2.1]"
    made["odd address"] = Case(mail, {"spf": "pass", "dkim": "pass", "dmarc": "pass"}, "pass")

    mail = signed(keys, good, "rsa")
    mail.tls = True
    made["TLS"] = Case(mail, {"spf": "pass", "dkim": "pass", "dmarc": "pass"}, "pass")

    mail = plain(good, extra=f"Authentication-Results: {m.AUTHSERV_ID}; spf=pass smtp.mailfrom={good};\r\n dkim=pass header.d={good};"
                             f" dmarc=pass header.from={good}\r\n".encode())
    made["forged"] = Case(from_elsewhere(mail), {"spf": "fail", "dkim": "none", "dmarc": "fail"}, "fail")
    return made


NAMES = list(cases_name for cases_name in (
    "pass", "fail", "two signatures, forwarded", "body changed", "body changed, forwarded", "nothing published", "DNS time-out", "softfail",
    "neutral", "permerror", "underscore", "underscore, SPF alone", "underscore, DKIM alone", "null sender", "null sender, fails",
    "hostile explanation", "odd address", "TLS", "forged"))


class Sent:
    """A case that was delivered: the message, and what the log says of it."""

    def __init__(self, case, raw, queue_id, log):
        self.case, self.raw, self.queue_id = case, raw, queue_id
        line = next(line for line in log.splitlines() if f"id={queue_id} " in line)
        # the first of a name is ours: a reply with the sender's words stands behind the results
        self.logged = dict(reversed(re.findall(r" (\w+)=(\S+)", line)))
        self.fields = [value for value in delivered_fields(raw, "Authentication-Results") if value.split(";")[0].strip() == m.AUTHSERV_ID]

    def verdict(self):
        """{method: result}, a message's signatures as one result: that which passes, else the first."""
        dkim = [text.split(":")[0] for text in self.logged["dkim"].split(",")]
        found = {"spf": self.logged.get("spf") or self.logged.get("spf_helo"), "dkim": "pass" if "pass" in dkim else dkim[0],
                 "dmarc": self.logged.get("dmarc"), "iprev": self.logged.get("iprev"), "dkim-adsp": self.logged.get("adsp")}
        return {method: result for method, result in found.items() if result is not None}


def sent_through(stack, milters, log, made):
    port = stack.mta.add_service(milters)
    replies = {name: deliver(stack.mta, case.mail, port)["end"] for name, case in made.items()}
    assert all(reply.code == 250 for reply in replies.values()), replies
    raws = {name: stack.mta.delivered(case.mail.recipients[0]) for name, case in made.items()}
    return {name: Sent(case, raws[name], replies[name].queue_id, log()) for name, case in made.items()}


@pytest.fixture(name="published", scope="module")
def published_fixture(stack):
    if ("readers.example", "rsa") not in stack.keys.rsa:     # else they are there from the tests with the other MTA
        publish(stack.dns, stack.keys)


@pytest.fixture(name="assayd", scope="module")
def assayd_fixture(stack):
    """As stack.dry, but its field has all that it may have: the reference of the message, too."""
    database = stack.world.path("readers", "assay.db")
    assayd = Assayd(stack.world, stack.dns.port, name="readers", options=f'record {{\n\tpath = "{database}"\n\ttraces = all\n}}')
    assayd.start()
    yield assayd
    assayd.stop()


@pytest.fixture(name="sent", scope="module")
def sent_fixture(stack, published, assayd):  # pylint: disable=unused-argument
    return sent_through(stack, assayd.milter, assayd.log, cases(stack.keys))


@pytest.fixture(name="spamassassin", scope="module")
def spamassassin_fixture(stack):
    reader = SpamAssassin(stack.world)
    yield reader
    reader.stop()


@pytest.fixture(name="opendmarc", scope="module")
def opendmarc_fixture(stack, published, assayd):  # pylint: disable=unused-argument
    """(OpenDMARC, what was sent through it)."""
    found = [re.match(r'(_dmarc\.\S+)\. \d+ IN TXT "(.*)"$', record) for record in stack.dns.records]
    reader = OpenDmarc(stack.world, [match.groups() for match in found if match])
    made = cases(stack.keys)
    yield reader, sent_through(stack, f"{assayd.milter},{reader.milter}", assayd.log, made)
    reader.stop()


def test_names_are_all_cases(stack, published):  # pylint: disable=unused-argument
    assert list(cases(stack.keys)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_log_says_what_the_rfcs_do(sent, name):
    verdict = sent[name].verdict()
    assert {method: verdict.get(method) for method in sent[name].case.expected} == sent[name].case.expected


@pytest.mark.parametrize("name", NAMES)
def test_the_grammar_and_python_authres(sent, name):
    first, second = sent[name].fields
    reader = Reader(first)
    assert not reader.neighbours and not any("\\" in comment for comment in reader.comments), first
    assert sum(f"ref {sent[name].logged['ref']}" in comment for comment in reader.comments) == 1, first
    assert [result.method for result in Reader(second).results] == ["x-tls"]
    _, by_authres = parse_authres(first)
    for results in ({method: rows[0]["result"] if "pass" not in [row["result"] for row in rows] else "pass" for method, rows in
                     by_authres.items()},
                    {result.method: result.result for result in reversed(reader.results) if result.method != "dkim"}):
        verdict = {method: result for method, result in sent[name].verdict().items() if method in results}
        assert results == verdict, first
    assert {result.method for result in reader.results} == set(sent[name].verdict())
    assert list(parse_authres(second)[1]) == ["x-tls"]


@pytest.mark.parametrize("name", NAMES)
def test_spamassassin(sent, spamassassin, name):
    assert spamassassin.reads(sent[name].raw) == {method: result for method, result in sent[name].verdict().items() if method in METHODS}


def test_spamassassin_reads_who_authenticated(stack, spamassassin):
    mail = scenarios.plain("readers.example")
    mail.login, mail.tls = ("alice", "wonderland"), True
    deliver(stack.mta, mail)
    assert spamassassin.reads(stack.mta.delivered(mail.recipients[0])) == {"auth": "pass"}


def test_spamassassin_drops_what_we_do_not_write(sent, spamassassin):
    """Why there are two fields, and no comments side by side: else the test could not fail."""
    raw = sent["pass"].raw
    assert spamassassin.reads(raw)["spf"] == "pass"
    assert spamassassin.reads(raw.replace(b"; ", b";", 1).replace(b"spf=pass", b"x-tls=none;\n\tspf=pass", 1)) == {}
    assert spamassassin.reads(raw.replace(b"spf=pass", b"spf=pass (a) (b)", 1)) == {}


@pytest.mark.parametrize("name", NAMES)
def test_opendmarc(opendmarc, name):
    reader, sent = opendmarc
    one = sent[name]
    result, taken = reader.reads(one.raw, one.queue_id)
    signatures = [text.split(":") for text in one.logged["dkim"].split(",") if ":" in text]
    assert [(domain, outcome) for domain, _, outcome in taken["dkim"]] == [(domain, word) for word, domain, *_ in signatures]
    assert taken["spf"] == one.verdict()["spf"]
    if one.case.opendmarc not in (None, "none"):
        # every case is aligned; of a HELO name it counts nothing
        passes = [method for method in ("spf", "dkim") if one.verdict()[method] == "pass" and (method == "dkim" or one.case.mail.mail_from)]
        assert taken["counts"] == passes, reader.history(one.queue_id)
    if one.case.opendmarc is not None:
        assert result == one.case.opendmarc == one.verdict()["dmarc"]
    assert result != "pass" or one.verdict()["dmarc"] == "pass"


def test_opendmarc_counts_no_address(stack, opendmarc):
    """Why smtp.mailfrom is the domain by default."""
    reader, _ = opendmarc
    assayd, _ = stack.another_assayd("readers-address", options="headers { smtp-mailfrom = address }")
    try:
        made = {name: case for name, case in cases(stack.keys).items() if name in ("underscore, SPF alone", "pass")}
        sent = sent_through(stack, f"{assayd.milter},{reader.milter}", assayd.log, made)
        for one in sent.values():
            assert one.verdict()["spf"] == "pass" and f"smtp.mailfrom={one.case.mail.mail_from}" in one.fields[0].replace('"', "")
            assert "spf" not in reader.reads(one.raw, one.queue_id)[1]["counts"]
        assert reader.reads(sent["underscore, SPF alone"].raw, sent["underscore, SPF alone"].queue_id)[0] == "fail"
    finally:
        assayd.stop()
