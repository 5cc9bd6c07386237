# SPDX-License-Identifier: BSD-2-Clause
"""
Where Postfix and Sendmail differ: what the table in assayd(8), POSTFIX AND SENDMAIL, says, as far as no other test does. What each macro
is and when it comes: MILTER_README of Postfix, libmilter's documentation of xxfi_* and the list of macros in Sendmail's op.me.
"""
import re
import smtplib

import pytest

from world import delivered_fields, parse_authres, scenarios
from world import mail as m
from world.client import Client, deliver, tls_context
from world.processes import wait_for
from world.recorder import Recorder
from world.tls import Authority

pytestmark = pytest.mark.mta("postfix", "sendmail")

CERT = "{cert_subject} {cert_issuer} {verify}"
MACROS = {"C": "j {daemon_name} {client_ptr} {client_resolve}", "H": "{tls_version} " + CERT, "M": "i {mail_addr}"}


@pytest.fixture(name="enforced", scope="module")
def enforced_fixture(stack):
    assayd, port = stack.another_assayd("differences", mode="enforce", findings={"spf-fail": "reject"})
    yield assayd, port
    assayd.stop()


def line_of(assayd, sender):
    return wait_for(lambda: next((line for line in assayd.log().splitlines() if f"from=<{sender}>" in line), None), "the message in the log")


@pytest.fixture(name="told", scope="module")
def told_fixture(stack):
    """A function: {stage: macros} of a session that says MAIL, over TLS unless context is None."""
    network = getattr(stack.mta, "network", None)
    recorder = Recorder(MACROS, network=network)
    port = stack.mta.add_service(recorder.sendmail if network else recorder.postfix)

    def ask(context):
        recorder.sessions.clear()
        with Client(port, "192.0.2.1", "mail.pass.example", tls=context) as session:
            assert session.smtp.mail("a@pass.example")[0] == 250
        return wait_for(lambda: next((one["macros"] for one in recorder.sessions if "mail" in one), None), "MAIL")
    yield ask
    recorder.close()


def test_names_of_listener_and_client(stack, told):
    macros = told(None)
    assert macros["C"]["j"] == m.AUTHSERV_ID
    # Postfix: milter_macro_daemon_name, by default the host's name; Sendmail: Name= of DAEMON_OPTIONS
    assert (macros["C"]["daemon_name"] == m.AUTHSERV_ID) == (stack.mta.name == "postfix")
    assert (macros["C"]["client_ptr"], macros["C"]["client_resolve"]) == ("mail.pass.example", "OK")
    assert macros["M"]["mail_addr"] == "a@pass.example"
    # Postfix has a queue id when a recipient is accepted
    assert ("i" in macros["M"]) == (stack.mta.name == "sendmail")
    assert not macros["H"].get("tls_version") and not macros["H"].get("verify")


@pytest.mark.parametrize("which, verify", [("none", "NO"), ("trusted", "OK"), ("untrusted", "FAIL")])
def test_what_is_told_of_a_certificate(stack, told, which, verify):
    certificate = {"none": lambda: (), "trusted": lambda: stack.authority.issue("mail.pass.example"),
                   "untrusted": lambda: Authority(stack.world, "Odd (Root) CA").issue("stranger.example")}[which]()
    macros = told(tls_context(*certificate))["H"]
    assert macros["tls_version"] == "TLSv1.3"
    told_of = macros.get("cert_subject") or None, macros.get("cert_issuer") or None, macros.get("verify")
    if stack.mta.name == "postfix":
        assert told_of == (("mail.pass.example", "Assay Test CA", None) if which == "trusted" else (None, None, None))
        return
    # xtext (RFC 3461 section 4) of the whole names, whether they are verified or not
    names = {"none": (None, None), "trusted": ("/O=Assay+20Test/CN=mail.pass.example", "/O=Assay+20Test/CN=Assay+20Test+20CA"),
             "untrusted": ("/O=Assay+20Test/CN=stranger.example", "/O=Assay+20Test/CN=Odd+20+28Root+29+20CA")}[which]
    assert told_of == (*names, verify)


def test_received_names_an_untrusted_issuer_in_the_clear(stack):
    """Where it is told at all."""
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    certificate = Authority(stack.world, "Odder (Root) CA").issue("stranger.example")
    with Client(stack.dry_port, mail.client, mail.client_name, tls=tls_context(*certificate)) as session:
        assert session.send(mail)["end"].code == 250
    ours, = [re.sub(r"\s+", " ", value) for value in delivered_fields(stack.mta.delivered(mail.recipients[0]), "Received") if "(Assay)" in value]
    comment = {"postfix": "no trusted client certificate)", "sendmail": "client certificate failed, subject /O=Assay Test/CN=stranger.example, "
               "issuer /O=Assay Test/CN=Odder \\(Root\\) CA)"}[stack.mta.name]
    assert comment in ours, ours


def test_refusal_at_rcpt_has_a_queue_id_behind_sendmail(stack, enforced):
    assayd, port = enforced
    mail = scenarios.plain("spffail.example")
    mail.mail_from, mail.client, mail.client_name = f"{stack.mta.name}@spffail.example", "203.0.113.9", None
    assert deliver(stack.mta, mail, port)["last"].stage == "RCPT"
    queue_id = re.search(r" id=(\S+) ", line_of(assayd, mail.mail_from)).group(1)
    if stack.mta.name == "postfix":
        assert queue_id == "-"
    else:
        wait_for(lambda: f"{queue_id}: " in stack.mta.log(), "the queue id in Sendmail's log")


def test_mail_of_the_machine_itself(stack):
    """Postfix tells of it by non_smtpd_milters; with Sendmail it comes by SMTP from 127.0.0.1."""
    sender = f"root{stack.mta.name}@reject.example"
    with stack.mta.local_mail_through(stack.dry.milter, stack.dry_port):
        stack.mta.submit_local(sender, m.recipient("local"), m.message(sender))
        line = line_of(stack.dry, sender)
    exempt = {"postfix": "local-submission", "sendmail": "trusted-network"}[stack.mta.name]
    assert f" exempt={exempt} " in line + " "


def test_last_ehlo_counts(stack):
    """RFC 5321 section 4.1.4: a client may say EHLO again."""
    mail = scenarios.plain("pass.example")
    mail.mail_from = ""
    with Client(stack.dry_port, mail.client, mail.client_name, helo="first.example") as session:
        assert session.smtp.ehlo("mail.pass.example")[0] == 250
        assert session.send(mail)["end"].code == 250
    _, results = parse_authres(delivered_fields(stack.mta.delivered(mail.recipients[0]), "Authentication-Results")[0])
    assert results["spf"][0]["properties"]["smtp.helo"] == "mail.pass.example"


def test_places_of_our_fields(stack):
    """The same with both: results above what the MTA itself writes, our Received field below its own."""
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.tls = True
    with Client(stack.dry_port, mail.client, mail.client_name, tls=tls_context()) as session:
        assert session.send(mail)["end"].code == 250
    fields = [(name, re.sub(r"\s+", " ", value)) for name, value in m.split_fields(stack.mta.delivered(mail.recipients[0]))]
    places = [next(place for place, (name, value) in enumerate(fields) if name == "Received" and mark in " " + value)
              for mark in ("(Assay)", stack.mta.trace_mark)]
    results = [place for place, (name, _) in enumerate(fields) if name == "Authentication-Results"]
    assert results[1] == results[0] + 1 < places[1] == places[0] - 1


def test_long_field_of_ours_stays_whole(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", "rsa")
    for _ in range(8):
        mail.data = stack.keys.sign(mail.data, "two.example", "ed")
    assert deliver(stack.mta, mail)["end"].code == 250
    raw = stack.mta.delivered(mail.recipients[0])
    field = delivered_fields(raw, "Authentication-Results")[0]
    assert len(field) > 1500 and max(len(line) for line in field.splitlines()) <= 998     # RFC 5322 section 2.1.1
    assert [row["result"] for row in parse_authres(field)[1]["dkim"]] == ["pass"] * 10


@pytest.mark.mta("sendmail", reason="for Postfix see test_transport.py: it depends on settings")
@pytest.mark.parametrize("body", [b"a\nb\r\n", b"a\rb\r\n"], ids=["LF", "CR"])
def test_line_end_that_is_none_is_refused(stack, body):
    """Sendmail 8.18, and what Debian 12 has of it: only CRLF ends a line (RFC 5321 section 2.3.8), unless srv_features say otherwise."""
    mail = scenarios.plain("simple.example", body=body)
    with Client(stack.dry_port, mail.client, mail.client_name) as session:
        try:
            code = session.send(mail)["end"].code
        except smtplib.SMTPServerDisconnected:
            code = 421
    assert code == 421
    assert stack.mta.delivered_now(mail.recipients[0]) is None


@pytest.mark.mta("sendmail", reason="Postfix has no such limit for a whole header")
def test_header_over_the_limit_is_refused(stack):
    """MaxHeadersLength, 32768 without a word about it; the other tests lift it."""
    port = stack.mta.add_service(stack.dry.milter, "define(`confMAX_HEADERS_LENGTH', `32768')dnl")
    for octets, code in ((20_000, 250), (40_000, 552)):
        mail = scenarios.plain("pass.example", extra=(b"X-Long: " + b"y" * 70 + b"\r\n") * (octets // 80))
        assert deliver(stack.mta, mail, port)["end"].code == code


@pytest.mark.mta("sendmail", reason="Postfix has both")
def test_sendmail_of_debian_offers_neither_bdat_nor_smtputf8(stack):
    with Client(stack.dry_port) as session:
        assert not session.smtp.has_extn("chunking") and not session.smtp.has_extn("smtputf8")
