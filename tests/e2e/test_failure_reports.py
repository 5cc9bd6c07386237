# SPDX-License-Identifier: BSD-2-Clause
"""A failure report from end to end: forgeries through a real MTA and DNS, one report of them mailed by its sendmail and delivered."""
import email
import email.policy
import sqlite3
import subprocess
import time

import pytest

from world import Assayd
from world import mail as m
from world.client import Client
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

SETTINGS = """record {{
	path = "{database}"
}}
dmarc-reports {{
	failure = yes
	failure-wait = "1s"
	email = "dmarc-reports@reporter.example"
	sendmail = "{sendmail}"
}}
"""


def test_a_failure_report_is_mailed_and_arrives(stack):
    database, sendmail = stack.report_world("failures")
    assayd = Assayd(stack.world, stack.dns.port, mode="enforce", name="failures", findings={"spf-fail": "none", "dmarc-fail": "none"},
                    options=SETTINGS.format(database=database, sendmail=sendmail))
    assayd.start()
    port = stack.mta.add_service(assayd.milter)
    for _ in range(3):
        mail = m.Mail(m.message("joe@failing.example"), "joe@failing.example", client="203.0.113.7")
        with Client(port, mail.client, mail.client_name) as session:
            assert session.send(mail)["end"].code == 250

    def noted():
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT coalesce(sum(incidents), 0) FROM failure").fetchone()[0] == 3
    wait_for(noted, "assayd to commit what it noted", 60)
    time.sleep(1.1)     # failure-wait
    done = subprocess.run([assayd.program("assay"), "failure-reports", "--send", "--config", assayd.write_config()], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "mails=1 no-consent=1 later=0\n"
    assert "lenient.example does not say" in done.stderr
    message = email.message_from_bytes(stack.mta.delivered("failures@rcpt.example"), policy=email.policy.default)
    assert message["Return-Path"] == "<dmarc-reports@reporter.example>"
    assert message["Subject"] == "DMARC failure report for failing.example"
    assert message.get_content_type() == "multipart/report"
    _, report, header = message.iter_parts()
    fields = report.get_payload()[0]
    assert (fields["Auth-Failure"], fields["Identity-Alignment"], fields["Incidents"]) == ("dmarc", "dkim,spf", "3")
    assert fields["Source-IP"] == "203.0.113.7"
    assert b"joe@" not in bytes(report) + bytes(header)
    assert stack.mta.delivered_now("failures@lenient.example") is None
    assayd.stop()
