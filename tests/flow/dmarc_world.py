# SPDX-License-Identifier: BSD-2-Clause
"""Aggregate reports for tests: an assayd that counts, mail through it, and the sendmail that gets the reports, unpacked and checked."""
import collections
import email
import email.policy
import gzip
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from house import build, needs
from milterclient import Client
from test_store_faults import wait_for_flows

NAMESPACE = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
DAY = 86400
ZONE = """\
own.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all"
sub.own.example. 300 IN TXT "v=spf1 ip4:192.0.2.2 -all"
_dmarc.own.example. 300 IN TXT "v=DMARC1; p=reject; sp=quarantine; aspf=r; fo=1:d; rua=mailto:dmarc@own.example!10m"
testing.example. 300 IN TXT "v=spf1 -all"
_dmarc.testing.example. 300 IN TXT "v=DMARC1; p=reject; t=y; rua=mailto:dmarc@testing.example"
silent.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.silent.example. 300 IN TXT "v=DMARC1; p=reject"
web.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.web.example. 300 IN TXT "v=DMARC1; p=none; rua=https://web.example/r"
away.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.away.example. 300 IN TXT "v=DMARC1; p=none; rua=mailto:a@yes.test, mailto:b@no.test,mailto:c@moved.test, mailto:d@elsewhere.test,mailto:e@broken.test"
away.example._report._dmarc.yes.test. 300 IN TXT "v=DMARC1"
away.example._report._dmarc.moved.test. 300 IN TXT "v=DMARC1; rua=mailto:other@moved.test"
away.example._report._dmarc.elsewhere.test. 300 IN TXT "v=DMARC1; rua=mailto:x@victim.test"
away.example._report._dmarc.broken.test. 300 IN TYPE65280 \\# 0
twice.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.twice.example. 300 IN TXT "v=DMARC1; p=none; rua=mailto:a@one.test,mailto:b@one.test,mailto:c@one.test"
twice.example._report._dmarc.one.test. 300 IN TXT "v=DMARC1; rua=mailto:b@one.test,mailto:d@one.test"
evil.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.evil.example. 300 IN TXT "v=DMARC1; p=none; rua=mailto:-oQ/tmp/x@evil.example,mailto:a%0aBcc:v@evil.example,mailto:|id@evil.example,mailto:$(id)@evil.example,mailto:ok@evil.example"
"""
SENDMAIL = """\
#!/bin/sh
n=$(mktemp {directory}/mail-XXXXXX)
for a in "$@"; do echo "$a"; done >$n.args
cat >$n.eml
exit $(cat {directory}/status 2>/dev/null || echo 0)
"""
SECTION = """\
dmarc-reports {{
    aggregate = yes
    email = "dmarc-reports@us.example"
    organization = "Us & <them>"
    extra-contact = "https://us.example/?a=1&b=2"
    sendmail = "{directory}/sendmail"
    {more}
}}
"""
Sent = collections.namedtuple("Sent", "arguments message report")


class World:
    """An assayd that counts, and the sendmail of its reports."""

    def __init__(self, assayd, workdir, mode="dry-run", more="", sections="", zone=ZONE, options=""):
        self.directory = workdir / "mail"
        self.directory.mkdir()
        (self.directory / "sendmail").write_text(SENDMAIL.format(directory=self.directory))
        (self.directory / "sendmail").chmod(0o755)
        self.database = workdir / "assay.db"
        self.daemon = assayd(mode=mode, zone=zone, options=f'record {{ path = "{self.database}" }}\n' + options,
                             sections=SECTION.format(directory=self.directory, more=more) + sections)
        self.daemon.start()
        self.daemon.wait_for_log(f"store: {self.database}")
        self.count = 0

    def deliver(self, sender, author, address="192.0.2.1", times=1, headers=(), message=None):
        for _ in range(times):
            client = Client(self.daemon.socket_spec)
            client.connect(address=address)
            client.helo()
            fields = [("From", f"Joe <joe@{author}>"), ("Subject", "x"), *headers]
            if message:
                head, _, body = message.partition(b"\r\n\r\n")
                parsed = email.message_from_bytes(head + b"\r\n\r\n")
                fields = [(name, value.replace("\r\n", "\n")) for name, value in parsed.items()]
                client.message(f"<{sender}>", headers=fields, body=body)
            else:
                client.message(f"<{sender}>" if sender else "<>", headers=fields)
            client.quit()
            self.count += 1

    def flush(self):
        wait_for_flows(self.database, self.count)

    def day_after(self):
        return (int(time.time()) // DAY + 1) * DAY + 3600

    def run(self, *arguments, now=None, expect=0):
        """assay dmarc-reports, on the day after."""
        self.flush()
        done = subprocess.run([build.program("assay"), "dmarc-reports", "--config", self.daemon.config_path, "--time",
                               str(now or self.day_after()), *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def sent(self):
        """What sendmail got since the last time."""
        found = []
        for path in sorted(self.directory.glob("mail-*.eml")):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            part, = [part for part in message.walk() if part.get_content_type() == "application/gzip"]
            arguments = path.with_suffix(".args").read_text().splitlines()
            found.append(Sent(arguments, message, gzip.decompress(part.get_payload(decode=True)).decode()))
            path.unlink()
        return found

    def rows(self, query):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            return database.execute(query).fetchall()


@pytest.fixture(name="schema")
def fixture_schema(top_dir, workdir):
    needs.programs("xmllint")

    def check(xml):
        path = workdir / "report.xml"
        path.write_text(xml)
        done = subprocess.run(["xmllint", "--noout", "--schema", top_dir / "tests/flow/dmarc/aggregate.xsd", path],
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + xml
    return check


def text(node, path):
    found = node.find("/".join(f"d:{name}" for name in path.split("/")), NAMESPACE)
    return None if found is None else found.text


def records(xml):
    return ElementTree.fromstring(xml).findall("d:record", NAMESPACE)


def by_row(xml):
    """{(source, author, envelope, disposition, dkim, spf, reason type): count}"""
    return {(text(r, "row/source_ip"), text(r, "identifiers/header_from"), text(r, "identifiers/envelope_from"),
             *(text(r, "row/policy_evaluated/" + name) for name in ("disposition", "dkim", "spf", "reason/type"))):
            int(text(r, "row/count")) for r in records(xml)}
