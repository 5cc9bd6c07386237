# SPDX-License-Identifier: BSD-2-Clause
"""
Aggregate reports (RFC 9990): mail goes through assayd, the reports are made of it by assay dmarc-reports, handed to a sendmail
that notes what it gets, unpacked, checked against a schema, and their sums compared with what was sent and with the flows.
"""
import collections
import email
import email.policy
import gzip
import json
import pathlib
import re
import socket
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import pytest

from arc_sealer import Chain
from dkim_signer import Key, sign, zone_text
from house import build, needs
from house.waiting import wait_for
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


@pytest.fixture
def schema(top_dir, workdir):
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


def test_report_tells_what_was_sent(assayd, workdir, schema):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example", times=3)
    world.deliver("joe@own.example", "own.example", address="2001:db8::1", times=2)
    world.deliver("joe@own.example", "own.example", address="203.0.113.9", times=4)
    world.deliver("joe@sub.own.example", "sub.own.example", address="192.0.2.2")
    world.deliver("", "own.example", address="203.0.113.9")
    world.deliver("joe@silent.example", "silent.example")
    world.deliver("joe@web.example", "web.example")
    begin = int(time.time()) // DAY * DAY
    assert "1 sent" in world.run("--send").splitlines()[-1]
    sent, = world.sent()
    schema(sent.report)
    assert by_row(sent.report) == {
        ("192.0.2.1", "own.example", "own.example", "pass", "fail", "pass", None): 3,
        ("2001:db8::1", "own.example", "own.example", "pass", "fail", "pass", None): 2,
        ("203.0.113.9", "own.example", "own.example", "none", "fail", "fail", "local_policy"): 4,
        ("203.0.113.9", "own.example", None, "none", "fail", "fail", "local_policy"): 1,
        ("192.0.2.2", "sub.own.example", "sub.own.example", "pass", "fail", "pass", None): 1,
    }
    root = ElementTree.fromstring(sent.report)
    published = {node.tag.split("}")[1]: node.text for node in root.find("d:policy_published", NAMESPACE)}
    assert published == {"domain": "own.example", "discovery_method": "treewalk", "p": "reject", "sp": "quarantine", "np": "quarantine",
                         "fo": "1:d", "adkim": "r", "aspf": "r", "testing": "n"}
    assert text(root, "report_metadata/org_name") == "Us & <them>"
    assert text(root, "report_metadata/extra_contact_info") == "https://us.example/?a=1&b=2"
    assert text(root, "report_metadata/date_range/begin") == str(begin)
    assert text(root, "report_metadata/date_range/end") == str(begin + DAY - 1)
    assert text(root, "report_metadata/error") is None
    comments = {text(r, "row/policy_evaluated/reason/comment") for r in records(sent.report)} - {None}
    assert all(comment.startswith("dry-run, not carried out: policy default: ") for comment in comments) and comments
    # the flows of the day say the same
    flows = collections.Counter()
    for sender, count in world.rows("SELECT text, messages FROM flow JOIN kind ON kind.id = kind JOIN part ON part.id = sender"):
        flows[sender.split("\n")[0]] += count
    sums = collections.Counter()
    for (_, author, *_), count in by_row(sent.report).items():
        sums[author] += count
    assert {name: count for name, count in flows.items() if name.endswith("own.example")} == sums


def test_report_mail(assayd, workdir):
    world = World(assayd, workdir, more='envelope-sender = "bounces@us.example"')
    world.deliver("joe@own.example", "own.example")
    begin = int(time.time()) // DAY * DAY
    world.run("--send")
    sent, = world.sent()
    assert sent.arguments == ["-i", "-f", "bounces@us.example", "--", "dmarc@own.example"]
    identifier = text(ElementTree.fromstring(sent.report), "report_metadata/report_id")
    assert re.fullmatch("[0-9a-f]{32}", identifier)
    assert sent.message["Subject"] == f"Report Domain: own.example Submitter: us.example Report-ID: <{identifier}>"
    assert sent.message["From"] == '"Us & <them>" <dmarc-reports@us.example>'
    assert sent.message["To"] == "<dmarc@own.example>" or sent.message["To"] == "dmarc@own.example"
    assert sent.message["Auto-Submitted"] == "auto-generated"
    assert sent.message["MIME-Version"] == "1.0" and sent.message["Date"] and sent.message["Message-ID"]
    part, = sent.message.iter_attachments()
    assert part.get_filename() == f"us.example!own.example!{begin}!{begin + DAY - 1}!{identifier}.xml.gz"
    assert max(len(line) for line in sent.message.as_string().splitlines()) < 998


def test_dkim_results(assayd, workdir, schema):
    key = Key.rsa(2048)
    record = key.record()
    zone = ZONE + f's1._domainkey.own.example. 300 IN TXT "{record[:200]}" "{record[200:]}"\n'
    world = World(assayd, workdir, zone=zone)
    plain = b"From: Joe <joe@own.example>\r\nSubject: x\r\n\r\nHello\r\n"
    signed = sign(plain, key, tags={"d": "own.example", "s": "s1"}, names=("from", "subject"))
    other = sign(signed, key, tags={"d": "other.example", "s": "odd.selector_1"}, names=("from", "subject"))
    world.deliver("joe@bounce.example", "own.example", address="203.0.113.9", message=other, times=2)
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    record, = records(sent.report)
    signatures = [tuple(node.text for node in dkim) for dkim in record.findall("d:auth_results/d:dkim", NAMESPACE)]
    assert signatures == [("own.example", "s1", "pass"), ("other.example", "odd.selector_1", "permerror")]
    assert text(record, "row/policy_evaluated/dkim") == "pass" and text(record, "row/policy_evaluated/spf") == "fail"
    assert text(record, "auth_results/spf/domain") == "bounce.example" and text(record, "auth_results/spf/result") == "none"
    assert text(record, "row/count") == "2"


@pytest.mark.parametrize("case", ["reject", "quarantine", "testing", "forwarder", "list"])
def test_dispositions_when_enforced(assayd, workdir, schema, case):
    """What is carried out, and the reason where that is not what was published."""
    action = "reject" if case == "reject" else "quarantine"
    findings = f"dmarc-reject = {action} dmarc-reject-corroborated = {action}"
    zone = ZONE + 'relay.example. 300 IN TXT "v=spf1 ip4:203.0.113.9 -all"\n'
    options = 'dmarc { trusted-forwarders = "relay.example" }' if case == "forwarder" else ""
    world = World(assayd, workdir, mode="enforce", sections=f"findings {{ {findings} }}", zone=zone, options=options)
    author = "testing.example" if case == "testing" else "own.example"
    world.deliver("joe@relay.example", author, address="203.0.113.9", headers=[("List-Id", "<l.example>")] if case == "list" else ())
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    row, = by_row(sent.report)
    assert row[3:] == {"reject": ("reject", "fail", "fail", None), "quarantine": ("quarantine", "fail", "fail", "local_policy"),
                       "testing": ("quarantine", "fail", "fail", "policy_test_mode"),
                       "forwarder": ("quarantine", "fail", "fail", "trusted_forwarder"),
                       "list": ("quarantine", "fail", "fail", "mailing_list")}[case]


@pytest.mark.parametrize("kind, options, reason, evidence", [
    ("forwarder", "authenticated-domains = relay.example", "trusted_forwarder", "SPF relay.example"),
    ("mailing-list", "client-networks = 203.0.113.9 list-id = yes", "mailing_list", "client 203.0.113.9"),
    ("known-sender", "dkim-domains = mailer.example author-domains = own.example", "local_policy", "DKIM mailer.example"),
])
def test_overrides_are_named_as_the_reason(assayd, workdir, schema, kind, options, reason, evidence):
    """RFC 9990 section 3.1.6; one that the policy does not honour is none."""
    key = Key.rsa(2048)
    zone = ZONE + f'relay.example. 300 IN TXT "v=spf1 ip4:203.0.113.9 -all"\ns1._domainkey.mailer.example. 300 IN TXT "v=DKIM1; p={key.public()[:200]}" "{key.public()[200:]}"\n'
    override = f'override "here" {{ kind = {kind} {options} }}\n'
    letter = sign(b"From: Joe <joe@own.example>\r\nList-Id: <l.example>\r\nSubject: x\r\n\r\nHello\r\n", key,
                  tags={"d": "mailer.example", "s": "s1"}, names=("from", "subject"))
    sections = override + "findings { dmarc-reject = reject }\n" + 'policy "none" { recipient-domains = strict.example overrides = none }\n'
    world = World(assayd, workdir, mode="enforce", sections=sections, zone=zone)
    world.deliver("joe@relay.example", "own.example", address="203.0.113.9", message=letter)
    client = Client(world.daemon.socket_spec)
    client.connect(address="203.0.113.9")
    client.helo()
    head, _, body = letter.partition(b"\r\n\r\n")
    fields = [(name, value.replace("\r\n", "\n")) for name, value in email.message_from_bytes(head + b"\r\n\r\n").items()]
    assert client.message("<joe@relay.example>", recipients=("<ann@strict.example>",), headers=fields, body=body).reply == "y"
    client.quit()
    world.count += 1
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    rows = {row[3:] for row in by_row(sent.report)}
    assert rows == {("none", "fail", "fail", reason), ("reject", "fail", "fail", None)}
    comments = {text(record, "row/policy_evaluated/reason/comment") for record in records(sent.report)} - {None}
    assert comments == {f"{kind} here: {evidence}"}


def test_trusted_seals_are_local_policy_with_the_sealers(assayd, workdir, schema):
    """RFC 8617 section 7.2.2: the sets of a chain that passes, in the comment."""
    key = Key.rsa(1024)
    made = Chain(b"From: Joe <joe@own.example>\r\nSubject: x\r\n\r\nHello\r\n")
    made.add(key, domain="first.example", said="first.example; dmarc=pass header.from=own.example", selector="s1")
    made.add(key, domain="lists.example", said="lists.example; arc=pass; dmarc=fail header.from=own.example", selector="s2")
    world = World(assayd, workdir, mode="enforce", sections="findings { dmarc-reject = reject }\n",
                  options='dmarc { trusted-sealers = { "first.example", "lists.example" } }', zone=ZONE + zone_text(made.records()))
    world.deliver("joe@relay.example", "own.example", address="203.0.113.9", message=made.message)
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    record, = records(sent.report)
    assert [row[3:] for row in by_row(sent.report)] == [("none", "fail", "fail", "local_policy")]
    assert text(record, "row/policy_evaluated/reason/comment") == \
        "arc=pass as[2].d=lists.example as[2].s=s2 as[1].d=first.example as[1].s=s1"


def test_what_is_stricter_than_published_is_local_policy(assayd, workdir):
    """That a DNS answer is missing is no reason to reject what its domain would have in quarantine at most."""
    zone = ZONE.replace("p=reject; sp=quarantine", "p=quarantine") + "nodns.own.example. 300 IN TYPE65280 \\# 0\n"
    world = World(assayd, workdir, mode="enforce", sections="findings { dkim-none = reject }", zone=zone)
    world.deliver("joe@nodns.own.example", "own.example", address="203.0.113.9")
    world.run("--send")
    sent, = world.sent()
    row, = by_row(sent.report)
    assert row[3:] == ("reject", "fail", "fail", "local_policy")
    assert text(records(sent.report)[0], "row/policy_evaluated/reason/comment") == "policy default: reject for dkim-none"


def test_consent_of_external_destinations(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@away.example", "away.example")
    out = world.run("--send", expect=75)
    assert sorted(sent.arguments[-1] for sent in world.sent()) == ["a@yes.test", "other@moved.test"]
    lines = {line.split()[1].rstrip(":"): line for line in out.splitlines() if line.startswith("away.example ")}
    assert ": sent" in lines["a@yes.test"] and "not sent" in lines["b@no.test"] and ": sent" in lines["c@moved.test"]
    assert "not sent" in lines["d@elsewhere.test"] and "another host" in lines["d@elsewhere.test"]
    assert "later" in lines["e@broken.test"]
    # the answer comes: that one alone is sent, under the same names
    zone = pathlib.Path(world.daemon.directory / "zone")
    zone.write_text(ZONE.replace("broken.test. 300 IN TYPE65280 \\# 0", 'broken.test. 300 IN TXT "v=DMARC1"'))
    world.run("--send", now=world.day_after() + 60, expect=75)      # not yet due
    assert world.sent() == []
    world.run("--send", now=world.day_after() + 2 * 3600)
    sent, = world.sent()
    assert sent.arguments[-1] == "e@broken.test"
    assert "0 reports" in world.run("--send", now=world.day_after() + 5 * 3600)
    assert world.rows("SELECT count(*) FROM dmarc_row") == [(0,)]


def test_an_address_gets_a_report_once_however_many_lead_to_it(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@twice.example", "twice.example")
    (world.directory / "status").write_text("75")
    world.run("--send", expect=75)
    assert [sent.arguments[4:] for sent in world.sent()] == [["b@one.test", "d@one.test"]]
    (world.directory / "status").write_text("0")
    world.run("--send", now=world.day_after() + 2 * 3600)
    assert [sent.arguments[4:] for sent in world.sent()] == [["b@one.test", "d@one.test"]]
    assert "0 reports" in world.run("--send", now=world.day_after() + 24 * 3600) and world.sent() == []


def test_a_record_of_many_octets_is_noted_by_its_addresses(assayd, workdir):
    """Whoever publishes it pays with one answer of DNS, whoever counts with a row for each of its subdomains."""
    rua = ",".join(["mailto:first@long.example"] + ["x" * 200] * 60 + ["mailto:last@long.example"])
    strings = " ".join(f'"{rua[at:at + 250]}"' for at in range(0, len(rua), 250))
    world = World(assayd, workdir, zone=ZONE + f'_dmarc.long.example. 300 IN TXT "v=DMARC1; p=none; rua=" {strings}\n')
    world.deliver("joe@long.example", "long.example")
    world.run("--send")
    assert sorted(sent.arguments[-1] for sent in world.sent()) == ["first@long.example", "last@long.example"]
    assert world.rows("SELECT max(length(rua)) <= 1024 FROM dmarc_policy") == [(1,)]


def test_what_comes_until_the_report_is_made_is_in_it(assayd, workdir):
    """The daemon adds a row in the last moment before the report gets its names."""
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    world.flush()
    with sqlite3.connect(world.database) as database:
        database.execute("""CREATE TRIGGER late BEFORE UPDATE OF report_id ON dmarc_policy BEGIN
            INSERT INTO dmarc_row SELECT policy, replace(row, '192.0.2.1 ', '192.0.2.7 '), 5 FROM dmarc_row WHERE policy = old.id;
            UPDATE dmarc_policy SET lost = 3 WHERE id = old.id; END""")
    world.run("--send")
    sent, = world.sent()
    assert {row[0]: count for row, count in by_row(sent.report).items()} == {"192.0.2.1": 1, "192.0.2.7": 5}
    assert text(ElementTree.fromstring(sent.report), "report_metadata/error").startswith("3 messages of this day are not")


def test_claims_go_by_the_time_that_it_is(assayd, workdir):
    """A run that takes long: what it takes up late is claimed, and tried again, from then on."""
    world = World(assayd, workdir)
    world.deliver("joe@evil.example", "evil.example")
    world.deliver("joe@own.example", "own.example")
    world.flush()
    (world.directory / "sendmail").write_text("#!/bin/sh\nsleep 3\nexit 75\n")
    with sqlite3.connect(world.database) as database:     # yesterday's, so that it is due by the clock of this machine
        database.execute("UPDATE dmarc_policy SET day = day - 2")
    begin = int(time.time())
    done = subprocess.run([build.program("assay"), "dmarc-reports", "--config", world.daemon.config_path, "--send"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 75, done
    first, second = sorted(due - begin for due, in world.rows("SELECT next FROM dmarc_delivery"))
    assert first >= 3600 + 3 and second >= first + 3


def test_names_that_nobody_answers_for_keep_no_report_waiting(assayd, workdir):
    """An owner's destinations may cost three deadlines in a run, whatever his records name; the others' reports go out."""
    slow = ",".join(f"mailto:r@host{i}.test" for i in range(20))
    zone = "".join(f'_dmarc.{name}.aaa.example. 300 IN TXT "v=DMARC1; p=none; rua={slow[:200]}" "{slow[200:]}"\n' for name in "abcd")
    world = World(assayd, workdir, zone=ZONE + zone, more="", options='limits { dns-deadline = 1s }\n')
    for name in "abcd":
        world.deliver(f"joe@{name}.aaa.example", f"{name}.aaa.example")
    world.deliver("joe@own.example", "own.example")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        world.flush()
        begin = time.monotonic()
        out = world.run("--resolver", f"127.0.0.1@{sink.getsockname()[1]}", "--send", expect=75)
        assert time.monotonic() - begin < 12
    assert [sent.arguments[-1] for sent in world.sent()] == ["dmarc@own.example"]
    assert out.splitlines()[-1].startswith("5 reports: 1 sent, ") and out.count(": later: ") >= 2


def test_hostile_addresses_never_reach_sendmail(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@evil.example", "evil.example")
    assert "4 of the rua's items are no addresses" in world.run("--send")
    sent, = world.sent()
    assert sent.arguments[4:] == ["ok@evil.example"]
    assert sent.message["Bcc"] is None


def test_sent_once_whatever_happens(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example", times=2)
    status = world.directory / "status"
    status.write_text("75")
    assert "later" in world.run("--send", expect=75)
    first, = world.sent()
    # late mail for a day that is reported already counts for the next
    world.deliver("joe@own.example", "own.example", times=5)
    status.write_text("0")
    now = world.day_after() + 3 * 3600
    world.run("--send", now=now)
    second, = world.sent()
    assert second.report == first.report and second.message["Message-ID"] == first.message["Message-ID"]
    assert [p.get_filename() for p in second.message.iter_attachments()] == [p.get_filename() for p in first.message.iter_attachments()]
    assert sum(by_row(second.report).values()) == 2
    world.run("--send", now=now + DAY)
    third, = world.sent()
    assert sum(by_row(third.report).values()) == 5
    assert int(text(ElementTree.fromstring(third.report), "report_metadata/date_range/begin")) == (int(time.time()) // DAY + 1) * DAY
    world.run("--send", now=now + DAY + 3600)
    assert world.sent() == []


def test_two_at_once_send_once(assayd, workdir):
    world = World(assayd, workdir)
    domains = [f"d{i}.example" for i in range(8)]
    zone = pathlib.Path(world.daemon.directory / "zone")
    zone.write_text("".join(f'{d}. 300 IN TXT "v=spf1 -all"\n_dmarc.{d}. 300 IN TXT "v=DMARC1; p=none; rua=mailto:r@{d}"\n' for d in domains))
    world.daemon.signal(1)
    world.daemon.wait_for_log("new configuration from")
    for domain in domains:
        world.deliver(f"joe@{domain}", domain)
    world.flush()
    command = [build.program("assay"), "dmarc-reports", "--config", world.daemon.config_path, "--time", str(world.day_after()), "--send"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for run in runs:
        out, errors = run.communicate(timeout=60)
        assert run.returncode in (0, 75), (out, errors)
    assert sorted(sent.arguments[-1] for sent in world.sent()) == [f"r@{domain}" for domain in domains]


def test_a_crash_leaves_a_claim_that_ends(assayd, workdir):
    """Killed while sendmail has the report: it goes out again, under the same names."""
    world = World(assayd, workdir)
    (world.directory / "sendmail").write_text(SENDMAIL.format(directory=world.directory).replace("exit ", "kill -9 $PPID; exit "))
    world.deliver("joe@own.example", "own.example")
    world.run("--send", expect=-9)
    first, = world.sent()
    (world.directory / "sendmail").write_text(SENDMAIL.format(directory=world.directory))
    world.run("--send", now=world.day_after() + 60, expect=75)     # somebody may still be at it
    assert world.sent() == []
    world.run("--send", now=world.day_after() + 3600)
    second, = world.sent()
    assert second.report == first.report and second.message["Subject"] == first.message["Subject"]


def test_what_is_left_out_is_told(assayd, workdir, schema):
    world = World(assayd, workdir, more="max-records = 3")
    for i in range(5):
        world.deliver("joe@own.example", "own.example", address=f"203.0.113.{i + 1}", times=i + 1)
        world.flush()
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    assert len(records(sent.report)) == 3
    assert text(ElementTree.fromstring(sent.report), "report_metadata/error").startswith("9 messages of this day are not in this report")
    assert sum(by_row(sent.report).values()) + 9 == world.count


def test_a_report_that_is_too_large_gets_fewer_records(assayd, workdir, schema):
    world = World(assayd, workdir, more="max-size = 4096")
    for i in range(120):
        world.deliver(f"joe@x{i * 7919}.example", "own.example", address=f"203.0.113.{i + 1}")
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    assert len(sent.message.as_bytes()) <= 4096 and 0 < len(records(sent.report)) < 120
    left = int(text(ElementTree.fromstring(sent.report), "report_metadata/error").split()[0])
    assert sum(by_row(sent.report).values()) + left == 120


def test_a_day_has_so_many_rows(assayd, workdir):
    world = World(assayd, workdir, more="max-rows = 3")
    world.deliver("joe@own.example", "own.example")
    world.deliver("joe@own.example", "own.example", address="203.0.113.1")
    world.flush()
    world.deliver("joe@own.example", "own.example", address="203.0.113.2")
    world.deliver("joe@testing.example", "testing.example")
    out = world.run()
    assert "1 messages are in no report: max-rows" in out and "own.example: 2 records, 1 messages left out" in out


def test_reports_about_reports_end(assayd, workdir):
    """A report that passes DMARC is not reported on; a forgery in its clothes is."""
    world = World(assayd, workdir)
    subject = [("Subject", "Report Domain: us.example\n Submitter: own.example Report-ID: <x>")]
    client_headers = [("From", "Joe <joe@own.example>"), *subject]
    small = [client_headers[0], ("Subject", "Report domain: us.example Submitter: own.example Report-ID: x")]
    for address, fields in (("192.0.2.1", client_headers), ("192.0.2.1", small), ("203.0.113.9", client_headers)):
        client = Client(world.daemon.socket_spec)
        client.connect(address=address)
        client.helo()
        client.message("<joe@own.example>", headers=fields)
        client.quit()
        world.count += 1
    world.run("--send")
    sent, = world.sent()
    assert [row[0] for row in by_row(sent.report)] == ["203.0.113.9"]


def test_a_repeated_from_field_is_no_pass(assayd, workdir, schema):
    """Nor does the report say so of a signed message to which somebody added a field (RFC 9989 section 4.4)."""
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example", headers=[("From", "eve@own.example")])
    world.run("--send")
    sent, = world.sent()
    schema(sent.report)
    assert [row[3:] for row in by_row(sent.report)] == [("none", "fail", "fail", "other")]
    assert text(records(sent.report)[0], "row/policy_evaluated/reason/comment") == "several From fields"


def test_mail_without_from_is_in_no_report(assayd, workdir):
    """Its sender is judged as an author would be, but the report knows authors only (RFC 9990: header_from)."""
    world = World(assayd, workdir)
    client = Client(world.daemon.socket_spec)
    client.connect(address="203.0.113.9")
    client.helo()
    client.mail("<joe@own.example>", i="Q")
    client.rcpt()
    client.header("Subject", "x")
    client.eoh()
    client.eom(i="Q")
    client.quit()
    world.count += 1
    world.deliver("joe@own.example", "own.example", times=2)
    world.run("--send")
    sent, = world.sent()
    assert sum(by_row(sent.report).values()) == 2
    assert " dmarc=fail " in world.daemon.log()


def test_exempt_mail_is_in_no_report(assayd, workdir):
    world = World(assayd, workdir)
    client = Client(world.daemon.socket_spec)
    client.connect(address="203.0.113.9")
    client.helo()
    client.mail("<joe@own.example>", i="Q", auth_type="PLAIN", auth_authen="joe")
    client.rcpt()
    client.header("From", "joe@own.example")
    client.eoh()
    client.eom(i="Q")
    client.quit()
    world.count += 1    # a flow all the same: its password came in cleartext
    world.deliver("joe@own.example", "own.example", times=2)
    world.run("--send")
    sent, = world.sent()
    assert sum(by_row(sent.report).values()) == 2


def test_off_by_default(assayd, workdir):
    world = World(assayd, workdir, more="")
    config = world.daemon.config_path.read_text().replace("aggregate = yes", "aggregate = no")
    world.daemon.config_path.write_text(config)
    world.daemon.signal(1)
    world.daemon.wait_for_log("new configuration from")
    world.deliver("joe@own.example", "own.example")
    assert "reports are off" in world.run("--send")
    assert world.rows("SELECT count(*) FROM dmarc_policy") == [(0,)] and world.sent() == []


def test_dry_run_writes_and_sends_nothing(assayd, workdir, schema):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    world.deliver("joe@away.example", "away.example")
    out = world.run("--dry-run", workdir)
    assert "own.example dmarc@own.example: would be sent" in out and "b@no.test: would not be sent" in out
    files = sorted(workdir.glob("*.xml"))
    assert len(files) == 2 and len(list(workdir.glob("*.eml"))) == 2 and world.sent() == []
    for path in files:
        schema(path.read_text())
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in workdir.glob("*.eml")]
    assert sorted(sorted(address.addr_spec for address in mail["To"].addresses) for mail in mails) == [
        ["a@yes.test", "other@moved.test"], ["dmarc@own.example"]]
    assert world.rows("SELECT count(*) FROM dmarc_policy WHERE report_id<>'' OR closed") == [(0,)]
    world.run("--send", expect=75)
    made = {text(ElementTree.fromstring(sent.report), "report_metadata/report_id") for sent in world.sent()}
    assert made == {path.stem for path in files}


def test_a_day_that_is_not_over_is_not_reported(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    assert "0 reports" in world.run("--send", now=int(time.time()))
    assert "0 reports" in world.run("--send", "--day", "2020-01-01")
    assert world.sent() == []


def test_without_an_address_nothing_is_sent(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    world.flush()
    for address in ("", "no address", "a@b", "-x@us.example", "a@us.example>", "A%40b@us.example"):
        config = re.sub('    email = .*', f'    email = "{address}"', world.daemon.config_path.read_text())
        world.daemon.config_path.write_text(config)
        world.run("--send", expect=78)
    assert world.sent() == []
