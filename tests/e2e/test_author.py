# SPDX-License-Identifier: BSD-2-Clause
"""
An author of reject.example (p=reject) who cannot be read as the RFCs say, or stands behind more fields than are kept, is judged all
the same: nothing but DMARC refuses here. The sender passes SPF for a domain of his own.
"""
import pytest

from world import mail as m
from world import scenarios
from world.client import deliver
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

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
    # of these the MTA makes ceo@reject.example: Postfix before we see it, Sendmail in what it delivers
    "percent": b"ceo%reject.example",
    "percent in angles": b"CEO <ceo%reject.example>",
    "bang": b"reject.example!ceo",
    "bang beside an address": b"reject.example!ceo, news@pass.example",
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
    assert deliver(stack.mta, with_from(b"News <news@pass.example>"), port)["end"].code == 250


@pytest.mark.parametrize("name", sorted(UNREADABLE))
def test_unreadable_author_is_judged(stack, port, name):
    assert by_dmarc(deliver(stack.mta, with_from(UNREADABLE[name]), port)["end"])


@pytest.mark.parametrize("line", [b"From: ", b"FROM: ", b"From : ", b"From\t: ", b"from \t :"])
def test_author_behind_the_caps_is_judged(stack, port, line):
    many = 2000 * b"X-Many: y\r\n" + 2000 * b"Authentication-Results: a.example; none\r\n"
    assert by_dmarc(deliver(stack.mta, with_from(b"ceo@reject.example", many, line), port)["end"])


@pytest.mark.parametrize("before", [b"", b"Text: x\r\n", b"Message: x\r\n"])
def test_author_that_the_mta_writes_in_is_judged(stack, port, before):
    """
    Without From both MTAs write one in, of the envelope's sender: Postfix before we see the message, Sendmail when it delivers it.
    To Sendmail a field named Text or Message ends the header.
    """
    mail = with_from(b"ceo@reject.example", before)
    if not before:
        mail.data = mail.data.partition(b"\r\n")[2]
    mail.mail_from, mail.client, mail.client_name = "ceo@reject.example", "203.0.113.9", None
    assert by_dmarc(deliver(stack.mta, mail, port)["end"])
    mail.client, mail.client_name = "192.0.2.1", "mail.pass.example"    # of whom the domain says that he may
    mail.recipients = [m.recipient()]
    assert deliver(stack.mta, mail, port)["end"].code == 250
    assert b"\nFrom: " in stack.mta.delivered(mail.recipients[0])


def test_second_author_behind_the_caps_is_judged(stack, port):
    many = b"From: <news@pass.example>\r\n" + 2000 * b"X-Many: y\r\n" + 2000 * b"Authentication-Results: a.example; none\r\n"
    assert by_dmarc(deliver(stack.mta, with_from(b"ceo@reject.example", many, b"From : "), port)["end"])


def test_more_authors_than_are_judged_are_refused(stack, port):
    many = b", ".join(b"x@a%d.example" % i for i in range(10))
    assert deliver(stack.mta, with_from(many + b", ceo@reject.example"), port)["end"].enhanced == "5.7.26"


def test_author_that_nobody_can_read_is_quarantined(stack, default_port):
    mail = with_from(b"CEO of Reject <ceo@[203.0.113.9]>")
    assert deliver(stack.mta, mail, default_port)["end"].code == 250
    wait_for(lambda: stack.mta.held(mail.recipients[0]), "the message to be on hold")


@pytest.mark.parametrize("field", [b"news@pass.example\0, ceo@reject.example", b"\0ceo@reject.example", b"ceo@rej\0ect.example"])
def test_author_behind_a_nul_is_not_delivered(stack, port, field):
    """
    The milter protocol ends a field at a NUL, and so does Postfix; Sendmail takes it out, for the milter as for everybody. Nobody is
    shown what was not judged.
    """
    mail = with_from(field)
    end = deliver(stack.mta, mail, port)["end"]
    if stack.mta.name == "sendmail":
        assert by_dmarc(end), end
        return
    assert end.code == 250
    shown = stack.mta.delivered(mail.recipients[0]).partition(b"\n\n")[0]
    assert (b"From: " + field.partition(b"\0")[0]).strip() in shown and b"ect.example" not in shown
