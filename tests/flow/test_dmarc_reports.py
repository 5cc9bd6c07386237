# SPDX-License-Identifier: BSD-2-Clause
"""
Aggregate reports (RFC 9990): mail goes through assayd, the reports are made of it by assay dmarc-reports, handed to a sendmail
that notes what it gets, unpacked, checked against a schema, and their sums compared with what was sent and with the flows.
"""
import collections
import email
import re
import sqlite3
import time
import xml.etree.ElementTree as ElementTree

import pytest

from arc_sealer import Chain
from dkim_signer import Key, sign, zone_text
from dmarc_world import DAY, NAMESPACE, ZONE, World, by_row, fixture_schema, records, text  # noqa: F401  pylint: disable=unused-import
from milterclient import Client


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
