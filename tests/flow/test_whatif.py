# SPDX-License-Identifier: BSD-2-Clause
"""
assay whatif on what assayd recorded, against the replies of an assayd that has the policies enforced; and what it says where it
cannot answer. The same mails go through both, by libmilter.
"""
import collections
import json
import os
import random
import sqlite3
import subprocess

import pytest

from milterclient import Client
from test_replay import MAILS, OTHER, PARTNER, SETS, TLS
from test_store_faults import wait_for_flows

ASKED = ("recipients", "cert-names", "secure-only", "several")


def send(daemon, mail):
    """One message, as an MTA sends it. @return (what became of it, whether some of its recipients only were refused)."""
    address, tls, sender, recipients = mail
    client = Client(daemon.socket_spec)
    client.connect(address=address)
    client.helo(**(tls or {}))
    client.mail(f"<joe@{sender}>")
    replies = [client.rcpt(f"<{recipient}>") for recipient in recipients]
    taken = [reply is None or reply[0] == "c" for reply in replies]
    fate = "refused"
    if any(taken):
        client.header("From", f"Joe <joe@{sender}>")
        client.eoh()
        client.body(b"Hello\r\n")
        outcome = client.eom()
        fate = "refused" if outcome.reply not in ("c", "a") else "quarantined" if getattr(outcome, "quarantine", None) else "delivered"
    client.abort()
    client.quit()
    return fate, any(taken) and not all(taken)


def many():
    """MAILS, and as many more of other senders and clients as ASSAY_MAILS asks for; always the same."""
    choice = random.Random(1)
    places = ["ann@strict.example", "bob@a.soft.example", "ann@test.example", "ann", "eve@other.example", "joe@b.soft.example"]
    return MAILS + tuple((f"{choice.choice(('192.0.2', '203.0.113', '203.0.114'))}.{choice.randrange(1, 250)}",
                          choice.choice((None, TLS, PARTNER, OTHER)), choice.choice(("good.example", "quiet.example", f"d{i % 200}.example")),
                          tuple(choice.sample(places, choice.randrange(1, 4)))) for i in range(int(os.environ.get("ASSAY_MAILS", "0")) - len(MAILS)))


def run(assayd, workdir, name, mode, mails=MAILS):
    database = workdir / f"{name}-{mode}.db"
    daemon = assayd(mode=mode, options=f'record {{ path = "{database}" }}', sections=SETS[name]).start()
    daemon.wait_for_log("store: " + str(database))
    fates = [send(daemon, mail) for mail in mails]
    wait_for_flows(database, len(mails))
    assert daemon.stop() == 0
    return database, daemon.config_path, fates


def whatif(assay, database, *arguments):
    return assay.json("whatif", "--since", "1d", "--database", database, *arguments)


def test_whatif_is_what_the_daemon_does(assay, assayd, workdir):
    mails = many()
    database, _, before = run(assayd, workdir, "default", "dry-run", mails)
    assert {fate for fate, _ in before} == {"delivered"}
    told = []
    for name in ASKED:
        recorded, config, fates = run(assayd, workdir, name, "enforce", mails)
        said = whatif(assay, database, "--config", config, "--top", 1000)
        assert (said["messages"], said["told"], said["untold"]) == (len(mails), len(mails), {})
        for fate in ("delivered", "quarantined", "refused"):
            assert said["fates"]["delivered"][fate] == sum(done == fate for done, _ in fates), (name, fate)
        assert said["newly_refused"]["messages"] == said["fates"]["delivered"]["refused"] > 0
        assert said["partly_refused"] == sum(partly for _, partly in fates)
        by_domain = {row["domain"]: row["messages"] for row in said["newly_refused"]["domains"]}
        assert by_domain == collections.Counter(mail[2] for mail, (fate, _) in zip(mails, fates) if fate == "refused")
        # what it did itself, it would do again
        again = whatif(assay, recorded, "--config", config)
        assert again["newly_refused"]["messages"] == again["newly_let_in"]["messages"] == 0
        told.append(said["fates"]["delivered"])
    assert len({tuple(fates.items()) for fates in told}) == len(ASKED)


@pytest.fixture(name="past")
def fixture_past(assayd, workdir):
    """(database, config) of an assayd in dry-run with two policies."""
    database, config, _ = run(assayd, workdir, "recipients", "dry-run")
    return database, config


def sums_hold(said):
    assert sum(row["then"]["carried_out"] + row["then"]["dry_run"] for row in said["actions"].values()) == said["messages"]
    assert sum(row["whatif"]["carried_out"] + row["whatif"]["dry_run"] for row in said["actions"].values()) == said["told"]
    assert sum(sum(row.values()) for row in said["fates"].values()) == said["told"] == said["all"]["messages"]
    for kind in ("newly_refused", "newly_quarantined", "newly_delayed", "newly_let_in", "exposed"):
        rows = said[kind]["domains"] + [said[kind]["other"]]
        for key in ("messages", "wanted", "unclear", "forged"):
            assert sum(row[key] for row in rows) == said[kind][key], (kind, key)


def test_choices_of_policies(assay, past):
    database, config = past
    everything = whatif(assay, database, "--config", config)
    strict = whatif(assay, database, "--config", config, "--policy", "strict")
    alone = whatif(assay, database, "--config", config, "--policy", "strict", "--everywhere")
    unchanged = whatif(assay, database, "--config", config, "--as-configured")
    for said in (everything, strict, alone, unchanged):
        sums_hold(said)
    assert unchanged["newly_refused"]["messages"] == 0
    assert 0 < strict["newly_refused"]["messages"] < alone["newly_refused"]["messages"]
    # a cleartext session is deferred, and good.example's mail from elsewhere rejected, whomever it is for
    assert alone["newly_refused"]["messages"] == sum(mail[1] is None or (mail[2] == "good.example" and mail[0] != "192.0.2.1")
                                                     for mail in MAILS)
    assert everything["policies"] == f"policies of {config}, enforced"
    assert whatif(assay, database, "--config", config, "--top", 1)["newly_refused"]["other"]["domains"] == 1


def test_text_fits_a_terminal_and_has_the_figures_of_json(assay, past):
    database, config = past
    done = assay.run("whatif", "--since", "1d", "--database", database, "--config", config)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert max(len(line) for line in text.splitlines() if str(config) not in line) <= 80
    said = whatif(assay, database, "--config", config)
    rows = {line[2:38].strip(): line[38:].split() for line in text.splitlines() if line.startswith("  ")}
    for key, name in (("newly_refused", "newly refused"), ("exposed", "stays exposed"), ("all", "all that can be told")):
        assert rows[name] == [str(said[key][word]) for word in ("messages", "wanted", "unclear", "forged")]
    for step in said["steps"]:
        if step["newly_refused"]["messages"]:
            assert f" {step['finding']} " in text


def test_weights_decide_whether_a_step_pays(assay, past):
    database, config = past
    seen = set()
    for good, forged, upkeep in ((10, 1, 1), (1, 50, 0), (1e6, 0, 0), (0.001, 1000, 2.5)):
        said = whatif(assay, database, "--config", config, "--weights", f"upkeep={upkeep},forged={forged},good={good}")
        assert said["weights"] == {"good": good, "forged": forged, "upkeep": upkeep}
        for step in said["steps"]:
            counts, cost = step["newly_refused"], upkeep * said["days"]
            low = forged * counts["forged"] - good * (counts["wanted"] + counts["unclear"]) - cost
            high = forged * (counts["forged"] + counts["unclear"]) - good * counts["wanted"] - cost
            assert (step["gain_low"], step["gain_high"]) == (pytest.approx(low), pytest.approx(high))
            assert step["pays"] == ("yes" if low > 0 else "perhaps" if high > 0 else "no")
            seen.add(step["pays"])
    assert len(seen) > 1


@pytest.mark.parametrize("arguments, said", [
    (["--weights", "god=1"], "--weights 'god=1' is not of the form good=N,forged=N,upkeep=N, each once"),
    (["--weights", "good=1,good=2"], "--weights 'good=1,good=2' is not of the form"),
    (["--weights", "good=1,"], "--weights 'good=1,' is not of the form"),
    (["--weights", "good=-1"], "--weights: good is no number from 0 to 1e9 in 'good=-1'"),
    (["--weights", "forged=nan"], "--weights: forged is no number"), (["--weights", "upkeep=1e10"], "--weights: upkeep is no number"),
    (["--weights", "good=0"], "--weights: good has to be above 0"), (["--since", "ever"], "--since: 'ever' is no age; valid: 90m"),
    (["--top", "0"], "--top: '0' is no number from 1 to "), (["--everywhere"], "--everywhere says where one policy is asked"),
    (["--policy", "x", "--as-configured"], "--policy enforces that policy, --as-configured changes nothing"),
    (["x"], "unexpected argument 'x'; options: --config, "),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage(assay, arguments, said):
    done = assay.run("whatif", *arguments)
    assert (done.returncode, done.stdout) == (64, b"")
    assert done.stderr.decode().startswith("assay: whatif: " + said) and done.stderr.count(b"\n") == 1


def test_no_answer_says_why(assay, assayd, past, workdir):
    database, config = past
    done = assay.run("whatif", "--database", database, "--config", config, "--policy", "strikt")
    assert done.returncode == 64 and b"no policy 'strikt' in the configuration; there are: strict, soft, default" in done.stderr
    done = assay.run("whatif", "--config", assayd().config_path)
    assert done.returncode == 78 and b"no database" in done.stderr
    done = assay.run("whatif", "--database", workdir / "none.db", "--config", config)
    assert done.returncode == 66 and b"none.db does not exist" in done.stderr
    (workdir / "broken").write_text("policy {")
    assert assay.run("whatif", "--database", database, "--config", workdir / "broken").returncode == 78

    # two days old, and asked for one
    old = workdir / "old.db"
    with sqlite3.connect(database) as source, sqlite3.connect(old) as connection:
        source.backup(connection)
        connection.execute("UPDATE flow SET hour = hour - 48 * 3600")
    source.close()
    connection.close()
    done = assay.run("whatif", "--since", "1d", "--database", old, "--config", config)
    assert done.returncode == 66 and b"the newest record is 48 hours old: try a longer --since" in done.stderr
    with sqlite3.connect(old) as connection:
        connection.execute("DELETE FROM flow")
    connection.close()
    done = assay.run("whatif", "--database", old, "--config", config)
    assert done.returncode == 66 and done.stderr == b"assay: whatif: nothing has been recorded yet\n"


def test_rows_of_an_earlier_version_are_told_as_far_as_they_go(assay, past):
    database, config = past
    with sqlite3.connect(database) as connection:
        count, = connection.execute("SELECT sum(messages) FROM flow").fetchone()
        parts = dict(connection.execute("SELECT id, text FROM part"))
        for hour, messages, size, *kind in connection.execute(
                "SELECT hour, messages, bytes, outcome, sender, client, tls FROM flow JOIN kind ON kind.id = flow.kind").fetchall():
            (findings, results, policy, action, enforced, _), (author, envelope, _), (network, _), tls = (
                parts[part].split("\n") for part in kind)
            connection.execute(
                f"INSERT INTO flow_old VALUES({', '.join('?' * 14)}) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
                (hour, author, envelope, network, findings, results, *tls, policy, action, enforced, messages, size))
        connection.execute("DELETE FROM flow")
    connection.close()
    said = whatif(assay, database, "--config", config)
    sums_hold(said)
    assert said["messages"] == count and said["untold_old"] == sum(said["untold"].values()) > 0
    assert set(said["untold"]) == {"recipients"}
    assert json.dumps(said)
    text = subprocess.run([assay.program, "whatif", "--database", database, "--config", config], capture_output=True, text=True,
                          check=True).stdout
    assert "of these by an earlier version" in text
    # nobody counted its sessions, and the report does not call that none
    text = assay.run("report", "--since", "1d", "--database", database, "--config", config).stdout.decode()
    assert f"The sessions of {count} messages are not known" in text
