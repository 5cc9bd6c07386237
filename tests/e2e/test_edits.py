# SPDX-License-Identifier: BSD-2-Clause
"""
Thousands of forged Authentication-Results fields: what is asked of the MTA is bounded, and where not all of them can go the
message is refused, or header and log say how many are left.
"""
import re
import subprocess

import pytest

from world import Assayd, delivered_fields, scenarios
from world.client import deliver
from world.mail import AUTHSERV_ID

pytestmark = pytest.mark.mta("postfix", "sendmail")

MAX_EDITS = 100     # the default
FINDINGS = {"authres-forged": "none"}
# A cheap way to 2,000 x 100 lines: folds. Postfix takes header fields of up to header_size_limit.
FOLDED = b"X-Folded:" + b"\r\n y" * 12000 + b"\r\n"


def forged(number, before=b""):
    mail = scenarios.plain("pass.example")
    mail.data = before + number * (b"Authentication-Results: %s; dkim=pass header.d=bank.example\r\n" % AUTHSERV_ID.encode()) + mail.data
    return mail


def ours(raw):
    return [value for value in delivered_fields(raw, "Authentication-Results") if AUTHSERV_ID in value]


def last_line(assayd, key):
    values = re.findall(rf" {key}=(\S+)", assayd.log())
    return values[-1] if values else None


@pytest.fixture(name="enforced", scope="module")
def enforced_fixture(stack):
    assayd, port = stack.another_assayd("edits-enforced", mode="enforce", findings=FINDINGS)
    yield assayd, port
    assayd.stop()


@pytest.fixture(name="dry", scope="module")
def dry_fixture(stack):
    assayd, port = stack.another_assayd("edits-dry", findings=FINDINGS)
    yield assayd, port
    assayd.stop()


@pytest.mark.parametrize("number", [1, MAX_EDITS])
def test_as_many_as_may_be_removed_are_removed(stack, enforced, number):
    mail = forged(number)
    assert deliver(stack.mta, mail, enforced[1])["end"].code == 250
    fields = ours(stack.mta.delivered(mail.recipients[0]))
    assert len(fields) == 2 and "bank.example" not in "".join(fields)


@pytest.mark.parametrize("number", [MAX_EDITS + 1, 1000, 10000])
def test_more_are_refused(stack, enforced, number):
    end = deliver(stack.mta, forged(number), enforced[1])["end"]
    assert (end.code, end.enhanced) == (550, "5.7.0") and "Authentication-Results" in end.text, end


@pytest.mark.parametrize("number, left", [(MAX_EDITS, 0), (MAX_EDITS + 1, 1), (1000, 900), (10000, 9900)])
def test_dry_run_removes_those_on_top_and_tells_of_the_rest(stack, dry, number, left):
    assayd, port = dry
    mail = forged(number)
    assert deliver(stack.mta, mail, port)["end"].code == 250
    fields = ours(stack.mta.delivered(mail.recipients[0]))
    assert len(fields) == 2 + left
    assert "bank.example" not in "".join(fields[:2]) and all("bank.example" in field for field in fields[2:])
    assert ("would reject: authres-too-many" in re.sub(r"\s+", " ", fields[0])) == (left != 0)
    for field in fields[:2]:
        assert (f"{left} forged fields below were not removed)" in re.sub(r"\s+", " ", field)) == (left != 0)
    if left:
        assert last_line(assayd, "authres_left") == str(left)


def test_one_behind_many_lines_is_refused(stack, enforced):
    with stack.mta.long_fields():
        assert deliver(stack.mta, forged(1, FOLDED), enforced[1])["end"].code == 250
        assert deliver(stack.mta, forged(1, FOLDED * 17), enforced[1])["end"].enhanced == "5.7.0"


def test_exempt_message_passes_and_tells(stack, enforced):
    """Nobody judges it; but what it asks of the MTA is bounded too."""
    assayd, port = enforced
    mail = forged(1000)
    mail.client = "198.51.100.7"    # a trusted network
    assert deliver(stack.mta, mail, port)["end"].code == 250
    fields = ours(stack.mta.delivered(mail.recipients[0]))
    assert len(fields) == 2 + 900 and "; 900 forged fields below were not removed)" in re.sub(r"\s+", " ", fields[0])
    assert last_line(assayd, "authres_left") == "900" and last_line(assayd, "exempt") == "trusted-network"


def test_assay_check_says_the_same(stack):
    path = stack.world.path("edits.eml")
    for number, action in ((MAX_EDITS, "none"), (MAX_EDITS + 1, "reject")):
        with open(path, "wb") as file:
            file.write(forged(number).data)
        config = stack.world.write("edits-check.conf", f'authserv-id = "{AUTHSERV_ID}"\nfindings {{ limit-exceeded = none }}\n')
        zone = stack.world.write("edits-check.zone", "pass.example. 300 IN TXT \"v=spf1 ip4:192.0.2.1 -all\"\n")
        done = subprocess.run([Assayd.program("assay"), "check", "--config", config, "--zone", zone, "--dnssec", "off", "--client",
                               "192.0.2.1,mail.pass.example", "--helo", "mail.pass.example", "--mail-from", "news@pass.example",
                               path], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        assert ("authres-too-many" in done.stdout) == (action == "reject"), done.stdout
        assert f"decision  {action}" in done.stdout, done.stdout
