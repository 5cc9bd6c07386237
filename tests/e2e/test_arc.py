# SPDX-License-Identifier: BSD-2-Clause
"""
A list post that fails DMARC under p=reject, through a real Postfix: refused as it is, delivered with the reason when its list is a
trusted sealer; a broken seal does not help. dkimpy seals.
"""
import re

import dkim
import pytest

from world import delivered_fields, scenarios
from world.client import deliver

pytestmark = pytest.mark.mta("postfix", "sendmail")

ONLY_DMARC = {"dmarc-reject": "reject"}
LIST = "two.example"        # a domain with a key, of which the tests make a list


def post(stack, seal=True):
    """By pass.example, sent on and changed by the list."""
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.mail_from = f"bounce@{LIST}"
    mail.client, mail.client_name = "192.0.2.1", "mail.pass.example"
    mail.data = mail.data.replace(b"Subject: ", b"Subject: [list] ")
    if seal:
        results = f"Authentication-Results: {LIST}; dmarc=pass header.from=pass.example\r\n".encode()
        lines = dkim.arc_sign(results + mail.data, b"rsa", LIST.encode(), stack.keys.rsa[LIST, "rsa"], LIST.encode())
        mail.data = b"".join(line if line.endswith(b"\r\n") else line + b"\r\n" for line in lines) + mail.data
    return mail


@pytest.fixture(name="strict", scope="module")
def strict_fixture(stack):
    assayd, port = stack.another_assayd("arc-strict", mode="enforce", findings=ONLY_DMARC)
    yield port
    assayd.stop()


@pytest.fixture(name="trusting", scope="module")
def trusting_fixture(stack):
    assayd, port = stack.another_assayd("arc-trusting", mode="enforce", findings=ONLY_DMARC,
                                        options=f'dmarc {{ trusted-sealers = "{LIST}" }}')
    yield assayd, port
    assayd.stop()


def test_list_post_is_refused_without_trust(stack, strict):
    for seal in (False, True):
        end = deliver(stack.mta, post(stack, seal), strict)["end"]
        assert (end.code, end.enhanced) == (550, "5.7.26")


def test_list_post_is_delivered_with_the_reason(stack, trusting):
    assayd, port = trusting
    mail = post(stack)
    assert deliver(stack.mta, mail, port)["end"].code == 250
    fields = [" ".join(value.split()) for value in delivered_fields(stack.mta.delivered(mail.recipients[0]),
                                                                    "Authentication-Results")]
    ours = next(value for value in fields if "arc=" in value)
    assert re.search(r"arc=pass \([^)]*\) smtp\.remote-ip=192\.0\.2\.1 header\.oldest-pass=0;", ours)
    assert f"overridden: ARC seal 1 of {LIST} found dmarc=pass" in ours and "dmarc=fail" in ours
    lines = [line for line in assayd.log().splitlines() if "dmarc_overridden" in line]
    assert len(lines) == 1 and f"dmarc_overridden=1:{LIST}" in lines[0] and "arc=pass:-:" in lines[0]
    assert "findings=" in lines[0] and "dmarc-overridden" in lines[0]


def test_forged_evidence_does_not_help(stack, trusting):
    _, port = trusting
    for old, new in ((b"cv=none", b"cv=pass"), (b"[list]", b"[l1st]"), (b"i=1; a=rsa", b"i=2; a=rsa")):
        mail = post(stack)
        assert old in mail.data
        mail.data = mail.data.replace(old, new, 1)
        end = deliver(stack.mta, mail, port)["end"]
        assert (end.code, end.enhanced) == (550, "5.7.26"), (old, end)
    mail = post(stack, seal=False)
    mail.data = b"List-Id: <list.two.example>\r\nARC-Seal: i=1; a=rsa-sha256; cv=none; d=two.example; s=rsa; b=AAAA\r\n" + mail.data
    assert deliver(stack.mta, mail, port)["end"].code == 550
