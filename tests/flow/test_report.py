# SPDX-License-Identifier: BSD-2-Clause
"""
assay report over what assayd recorded: figures compared with those counted here from what was sent; then another policy replayed over
the same mail, and compared with an assayd that really had that policy. What its forms say is in test_report_forms.py.
"""
import collections
import json
import random
import subprocess

import pytest

from milterclient import Client
from test_store_faults import wait_for_flows

TLS13 = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
TLS12 = {"tls_version": "TLSv1.2", "cipher": "ECDHE-RSA-AES128-GCM-SHA256", "cipher_bits": "128"}
TLS10 = {"tls_version": "TLSv1", "cipher": "AES128-SHA", "cipher_bits": "128"}
IANA = {"TLS_AES_256_GCM_SHA384": "TLS_AES_256_GCM_SHA384",
        "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "AES128-SHA": "TLS_RSA_WITH_AES_128_CBC_SHA"}
STRICT = "findings { tls-none = defer tls-weak = reject spf-fail = reject dkim-none = none }"


def kinds():
    """(client, tls, sender, other domain in From?): good.example passes SPF from 192.0.2.1 only."""
    return [(client, tls, sender) for client in ("192.0.2.1", "192.0.2.9", "203.0.113.5")
            for tls in (None, TLS13, TLS12, TLS10) for sender in ("good.example", "quiet.example")]


def replay(daemon, mails):
    """Sends them all. @return [reply letter]."""
    replies = []
    for client_address, tls, sender in mails:
        client = Client(daemon.socket_spec)
        client.connect(address=client_address)
        client.helo(**(tls or {}))
        outcome = client.message(f"<joe@{sender}>", headers=(("From", f"Joe <joe@{sender}>"), ("Subject", "x")))
        client.quit()
        replies.append(outcome.reply)
    return replies


def expected_action(mail):
    """What STRICT asks for, by the rules of SPF and RFC 9325; the strongest action wins."""
    client, tls, sender = mail
    if sender == "good.example" and client != "192.0.2.1":
        return "reject"     # v=spf1 ip4:192.0.2.1 -all
    if tls is TLS10:
        return "reject"
    return "defer" if tls is None else "none"


def table(report_json, section, name):
    """{name of a row: {column: value}}, without the row of the others."""
    rows = report_json["sections"][section]["tables"][name]["rows"]
    return {next(iter(row.values())): row for row in rows}


@pytest.fixture
def mails():
    randomness = random.Random(4)
    return randomness.choices(kinds(), k=150)


def report(build_dir, daemon, database, config=None, since="1d"):
    done = subprocess.run([build_dir / "assay", "report", "--json", "--since", since, "--database", database,
                           "--config", config or daemon.config_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def messages(report_json):
    return report_json["sections"]["overview"]["figures"]["messages"]


def test_report_counts_what_was_sent(build_dir, assayd, workdir, mails):
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}', sections="findings { spf-fail = tag }").start()
    daemon.wait_for_log("store: " + str(database))
    assert set(replay(daemon, mails)) == {"c"}      # dry-run
    wait_for_flows(database, len(mails))
    said = report(build_dir, daemon, database)
    assert messages(said) == len(mails)

    failing = [mail for mail in mails if mail[2] == "good.example" and mail[0] != "192.0.2.1"]
    actions = table(said, "policy", "actions")
    # dmarc-reject is quarantined by default, and p=reject fails with SPF here
    assert sum(row["dry_run"] for row in actions.values()) == len(mails)
    assert sum(row["now"] for row in actions.values()) == len(mails)
    findings = table(said, "policy", "findings")
    assert findings["spf-fail"]["present"] == len(failing)
    assert findings["tls-none"]["present"] == sum(mail[1] is None for mail in mails)
    assert findings["tls-weak"]["present"] == sum(mail[1] is TLS10 for mail in mails)
    for row in findings.values():
        assert row["decided"] + row["merely_present"] == row["present"]
    domains = table(said, "policy", "authors")
    assert {name: row["messages"] for name, row in domains.items()} == collections.Counter(mail[2] for mail in mails)

    versions, ciphers = table(said, "tls", "versions"), table(said, "tls", "suites")
    for tls, version in ((TLS13, "TLSv1.3"), (TLS12, "TLSv1.2"), (TLS10, "TLSv1"), (None, "(cleartext)")):
        mine = [mail for mail in mails if mail[1] is tls]
        networks = {mail[0].rsplit(".", 1)[0] for mail in mine}     # /24
        assert (versions[version]["messages"], versions[version]["servers"]) == (len(mine), len(networks))
        assert abs(versions[version]["messages_share"] - len(mine) / len(mails)) < 1e-9
        if tls:
            suite = ciphers[IANA[tls["cipher"]]]
            assert (suite["messages"], suite["servers"]) == (len(mine), len(networks))
            assert suite["forward_secrecy"] == ("no" if tls is TLS10 else "yes")
    grades = table(said, "tls", "grades")
    assert grades["strong"]["messages"] == sum(mail[1] in (TLS13, TLS12) for mail in mails)


def test_report_counts_how_clients_authenticate(build_dir, assayd, workdir):
    """Who authenticates without TLS is noted, though exempt; a name with a blank is none that could become two words."""
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}').start()
    daemon.wait_for_log("store: " + str(database))
    for mechanism in ("PLAIN", "PLAIN", "SCRAM-SHA-256", "A B"):
        client = Client(daemon.socket_spec)
        client.connect(address="192.0.2.1")
        client.helo()
        client.mail("<joe@good.example>", auth_type=mechanism, auth_authen="joe")
        client.rcpt()
        client.header("From", "Joe <joe@good.example>")
        client.eoh()
        client.body(b"Hello\r\n")
        client.eom()
        client.quit()
    wait_for_flows(database, 4)
    tls = report(build_dir, daemon, database)["sections"]["tls"]
    mechanisms = {row["mechanism"]: row["messages"] for row in tls["tables"]["mechanisms"]["rows"]}
    assert mechanisms == {"PLAIN without TLS": 2, "SCRAM-SHA-256 without TLS": 1, "A?B without TLS": 1}
    assert tls["figures"]["authenticated"] == tls["figures"]["authenticated_clear"] == 4
    sets = tls["tables"]["mechanism_sets"]["rows"]
    assert len(sets) == 1 and sets[0]["servers"] == 1 and len(sets[0]["set"].split(" + ")) == 3


def test_report_replays_another_policy(build_dir, assayd, workdir, mails):
    database, other = workdir / "dry.db", workdir / "enforced.db"
    dry = assayd(options=f'record {{ path = "{database}" }}').start()
    dry.wait_for_log("store: " + str(database))
    replay(dry, mails)
    wait_for_flows(database, len(mails))

    strict = assayd(mode="enforce", options=f'record {{ path = "{other}" }}\ndmarc {{ enabled = no }}', sections=STRICT).start()
    strict.wait_for_log("store: " + str(other))
    # refused at RCPT, these messages never come to their end
    for mail in mails:
        client = Client(strict.socket_spec)
        client.connect(address=mail[0])
        client.helo(**(mail[1] or {}))
        client.mail(f"<joe@{mail[2]}>")
        if client.rcpt()[0] == "c":
            client.header("From", f"Joe <joe@{mail[2]}>")
            client.eoh()
            client.body(b"Hello\r\n")
            client.eom()
        client.abort()
        client.quit()
    wait_for_flows(other, len(mails))

    expected = collections.Counter(expected_action(mail) for mail in mails)
    # the past of the dry-run under the policy of the strict one
    would = table(report(build_dir, dry, database, strict.config_path), "policy", "actions")
    for action in ("none", "defer", "reject"):
        assert would[action]["now"] == expected[action], (action, would, expected)
    # and what the strict one did
    done = table(report(build_dir, strict, other), "policy", "actions")
    for action in ("none", "defer", "reject"):
        assert done[action]["carried_out"] == done[action]["now"] == expected[action], (action, done, expected)


def test_report_since_leaves_older_hours_out(build_dir, assayd, workdir):
    database = workdir / "assay.db"
    options = f'record {{ path = "{database}" }}'
    old = assayd(options=options).start("-t", str(-3 * 86400))
    old.wait_for_log("store: " + str(database))
    replay(old, kinds()[:4])
    assert old.stop() == 0
    new = assayd(options=options).start()
    new.wait_for_log("store: " + str(database))
    replay(new, kinds()[:3])
    wait_for_flows(database, 7)
    assert messages(report(build_dir, new, database, since="7d")) == 7
    assert messages(report(build_dir, new, database, since="1d")) == 3


def test_report_without_database_is_said(build_dir, assayd, workdir):
    daemon = assayd()
    done = subprocess.run([build_dir / "assay", "report", "--config", daemon.config_path], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 78 and "no database" in done.stderr
    done = subprocess.run([build_dir / "assay", "report", "--config", daemon.config_path, "--database", workdir / "none.db"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 66 and "none.db" in done.stderr
    done = subprocess.run([build_dir / "assay", "peers", "--config", daemon.config_path, "--database", workdir / "none.db",
                           "pin", "x.example"], capture_output=True, text=True, check=False)
    assert done.returncode == 66 and not (workdir / "none.db").exists()
