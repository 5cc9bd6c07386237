# SPDX-License-Identifier: BSD-2-Clause
"""
Flag days, shares of domains and brakes with a moved clock: what assayd does hour by hour, and that assay whatif says just that of the
record of an assayd in dry-run that had the same mail. The hours lie in the past, for a forecast looks back from now.
"""
import collections
import json
import sqlite3
import time

import pytest

from milterclient import Client
from test_store_faults import wait_for_flows

HOUR = 3600
DOMAINS = [f"d{number}.example" for number in range(40)]
ZONE = "".join(f'{domain}. 300 IN TXT "v=spf1 -all"\n' for domain in DOMAINS + ["good.example", "stray.example"])
# what is refused here is refused at RCPT: SPF fails for all of them
POLICIES = """
policy ramped {{
    recipient-domains = ramped.example
    actions {{ spf-fail = reject }}
    ramp "spf-fail" {{ share = 35% }}
}}
policy flagged {{
    recipient-domains = flagged.example
    actions {{ spf-fail = reject }}
    ramp "spf-fail" {{ from = {flag} before = quarantine }}
}}
policy braked {{
    recipient-domains = braked.example
    actions {{ spf-fail = reject }}
    brake-wanted = 4
    brake-percent = 50
    brake-window = 3h
}}
policy calm {{
    recipient-domains = calm.example
    actions {{ spf-fail = reject }}
    brake-wanted = 4
}}
"""


def first_hour():
    """Ten hours ago, so that all of them are past."""
    return int(time.time()) // HOUR * HOUR - 10 * HOUR


def at(start, hour):
    """assayd's option for a quarter to the end of that hour: late enough in it for the sum of the hours before."""
    return "-t", str(start + hour * HOUR + 45 * 60 - int(time.time()))


def send(daemon, recipient, sender, known):
    client = Client(daemon.socket_spec)
    client.connect(address="203.0.113.5")
    client.helo()
    client.mail(f"<joe@{sender}>", **({"auth_type": "PLAIN", "auth_authen": "joe"} if known else {}))
    reply = client.rcpt(f"<ann@{recipient}>")
    fate = "refused"
    if reply is None or reply[0] == "c":
        client.header("From", f"Joe <joe@{sender}>")
        client.eoh()
        client.body(b"Hello\r\n")
        outcome = client.eom()
        fate = "refused" if outcome.reply not in ("c", "a") else "quarantined" if getattr(outcome, "quarantine", None) else "delivered"
    client.abort()
    client.quit()
    return fate


def mails_of(hour):
    """(recipient's domain, sender's domain, whether the client authenticated, which looks wanted)."""
    for domain in DOMAINS[hour * 5:hour * 5 + 20]:
        yield "ramped.example", domain, False
    for number in range(3):
        yield "flagged.example", "stray.example", number == 0
        yield "braked.example", "stray.example", True
        yield "calm.example", "stray.example", False
    yield "braked.example", "good.example", False


def policies(start):
    return POLICIES.format(flag=time.strftime("%Y-%m-%dT%H", time.gmtime(start + 2 * HOUR)))


def run(make, workdir, start, mode, hours):
    """Hour by hour, each with an assayd of its own. @return (database, config, fates by hour, the daemons)."""
    database = workdir / f"{mode}.db"
    fates, daemons, count = [], [], 0
    for hour in hours:
        daemon = make(mode=mode, zone=ZONE, sections=policies(start),
                      options=f'record {{ path = "{database}" }}\nexempt-authenticated = no').start(*at(start, hour))
        daemon.wait_for_log("store: " + str(database))
        mails = list(mails_of(hour))
        fates.append([(*mail, send(daemon, *mail)) for mail in mails])
        count += len(mails)
        wait_for_flows(database, count)
        daemons.append(daemon)
        if mode == "enforce":
            wait_for_sum(daemon, hour)
        assert daemon.stop() == 0
    return database, daemons[0].config_path, fates, daemons


def wait_for_sum(daemon, hour):
    """The sum is done by the time that the first look is over; a brake that comes on is logged by then."""
    if hour == 2:
        daemon.wait_for_log("brake: policy braked will only tag")


def whatif(assay, database, config, *more):
    return assay.json("whatif", "--since", "12h", "--database", database, "--config", config, "--top", 1000, *more)


def told(said):
    """(fate, sender's domain): messages of the fates that a forecast tells by domain."""
    return {(fate, row["domain"]): row["messages"] for key, fate in (("newly_refused", "refused"), ("newly_quarantined", "quarantined"))
            for row in said[key]["domains"]}


def done(fates):
    return {key: count for key, count in collections.Counter(
        (fate, sender) for mails in fates for _, sender, _, fate in mails).items() if key[0] != "delivered"}


@pytest.fixture(name="runs")
def fixture_runs(assayd, workdir):
    start, hours = first_hour(), range(5)
    dry = run(assayd, workdir, start, "dry-run", hours)
    enforced = run(assayd, workdir, start, "enforce", hours)
    return start, dry, enforced


def test_whatif_is_what_happened(assay, runs):
    start, (dry_database, _, dry_fates, _), (database, config, fates, daemons) = runs
    assert {fate for mails in dry_fates for *_, fate in mails} == {"delivered"}

    # the ramp: a domain is always treated alike, and some are in
    by_domain = collections.defaultdict(set)
    for mails in fates:
        for recipient, sender, _, fate in mails:
            if recipient == "ramped.example":
                by_domain[sender].add(fate)
    assert all(len(fate) == 1 for fate in by_domain.values())
    refused = sum(fate == {"refused"} for fate in by_domain.values())
    assert 5 <= refused <= 25 and len(by_domain) == 40

    # the flag day
    flagged = [{fate for recipient, *_, fate in mails if recipient == "flagged.example"} for mails in fates]
    assert flagged == [{"quarantined"}] * 2 + [{"refused"}] * 3

    # the brake: 3 wanted messages an hour, so hours 0 and 1 reach it; summed in hour 2 it is on from hour 3
    braked = [{fate for recipient, *_, fate in mails if recipient == "braked.example"} for mails in fates]
    assert braked == [{"refused"}] * 3 + [{"delivered"}] * 2
    assert all(fate == "refused" for mails in fates for recipient, *_, fate in mails if recipient == "calm.example")
    assert [daemon.log().count("brake: policy braked") for daemon in daemons] == [0, 0, 1, 1, 1]
    assert "will only tag" in daemons[2].log() and "only tags" not in daemons[2].log()
    assert f"of 8 messages that it would have held back 6 look wanted" in daemons[2].log()
    assert not any("policy calm" in line and "brake" in line for daemon in daemons for line in daemon.log().splitlines())

    # and the forecast
    said = whatif(assay, dry_database, config)
    count = sum(len(mails) for mails in fates)
    assert (said["messages"], said["told"], said["untold"]) == (count, count, {})
    assert said["brakes"] == [{"policy": "braked", "finding": "spf-fail", "since": start + 3 * HOUR, "until": None, "sure": True}]
    for fate in ("delivered", "quarantined", "refused"):
        assert said["fates"]["delivered"][fate] == sum(fate == one for mails in fates for *_, one in mails)
    assert told(said) == done(fates)
    # of its own record it says that nothing changes
    again = whatif(assay, database, config, "--as-configured")
    assert again["untold"] == {}
    assert all(again[key]["messages"] == 0 for key in ("newly_refused", "newly_quarantined", "newly_let_in", "newly_delayed"))
    assert again["brakes"] == said["brakes"]


def test_brake_is_listed_told_and_lifted(assay, assayd, workdir, runs):
    start, _, (database, config, fates, _) = runs
    rows = assay.json("brakes", "--database", database)
    assert rows == [{"policy": "braked", "finding": "spf-fail", "since": start + 3 * HOUR, "lifted": None, "held_back": 8, "wanted": 6}]
    text = assay.run("brakes", "--database", database).stdout.decode()
    assert "braked" in text and "spf-fail" in text and max(map(len, text.splitlines())) <= 100
    assert "a brake is on" in assay.run("report", "--since", "12h", "--database", database, "--config", config).stdout.decode()
    assert "1 brake is on" in assay.run("report", "--mail", "--to", "a@b.example", "--output", "-", "--database", database,
                                        "--config", config).stdout.decode()

    # lifted in the middle of hour 5: it enforces again, and counts from hour 6 on
    lifted = assay.run("brakes", "--lift", "braked", "spf-fail", "--database", database, "--time", start + 5 * HOUR + 600)
    assert lifted.returncode == 0, lifted.stderr
    assert assay.json("brakes", "--database", database) == []
    assert assay.json("brakes", "--all", "--database", database)[0]["lifted"] == start + 5 * HOUR + 660
    again = assay.run("brakes", "--lift", "braked", "spf-fail", "--database", database)
    assert again.returncode == 65 and b"no brake of policy 'braked' on spf-fail is on" in again.stderr
    daemon = assayd(mode="enforce", zone=ZONE, sections=policies(start),
                    options=f'record {{ path = "{database}" }}\nexempt-authenticated = no').start(*at(start, 5))
    daemon.wait_for_log("store: " + str(database))
    assert send(daemon, "braked.example", "stray.example", True) == "refused"
    wait_for_flows(database, sum(map(len, fates)) + 1)
    assert daemon.stop() == 0 and "brake: policy braked" not in daemon.log()
    said = whatif(assay, database, config, "--as-configured")
    # the hour in which it was lifted has mail of before and behind: which is not recorded
    assert sum(said["untold"].values()) == 1 and said["brakes"][0]["until"] == start + 5 * HOUR + 660
    assert said["newly_refused"]["messages"] == said["newly_let_in"]["messages"] == 0


def test_a_day_without_hours_is_told_where_nothing_hangs_on_them(assay, runs):
    start, (database, *_), (_, config, fates, _) = runs
    day = start // (24 * HOUR) * 24 * HOUR
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO flow_day(day, kind, messages, bytes, sessions) SELECT hour - hour % 86400, kind, sum(messages), "
                           "sum(bytes), sum(sessions) FROM flow GROUP BY 1, 2")
        connection.execute("DELETE FROM flow")
    connection.close()
    said = assay.json("whatif", "--since", "2d", "--database", database, "--config", config, "--top", 1000)
    assert said["told"] + sum(said["untold"].values()) == said["messages"] == sum(map(len, fates))
    # the ramp hangs on no hour; of flag day and brake nothing is guessed
    ramped = sum(recipient == "ramped.example" for mails in fates for recipient, *_ in mails)
    calm = sum(recipient == "calm.example" for mails in fates for recipient, *_ in mails)
    assert said["told"] >= ramped + calm - 15 and set(said["untold"]) <= {"time of day", "brakes"}
    if day + 24 * HOUR > start + 5 * HOUR:	# all of it on one day
        assert said["untold"].get("time of day", 0) >= 15 and said["untold"].get("brakes", 0) >= 20
    assert json.dumps(said["brakes"])


def test_the_store_may_go_and_the_brake_stays(assay, assayd, workdir, runs):
    start, _, (database, *_) = runs
    daemon = assayd(mode="enforce", zone=ZONE, sections=policies(start),
                    options=f'record {{ path = "{database}" }}\nexempt-authenticated = no').start(*at(start, 6))
    daemon.wait_for_log("store: " + str(database))
    daemon.wait_for_log("brake: policy braked")
    assert send(daemon, "braked.example", "stray.example", True) == "delivered"
    for path in workdir.glob("enforce.db*"):
        path.rename(path.with_name("gone-" + path.name))
    database.mkdir()    # so that no other one can be made
    began = time.monotonic()
    for _ in range(3):
        assert send(daemon, "braked.example", "stray.example", True) == "delivered"
    assert time.monotonic() - began < 5
    time.sleep(6)   # a look at the record fails meanwhile
    assert send(daemon, "braked.example", "stray.example", True) == "delivered"
    assert "the brake was lifted" not in daemon.log()
    daemon.stop()
    # one that could never read which brakes are on holds them all to be on
    daemon = assayd(mode="enforce", zone=ZONE, sections=policies(start),
                    options=f'record {{ path = "{database}" }}\nexempt-authenticated = no').start(*at(start, 6), wait=False)
    daemon.wait_for_log("listening at")
    assert send(daemon, "braked.example", "stray.example", True) == "delivered"
    assert send(daemon, "calm.example", "stray.example", False) == "delivered"
    assert send(daemon, "flagged.example", "stray.example", False) == "refused"
    daemon.stop()


@pytest.mark.parametrize("text, said", [
    ("brake-wanted = 3", "needs a record to count in: set record { path = ... }"),
    ('record { path = "/nonexistent/a.db" } brake-wanted = 3 brake-window = 71h', "within record { keep-hours }"),
    ('record { path = "/nonexistent/a.db" } brake-wanted = 3 brake-window = 90m', "counted in whole hours"),
    ('ramp "dmarc-reject" { from = 2027-02-30 }', "not a date; write 2027-01-01"),
    ('ramp "dmarc-reject" { share = 10 }', "not a share; write 10%"),
    ('ramp "dmarc-rejekt" { share = 10% }', "which is no finding; did you mean 'dmarc-reject'?"),
    ('ramp "spf-fail" { }\nramp "spf-fail" { }', "there is a ramp 'spf-fail' already"),
])
def test_wrong_settings_are_told(assay, workdir, text, said):
    (workdir / "c").write_text('user = ""\n' + text + "\n")
    answer = assay.run("config", workdir / "c")
    assert answer.returncode == 78 and said in answer.stderr.decode()


@pytest.mark.parametrize("arguments, said", [
    (["--lift"], "--lift which one?"), (["--lift", "default"], "--lift which one?"), (["--lift", "default", "no-finding"], "is no finding"),
    (["x"], "unexpected argument 'x'"), (["--time", "x"], "--time: 'x' is not a number"),
])
def test_wrong_usage(assay, arguments, said):
    answer = assay.run("brakes", *arguments)
    assert answer.returncode == 64 and said in answer.stderr.decode() and answer.stderr.count(b"\n") == 1
