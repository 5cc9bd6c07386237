# SPDX-License-Identifier: BSD-2-Clause
"""
What assay report tells of other policies, against an assayd that really had them. The same mails go through an assayd for each set of
policies, in dry-run and enforced; then each set is asked about each record.
"""
import collections
import itertools
import json
import re
import subprocess

import pytest

from milterclient import Client
from test_store_faults import wait_for_flows

TLS = {"tls_version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "cipher_bits": "256"}
PARTNER = {**TLS, "cert_subject": "mta.partner.example", "cert_issuer": "Good CA"}
OTHER = {**TLS, "cert_subject": "mx.other.example", "cert_issuer": "Good CA"}
RECIPIENTS = (("ann@strict.example",), ("ann@a.soft.example",), ("ann@test.example",), ("ann",),
              ("ann@strict.example", "bob@a.soft.example"), ("ann@test.example", "bob@a.soft.example", "eve@strict.example"))
MAILS = tuple(itertools.product(("192.0.2.1", "192.0.2.9", "203.0.113.5"), (None, TLS, PARTNER, OTHER),
                                ("good.example", "quiet.example"), RECIPIENTS))

# Policies that look at what a record of findings alone does not tell.
SETS = {
    "default": "",
    "recipients": 'policy strict { recipient-domains = strict.example actions { spf-fail = reject tls-none = defer } }\n'
                  'policy soft { recipient-domains = .soft.example actions { spf-fail = none dmarc-reject = none dkim-none = tag } }',
    "insecure-pass": 'policy bank { author-domains = good.example require-secure-domains = good.example '
                     'actions { insecure-pass = reject } }',
    "cert-names": 'policy partner { author-domains = { good.example, quiet.example } require-cert = yes '
                  'require-cert-names = { ".partner.example" } require-cert-issuers = { "Good CA" } }',
    "secure-only": 'policy careful { recipient-domains = { strict.example, .soft.example } reject-only-secure = yes '
                   'actions { spf-fail = reject iprev-fail = reject tls-none = reject } }',
    "several": 'several-recipients = lenient\n'
               'policy known { author-domains = quiet.example actions { iprev-fail = tag spf-softfail = tag } }\n'
               'policy strict { recipient-domains = strict.example actions { iprev-fail = reject dkim-none = reject } }\n'
               'policy soft { recipient-domains = .soft.example actions { iprev-fail = reject dkim-none = tag } }',
    "networks": 'policy near { client-networks = 192.0.2.0/24 actions { dkim-none = quarantine } }\n'
                'policy far { client-networks = 203.0.113.0/24 recipient-domains = strict.example actions { spf-fail = defer } }',
    # the record keeps of the client's name what its hosts have in common
    "session": 'policy partner { inherits = base listeners = partners }\n'
               'policy base { template = yes actions { dkim-none = quarantine spf-fail = defer } }\n'
               'policy named { client-names = .good.example envelope-domains = quiet.example authenticated = no '
               'actions { dkim-none = reject } }',
}
ALL = tuple((name, mode) for name in SETS for mode in ("dry-run", "enforce"))


def send(daemon, mail):
    """One message, as an MTA sends it: without a recipient that was accepted it ends."""
    address, tls, sender, recipients = mail
    client = Client(daemon.socket_spec)
    client.connect(address=address, daemon_name="partners" if address == "192.0.2.9" else "smtp")
    client.helo(**(tls or {}))
    client.mail(f"<joe@{sender}>")
    replies = [client.rcpt(f"<{recipient}>") for recipient in recipients]
    if any(reply is None or reply[0] == "c" for reply in replies):
        client.header("From", f"Joe <joe@{sender}>")
        client.eoh()
        client.body(b"Hello\r\n")
        client.eom()
    client.abort()
    client.quit()


def report(build_dir, database, config):
    done = subprocess.run([build_dir / "assay", "report", "--json", "--since", "1d", "--database", database, "--config", config],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["sections"]


def actions(said, column):
    """{action: messages} as carried out, told in dry-run (dry_run), or decided by the policies now."""
    rows = {row["action"]: row[column] for row in said["policy"]["tables"]["actions"]["rows"] if row["action"] != "cannot tell"}
    assert len(rows) == 6, said
    return rows


def untold(said):
    return said["untold"]["figures"]["messages"]


def reasons(said):
    return {row["reason"]: row["messages"] for row in said["untold"]["tables"]["reasons"]["rows"]}


@pytest.fixture
def runs(assayd, workdir):
    """{(name, mode): (database, config)}: every set has judged every mail."""
    made = {}
    for name, mode in ALL:
        database = workdir / f"{name}-{mode}.db"
        daemon = assayd(mode=mode, options=f'record {{ path = "{database}" }}', sections=SETS[name]).start()
        daemon.wait_for_log("store: " + str(database))
        for mail in MAILS:
            send(daemon, mail)
        wait_for_flows(database, len(MAILS))
        assert daemon.stop() == 0
        made[name, mode] = database, daemon.config_path
    return made


def test_report_tells_what_a_run_comes_to(build_dir, runs):
    # what each run did: every one of them says so itself, and all of them have to be different
    done = {}
    for run, (database, config) in runs.items():
        said = report(build_dir, database, config)
        told_then = actions(said, "dry_run")
        done[run] = {action: count + told_then[action] for action, count in actions(said, "carried_out").items()}
    assert len({tuple(sorted(counts.items())) for counts in done.values()}) >= len(SETS)

    told = collections.Counter()
    for recorder, (database, _) in runs.items():
        for asked, (_, config) in runs.items():
            said = report(build_dir, database, config)
            would = actions(said, "now")
            case = recorder, asked, would, done[asked]
            # who was refused at RCPT might have been read under other policies: nothing else is ever untold here
            if recorder[1] == "dry-run" or recorder == asked:
                assert untold(said) == 0, case
            if untold(said) == 0:
                assert would == done[asked], case
                told["all"] += 1
            else:
                assert reasons(said) == {"refused at RCPT": untold(said)}, (case, said)
                assert sum(would.values()) + untold(said) == len(MAILS), case
                assert all(would[action] <= done[asked][action] for action in would), case
                told["some"] += 1
    assert told["all"] > len(ALL) * len(ALL) // 2 and told["some"] > 0


def test_report_cannot_tell_which_host_of_a_network_it_was(assayd, build_dir, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}').start()
    daemon.wait_for_log("store: " + str(database))
    for mail in MAILS:
        send(daemon, mail)
    wait_for_flows(database, len(MAILS))
    asked = assayd(options=f'record {{ path = "{database}" }}', sections='policy host { client-networks = 192.0.2.9/32 '
                   'actions { dkim-none = reject } }')
    said = report(build_dir, database, asked.config_path)
    # where SPF and DMARC fail together the message is rejected either way, whichever host it was
    near = sum(mail[0] == "192.0.2.1" or (mail[0] == "192.0.2.9" and mail[2] != "good.example") for mail in MAILS)
    assert untold(said) == near
    assert reasons(said) == {"client address": near}, said


def test_report_cannot_tell_whose_mailbox_it_was(assayd, build_dir, workdir):
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}').start()
    daemon.wait_for_log("store: " + str(database))
    for mail in MAILS:
        send(daemon, mail)
    wait_for_flows(database, len(MAILS))
    asked = assayd(options=f'record {{ path = "{database}" }}', sections='policy one { recipients = eve@strict.example '
                   'actions { dkim-none = reject } }')
    said = report(build_dir, database, asked.config_path)
    # whoever was at that domain, or in a domain that nobody named, may have been he; a message rejected either way is told
    hangs = {recipients for recipients in RECIPIENTS if "ann" in recipients or any(one.endswith("@strict.example") for one in recipients)}
    assert set(reasons(said)) == {"recipients' mailboxes"} and 0 < untold(said) <= sum(mail[3] in hangs for mail in MAILS), said
    assert untold(said) >= sum(mail[3] in hangs and mail[2] == "quiet.example" and mail[0] == "192.0.2.1" for mail in MAILS)
    assert daemon.stop() == 0
    assert not re.search(rb"(eve|ann|bob)[@%]", database.read_bytes())
