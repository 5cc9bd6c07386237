# SPDX-License-Identifier: BSD-2-Clause
"""Figures for Prometheus and the health page: they are what was sent, stay over reloads, and nobody who asks for them can do harm."""
import collections
import http.client
import json
import os
import pathlib
import pwd
import random
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import threading
import time

import pytest

import test_resources as resources
from house import needs
from house.build import TOP, program
from house.waiting import wait_for
from milterclient import Client

pytestmark = pytest.mark.slow
LISTEN = 'metrics {{ listen = "inet:{}@127.0.0.1" }}\n'
SAMPLE = re.compile(r'^([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask(place, url="/metrics", method="GET", body=None):
    """@return (status, fields, text). place: a port, or the path of a unix socket."""
    connection = http.client.HTTPConnection("127.0.0.1", place, timeout=30) if isinstance(place, int) else UnixConnection(place)
    try:
        connection.request(method, url, body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def parse(text):
    """{name: {labels: value}}, {name: type}; anything that the format does not have is an error."""
    values, types, helped, family = collections.defaultdict(dict), {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in helped, f"{family} twice"
            helped.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram")
            types[name] = kind
        else:
            match = SAMPLE.match(line)
            assert match, line
            name, labels, value = match.groups()
            stem = re.sub(r"_(bucket|sum|count)$", "", name) if types[family] == "histogram" else name
            assert stem == family, line
            key = frozenset(re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"', labels or ""))
            assert key not in values[name], line
            values[name][key] = float(value)
    assert text.endswith("\n") and helped == set(types)
    return values, types


class Page:
    def __init__(self, place):
        status, fields, self.text = ask(place)
        assert status == 200 and fields["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.values, self.types = parse(self.text)

    def get(self, name, **labels):
        return self.values[name][frozenset(labels.items())]

    def total(self, name, **labels):
        return sum(value for key, value in self.values[name].items() if set(labels.items()) <= key)

    def counters(self):
        """Everything that may only rise, of mail, DNS and the record."""
        return {(name, key): value for name, samples in self.values.items() for key, value in samples.items()
                if self.types.get(re.sub(r"_(bucket|sum|count)$", "", name), self.types.get(name)) != "gauge" and name.startswith("assay_")}


def session(daemon, address="192.0.2.1"):
    client = Client(daemon.socket_spec)
    client.connect(address=address)
    client.helo()
    return client


STRICT = """\
policy "strict" { recipient-domains = "strict.example" actions { spf-fail = reject spf-neutral = quarantine } }
policy "looks-on" { mode = dry-run recipient-domains = "dry.example" actions { spf-fail = reject } }
findings { spf-fail = none }
"""
FORGED, FRIEND = "203.0.113.9", "198.51.100.7"


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
    # what the log says of each message
    told = collections.Counter()
    for line in daemon.log().splitlines():
        words = dict(re.findall(r" (\w+)=(\S+)", line))
        if "rcpts" in words and "rcpt" not in words:
            enforced = "yes" if words.get("mode") == "enforce" else "no"
            told[frozenset({("action", words.get("decision", "none")), ("enforced", enforced)})] += 1
    assert dict(told) == counts
    # what the database has of them
    wait_for(lambda: Page(port).total("assay_store_queued_notes") == 0, lambda: "notes wait for ever")
    # ten judged, and one all of whose recipients were refused; an exempt one is not remembered
    wait_for(lambda: rows(database) == 11, lambda: f"{rows(database)} messages in the record")
    last = Page(port)
    written = last.get("assay_store_notes_total", result="written")
    # a shape that changed is noted anew, in place of the older one
    assert written >= 11 + sessions(database) + shapes(database) > 11 + sessions(database) > 11
    assert last.total("assay_store_notes_total") == written and last.total("assay_store_commits_total") >= 1


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


def test_only_what_is_served_is_answered(assayd, free_port):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    assert ask(port, "/metrics?x=1")[0] == 200
    for url in ("/", "/metrics/", "/metrics/../metrics", "//metrics", "/healthz/x", "/../etc/passwd"):
        assert ask(port, url)[0] == 404, url
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"):
        status, fields, _ = ask(port, "/metrics", method)
        assert status == 405 and fields["Allow"] == "GET, HEAD", method
    status, fields, text = ask(port, "/metrics", "HEAD")
    assert status == 200 and text == "" and int(fields["Content-Length"]) > 10000
    page = Page(port)
    assert page.get("assay_http_requests_total", code="404") == 6 == page.get("assay_http_requests_total", code="405")
    assert daemon.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        ask(port)


def test_off_unless_configured(assayd):
    needs.programs("ss")
    daemon = assayd(options='status-socket = ""').start()
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    assert f"pid={daemon.process.pid}," not in listening


@pytest.mark.parametrize("place", ["inet:9198", "inet:9198@0.0.0.0", "inet:9198@192.0.2.1", "inet6:9198@[::]", "inet:9198@localhost"])
def test_a_place_that_others_could_reach_is_refused(assayd, place):
    daemon = assayd(sections=f'metrics {{ listen = "{place}" }}')
    done = subprocess.run([str(program("assayd")), "-n", "-c", str(daemon.config_path)], capture_output=True, text=True, check=False)
    line = daemon.config_path.read_text().split("metrics")[0].count("\n") + 1
    assert done.returncode == 78 and f"{daemon.config_path}:{line}:" in done.stderr and "loopback" in done.stderr, done.stderr


def test_a_port_that_is_taken_is_an_error_at_start(assayd, workdir):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        daemon = assayd(sections=LISTEN.format(other.getsockname()[1])).start(wait=False)
        assert daemon.process.wait(30) == 69
    assert "metrics { listen = inet:" in daemon.log() and "another process" in daemon.log()
    assert not os.path.exists(daemon.socket_spec[5:])      # nothing is left behind


def test_a_unix_socket_is_for_root_and_the_group(assayd, workdir):
    path = workdir / "m.sock"
    daemon = assayd(sections=f'metrics {{ listen = "unix:{path}" }}').start()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660 and stat.S_ISSOCK(path.stat().st_mode)
    assert Page(str(path)).get("assay_config_generation") == 1
    second = assayd(sections=f'metrics {{ listen = "{path}" }}').start(wait=False)
    assert second.process.wait(30) == 69 and "another process" in second.log()
    assert ask(str(path), "/healthz")[0] == 200     # untouched
    assert daemon.stop() == 0
    assert not path.exists()
    path.write_text("a file")
    third = assayd(sections=f'metrics {{ listen = "{path}" }}').start(wait=False)
    assert third.process.wait(30) == 69 and path.read_text() == "a file"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as dead:     # what a crash leaves
        dead.bind(str(path))
    assayd(sections=f'metrics {{ listen = "{path}" }}').start()
    assert ask(str(path), "/healthz")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to another user")
def test_a_unix_socket_belongs_to_the_user(assayd, workdir):
    user = pwd.getpwnam("nobody")
    workdir.chmod(0o755)
    path = workdir / "m.sock"
    daemon = assayd(sections=f'metrics {{ listen = "unix:{path}" }}')
    daemon.config_path.write_text(daemon.config_path.read_text().replace('user = ""', 'user = "nobody"'))
    daemon.directory.chmod(0o755)
    daemon.start()
    assert (path.stat().st_uid, path.stat().st_gid) == (user.pw_uid, user.pw_gid)
    assert ask(str(path), "/healthz")[0] == 200


def test_another_place_takes_a_restart(assayd, free_port):
    old, new = free_port(), free_port()
    daemon = assayd(sections=LISTEN.format(old)).start()
    daemon.config_path.write_text(daemon.config_path.read_text().replace(str(old), str(new)))
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log("takes a restart")
    daemon.wait_for_log("is in force")
    assert ask(old, "/healthz")[0] == 200


# ---- those who mean harm ------------------------------------------------------------------------------------------------


def raw(port, data, secs=15):
    """Sends bytes. @return what comes until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=secs) as client:
        heard = b""
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            while chunk := client.recv(65536):
                heard += chunk
        except OSError:
            pass    # it may hang up while we still talk
        return heard


def test_large_requests_are_refused(assayd, free_port):
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    before = daemon.rss_kib()
    for data in (b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: " + b"b" * 100000 + b"\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
                 b"A" * 100000):
        heard = raw(port, data)
        assert not heard.startswith(b"HTTP/1.1 200") and b"assay_" not in heard
    heard = raw(port, b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n" + b"c" * 100000)
    assert b"assay_" not in heard
    assert Page(port).get("assay_config_generation") == 1
    if "ASSAY_SANITIZED" not in os.environ:
        assert daemon.rss_kib() < before + 4096


def test_nonsense_does_no_harm(assayd, free_port):
    """Requests altered at random: no crash, no answer that is none of HTTP's, and the page as before."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    dice = random.Random(13)
    seeds = [b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"HEAD /healthz HTTP/1.0\r\n\r\n",
             b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
             b"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
             b"GET /%2e%2e/%00metrics?a=b&c HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nCookie: a=b\r\n\r\n"]
    for _ in range(200):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randrange(0, 8)):
            at = dice.randrange(len(data))
            what = dice.randrange(3)
            if what == 0:
                data[at] = dice.randrange(256)
            elif what == 1:
                del data[at:at + dice.randrange(1, 6)]
            else:
                data[at:at] = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 9)))
            if not data:
                data = bytearray(b"\0")
        heard = raw(port, bytes(data))
        assert heard == b"" or heard.startswith(b"HTTP/1.") or b"assay_build_info" in heard, (bytes(data), heard)
        assert daemon.process.poll() is None, daemon.log()
    assert Page(port).total("assay_http_requests_total") > 10


def test_clients_that_never_end_hold_nobody_up(assayd, free_port):
    """Every connection taken by one who sends a byte at a time, or reads nothing: mail goes on, and so do figures after a while."""
    port = free_port()
    daemon = assayd(sections=LISTEN.format(port)).start()
    stop = threading.Event()
    held = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]

    def dribble():
        while not stop.wait(1):
            for client in held:
                try:
                    client.send(b"G")
                except OSError:
                    pass

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        client = session(daemon)
        times = []
        for _ in range(50):
            begun = time.monotonic()
            assert client.message().reply == "c"
            times.append(time.monotonic() - begun)
        client.quit()
        fds = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        assert fds < 60, fds
        # eight at a time are let go after ten seconds; who hung up meanwhile is gone at once
        for one in held[8:]:
            one.close()
        del held[8:]
        begun = time.monotonic()
        assert ask(port, "/healthz")[0] == 200
        assert time.monotonic() - begun < 25
        assert sorted(times)[25] < 1
    finally:
        stop.set()
        thread.join()
        for one in held:
            one.close()


def test_who_asks_without_end_is_paced(assayd, free_port):
    port = free_port()
    assayd(sections=LISTEN.format(port)).start()
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < 2:
        ask(port)
        count += 1
    assert count <= 2 * 50 + 2, count
