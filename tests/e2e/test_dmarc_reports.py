# SPDX-License-Identifier: BSD-2-Clause
"""An aggregate report from end to end: mail through a real MTA and DNS, the report mailed by its sendmail and delivered."""
import collections
import email
import email.policy
import gzip
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from world import Assayd
from world import mail as m
from world.client import Client
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

NAMESPACE = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
DAY = 86400
SETTINGS = """record {{
	path = "{database}"
}}
dmarc-reports {{
	aggregate = yes
	email = "dmarc-reports@reporter.example"
	sendmail = "{sendmail}"
}}
"""


def test_a_report_is_mailed_and_arrives(stack):
    database, sendmail = stack.report_world("reports")
    assayd = Assayd(stack.world, stack.dns.port, mode="enforce", name="reports",
                    findings={"dmarc-reject-corroborated": "reject", "dmarc-reject": "reject", "spf-fail": "none"},
                    options=SETTINGS.format(database=database, sendmail=sendmail))
    assayd.start()
    port = stack.mta.add_service(assayd.milter)
    wanted = collections.Counter()
    for client, signs, times in (("192.0.2.1", True, 3), ("203.0.113.7", True, 2), ("203.0.113.7", False, 2)):
        for _ in range(times):
            data = m.message("joe@reported.example")
            data = stack.keys.sign(data, "reported.example", "rsa") if signs else data
            mail = m.Mail(data, "joe@reported.example", client=client)
            with Client(port, mail.client, mail.client_name) as session:
                assert session.send(mail)["end"].code == (250 if signs else 550)
            spf = "pass" if client == "192.0.2.1" else "fail"
            wanted[client, "pass" if signs else "reject", "pass" if signs else "fail", spf] += 1

    def noted():
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return connection.execute("SELECT coalesce(sum(messages), 0) FROM dmarc_row").fetchone()[0] == 7
    wait_for(noted, "assayd to commit what it noted", 60)
    now = (int(time.time()) // DAY + 1) * DAY + 3600
    done = subprocess.run([assayd.program("assay"), "dmarc-reports", "--send", "--config", assayd.write_config(), "--time", str(now)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dmarc-in@lenient.example: not sent: lenient.example does not say" in done.stdout
    raw = stack.mta.delivered("dmarc-in@rcpt.example")
    assert stack.mta.delivered_now("dmarc-in@lenient.example") is None
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message["Return-Path"] == "<dmarc-reports@reporter.example>"
    assert message["Subject"].startswith("Report Domain: reported.example Submitter: reporter.example Report-ID: <")
    part, = message.iter_attachments()
    root = ElementTree.fromstring(gzip.decompress(part.get_payload(decode=True)))
    seen = collections.Counter()
    for record in root.findall("d:record", NAMESPACE):
        evaluated = [record.find(f"d:row/d:policy_evaluated/d:{name}", NAMESPACE).text for name in ("disposition", "dkim", "spf")]
        seen[(record.find("d:row/d:source_ip", NAMESPACE).text, *evaluated)] += int(record.find("d:row/d:count", NAMESPACE).text)
    assert seen == wanted
    assayd.stop()
