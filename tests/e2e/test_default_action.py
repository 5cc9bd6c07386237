# SPDX-License-Identifier: BSD-2-Clause
"""
What becomes of a session whose milter is not there, or dies in the midst of it, for each milter_default_action of Postfix and each
F= of Sendmail, as assayd(8) says under SIGNALS. Each session brings two messages, the second after the milter is back.
"""
import smtplib
import subprocess

import pytest

from world import mail as m
from world import sendmail
from world.recorder import Recorder

pytestmark = pytest.mark.mta("postfix", reason="each MTA has its own words and its tests, and Sendmail is made here")

ABSENT = None
# where it dies: at connect, RCPT, a header field, the end of the message
MOMENTS = [ABSENT, "C", "R", "L", "E"]
AFTER_DATA = ("L", "E")


def built_in(name):
    return subprocess.run(["postconf", "-dh", name], check=True, capture_output=True, text=True).stdout.strip()


def version():
    return tuple(int(number) for number in built_in("mail_version").split(".")[:3])


def send(session, recipient):
    """@return the code that ended the message, and its text; (None, ""): the connection is gone."""
    try:
        for line in ("MAIL FROM:<a@good.example>", f"RCPT TO:<{recipient}>", "DATA"):
            code, text = session.docmd(line)
            if code // 100 not in (2, 3):
                return code, text.decode()
        session.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        code, text = session.getreply()
        return code, text.decode()
    except smtplib.SMTPServerDisconnected:
        return None, ""


def two_messages(stack, action, moment):
    """@return (greeting's code, [reply of each message], [its recipient], how many the milter was asked of)."""
    recorder = Recorder(dies_at=moment, listens=moment is not ABSENT)
    port = stack.postfix.add_service(recorder.postfix, f"milter_default_action={action}")
    return session_of_two(port, recorder, moment)


def session_of_two(port, recorder, moment):
    """As two_messages()."""
    recipients = [m.recipient("action"), m.recipient("action")]
    with smtplib.SMTP(timeout=60) as session:
        greeting, text = session.connect("127.0.0.1", port)
        if greeting == 421:
            recorder.close()
            return greeting, [(greeting, text.decode()), (None, "")], recipients, 0
        session.ehlo("helo.example")
        replies = [send(session, recipients[0])]
        recorder.dies_at = None
        try:
            session.docmd("RSET")
        except smtplib.SMTPServerDisconnected:
            pass
        replies.append(send(session, recipients[1]))
    recorder.close()
    return greeting, replies, recipients, sum("mail" in one for one in recorder.sessions)


@pytest.mark.parametrize("moment", MOMENTS)
def test_accept_lets_the_rest_of_the_session_in_unjudged(stack, moment):
    _, replies, recipients, asked = two_messages(stack, "accept", moment)
    assert [code for code, _ in replies] == [250, 250]
    for recipient in recipients:
        stack.postfix.delivered(recipient)
    assert asked == (1 if moment in ("R", *AFTER_DATA) else 0), "it is not asked again of the second message"


@pytest.mark.parametrize("moment", MOMENTS)
def test_tempfail_refuses_the_rest_of_the_session(stack, moment):
    _, replies, _, _ = two_messages(stack, "tempfail", moment)
    assert [(code, text[:5]) for code, text in replies] == [(451, "4.7.1")] * 2


@pytest.mark.parametrize("moment", MOMENTS)
def test_shutdown_hangs_up_where_it_is_known(stack, moment):
    """3.10.13 knows it, and it is built in; to 3.7.11 it is an unknown word: a deferral that blames the configuration."""
    if version()[:2] != (3, 7) and version() < (3, 10, 13):
        pytest.skip("nobody has looked at what this version of Postfix makes of it")
    _, replies, _, _ = two_messages(stack, "shutdown", moment)
    if version() >= (3, 10, 13):
        assert replies[0][0] == 421 and replies[1][0] is None
    else:
        assert [(code, text[:5]) for code, text in replies] == [(451, "4.3.5")] * 2
        assert "unrecognized default action: shutdown" in stack.postfix.log()


@pytest.mark.parametrize("moment", MOMENTS)
def test_reject_loses_mail(stack, moment):
    greeting, replies, _, _ = two_messages(stack, "reject", moment)
    assert [code for code, _ in replies] == [550, 550]
    assert greeting == (554 if moment in (ABSENT, "C") else 220)


@pytest.mark.parametrize("moment", [ABSENT, "E"])
def test_quarantine_holds_mail(stack, moment):
    _, replies, recipients, _ = two_messages(stack, "quarantine", moment)
    assert [code for code, _ in replies] == [250, 250]
    assert all(stack.postfix.held(recipient) for recipient in recipients)


def test_built_in_action_is_that_of_the_manual():
    if version()[:2] != (3, 7) and version() < (3, 10, 13):
        pytest.skip("nobody has looked at this version of Postfix")
    assert built_in("milter_default_action") == ("shutdown" if version() >= (3, 10, 13) else "tempfail")


# ---- Sendmail --------------------------------------------------------------------------------------------------------

@pytest.fixture(name="flagged", scope="module")
def flagged_fixture(stack):
    """A function: (port of a Sendmail whose filter has this F=, its recorder). The milter dies as the recorder is told."""
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    made = []

    def start(flag, moment):
        recorder = Recorder(dies_at=moment, listens=moment is not ABSENT)
        line = f"INPUT_MAIL_FILTER(`x', `S={recorder.sendmail}, {f'F={flag}, ' if flag else ''}T=C:1m;S:1m;R:2m;E:5m')dnl"
        mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, name=f"flag-{flag}-{moment}",
                                more=line)
        made.append(mta)
        mta.start()
        return mta.port, recorder

    yield start
    for mta in made:
        mta.stop()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("flag, codes", [("", (250, 250)), ("T", (451, 451)), ("4", (421, None))])
def test_flag_of_sendmails_filter(flagged, flag, codes, moment):
    port, recorder = flagged(flag, moment)
    _, replies, _, asked = session_of_two(port, recorder, moment)
    assert tuple(code for code, _ in replies) == codes
    assert asked <= 1, "it is not asked again of the second message"
