# SPDX-License-Identifier: BSD-2-Clause
"""assay setup sendmail: shows lines, writes nothing, and finds out whether a Sendmail of this machine asks."""
import subprocess

import pytest

from world import Assayd, STRICT, sendmail

pytestmark = pytest.mark.mta("postfix", reason="a Sendmail is made here, on a port of the machine; this is where it delivers")


class Behind:
    """Sendmail in front of an assayd that trusts no network, so that loopback clients are judged."""

    def __init__(self, stack):
        self.assayd = Assayd(stack.world, stack.dns.port, name="behind-sendmail", mode="enforce", trusted="",
                             options=f'status-socket = "{stack.world.path("behind-status.sock")}"',
                             findings={**STRICT, "spf-fail": "tag"})
        self.assayd.start()
        sink = stack.postfix.add_service("")
        self.mta = sendmail.Sendmail(stack.world, sink, stack.authority, self.assayd.milter)
        self.mta.start()


@pytest.fixture(name="behind", scope="module")
def behind_fixture(stack):
    reason = sendmail.why_not()
    if reason:
        pytest.skip(reason)
    behind = Behind(stack)
    yield behind
    behind.mta.stop()
    behind.assayd.stop()


def test_setup_check_sends_a_probe(behind, stack):
    """assay setup sendmail: shows lines, writes nothing; --check proves that this Sendmail asks."""
    program = Assayd.program("assay")
    conf = stack.world.path("behind-sendmail.conf")
    shown = subprocess.run([program, "setup", "sendmail", "--config", conf, "--sendmail-cf", behind.mta.cf], check=True,
                           capture_output=True, text=True).stdout
    assert f"INPUT_MAIL_FILTER(`assay', `S=unix:{behind.assayd.socket}," in shown and "names assayd at this socket" in shown
    checked = subprocess.run([program, "setup", "sendmail", "--check", "--config", conf, "--sendmail-cf", behind.mta.cf],
                             check=False, capture_output=True, text=True)
    assert checked.returncode == 0 and f"port {behind.mta.port} asks assayd" in checked.stdout, checked.stdout
    refused = subprocess.run([program, "setup", "sendmail", "--apply"], check=False, capture_output=True, text=True)
    assert refused.returncode == 64 and "nothing is written" in refused.stderr


def test_setup_check_tells_of_a_sendmail_that_does_not_ask(behind, stack):
    other = stack.world.write("other-sendmail.cf", "O DaemonPortOptions=Name=MTA, Port=25\n")
    checked = subprocess.run([Assayd.program("assay"), "setup", "sendmail", "--check", "--config",
                              stack.world.path("behind-sendmail.conf"), "--sendmail-cf", other], check=False,
                             capture_output=True, text=True)
    assert checked.returncode == 69 and f"{other} does not name assayd" in checked.stdout
