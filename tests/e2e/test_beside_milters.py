# SPDX-License-Identifier: BSD-2-Clause
"""
opendkim, opendmarc and spamd beside assayd behind one MTA: which order and which names work, what
each makes of our fields, and that assayd says so, once, when another has its name. As the table in assayd(8) has it.
"""
import os
import re
import shutil

import pytest

from house import needs
from other_readers import SpamAssassin
from place import NUMBERS, Sub
from world import Assayd, delivered_fields, scenarios
from world import mail as m
from world.beside import OpenDkim, OpenDmarc, Proxsmtp
from world.client import deliver
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

OTHER = "filter.example"
ONE_FIELD = "in our own name above all that a sender writes, which is removed"
NEIGHBOUR = "another filter before assayd has the same authserv-id"


def fields_by(raw):
    """{authserv-id: [{method: [result, …]}, …]}, top first."""
    fields = {}
    for value in delivered_fields(raw, "Authentication-Results"):
        authserv_id, results = m.parse_authres(re.sub(r"\s+", " ", value))
        fields.setdefault(authserv_id, []).append({method: [row["result"] for row in rows] for method, rows in results.items()})
    return fields


def ours_in(fields):
    """Whether all of our verdict stands there: no other of these programs judges the client's name."""
    return [field for field in fields.get(m.AUTHSERV_ID, []) if "iprev" in field]


@pytest.fixture(name="others", scope="module")
def others_fixture(stack):
    """{name: its socket}; each once in our name and once in its own."""
    needs.programs("opendkim", "opendmarc")
    key = stack.world.write("beside-signer.pem", stack.keys.rsa["two.example", "rsa"].decode())
    os.chmod(key, 0o600)
    shutil.chown(key, "nobody")
    signs = ("Mode s", "Domain two.example", "Selector rsa", f"KeyFile {key}", "RequireSafeKeys no", "InternalHosts 0.0.0.0/0")
    own, trusting = f"AuthservID {OTHER}", f"TrustedAuthservIDs {m.AUTHSERV_ID}"
    made = {
        "opendkim, our name": OpenDkim(stack.world, "dkim-namesake", stack.dns),
        "opendkim": OpenDkim(stack.world, "dkim-other", stack.dns, own),
        "opendkim -s": OpenDkim(stack.world, "dkim-signer", stack.dns, *signs),
        "opendmarc, our name": OpenDmarc(stack.world, "dmarc-namesake", stack.dns),
        "opendmarc": OpenDmarc(stack.world, "dmarc-other", stack.dns, own, trusting),
    }
    yield dict({name: milter.milter for name, milter in made.items()}, **{"another assayd": stack.dry.milter})
    for milter in made.values():
        milter.stop()


@pytest.fixture(name="assayd")
def assayd_fixture(stack):
    assayd = Assayd(stack.world, stack.dns.port, name=f"chain{next(NUMBERS)}", findings={"authres-forged": "none", "spf-fail": "none"})
    assayd.start()
    yield assayd
    assayd.stop()


def port_of(stack, assayd, others, chain):
    return stack.mta.add_service(",".join(assayd.milter if name == "assayd" else others[name] for name in chain))


def send(stack, port, mail):
    end = deliver(stack.mta, mail, port)["end"]
    assert end.code == 250, end
    return stack.mta.delivered(mail.recipients[0])


# What stands in the delivered message: our verdict, another's beside it.
ORDERS = [
    (["assayd", "opendkim"], True, True), (["opendkim", "assayd"], True, True),
    (["assayd", "opendmarc"], True, True), (["opendmarc", "assayd"], True, True),
    (["assayd", "opendkim, our name"], False, True),        # it removes ours
    (["opendkim, our name", "assayd"], True, False),        # we remove its
    (["opendmarc, our name", "assayd"], True, False),
    (["assayd", "opendmarc, our name"], True, True),        # two fields of one name, and its stands on top
    (["assayd", "opendkim -s"], True, False),
    (["assayd", "another assayd"], True, False),            # it removes ours and writes its own
]


@pytest.mark.parametrize("chain, ours, theirs", ORDERS, ids=lambda value: " → ".join(value) if isinstance(value, list) else None)
def test_order_and_names(stack, assayd, others, chain, ours, theirs):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    fields = fields_by(send(stack, port_of(stack, assayd, others, chain), mail))
    assert bool(ours_in(fields)) == ours, fields
    assert any("iprev" not in field and ({"dkim", "dmarc"} & field.keys()) for name in fields for field in fields[name]
               if name == OTHER or "our name" in "".join(chain)) == theirs, fields
    if ours:
        verdict, = ours_in(fields)
        assert verdict["spf"][0] == "pass" and verdict["dkim"] == ["pass"] and verdict["dmarc"] == ["pass"]


def test_signer_behind_us_signs_what_we_have_judged(stack, assayd, others):
    mail = scenarios.plain("two.example")
    raw = send(stack, port_of(stack, assayd, others, ["assayd", "opendkim -s"]), mail)
    assert [" d=two.example;" in re.sub(r"\s+", " ", value) for value in delivered_fields(raw, "DKIM-Signature")] == [True]
    assert ours_in(fields_by(raw))[0]["dkim"] == ["none"]


# ---- opendmarc reads us -------------------------------------------------------------------------------------------------------------

def dmarc_mails(stack):
    """Each way in which DMARC comes out, by SPF and by DKIM alone."""
    both = scenarios.signed(stack.keys, "pass.example", "rsa")
    dkim_alone = scenarios.signed(stack.keys, "pass.example", "rsa")
    dkim_alone.mail_from = "bounce@other.example"
    spf_alone = scenarios.plain("pass.example")
    neither = scenarios.plain("reject.example")
    neither.mail_from = "bounce@other.example"
    broken = scenarios.signed(stack.keys, "pass.example", "rsa")
    broken.data, broken.mail_from = broken.data.replace(b"The end.", b"The End."), "bounce@other.example"
    no_policy = scenarios.plain("other.example")
    return [(both, "pass"), (dkim_alone, "pass"), (spf_alone, "pass"), (neither, "fail"), (broken, "fail"), (no_policy, "none")]


@pytest.mark.parametrize("number", range(6))
def test_opendmarc_comes_to_our_verdict(stack, assayd, others, number):
    mail, expected = dmarc_mails(stack)[number]
    fields = fields_by(send(stack, port_of(stack, assayd, others, ["assayd", "opendmarc"]), mail))
    assert ours_in(fields)[0]["dmarc"] == [expected]
    assert fields[OTHER][0]["dmarc"] == [expected]


# ---- spamd reads us -------------------------------------------------------------------------------------------------------------------

@pytest.fixture(name="spamd", scope="module")
def spamd_fixture(stack):
    """Behind the queue, as content_filter; what it hands back comes by the recipe of assayd(8). @return it, the port in front."""
    needs.programs("proxsmtpd")
    spamd = SpamAssassin(Sub(stack.world, "behind-queue"))
    assayd = Assayd(stack.world, stack.dns.port, name="before-spamd", options='reinjection-daemons = { "after-spamd" }')
    assayd.start()
    back = stack.mta.add_service(assayd.milter, "milter_macro_daemon_name=after-spamd")
    filters = Proxsmtp(stack.world, "spamc", back, f"/usr/bin/spamc -d 127.0.0.1 -p {spamd.port}")
    yield spamd, stack.mta.add_service(assayd.milter, f"content_filter=smtp:[127.0.0.1]:{filters.port}")
    filters.stop()
    assayd.stop()
    spamd.stop()


@pytest.mark.mta("postfix", reason="Sendmail has no content_filter")
@pytest.mark.parametrize("number", range(6))
def test_spamd_meets_our_verdict(stack, spamd, number):
    program, port = spamd
    mail, expected = dmarc_mails(stack)[number]
    raw = send(stack, port, mail)
    assert delivered_fields(raw, "X-Spam-Checker-Version") and delivered_fields(raw, "X-Filtered")
    ours, read = ours_in(fields_by(raw))[0], program.reads(raw)
    assert {method: ours[method][0] for method in read} == read
    assert read["dmarc"] == expected and {"spf", "dkim", "iprev"} <= read.keys()


# ---- we say so ------------------------------------------------------------------------------------------------------------------------

def test_neighbour_is_told_once_each_way(stack, assayd, others):
    port = port_of(stack, assayd, others, ["opendmarc, our name", "assayd"])
    for number in range(12):
        mail = scenarios.plain("pass.example")
        mail.client, mail.client_name = f"203.0.{number // 2}.{number + 1}", None
        send(stack, port, mail)
        assert assayd.log().count(ONE_FIELD) == 1
        # the fifth network
        assert assayd.log().count(NEIGHBOUR) == (1 if number >= 8 else 0)


def test_forger_makes_us_say_one_line(stack, assayd):
    """However often, and from however many addresses of his network; that is told as what it may be, and the field goes."""
    port = stack.mta.add_service(assayd.milter)
    for number in range(8):
        mail = scenarios.plain("other.example")
        mail.data = f"Authentication-Results: {m.AUTHSERV_ID}; dkim=pass header.d=bank.example\r\n".encode() + mail.data
        mail.client, mail.client_name = f"203.0.113.{number + 1}", None
        assert b"bank.example" not in send(stack, port, mail)
    assert assayd.log().count(ONE_FIELD) == 1 and NEIGHBOUR not in assayd.log()


@pytest.mark.parametrize("chain", [["assayd", "opendkim"], ["opendkim", "assayd"], ["opendmarc", "assayd"]])
def test_nothing_is_said_of_neighbours_with_other_names(stack, assayd, others, chain):
    send(stack, port_of(stack, assayd, others, chain), scenarios.signed(stack.keys, "pass.example", "rsa"))
    assert ONE_FIELD not in assayd.log() and "AuthservID" not in assayd.log()


def test_reload_lets_it_be_told_again(stack, assayd, others):
    port = port_of(stack, assayd, others, ["opendmarc, our name", "assayd"])
    send(stack, port, scenarios.plain("pass.example"))
    assayd.reload()
    wait_for(lambda: "is in force" in assayd.log(), "the reload")
    send(stack, port, scenarios.plain("pass.example"))
    assert assayd.log().count(ONE_FIELD) == 2


# What stands in /etc, in a mount namespace of the daemon's: mail's own chain, and the other's configuration.
ETC = ["sh", "-c", "mount --make-rprivate / && mount -t tmpfs tmpfs /etc/postfix && cp -r {directory}/postfix/. /etc/postfix/ && "
       "touch /etc/opendkim.conf && mount --bind {directory}/opendkim.conf /etc/opendkim.conf && exec \"$@\"", "sh"]


@pytest.mark.mta("postfix", reason="no mail is sent; it is about what main.cf says")
@pytest.mark.parametrize("milters, conf, told", [
    ("unix:assay/assay.sock, unix:opendkim/opendkim.sock", "Socket local:/var/spool/postfix/opendkim/opendkim.sock\n", True),
    ("unix:assay/assay.sock,\n  inet:localhost:8891", "Socket inet:8891@localhost\n", True),
    ("unix:assay/assay.sock, inet:localhost:18891", "Socket inet:8891@localhost\n", False),
    ("unix:assay/assay.sock, inet:localhost:8891", f"Socket inet:8891@localhost\nAuthservID {OTHER}\n", False),
    ("unix:assay/assay.sock, inet:localhost:8891", f"Socket inet:8891@localhost\nAuthservID {m.AUTHSERV_ID.upper()}\n", True),
    ("unix:assay/assay.sock, inet:localhost:8891", "Socket inet:8891@localhost\nMode s\n", False),
    ("unix:assay/assay.sock", "Socket inet:8891@localhost\n", False)])
def test_namesake_is_told_at_start(stack, milters, conf, told):
    if not os.path.isdir("/etc/postfix"):
        pytest.skip("there is no /etc/postfix to stand in for")
    name = f"etc{next(NUMBERS)}"
    main = f"myhostname = {m.AUTHSERV_ID}\nsmtpd_milters = {milters}\n"
    directory = os.path.dirname(stack.world.write(f"{name}/opendkim.conf", conf))
    stack.world.write(f"{name}/postfix/main.cf", main)
    os.path.exists("/etc/opendkim.conf") or pytest.skip("opendkim is not installed (scripts/setup installs it)")
    assayd = Assayd(stack.world, stack.dns.port, name=f"namesake{name}")
    assayd.start(["unshare", "--mount", *(word.format(directory=directory) for word in ETC)])
    try:
        wait_for(lambda: "serving at" in assayd.log(), "assayd to serve")
        assayd.reload()
        warnings = [line for line in assayd.log().splitlines() if "opendkim is a milter of this MTA too" in line]
        # at the start, and once more for the configuration that was loaded again
        assert len(warnings) == (2 if told else 0) and all("another AuthservID" in line for line in warnings)
    finally:
        assayd.stop()
