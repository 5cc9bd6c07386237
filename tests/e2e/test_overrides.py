# SPDX-License-Identifier: BSD-2-Clause
"""
A list post and a forwarded message that fail DMARC under p=reject, through a real Postfix: refused as they are, delivered with the reason
under each override, refused again under a policy that honours none; forged evidence does not help.
"""
import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.client import deliver

ONLY_DMARC = {"dmarc-reject": "reject"}
LIST = "two.example"            # a domain with a key and an SPF record, of which the tests make a list, and a mailer
AUTHOR = "pass.example"
MX, STRANGER = "192.0.2.1", "203.0.113.9"
FORWARDER = "203.0.113.77"      # has no name in DNS
STRICT = f'policy "strict" {{ recipient-domains = {m.RECIPIENT_DOMAIN} overrides = none }}'
SIGNED = [*m.SIGNED_HEADERS, b"List-Id"]


def post(stack, signed=True):
    """By the author, sent on and changed by the list, which signs what it made."""
    mail = scenarios.signed(stack.keys, AUTHOR, "rsa")
    mail.mail_from = f"bounce@{LIST}"
    mail.client, mail.client_name = MX, "mail.pass.example"
    mail.data = mail.data.replace(b"Subject: ", f"List-Id: <list.{LIST}>\r\nSubject: [list] ".encode())
    if signed:
        mail.data = stack.keys.sign(mail.data, LIST, "rsa", headers=SIGNED)
    return mail


def forwarded(stack):
    """By the author, passed on under his own envelope by a host that adds a footer."""
    mail = scenarios.signed(stack.keys, AUTHOR, "rsa")
    mail.client, mail.client_name = FORWARDER, None
    mail.data += b"-- \r\nforwarded\r\n"
    return mail


def named(stack):
    """The same by a host with a name, under an envelope of its own: SPF passes for another domain."""
    mail = forwarded(stack)
    mail.client, mail.client_name, mail.mail_from = MX, "mail.pass.example", "fwd@spffail.example"
    return mail


OVERRIDES = {
    "list": (post, f"kind = mailing-list dkim-domains = {LIST} list-id = yes", f"DKIM {LIST}"),
    "list-spf": (post, f"kind = mailing-list authenticated-domains = .{LIST}", LIST),
    "net": (forwarded, "kind = forwarder client-networks = 203.0.113.77", f"client {FORWARDER}"),
    "name": (named, "kind = forwarder client-names = mail.pass.example", "client name mail.pass.example"),
    "spf": (named, "kind = forwarder authenticated-domains = spffail.example", "SPF spffail.example"),
    "mailer": (post, f"kind = known-sender dkim-domains = {LIST} author-domains = {AUTHOR}", f"DKIM {LIST}"),
}


@pytest.fixture(name="strict", scope="module")
def strict_fixture(stack):
    assayd, port = stack.another_assayd("override-none", mode="enforce", findings=ONLY_DMARC)
    yield port
    assayd.stop()


@pytest.fixture(name="lists", scope="module")
def lists_fixture(stack):
    """Honoured for one domain of recipients, not for the other."""
    sections = "".join(f'override "{name}" {{ {text} }}\n' for name, (_, text, _) in OVERRIDES.items() if "list" in name or name == "mailer")
    assayd, port = stack.another_assayd("override-lists", mode="enforce", findings=ONLY_DMARC, options=sections + STRICT)
    yield assayd, port
    assayd.stop()


@pytest.mark.parametrize("name", sorted(OVERRIDES))
def test_refused_without_and_delivered_with_the_reason_under_each(stack, strict, name):
    make, text, evidence = OVERRIDES[name]
    end = deliver(stack.postfix, make(stack), strict)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26") and f"DMARC failed for {AUTHOR}" in end.text
    assayd, port = stack.another_assayd(f"override-{name}", mode="enforce", findings=ONLY_DMARC, options=f'override "{name}" {{ {text} }}')
    try:
        mail = make(stack)
        assert deliver(stack.postfix, mail, port)["end"].code == 250
        fields = [" ".join(value.split()) for value in delivered_fields(stack.postfix.delivered(mail.recipients[0]),
                                                                        "Authentication-Results")]
        ours = next(value for value in fields if "dmarc=" in value)
        kind = text.split()[2]
        assert f"overridden: {kind} {name}: " in ours and evidence in ours and "dmarc=fail" in ours, ours
        line = next(line + " " for line in assayd.log().splitlines() if " overrides=" in line)
        assert f" overrides={name} " in line and f" dmarc_overridden={name}:" in line and "dmarc-overridden" in line
        assert ("decision=none" in line or "because=spf-fail" in line) and "dmarc-reject" not in line
    finally:
        assayd.stop()


def test_policy_that_honours_none_refuses(stack, lists):
    assayd, port = lists
    mail = post(stack)
    end = deliver(stack.postfix, mail, port)["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26")
    line = next(line + " " for line in assayd.log().splitlines() if " overrides_ignored=" in line)
    assert "policy=strict" in line and "because=dmarc-reject" in line and " overrides_ignored=list,list-spf,mailer " in line
    mail = post(stack)
    mail.recipients = [m.recipient().replace(m.RECIPIENT_DOMAIN, "lenient.example")]
    assert deliver(stack.postfix, mail, port)["end"].code == 250
    stack.postfix.delivered(mail.recipients[0])


def changed(old, new):
    def change(mail):
        assert old in mail.data
        mail.data = mail.data.replace(old, new, 1)
    return change


def from_elsewhere(mail):
    mail.client, mail.client_name = STRANGER, None


def on_top(field):
    def change(mail):
        mail.data = field + mail.data
    return change


FORGED = {
    "words of a list": (False, [from_elsewhere]),
    "its envelope and its name at HELO": (False, [from_elsewhere, lambda mail: setattr(mail, "helo", LIST)]),
    "a body that it did not sign": (True, [from_elsewhere, changed(b"The end.", b"Pay this.")]),
    "a subject that it did not sign": (True, [from_elsewhere, changed(b"[list]", b"[l1st]")]),
    "a signature in its name": (False, [from_elsewhere, on_top(b"DKIM-Signature: v=1; a=rsa-sha256; d=two.example; s=rsa; h=From; bh=AAAA; b=AAAA\r\n")]),
    "a chain in its name": (False, [from_elsewhere, on_top(b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=two.example; s=rsa; b=AAAA\r\n")]),
    "another author on top": (True, [from_elsewhere, on_top(b"From: <ceo@pass.example>\r\n")]),
    "results in its name": (False, [from_elsewhere, on_top(b"Authentication-Results: two.example; dmarc=pass header.from=pass.example\r\n")]),
}


@pytest.mark.parametrize("name", sorted(FORGED))
def test_forged_evidence_does_not_help(stack, lists, name):
    signed, changes = FORGED[name]
    mail = post(stack, signed)
    mail.recipients = [m.recipient().replace(m.RECIPIENT_DOMAIN, "lenient.example")]
    for change in changes:
        change(mail)
    end = deliver(stack.postfix, mail, lists[1])["end"]
    assert (end.code, end.enhanced) == (550, "5.7.26"), end
