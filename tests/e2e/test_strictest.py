# SPDX-License-Identifier: BSD-2-Clause
"""
No recipient and no author escapes a policy: how RCPT names a mailbox, and who else stands in From, must not matter. Each way is
tried in the clear, which the policy refuses, and over TLS, which it does not mind: so it is seen that the MTA takes the address.
"""
import pytest

from world import Assayd, delivered_fields, scenarios, sendmail
from world import mail as m
from world.client import Client, deliver, tls_context

POSTFIX = pytest.mark.mta("postfix", reason="the forms are those that this MTA takes; Sendmail's are tried below")

# Ways to write a mailbox of rcpt.example when that is Postfix's myorigin.
POSTFIX_FORMS = ("{0}@rcpt.example", "{0}", "{0}%rcpt.example", '"{0}@rcpt.example"', "@relay.example:{0}@rcpt.example",
                 "rcpt.example!{0}", '"{0}"@rcpt.example', "{0}@rcpt.example.")
# The same when it is one of the domains for which Sendmail delivers itself.
SENDMAIL_FORMS = ("nobody@rcpt.example", "nobody", "nobody%rcpt.example", "@relay.example:nobody@rcpt.example",
                  "rcpt.example!nobody", "nobody%rcpt.example@sendmail.assay.example", "nobody@localhost")

# nothing but the policies below refuses anything
FINDINGS = {"spf-fail": "none", "dkim-none": "none", "dmarc-reject": "none", "dmarc-reject-corroborated": "none"}
RECIPIENT_POLICIES = """
policy "strict" {
	recipient-domains = { "rcpt.example" }
	mode = enforce
	actions { tls-none = reject }
}
"""
# A message may say that it does not mind: so TLS counts at RCPT only when that is not listened to.
PLACES = {"RCPT": "tls { honor-tls-required-no = no }", "end": ""}


def transaction(session, sender, recipient):
    """The recipient is written as it stands, which smtplib would not do. @return code and text of the reply that settled it."""
    smtp = session.smtp
    assert smtp.docmd("MAIL", f"FROM:<{sender}>")[0] == 250
    code, text = smtp.docmd("RCPT", f"TO:<{recipient}>")
    if code == 250:
        code, text = smtp.docmd("DATA")
        assert code == 354, text
        smtp.send(m.message(sender) + b"\r\n.\r\n")
        code, text = smtp.getreply()
    return code, text.decode()


@pytest.fixture(name="myorigin", scope="module")
def myorigin_fixture(stack):
    stack.mta.set(myorigin="rcpt.example")
    yield
    stack.mta.set(myorigin="$myhostname")


@pytest.fixture(name="port", scope="module", params=sorted(PLACES))
def port_fixture(stack, myorigin, request):  # pylint: disable=unused-argument
    """Of a smtpd whose policy for rcpt.example refuses what comes in the clear, at that place."""
    assayd, port = stack.another_assayd("strictest-" + request.param.lower(), policies=RECIPIENT_POLICIES,
                                        findings=FINDINGS, options=PLACES[request.param])
    yield port
    assayd.stop()


@POSTFIX
@pytest.mark.parametrize("form", POSTFIX_FORMS)
def test_postfix_recipient_does_not_escape_its_policy(stack, port, form):
    name = m.recipient("escape").split("@", maxsplit=1)[0]
    for tls, wanted in ((tls_context(), 250), (None, 530)):
        with Client(port, "192.0.2.1", "mail.pass.example", tls=tls) as session:
            code, text = transaction(session, "news@pass.example", form.format(name))
        assert code == wanted, (tls, text)
        assert wanted == 250 or "STARTTLS" in text, text
    stack.mta.delivered(name + "@rcpt.example")


# Written so that only the MTA can tell where it is.
OTHERS_FORMS = ("{0}@lenient.example", "@rcpt.example:{0}@lenient.example", "{0}%lenient.example")


@POSTFIX
@pytest.mark.parametrize("form", OTHERS_FORMS)
def test_postfix_recipients_of_others_are_not_held_to_it(stack, port, form):
    name = m.recipient("l").split("@", maxsplit=1)[0]
    with Client(port, "192.0.2.1", "mail.pass.example") as session:
        assert transaction(session, "news@pass.example", form.format(name))[0] == 250
    stack.mta.delivered(name + "@lenient.example")


AUTHOR_POLICIES = """
policy "victim" {
	author-domains = { "reject.example" }
	actions { dmarc-reject = reject }
}
policy "partner" {
	author-domains = { "pass.example" }
	actions { dmarc-reject = none from-multiple = none }
}
"""


@pytest.mark.mta("postfix", "sendmail")
@pytest.mark.parametrize("authors, wanted", [
    ("ceo@reject.example", 550),
    ("ceo@reject.example, x@other.example", 550),
    ("x@other.example, ceo@reject.example", 550),
    ("news@pass.example, ceo@reject.example", 550),
    ("news@pass.example, other@pass.example", 250),
    ("news@pass.example", 250),
])
def test_each_author_domain_has_its_own_policy(stack, authors_port, authors, wanted):
    mail = scenarios.plain("pass.example")
    mail.data = m.message("news@pass.example").replace(b"<news@pass.example>", authors.encode(), 1)
    assert authors.encode() in mail.data
    end = deliver(stack.mta, mail, authors_port)["end"]
    assert end.code == wanted, end
    if wanted == 250:
        assert delivered_fields(stack.mta.delivered(mail.recipients[0]), "From")


@pytest.fixture(name="authors_port", scope="module")
def authors_port_fixture(stack):
    findings = {**FINDINGS, "from-multiple": "tag"}
    assayd, port = stack.another_assayd("strictest-authors", mode="enforce", policies=AUTHOR_POLICIES, findings=findings)
    yield port
    assayd.stop()


@pytest.fixture(name="behind", scope="module", params=sorted(PLACES))
def behind_fixture(stack, request):
    """A Sendmail that delivers for rcpt.example itself (into nothing)."""
    if sendmail.why_not():
        pytest.skip(sendmail.why_not())
    name = "strict-sendmail-" + request.param.lower()
    assayd = Assayd(stack.world, stack.dns.port, name=name + "-assayd", policies=RECIPIENT_POLICIES, findings=FINDINGS, trusted="",
                    options=PLACES[request.param])
    assayd.start()
    more = "LOCAL_DOMAIN(`rcpt.example')dnl\ndefine(`LOCAL_MAILER_PATH', `/bin/true')dnl\ndefine(`LOCAL_MAILER_ARGS', `true')dnl"
    mta = sendmail.Sendmail(stack.world, stack.mta.add_service(""), stack.authority, assayd.milter, name=name, more=more)
    mta.start()
    yield mta
    mta.stop()
    assayd.stop()


@pytest.mark.parametrize("form", SENDMAIL_FORMS)
def test_sendmail_recipient_does_not_escape_its_policy(behind, form):
    for tls, wanted in ((tls_context(), 250), (None, 530)):
        with Client(behind.port, helo="mail.pass.example", tls=tls) as session:
            code, text = transaction(session, "news@pass.example", form)
        assert code == wanted, (tls, text)
        assert wanted == 250 or "STARTTLS" in text, text


@pytest.mark.parametrize("form", OTHERS_FORMS)
def test_sendmail_recipients_of_others_are_not_held_to_it(stack, behind, form):
    name = m.recipient("l").split("@", maxsplit=1)[0]
    with Client(behind.port, helo="mail.pass.example") as session:
        assert transaction(session, "news@pass.example", form.format(name))[0] == 250
    stack.mta.delivered(name + "@lenient.example")
