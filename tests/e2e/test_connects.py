# SPDX-License-Identifier: BSD-2-Clause
"""
What Postfix and Sendmail tell a milter of the client, by every way that mail takes into them, and of what it says in MAIL:
tests/flow/connects.json and envelopes.json are that, and the flow tests hold assayd to it. Here the MTAs are asked again.
"""
import json
import os
import smtplib
import subprocess

import pytest

from house.build import TOP
from world import Assayd, sendmail
from world import mail as m
from world.processes import wait_for
from world.recorder import Recorder

pytestmark = pytest.mark.mta("postfix", reason="each MTA has its own words and its tests, and Sendmail is made here")

CONNECTS = json.loads((TOP / "tests" / "flow" / "connects.json").read_text())
ENVELOPES = json.loads((TOP / "tests" / "flow" / "envelopes.json").read_text(encoding="utf-8"))
SMTP = "EHLO helo.example\r\nMAIL FROM:<a@good.example>\r\nQUIT\r\n"
# what stays the same from one run to the next
STEADY = ("client_resolve", "client_name", "client_ptr")


@pytest.fixture(name="recorder")
def recorder_fixture():
    recorder = Recorder()
    yield recorder
    recorder.close()


def row_of(mta, way):
    row, = (row for row in CONNECTS if (row["mta"], row["way"]) == (mta, way))
    return row


def compare(session, row):
    """Name, family, address and whether there is a port; the macros that tell a client from a local program."""
    name, family, port, address = session["connect"]
    assert [name, family, address] == [row["connect"][0], row["connect"][1], row["connect"][3]]
    assert bool(port) == bool(row["connect"][2])
    for macro in STEADY:
        assert session["macros"]["C"].get(macro) == row["macros"].get(macro), macro
    assert (session["macros"]["C"].get("client_port") == "0") == (row["macros"].get("client_port") == "0")


def last_session(recorder, known="mail"):
    """The last one that came to MAIL: a look at whether the port answers is a session of its own, and may come late."""
    return wait_for(lambda: ([one for one in recorder.sessions if known in one] or [None])[-1], f"the MTA to tell the milter of {known}")


def smtp_session(port, xclient=None):
    with smtplib.SMTP("127.0.0.1", port, local_hostname="helo.example", timeout=60) as session:
        session.ehlo("helo.example")
        if xclient is not None:
            assert session.docmd("XCLIENT", xclient)[0] == 220
            session.ehlo("helo.example")
        return session.mail("a@good.example")[0]


@pytest.mark.parametrize("way, xclient", [("tcp", None), ("xclient-loopback", "ADDR=127.0.0.1 NAME=localhost PORT=[UNAVAILABLE]")])
def test_postfix_says_of_a_client(stack, recorder, way, xclient):
    port = stack.postfix.add_service(recorder.postfix)
    recorder.sessions.clear()
    assert smtp_session(port, xclient) == 250
    compare(last_session(recorder), row_of("postfix", way))


@pytest.mark.parametrize("way", ["pickup", "bs"])
def test_postfix_says_of_local_submission(stack, recorder, way):
    address = m.recipient("local")
    stack.postfix.set(non_smtpd_milters=recorder.postfix)
    try:
        if way == "pickup":
            stack.postfix.submit_local("root@good.example", address, m.message("root@good.example"))
        else:
            text = SMTP.replace("QUIT", f"RCPT TO:<{address}>\r\nDATA\r\nFrom: a@good.example\r\n\r\nx\r\n.\r\nQUIT")
            subprocess.run(["sendmail", "-C", stack.postfix.config, "-bs"], input=text.encode(), capture_output=True, check=True)
        compare(last_session(recorder), row_of("postfix", way))
    finally:
        stack.postfix.set(non_smtpd_milters=stack.dry.milter)


@pytest.mark.parametrize("way", ["tcp", "bs"])
def test_sendmail_says_of_a_client_and_of_local_submission(stack, recorder, way):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, recorder.sendmail, name="sendmail-" + way)
    mta.start()
    try:
        recorder.sessions.clear()
        if way == "tcp":
            smtp_session(mta.port)
        else:
            script = sendmail.ISOLATED.format(hostname=sendmail.HOSTNAME, directory=mta.directory)
            subprocess.run(["unshare", "--uts", "--mount", "sh", "-c", script, "sh", os.path.join(sendmail.UNPACKED, sendmail.PROGRAM),
                            "-bs", "-C", mta.cf], input=SMTP.encode(), cwd=mta.directory, capture_output=True, check=False, timeout=60)
        # sendmail -bs asks us of the connection only, as long as nobody is to get the message
        compare(last_session(recorder, "mail" if way == "tcp" else "connect"), row_of("sendmail", way))
    finally:
        mta.stop()


def told_of_mail(port, recorder, said):
    """(address and arguments as the milter gets them, the address that the MTA read); None: refused."""
    recorder.sessions.clear()
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as session:
        session.ehlo("helo.example")
        session.send(f"MAIL FROM:{said}\r\n".encode())
        if session.getreply()[0] != 250:
            return None
    asked, = (one for one in recorder.sessions if "mail" in one)
    return asked["mail"], asked["macros"]["M"]["mail_addr"].encode("latin-1").decode()


def compare_envelopes(mta, port, recorder):
    differ = []
    for row in ENVELOPES:
        if row["mta"] == mta:
            told = told_of_mail(port, recorder, row["said"])
            if told != ((row["told"], row["mail_addr"]) if row["told"] is not None else None):
                differ.append((row, told))
    assert not differ


def test_postfix_says_of_mail(stack):
    recorder = Recorder({"M": "{mail_addr}"})
    try:
        compare_envelopes("postfix", stack.postfix.add_service(recorder.postfix), recorder)
    finally:
        recorder.close()


def test_sendmail_says_of_mail(stack):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    recorder = Recorder({"M": "{mail_addr}"})
    mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, recorder.sendmail, name="sendmail-mail")
    mta.start()
    try:
        compare_envelopes("sendmail", mta.port, recorder)
    finally:
        mta.stop()
        recorder.close()


def test_postfix_with_an_unknown_client_by_xclient(stack, recorder):
    """
    Postfix keeps the family of the connection and gives "unknown" for an IPv4 address: libmilter takes that for a broken
    packet and ends the session before any callback, so that milter_default_action decides. A Postfix that says it in another
    way is judged (tests/flow/test_local_submission.py).
    """
    port = stack.postfix.add_service(recorder.postfix)
    assert smtp_session(port, "ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]") == 250
    name, family, _, address = last_session(recorder)["connect"]
    assert name == "unknown" and (family, address) in (("4", "unknown"), ("U", None))
    enforce = Assayd(stack.world, stack.dns.port, name="unknown-client", mode="enforce", findings={"spf-temperror": "reject"})
    enforce.start()
    try:
        port = stack.postfix.add_service(enforce.milter, "milter_default_action=tempfail")
        assert smtp_session(port, "ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]") == (451 if family == "4" else 250)
        assert "local-submission" not in stack.world.processes.log("unknown-client")
    finally:
        enforce.stop()
