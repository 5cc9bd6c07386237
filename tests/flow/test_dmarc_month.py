# SPDX-License-Identifier: BSD-2-Clause
"""The aggregate reports of a month of mail (tests/unit/month.h): what each domain is told is what was sent in its name, and nobody
is told who did not agree. ASSAY_MESSAGES, ASSAY_DOMAINS: another size."""
import collections
import email.parser
import email.policy
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from house import build, needs

pytestmark = pytest.mark.slow
NAMESPACE = {"d": "urn:ietf:params:xml:ns:dmarc-2.0"}
SETTINGS = 'dmarc-reports { aggregate = yes email = "reports@us.example" keep = 60d }'
DAY = 86400
# By number modulo 6, see month.c; month.h says who gets the reports.
HAS_RECORD = {0, 1, 4}


@pytest.fixture(scope="module")
def month():
    done = subprocess.run([build.program("tests/unit/month_driver"), os.environ.get("ASSAY_MESSAGES", "4000"),
                           os.environ.get("ASSAY_DOMAINS", "60"), SETTINGS], capture_output=True, text=True, check=True)
    directory, *lines = done.stdout.splitlines()
    sent = collections.Counter()
    for line in lines:
        day, domain, client, count = line.split()
        sent[int(day), domain, client] += int(count)
    yield directory, sent
    shutil.rmtree(directory)


def rehearse(directory, out):
    done = subprocess.run([build.program("assay"), "dmarc-reports", "--config", f"{directory}/dry.conf", "--dry-run", out],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return done.stdout


def told(path):
    """(day, policy domain), {(author, client): messages}"""
    root = ElementTree.parse(path).getroot()
    begin = int(root.find("d:report_metadata/d:date_range/d:begin", NAMESPACE).text)
    assert begin % DAY == 0 and int(root.find("d:report_metadata/d:date_range/d:end", NAMESPACE).text) == begin + DAY - 1
    counts = collections.Counter()
    for record in root.findall("d:record", NAMESPACE):
        counts[record.find("d:identifiers/d:header_from", NAMESPACE).text, record.find("d:row/d:source_ip", NAMESPACE).text] += int(
            record.find("d:row/d:count", NAMESPACE).text)
    return (begin // DAY, root.find("d:policy_published/d:domain", NAMESPACE).text), counts


def addressed(path):
    """(policy domain, to whom) of a report as it would be mailed."""
    with open(path, "rb") as mail:
        parsed = email.parser.BytesHeaderParser(policy=email.policy.default).parse(mail)
    return parsed["Subject"].split()[2], str(parsed["To"]).strip("<>")


def test_each_domain_is_told_what_was_sent_in_its_name(month, workdir, top_dir):
    needs.programs("xmllint")
    directory, sent = month
    out = workdir / "reports"
    out.mkdir()
    said = rehearse(directory, out)
    number = {domain: int(domain[1:].split(".")[0]) for _, domain, _ in sent}
    wanted = collections.defaultdict(collections.Counter)
    for (day, domain, client), count in sent.items():
        if number[domain] % 6 in HAS_RECORD and number[domain] % 4 != 3:
            wanted[day, domain][domain, client] += count
    reports = sorted(out.glob("*.xml"))
    assert dict(told(path) for path in reports) == wanted and len(reports) == len(wanted) > 100
    done = subprocess.run(["xmllint", "--noout", "--schema", top_dir / "tests/flow/dmarc/aggregate.xsd", *reports],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    # mail there is to those only who agreed
    mailed = collections.Counter(addressed(path) for path in out.glob("*.eml"))
    assert mailed == collections.Counter((domain, f"rua@{domain}" if number[domain] % 4 == 0 else "rua@agree.example")
                                         for _, domain in wanted if number[domain] % 4 in (0, 1))
    assert {to for _, to in mailed} > {"rua@agree.example"}
    refused = {line.split()[0] for line in said.splitlines() if "rua@refuse.example: would not be sent" in line}
    assert refused == {domain for _, domain in wanted if number[domain] % 4 == 2}
