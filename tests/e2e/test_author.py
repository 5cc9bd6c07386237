# SPDX-License-Identifier: BSD-2-Clause
"""
An author of reject.example (p=reject) who cannot be read as the RFCs say, or stands behind more fields than are kept, is judged all
the same: nothing but DMARC refuses here. The sender passes SPF for a domain of his own.
"""
import pytest

from world import Assayd, scenarios, sendmail
from world.client import Client, deliver
from world.processes import wait_for

ONLY_DMARC = {"dmarc-reject": "reject", "dmarc-reject-corroborated": "reject", "from-invalid": "none", "limit-exceeded": "none",
              "from-missing": "none"}

UNREADABLE = {
    "encoded address": b"=?utf-8?q?ceo=40reject.example?=",
    "encoded domain": b"CEO <ceo@=?utf-8?b?cmVqZWN0LmV4YW1wbGU=?=>",
    "encoded local part": b"=?utf-8?q?ceo=40reject.example?=@pass.example",
    "comment in the domain": b"ceo@reject(x).example",
    "comment, broken": b"< <ceo@reject(x).example>",
    "literal": b"ceo@[reject.example]",
    "two dots": b"ceo@reject..example",
    "no-break space": b"ceo@reject.example\xc2\xa0",
    "no-break space, Latin-1": b"ceo@reject.example\xa0",
    "full-width at": b"CEO <ceo\xef\xbc\xa0reject.example>",
    "zero-width joiner": b"ceo@rej\xe2\x80\x8dect.example",
    "control character": b"ceo@rej\x08ect.example",
    "quoted local part": b'"ceo@reject.example"@pass.example',
    "name of a group": b'"ceo@reject.example":;',
    "two at": b"ceo@reject.example@pass.example",
    "folded": b"ceo@reject\r\n .example",
}


def with_from(field, before=b"", line=b"From: "):
    mail = scenarios.plain("pass.example")
    first = b"From: <news@pass.example>"
    assert mail.data.startswith(first)
    mail.data = before + line + field + mail.data[len(first):]
    return mail


@pytest.fixture(name="port", scope="module")
def port_fixture(stack):
    assayd, port = stack.another_assayd("author-dmarc", mode="enforce", findings=ONLY_DMARC)
    yield port
    assayd.stop()


@pytest.fixture(name="default_port", scope="module")
def default_port_fixture(stack):
    assayd, port = stack.another_assayd("author-defaults", mode="enforce", findings={})
    yield port
    assayd.stop()


def by_dmarc(end):
    return (end.code, end.enhanced) == (550, "5.7.26") and "reject.example" in end.text


def test_sender_that_can_be_read_passes(stack, port):
    assert deliver(stack.postfix, with_from(b"News <news@pass.example>"), port)["end"].code == 250


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_unreadable_author_is_judged(stack, port, name):
    assert by_dmarc(deliver(stack.postfix, with_from(UNREADABLE[name]), port)["end"])


@pytest.mark.parametrize("line", [b"From: ", b"FROM: ", b"From : ", b"From\t: ", b"from \t :"])
def test_author_behind_the_caps_is_judged(stack, port, line):
    many = 2000 * b"X-Many: y\r\n" + 2000 * b"Authentication-Results: a.example; none\r\n"
    assert by_dmarc(deliver(stack.postfix, with_from(b"ceo@reject.example", many, line), port)["end"])


def test_second_author_behind_the_caps_is_judged(stack, port):
    many = b"From: <news@pass.example>\r\n" + 2000 * b"X-Many: y\r\n" + 2000 * b"Authentication-Results: a.example; none\r\n"
    assert by_dmarc(deliver(stack.postfix, with_from(b"ceo@reject.example", many, b"From : "), port)["end"])


def test_more_authors_than_are_judged_are_refused(stack, port):
    many = b", ".join(b"x@a%d.example" % i for i in range(10))
    assert deliver(stack.postfix, with_from(many + b", ceo@reject.example"), port)["end"].enhanced == "5.7.26"


def test_author_that_nobody_can_read_is_quarantined(stack, default_port):
    mail = with_from(b"CEO of Reject <ceo@[203.0.113.9]>")
    assert deliver(stack.postfix, mail, default_port)["end"].code == 250
    wait_for(lambda: stack.postfix.held(mail.recipients[0]), "the message to be on hold")


@pytest.mark.parametrize("field", [b"news@pass.example\0, ceo@reject.example", b"\0ceo@reject.example", b"ceo@rej\0ect.example"])
def test_author_behind_a_nul_is_not_delivered(stack, port, field):
    """The milter protocol ends a field at a NUL, and so does Postfix: nobody is shown what was not judged."""
    mail = with_from(field)
    assert deliver(stack.postfix, mail, port)["end"].code == 250
    shown = stack.postfix.delivered(mail.recipients[0]).partition(b"\n\n")[0]
    assert (b"From: " + field.partition(b"\0")[0]).strip() in shown and b"ect.example" not in shown


@pytest.fixture(name="behind", scope="module")
def behind_fixture(stack):
    """A Sendmail, which keeps a shorter header: so the caps are lower."""
    if sendmail.why_not():
        pytest.skip(sendmail.why_not())
    assayd = Assayd(stack.world, stack.dns.port, name="author-sendmail-assayd", mode="enforce", findings=ONLY_DMARC, trusted="",
                    options="limits { max-header-fields = 100 }")
    assayd.start()
    mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, assayd.milter, name="author-sendmail")
    mta.start()
    yield mta
    mta.stop()
    assayd.stop()


def end_behind(mta, mail):
    mail.mail_from = "bounce@other.example"     # of no author
    with Client(mta.port, helo=mail.helo) as session:
        return session.send(mail)["end"]


def test_sendmail_author_that_can_be_read_passes(behind):
    assert end_behind(behind, with_from(b"News <news@other.example>")).code == 250


@pytest.mark.parametrize("name", sorted(name for name in UNREADABLE if b"pass.example" not in UNREADABLE[name]))
def test_sendmail_unreadable_author_is_judged(behind, name):
    assert by_dmarc(end_behind(behind, with_from(UNREADABLE[name])))


@pytest.mark.parametrize("field", [b"news@other.example\0, ceo@reject.example", b"\0ceo@reject.example", b"ceo@rej\0ect.example"])
def test_sendmail_author_behind_a_nul_is_not_delivered(stack, behind, field):
    mail = with_from(field)
    end = end_behind(behind, mail)
    if end.code == 250:
        assert b"ect.example" not in stack.postfix.delivered(mail.recipients[0]).partition(b"\n\n")[0]
    else:
        assert by_dmarc(end), end


@pytest.mark.parametrize("line", [b"From: ", b"From : ", b"from\t: "])
def test_sendmail_author_behind_the_caps_is_judged(behind, line):
    many = 120 * b"X-Many: y\r\n" + 120 * b"Authentication-Results: a.example; none\r\n"
    assert by_dmarc(end_behind(behind, with_from(b"ceo@reject.example", many, line)))
