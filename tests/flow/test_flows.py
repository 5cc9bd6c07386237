# SPDX-License-Identifier: BSD-2-Clause
"""
What assayd counts and what it does not: sessions and messages; never a mailbox, a subject or a text; days once their hours are past,
and the kinds of a day that were too many, as assay report and assay whatif tell of them.
"""
import sqlite3

from milterclient import Client
from test_store_faults import wait_for_flows

DAYS_AGO = 5


def session(daemon, *messages, address="192.0.2.1", sender="good.example"):
    client = Client(daemon.socket_spec)
    client.connect(address=address)
    client.helo()
    for message in messages:
        client.message(**{"sender": f"<joe@{sender}>", "headers": (("From", f"Joe <joe@{sender}>"),), **message})
    client.quit()


def query(database, sql):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return connection.execute(sql).fetchall()


def start(assayd, database, *arguments, options="", **more):
    daemon = assayd(options=f'record {{ path = "{database}" {options} }}', **more).start(*arguments)
    daemon.wait_for_log("store: " + str(database))
    return daemon


def test_a_session_counts_once(assayd, workdir):
    database = workdir / "assay.db"
    daemon = start(assayd, database)
    session(daemon, {}, {}, {"sender": "<joe@quiet.example>"})
    session(daemon, {})
    wait_for_flows(database, 4)
    assert query(database, "SELECT sum(messages), sum(sessions) FROM flow") == [(4, 2)]


# Each stands somewhere where a name of a host or domain does not.
MARKS = ("zqsender", "zqlocal", "zqextra", "zqfrom", "zqname", "zqsubject", "zqbody", "zqheader", "zqmessageid", "zqqueue", "zqrefused",
         "zqquoted", "zqreply")


def test_no_mailbox_subject_or_text_gets_into_the_record(assayd, workdir):
    database = workdir / "assay.db"
    daemon = start(assayd, database, mode="enforce", sections='policy strict { recipient-domains = strict.example '
                   'actions { iprev-fail = reject tls-none = reject spf-none = reject } }')
    headers = (("From", "zqname <zqfrom@good.example>"), ("Subject", "zqsubject"), ("X-Any", "zqheader"), ("Reply-To", "zqreply@b.example"),
               ("Message-ID", "<zqmessageid@good.example>"), ("To", "zqlocal@test.example"))
    mails = ({"sender": "<zqsender@good.example>"}, {"sender": "<@relay.example:zqsender@good.example>"}, {"sender": '<"zqquoted x"@good.example>'},
             {"sender": "<zqsender>"}, {"sender": "<>"}, {"sender": "<zqsender@good.example>", "headers": (("From", "zqfrom"),)},
             {"sender": "<zqsender@good.example>", "headers": (("From", "a@zqfrom@good.example, <zqfrom@quiet.example>"),)})
    several = ("<zqlocal@test.example>", "<zqextra+zqlocal@a.soft.example>", '<"zqquoted y"@test.example>', "<zqlocal>")
    for mail in mails:
        session(daemon, {"recipients": several, "headers": headers, "body": b"zqbody\r\n", "queue_id": "zqqueue", **mail})
    # one that ends at RCPT
    client = Client(daemon.socket_spec)
    client.connect(address="203.0.113.9")
    client.helo()
    client.mail("<zqsender@quiet.example>")
    client.rcpt("<zqrefused@strict.example>")
    client.abort()
    client.quit()
    # it was all seen: the domains are there
    wait_for_flows(database, len(mails) + 1)
    assert daemon.stop() == 0
    data = b"".join(path.read_bytes() for path in workdir.glob("assay.db*"))
    for domain in (b"good.example", b"a.soft.example", b"strict.example"):
        assert domain in data
    assert [mark for mark in MARKS if mark.encode() in data.lower()] == []


def test_days_that_are_past_and_kinds_that_are_too_many(assay, assayd, build_dir, workdir):
    database, options = workdir / "assay.db", "keep-hours = 1h max-kinds = 3"
    daemon = start(assayd, database, "-t", str(-DAYS_AGO * 86400), options=options)
    # of the domains d0 … d7 come 1 … 8 messages
    for number in range(8):
        session(daemon, *([{}] * (number + 1)), sender=f"d{number}.example")
    wait_for_flows(database, 36)
    assert daemon.stop() == 0
    assert query(database, "SELECT count(*), sum(sessions) FROM flow") == [(8, 8)]

    daemon = start(assayd, database, options=options)
    daemon.wait_for_log("max-kinds = 3 is reached")
    session(daemon, {})
    wait_for_flows(database, 1)
    assert daemon.stop() == 0
    # d7, d6 and one for the other 21 messages
    assert sorted(query(database, "SELECT messages, sessions FROM flow_day")) == [(7, 1), (8, 1), (21, 6)]
    assert query(database, "SELECT count(*), min(rows), sum(rows) FROM kind") == [(4, 1, 4)]

    said = assay.json("whatif", "--since", "30d", "--database", database, "--config", daemon.config_path)
    assert (said["messages"], said["told"], said["untold"]) == (37, 16, {"kinds over max-kinds": 21})
    # what was done then is known of all
    assert sum(row["then"]["dry_run"] + row["then"]["carried_out"] for row in said["actions"].values()) == 37
    text = assay.run("report", "--since", "30d", "--database", database, "--config", daemon.config_path).stdout.decode()
    assert "kinds over max-kinds" in text and "21" in text.split("kinds over max-kinds")[1].split("\n")[0]
    # the whole of a day in which the time falls
    said = assay.json("whatif", "--since", f"{DAYS_AGO * 24}h", "--database", database, "--config", daemon.config_path)
    assert said["messages"] == 37
    said = assay.json("whatif", "--since", f"{(DAYS_AGO - 1) * 24}h", "--database", database, "--config", daemon.config_path)
    assert said["messages"] == 1
