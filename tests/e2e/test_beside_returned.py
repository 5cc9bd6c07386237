# SPDX-License-Identifier: BSD-2-Clause
"""
Mail that a filter takes out of Postfix and hands back: behind the queue (content_filter) the verdict of the first time stays by the
recipe of assayd(8), and whoever imitates the recipe from outside gains nothing; before the queue (smtpd_proxy_filter) what
arrives unjudged is told and counted, and judged where the filter says for whom it speaks.
"""
import json
import re
import socket

import pytest

from house import needs
from house.ports import free_port
from place import NUMBERS, Place
from world import Assayd, delivered_fields, scenarios, sendmail
from world import mail as m
from world.beside import Proxsmtp, XclientProxy
from world.client import Client, deliver

pytestmark = pytest.mark.mta("postfix", reason="Sendmail has no filters behind or before the queue; a listener of it is tried with one made here")

LISTENER = "after-filter"
FINDINGS = {"authres-forged": "none"}


def texts(raw):
    """Our fields, unfolded, each without the second one that goes with it, of what is not registered."""
    fields = [re.sub(r"\s+", " ", value) for value in delivered_fields(raw, "Authentication-Results") if m.AUTHSERV_ID in value]
    first = [field for field in fields if "x-tls=" not in field]
    assert len(fields) == 2 * len(first), fields
    return first


def lines(assayd, mail):
    """What the log says of this message, each time it was seen."""
    return [line for line in assayd.log().splitlines() if f"from=<{mail.mail_from}>" in line]


def status(assayd):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(assayd.socket + ".status")
        text = b""
        while block := client.recv(65536):
            text += block
    return json.loads(text)


class Behind:
    """One assayd on both sides of a filter. front: where mail comes in; back: where the filter hands it back."""

    def __init__(self, stack, mode="dry-run", options="", back_options=(), front_option="content_filter=smtp:[127.0.0.1]:{port}", **more):
        name = f"returned{next(NUMBERS)}"
        options += f'\nstatus-socket = "{stack.world.path(name, "milter.sock.status")}"'
        self.stack, self.postfix = stack, stack.postfix
        self.assayd = Assayd(stack.world, stack.dns.port, name=name, mode=mode, findings=FINDINGS, options=options, **more)
        self.assayd.start()
        self.back = self.postfix.add_service(self.assayd.milter, "content_filter=", *back_options)
        self.filter = Proxsmtp(stack.world, name + "-filter", self.back)
        self.front = self.postfix.add_service(self.assayd.milter, front_option.format(port=self.filter.port))

    def close(self):
        self.filter.stop()
        self.assayd.stop()

    def through(self, mail, port=None):
        """@return the message as it was delivered."""
        end = deliver(self.postfix, mail, port or self.front)["end"]
        assert end.code == 250, end
        raw = self.postfix.delivered(mail.recipients[0])
        assert port == self.back or delivered_fields(raw, "X-Filtered") == [" yes"]
        return raw


@pytest.fixture(name="behind", scope="module", params=["dry-run", "enforce"])
def behind_fixture(stack, request):
    """By the recipe."""
    needs.programs("proxsmtpd")
    behind = Behind(stack, request.param, f'reinjection-daemons = {{ "{LISTENER}" }}', (f"milter_macro_daemon_name={LISTENER}",))
    yield behind
    behind.close()


def fresh(stack, domain="pass.example", signer="rsa", extra=b""):
    """Signed by its domain, with a sender of its own, by whom the log is searched."""
    sender = f"n{next(NUMBERS)}@{domain}"
    data = m.message(sender, extra=extra)
    return m.Mail(stack.keys.sign(data, domain, signer) if signer else data, sender)


def test_verdict_of_the_first_time_stays(stack, behind):
    mail = fresh(stack)
    raw = behind.through(mail)
    assert scenarios.seen_verdicts(raw)["dmarc"] == "pass" and scenarios.seen_verdicts(raw)["dkim"] == ["pass"]
    assert all("not judged" not in text for text in texts(raw))
    first, second = lines(behind.assayd, mail)
    assert " exempt=" not in first and " returned=" not in first
    assert " exempt=reinjected" in second and " returned=kept " in second


def test_verdict_of_a_failure_stays_too(stack, behind):
    mail = fresh(stack, "other.example", None)
    mail.data = m.message("ceo@reject.example")
    mail.mail_from = f"bounce{next(NUMBERS)}@other.example"
    if behind.assayd.mode == "enforce":     # is held before the filter sees it
        assert deliver(stack.postfix, mail, behind.front)["end"].code == 250 and behind.postfix.held(mail.recipients[0])
        return
    assert scenarios.seen_verdicts(behind.through(mail))["dmarc"] == "fail"


def test_fields_are_those_of_the_first_time_to_the_byte(stack, behind):
    """Against the same message without a filter."""
    mail = fresh(stack)
    direct = m.Mail(mail.data, mail.mail_from)
    port = stack.postfix.add_service(behind.assayd.milter)
    assert deliver(stack.postfix, direct, port)["end"].code == 250
    there = delivered_fields(stack.postfix.delivered(direct.recipients[0]), "Authentication-Results")
    assert delivered_fields(behind.through(mail), "Authentication-Results") == there


FORGED = f"Authentication-Results: {m.AUTHSERV_ID}; dmarc=pass header.from=bank.example; dkim=pass header.d=bank.example\r\n"
BY_US = (f"Received: from [203.0.113.1] (unknown [203.0.113.1]) by {m.AUTHSERV_ID} (Postfix) with ESMTP id 4Zforged;"
         " Sun, 1 Nov 2026 00:00:00 +0000\r\n")


@pytest.mark.parametrize("helo", ["mail.pass.example", LISTENER, m.AUTHSERV_ID, "localhost"])
@pytest.mark.parametrize("above", [FORGED, FORGED + BY_US, BY_US + FORGED, f"X-Daemon-Name: {LISTENER}\r\n" + FORGED],
                         ids=["field", "field above our Received", "field below our Received", "field and listener's name"])
def test_forger_from_outside_gains_nothing(stack, behind, helo, above):
    mail = fresh(stack, "other.example", None)
    mail.data, mail.helo = above.encode() + mail.data, helo
    raw = behind.through(mail)
    assert b"bank.example" not in raw
    field, = texts(raw)
    assert "not judged" not in field and scenarios.seen_verdicts(raw)["dkim"] == "none"
    first, second = lines(behind.assayd, mail)
    assert "authres-forged" in first and " exempt=" not in first and " exempt=reinjected" in second


def test_listener_that_strangers_reach_judges_them(stack, behind):
    """It listens on loopback only, as it should; were it open, the name alone would be worth nothing."""
    mail = fresh(stack, "other.example", None)
    mail.data, mail.client, mail.client_name = FORGED.encode() + mail.data, "192.0.2.1", "mail.pass.example"
    raw = behind.through(mail, behind.back)
    assert b"bank.example" not in raw and len(texts(raw)) == 1
    line, = lines(behind.assayd, mail)
    assert " exempt=" not in line and "authres-forged" in line
    again = fresh(stack, "other.example", None)
    behind.through(again, behind.back)
    assert behind.assayd.log().count("is not in trusted-networks but comes to a listener of reinjection-daemons") == 1


def test_stranger_who_says_mail_by_a_trusted_address_only(stack, behind):
    """The front's smtpd has another name: a trusted client there is exempt, and what he brings in our name goes, as ever."""
    mail = fresh(stack, "other.example", None)
    mail.data, mail.client = FORGED.encode() + mail.data, "198.51.100.7"
    raw = behind.through(mail)
    assert b"bank.example" not in raw
    assert "not judged: trusted-network" in texts(raw)[0] and len(texts(raw)) == 1


def test_mail_that_comes_to_the_listener_without_verdict_is_counted(stack, behind):
    before = status(behind.assayd)["beside"]
    mail = fresh(stack)
    with Client(behind.back, helo=mail.helo) as session:     # a program of this host, not through the front
        assert session.send(mail)["end"].code == 250
    raw = stack.postfix.delivered(mail.recipients[0])
    assert "not judged: reinjected" in texts(raw)[0]
    assert " returned=unjudged " in lines(behind.assayd, mail)[0]
    after = status(behind.assayd)["beside"]
    assert after["unjudged"] == before["unjudged"] + 1 and after["kept"] == before["kept"]


@pytest.mark.parametrize("asked", [False, True], ids=["as by default", "by non_smtpd_milters"])
def test_what_a_program_of_this_host_says_in_our_name_goes(stack, behind, asked):
    """sendmail(1), and a content_filter of main.cf: the filter gets mail that nobody has judged, and the listener gets it from the filter."""
    before = status(behind.assayd)["beside"]
    mail = fresh(stack, "other.example", None)
    stack.postfix.set(content_filter=f"smtp:[127.0.0.1]:{behind.filter.port}", non_smtpd_milters=behind.assayd.milter if asked else "")
    try:
        stack.postfix.submit_local(mail.mail_from, mail.recipients[0], FORGED.encode() + mail.data)
        raw = stack.postfix.delivered(mail.recipients[0])
    finally:
        stack.postfix.set(content_filter="", non_smtpd_milters="")
    assert b"bank.example" not in raw and delivered_fields(raw, "X-Filtered") == [" yes"]
    assert texts(raw) == [f" {m.AUTHSERV_ID}; none (not judged: {'local-submission' if asked else 'reinjected'})"]
    assert " exempt=reinjected" in lines(behind.assayd, mail)[-1]
    after = status(behind.assayd)["beside"]
    assert (after["kept"] - before["kept"], after["unjudged"], after["twice"]) == (asked, before["unjudged"], before["twice"])


def test_disguised_fields_go_at_the_listener_too(stack, behind):
    mail = fresh(stack)
    disguised = f"Authentication-Results: =?utf-8?q?{m.AUTHSERV_ID}?=; dkim=pass header.d=bank.example\r\n"
    mail.data = disguised.encode() + mail.data
    with Client(behind.back, helo=mail.helo) as session:
        assert session.send(mail)["end"].code == 250
    assert b"bank.example" not in stack.postfix.delivered(mail.recipients[0])


def test_no_milters_is_a_recipe_too(stack):
    needs.programs("proxsmtpd")
    behind = Behind(stack, back_options=("receive_override_options=no_milters",))
    try:
        mail = fresh(stack)
        assert scenarios.seen_verdicts(behind.through(mail))["dmarc"] == "pass"
        assert len(lines(behind.assayd, mail)) == 1
    finally:
        behind.close()


def test_without_recipe_the_loss_is_told_once(stack):
    needs.programs("proxsmtpd")
    behind = Behind(stack)
    try:
        for number in range(3):
            mail = fresh(stack)
            assert "not judged: trusted-network" in texts(behind.through(mail))[0]
            assert " returned=twice " in lines(behind.assayd, mail)[1]
            assert behind.assayd.log().count("the verdict of the first time is removed") == 1
            assert status(behind.assayd)["beside"]["twice"] == number + 1
    finally:
        behind.close()


def test_own_name_among_the_trusted_keeps_it_without_a_word(stack):
    """As before: assay.conf(5), trusted-authserv-ids."""
    needs.programs("proxsmtpd")
    behind = Behind(stack, options=f'trusted-authserv-ids = {{ "{m.AUTHSERV_ID}" }}')
    try:
        mail = fresh(stack)
        assert len(texts(behind.through(mail))) == 2
        assert " returned=" not in behind.assayd.log()
    finally:
        behind.close()


class Handed:
    """A Sendmail with a second listener, where a filter on loopback hands back; only one of the two has the name."""

    def __init__(self, stack):
        name = f"handed{next(NUMBERS)}"
        self.port = free_port()
        self.assayd = Assayd(stack.world, stack.dns.port, name=name, findings=FINDINGS, options=f'reinjection-daemons = {{ "{LISTENER}" }}')
        self.assayd.start()
        more = f"DAEMON_OPTIONS(`Name={LISTENER}, Family=inet, Addr=127.0.0.1, Port={self.port}')dnl"
        self.mta = sendmail.Sendmail(stack.world, stack.postfix.add_service(""), stack.authority, self.assayd.milter, name=name + "-sm",
                                     more=more)
        self.mta.start()

    def close(self):
        self.mta.stop()
        self.assayd.stop()


def test_listener_of_sendmail(stack):
    if sendmail.why_not():
        pytest.skip(sendmail.why_not())
    handed = Handed(stack)
    try:
        for port, kept in ((handed.port, True), (handed.mta.port, False)):
            mail = fresh(stack, "other.example", None)
            mail.data = f"Authentication-Results: {m.AUTHSERV_ID}; dmarc=pass header.from=first.example\r\n".encode() + mail.data
            with Client(port, helo=LISTENER) as session:
                assert session.send(mail)["end"].code == 250
            raw = stack.postfix.delivered(mail.recipients[0])
            assert (b"header.from=first.example" in raw, b"not judged" in raw) == (kept, not kept)
            line, = lines(handed.assayd, mail)
            assert (" exempt=reinjected" in line, " returned=kept " in line) == (kept, kept), line
    finally:
        handed.close()


def test_what_a_trusted_relay_has_from_elsewhere_is_told_and_counted(stack, behind):
    before = status(behind.assayd)["beside"]
    for number in range(2):
        mail = fresh(stack)
        mail.data = b"Received: from a.example (a.example [203.0.113.9]) by relay.example (Postfix) with ESMTPS id 4Z1\r\n" + mail.data
        mail.client = "198.51.100.7"
        assert "not judged: trusted-network" in texts(behind.through(mail))[0]
        assert behind.assayd.log().count("hands on mail that it has from elsewhere") == 1
        assert status(behind.assayd)["beside"] == dict(before, relayed=before["relayed"] + number + 1, kept=before["kept"] + number + 1)


# ---- before the queue ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("trusted", ['"127.0.0.0/8"', ""])
def test_mail_behind_a_proxy_is_told_and_counted(stack, trusted):
    needs.programs("proxsmtpd")
    behind = Behind(stack, front_option="smtpd_proxy_filter=127.0.0.1:{port}", trusted=trusted)
    try:
        for number in range(2):
            mail = fresh(stack)
            raw = behind.through(mail)
            assert len(texts(raw)) == 1 and ("not judged" in texts(raw)[0]) == (trusted != "")
            line, = lines(behind.assayd, mail)
            assert " returned=unjudged " in line and "client=[127.0.0.1]" in line
            assert behind.assayd.log().count("nobody has judged it, as behind smtpd_proxy_filter") == 1
            assert status(behind.assayd)["beside"]["unjudged"] == number + 1
    finally:
        behind.close()


@pytest.mark.parametrize("domain, client", [("pass.example", "192.0.2.1"), ("spffail.example", "203.0.113.9")])
def test_proxy_that_says_xclient_is_judged_as_without(stack, domain, client):
    assayd = Assayd(stack.world, stack.dns.port, name=f"xclient{next(NUMBERS)}", findings=FINDINGS)
    assayd.start()
    try:
        proxy = XclientProxy(stack.world, stack.postfix.add_service(assayd.milter))
        front = stack.postfix.add_service("", f"smtpd_proxy_filter=127.0.0.1:{proxy.port}")
        seen = []
        for port in (front, stack.postfix.add_service(assayd.milter)):
            mail = fresh(stack, domain, "rsa" if domain == "pass.example" else None)
            mail.data, mail.client = FORGED.encode() + mail.data, client
            assert deliver(stack.postfix, mail, port)["end"].code == 250
            raw = stack.postfix.delivered(mail.recipients[0])
            assert b"bank.example" not in raw and len(texts(raw)) == 1
            line, = lines(assayd, mail)
            seen.append((scenarios.seen_verdicts(raw), f"[{client}]" in line, f"helo={mail.helo}" in line, "returned=" in line))
        assert seen[0] == seen[1] and seen[0][1:] == (True, True, False)
        assert seen[0][0]["spf"] == ("pass" if domain == "pass.example" else "fail")
    finally:
        assayd.stop()


# ---- assay doctor ----------------------------------------------------------------------------------------------------------------

MASTER = """
127.0.0.1:{a} inet n - n - - smtpd -o content_filter= {more}
127.0.0.1:{b} inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:1
"""


@pytest.mark.parametrize("more, conf, level", [
    ("", "", "warning"), ("-o receive_override_options=no_milters", "", None),
    (f"-o milter_macro_daemon_name={LISTENER}", "", "warning"),
    (f"-o milter_macro_daemon_name={LISTENER}", f'reinjection-daemons = {{ "{LISTENER}" }}\n', "ok"), ("-o smtpd_milters=", "", None)])
def test_doctor_sees_filters_of_postfix(stack, more, conf, level):
    place = Place(stack, f"beside{next(NUMBERS)}", chroot=False)
    try:
        place.write(place.conf, place.read(place.conf) + conf)
        place.write(place.main_cf, place.read(place.main_cf) + f"smtpd_milters = unix:{place.socket}\ncontent_filter = smtp:[127.0.0.1]:1\n")
        master = place.postfix.config + "/master.cf"
        place.write(master, place.read(master) + MASTER.format(a=10026, b=10027, more=more))
        told = json.loads(place.run("doctor", "--json").stdout)["checks"]
        told = [(line["level"], line["text"]) for line in told if line["check"] == "beside"]
        proxies = [line for line in told if "smtpd_proxy_filter" in line[1]]
        assert [line[0] for line in proxies] == ["warning"] and "10027" in proxies[0][1]
        assert [line[0] for line in told if "takes mail back" in line[1]] == ([level] if level else [])
    finally:
        place.close()


@pytest.mark.parametrize("name, level", [(m.AUTHSERV_ID, "error"), (LISTENER, None)])
def test_doctor_sees_a_name_of_all_listeners(stack, name, level):
    place = Place(stack, f"beside{next(NUMBERS)}", chroot=False)
    try:
        place.write(place.conf, place.read(place.conf) + f'reinjection-daemons = {{ "{name}" }}\n')
        told = json.loads(place.run("doctor", "--json").stdout)["checks"]
        assert [line["level"] for line in told if line["check"] == "beside" and "every smtpd" in line["text"]] == ([level] if level else [])
    finally:
        place.close()
