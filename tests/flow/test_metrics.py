# SPDX-License-Identifier: BSD-2-Clause
"""Figures for Prometheus and the health page: they are what was sent, and stay over reloads. test_metrics_http.py has the server."""
import collections
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import subprocess
import threading

import pytest

import test_resources as resources
from house import needs
from house.build import TOP
from house.waiting import wait_for
from metricsclient import LISTEN, Page, ask, session
from milterclient import Client

pytestmark = pytest.mark.slow


STRICT = """\
policy "strict" { recipient-domains = "strict.example" actions { spf-fail = reject spf-neutral = quarantine } }
policy "looks-on" { mode = dry-run recipient-domains = "dry.example" actions { spf-fail = reject } }
findings { spf-fail = none }
"""
FORGED, FRIEND = "203.0.113.9", "198.51.100.7"


def decisions_of(log):
    """What the log says of each message, as assay_messages_total counts it."""
    told = collections.Counter()
    for line in log.splitlines():
        words = dict(re.findall(r" (\w+)=(\S+)", line))
        if "rcpts" in words and "rcpt" not in words:
            enforced = "yes" if words.get("mode") == "enforce" else "no"
            told[frozenset({("action", words.get("decision", "none")), ("enforced", enforced)})] += 1
    return dict(told)


def test_counts_are_what_was_sent(assayd, workdir, free_port):
    """Held against the list of what was sent, and against the daemon's own log."""
    port, database = free_port(), workdir / "db"
    daemon = assayd(mode="enforce", zone=ZONE, sections=STRICT + LISTEN.format(port) + f'record {{ path = "{database}" }}').start()
    empty = Page(port)
    assert empty.total("assay_messages_total") == 0 and empty.total("assay_sessions_total") == 0
    honest = session(daemon)
    for _ in range(5):
        assert honest.message(recipients=("<ann@strict.example>",)).reply == "c"
    honest.mail()
    honest.abort()      # begun, never judged
    forged = session(daemon, FORGED)
    for _ in range(3):
        assert forged.message(sender="<joe@quiet.example>", recipients=("<ann@strict.example>",)).quarantine
    for _ in range(2):
        assert forged.message(recipients=("<ann@dry.example>",)).reply == "c"
    forged.mail()
    for _ in range(4):
        assert forged.rcpt("<ann@strict.example>")[0] == "y"
    forged.abort()
    friend = session(daemon, FRIEND)
    friend.message()
    page = Page(port)
    for client in (honest, forged, friend):
        client.quit()
    counts = {key: value for key, value in page.values["assay_messages_total"].items() if value}
    assert page.get("assay_messages_total", action="quarantine", enforced="yes") == 3
    assert page.get("assay_messages_total", action="reject", enforced="no") == 2
    assert page.total("assay_messages_total") == 11, counts
    assert page.get("assay_policy_messages_total", policy="strict", action="quarantine", enforced="yes") == 3
    assert page.total("assay_policy_messages_total", policy="strict") == 8
    assert page.get("assay_policy_messages_total", policy="looks-on", action="reject", enforced="no") == 2
    assert page.get("assay_finding_decisions_total", finding="spf-fail", enforced="no") == 2
    assert page.get("assay_finding_decisions_total", finding="spf-neutral", enforced="yes") == 3
    assert page.get("assay_findings_total", finding="spf-fail") == 2
    assert page.get("assay_recipients_refused_total", action="reject") == 4
    assert page.get("assay_messages_exempt_total", reason="trusted-network") == 1 == page.total("assay_messages_exempt_total")
    assert page.total("assay_messages_begun_total") == 13
    assert page.total("assay_sessions_total") == 3 == page.total("assay_sessions_open")
    assert page.get("assay_message_seconds_count") == 11 == page.get("assay_message_dns_wait_seconds_count")
    assert page.get("assay_message_seconds_bucket", le="+Inf") == 11 and page.get("assay_message_seconds_sum") > 0
    assert page.get("assay_dns_lookups_total", cache="hit") > 0 and page.get("assay_dns_lookups_total", cache="miss") > 0
    assert page.get("assay_store_up") == 1
    assert page.get("assay_config_enforcing") == 1 and page.get("assay_config_generation") == 1
    assert decisions_of(daemon.log()) == counts
    # what the database has of them
    wait_for(lambda: Page(port).total("assay_store_queued_notes") == 0, lambda: "notes wait for ever")
    # ten judged, and one all of whose recipients were refused; an exempt one is not remembered
    wait_for(lambda: rows(database) == 11, lambda: f"{rows(database)} messages in the record")
    last = Page(port)
    written = last.get("assay_store_notes_total", result="written")
    # a shape that changed is noted anew, in place of the older one
    assert written >= 11 + sessions(database) + shapes(database) > 11 + sessions(database) > 11
    assert last.total("assay_store_notes_total") == written
    # several notes a transaction, and none in two of them
    assert 1 <= last.total("assay_store_commits_total") <= written


ZONE = """\
good.example.            300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
good.example.            300 IN A   192.0.2.1
quiet.example.           300 IN TXT "v=spf1 ip4:192.0.2.1 ?all"
quiet.example.           300 IN A   192.0.2.1
"""


def sessions(database):
    with sqlite3.connect(database) as reader:
        return reader.execute("select coalesce(sum(none + weak + ok + strong), 0) from peer where host = ''").fetchone()[0]


def shapes(database):
    with sqlite3.connect(database) as reader:
        return reader.execute("select count(*) from shape").fetchone()[0]


def rows(database):
    with sqlite3.connect(database) as reader:
        return reader.execute("select coalesce(sum(messages), 0) from flow").fetchone()[0]


def test_counts_survive_reloads(assayd, workdir, free_port):
    """Each reload brings another resolver (a zone file is read anew) and another database, while old sessions go on with the old ones."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port) + f'record {{ path = "{workdir}/db0" }}').start()
    config = daemon.config_path.read_text()
    held, before, sent = [], Page(port), 0
    for number in range(1, 5):
        held.append(session(daemon))
        for client in held:
            client.message()
            sent += 1
        now = Page(port)
        fallen = {key: (value, now.counters()[key]) for key, value in before.counters().items() if now.counters()[key] < value}
        assert not fallen, fallen
        assert now.total("assay_messages_total") == sent
        before = now
        daemon.config_path.write_text(config.replace("/db0", f"/db{number}"))
        daemon.signal(signal.SIGHUP)
        daemon.wait_for_log("is in force", count=number)
        again = Page(port)
        fallen = {key: (value, again.counters()[key]) for key, value in before.counters().items() if again.counters()[key] < value}
        assert not fallen, fallen
        assert again.get("assay_config_generation") == number + 1
        assert again.get("assay_config_reloads_total", result="in-force") == number
    lookups = before.total("assay_dns_lookups_total")
    for client in held:     # the old resolvers and stores end
        client.quit()
    wait_for(lambda: Page(port).total("assay_sessions_open") == 0, lambda: "sessions stay")
    after = Page(port)
    assert after.total("assay_dns_lookups_total") == lookups
    written = after.get("assay_store_notes_total", result="written")
    assert written >= sent + len(held) + sum(shapes(workdir / f"db{number}") for number in range(4)) > sent + len(held)
    assert after.total("assay_store_notes_total") == written
    assert sum(rows(workdir / f"db{number}") for number in range(4)) == sent
    daemon.config_path.write_text("mode = nonsense\n")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("nothing changes")
    assert Page(port).get("assay_config_reloads_total", result="refused") == 1
    assert Page(port).get("assay_config_generation") == 5


def test_counts_of_an_honest_server(assayd, workdir, free_port):
    """Queries, answers and time-outs against a DNS server that counts, and leaves every third name without an answer."""
    import dns.message
    import dns.rcode

    port, seen = free_port(), collections.Counter()
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve():
        while True:
            data, client = server.recvfrom(4096)
            if data == b"end":
                return
            question = dns.message.from_wire(data)
            seen["asked"] += 1
            if question.question[0].name.to_text().startswith("_dmarc.silent."):
                seen["ignored"] += 1
                continue
            answer = dns.message.make_response(question, recursion_available=True)
            answer.set_rcode(dns.rcode.NXDOMAIN)
            seen["answered"] += 1
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        config = f"""socket = "unix:{workdir}/sock"\nuser = ""\nlog-target = stderr\nstatus-socket = ""
dns {{ servers = "127.0.0.1@{server.getsockname()[1]}" dnssec = off timeout = 200ms rounds = 2 }}
limits {{ dns-deadline = 5s }}\n""" + LISTEN.format(port)
        daemon = assayd(config=config, socket_spec=f"unix:{workdir}/sock").start()
        client = session(daemon)
        client.message(headers=[("From", "Joe <joe@silent.example>")])
        client.quit()
        page = Page(port)
        assert page.total("assay_dns_queries_total") == seen["asked"] > 0
        assert page.total("assay_dns_answers_total") == seen["answered"] > 0
        assert page.total("assay_dns_timeouts_total") == seen["ignored"] == 2
        assert page.get("assay_message_dns_wait_seconds_sum") >= 0.2
        assert page.get("assay_message_dns_wait_seconds_sum") <= page.get("assay_message_seconds_sum")
        assert page.get("assay_messages_dns_failure_total", failure="silent") == 1
        assert page.get("assay_dns_servers", state="up") == 1
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ender:
            ender.sendto(b"end", server.getsockname())
        thread.join()
        server.close()


def test_policies_beyond_the_hundredth_are_counted_together(assayd, free_port):
    port, count = free_port(), 103
    policies = "".join(f'policy "p{n}" {{ recipient-domains = "d{n}.example" }}\n' for n in range(count))
    daemon = assayd(sections=policies + LISTEN.format(port)).start()
    client = session(daemon)
    for number in range(count):
        client.message(recipients=(f"<ann@d{number}.example>",))
    client.quit()
    page = Page(port)
    names = {dict(key)["policy"] for key in page.values["assay_policy_messages_total"]}
    assert names == {f"p{n}" for n in range(100)} | {"other"}
    assert [page.total("assay_policy_messages_total", policy=f"p{n}") for n in range(100)] == [1] * 100
    assert page.total("assay_policy_messages_total", policy="other") == 3


def test_sessions_put_off_are_counted(assayd, free_port):
    port = free_port()
    daemon = assayd(options="max-sessions = 1", sections=LISTEN.format(port)).start()
    first = session(daemon)
    second = Client(daemon.socket_spec)
    assert second.connect()[0] == "t"
    page = Page(port)
    assert page.get("assay_sessions_put_off_total", short="sessions") == 1
    assert page.get("assay_outage", condition="sessions") == 1 == page.total("assay_outage")
    assert page.total("assay_sessions_total") == 2
    status, _, text = ask(port, "/healthz")
    assert status == 503 and "max-sessions" in text
    first.quit()
    second.quit()


@resources.not_sanitized
def test_messages_put_off_for_memory_are_counted(assayd, free_port):
    """Large headers are held until one is too many; as many are counted as were told to come again."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port) + "limits { max-header-size = 4M }")
    resources.limited(daemon, **{"as": 120 * resources.MIB}).wait_for_log("serving at")

    def put_off():
        page = Page(port)
        return page.get("assay_messages_put_off_total") + page.get("assay_sessions_put_off_total", short="memory")

    held = []
    while put_off() == 0:
        assert len(held) < 100
        held.append(session(daemon))
        if held[-1].mail()[0] == "c":
            held[-1].rcpt()
            for name, value in [("From", "Joe <joe@good.example>")] + resources.LARGE:
                held[-1].header(name, value)
    replies = []
    for client in held:
        client.eoh()
        replies.append(client.eom().reply)
        client.close()
    assert set(replies) == {"c", "t"}
    assert put_off() == replies.count("t")
    assert Page(port).get("assay_messages_put_off_total") > 0
    assert Page(port).total("assay_messages_total") == replies.count("c")


# ---- what is told, and where -----------------------------------------------------------------------------------------


@pytest.fixture
def page(assayd, free_port, workdir):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port) + f'record {{ path = "{workdir}/db" }}').start()
    client = session(daemon)
    client.message()
    client.quit()
    return Page(port)


def test_promtool_finds_no_fault(page):
    needs.programs("promtool")
    done = subprocess.run(["promtool", "check", "metrics"], input=page.text.encode(), capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr


def labels_of(page):
    """{metric: labels}, without le."""
    found = {name: set() for name in page.types}
    for name, samples in page.values.items():
        stem = name if name in page.types else re.sub(r"_(bucket|sum|count)$", "", name)
        for key in samples:
            found[stem] |= {label for label, _ in key if label != "le"}
    return found


def test_manual_has_each_metric_with_type_and_labels(page):
    manual = (TOP / "man" / "assayd.8").read_text()
    told = {}
    for name, kind, labels in re.findall(r"^\.It Ic ((?:assay|process)_\w+) Pq (\w+)(?:: (.*))?$", manual, re.M):
        assert name not in told
        told[name] = (kind, set(labels.split(" , ")) if labels else set())
    found = labels_of(page)
    assert told == {name: (page.types[name], found[name]) for name in page.types}


def test_dashboard_asks_for_what_there_is(page):
    dashboard = json.loads((TOP / "conf" / "assay-grafana.json").read_text())
    known, used = labels_of(page), set()
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            expression = target["expr"]
            names = {re.sub(r"_(bucket|sum|count)$", "", name) if name not in known else name
                     for name in re.findall(r"\b(?:assay|process)_\w+", expression)}
            assert names and names <= set(known), expression
            labels = {label for name in names for label in known[name]} | {"le", "instance", "job"}
            grouped = {word for words in re.findall(r"\bby \(([^)]*)\)", expression) for word in words.split(", ")}
            selected = set(re.findall(r'(\w+)=~?"', expression))
            assert grouped | selected | set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels, expression
            used |= names
    # nothing that is counted is left out but what has no place on a picture
    assert set(known) - used == {"assay_config_generation", "assay_config_reloads_total", "assay_beside_messages_total",
                                 "assay_http_requests_total", "process_virtual_memory_bytes", "process_max_fds",
                                 "process_start_time_seconds"}


def test_dashboard_has_the_form_that_grafana_loads():
    dashboard = json.loads((TOP / "conf" / "assay-grafana.json").read_text())
    assert dashboard["title"] and dashboard["uid"] and isinstance(dashboard["schemaVersion"], int) and "__inputs" not in dashboard
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        references = [target["refId"] for target in panel.get("targets", ())]
        assert len(references) == len(set(references))
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert set(re.findall(r"\$\{?(datasource|instance)\b", json.dumps(dashboard))) == variables


def test_dashboards_queries_are_promql(page):
    """promtool reads rules, and so the queries in them."""
    needs.programs("promtool")
    dashboard = json.loads((TOP / "conf" / "assay-grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    rules = [{"record": f"q{n}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for n, query in enumerate(queries)]
    text = json.dumps({"groups": [{"name": "dashboard", "rules": rules}]})     # YAML, too
    path = pathlib.Path(f"/proc/self/fd/{os.memfd_create('rules')}")
    path.write_text(text)
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, timeout=60, check=False,
                          pass_fds=[int(path.name)])
    os.close(int(path.name))
    assert done.returncode == 0 and f"{len(queries)} rules found".encode() in done.stdout, done.stdout + done.stderr


def test_health_says_what_is_wrong(assayd, free_port, workdir):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port) + f'record {{ path = "{workdir}/absent/db" }}').start()
    wait_for(lambda: "store" in ask(port, "/healthz")[2], lambda: ask(port, "/healthz")[2])
    status, fields, text = ask(port, "/healthz")
    assert status == 503 and fields["Content-Type"].startswith("text/plain") and "absent" in text
    assert Page(port).get("assay_store_up") == 0 and Page(port).get("assay_outage", condition="store") == 1
    (workdir / "absent").mkdir()
    client = session(daemon)
    client.message()    # something to remember: the database is tried again when its pause is over
    wait_for(lambda: ask(port, "/healthz")[0] == 200, lambda: ask(port, "/healthz")[2])
    assert ask(port, "/healthz")[2] == "ok\n"
    assert Page(port).get("assay_store_up") == 1 and Page(port).total("assay_outage") == 0
    client.mail()
    daemon.signal(signal.SIGTERM)
    wait_for(lambda: ask(port, "/healthz")[:1] == (503,), lambda: "still well")
    assert "stopping" in ask(port, "/healthz")[2]
    assert Page(port).total("assay_messages_total") == 1
    client.rcpt()
    client.header("From", "Joe <joe@good.example>")
    client.eoh()
    assert client.eom().reply == "c"
    client.quit()
    assert daemon.stop() == 0
