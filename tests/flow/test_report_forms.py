# SPDX-License-Identifier: BSD-2-Clause
"""
assay report in its forms: every value of the HTML page, of the CSV files and of the text is that of the JSON, of a record with names
of all sorts; the page needs nothing of the network and no script; what the options ask for.
"""
import contextlib
import csv
import html.parser
import io
import json
import os
import pty
import re
import sqlite3
import stat
import subprocess

import pytest

from test_report import mails, replay  # noqa: F401 (mails is a fixture)
from test_store_faults import wait_for_flows

HOSTILE = ["<img src=x onerror=alert(1)>", "=HYPERLINK(1)", "a\",\"b", "\x1b[31mx", "&lt;i&gt;"]
VOID = {"meta", "rect", "!doctype"}


@pytest.fixture
def recorded(assayd, workdir, mails):  # noqa: F811
    """(database, config) of mails, some rows of which carry names that nobody should have."""
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}', sections='policy "strict" { recipient-domains = { "x.example" } '
                    'actions { tls-none = reject } }').start()
    daemon.wait_for_log("store: " + str(database))
    replay(daemon, mails)
    wait_for_flows(database, len(mails))
    assert daemon.stop() == 0
    return database, daemon.config_path


class Page(html.parser.HTMLParser):
    """Values by data-key, the text that stands there, and how elements are nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.values, self.texts, self.tags, self.ids, self.links = [], {}, {}, [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if "href" in found else []
        if tag not in VOID:
            self.open.append((tag, found.get("data-key")))
        if "data-key" in found:
            assert found["data-key"] not in self.texts
            self.values[found["data-key"]], self.texts[found["data-key"]] = found.get("data-value"), ""

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data):
        for _, key in self.open:
            if key:
                self.texts[key] += data


def run(assay, recorded, *arguments):  # noqa: F811
    database, config = recorded
    return assay.run("report", "--since", "2d", "--database", database, "--config", config, *arguments)


def said(assay, recorded, *arguments):
    done = run(assay, recorded, *arguments)
    assert done.returncode == 0 and done.stderr == b"", done.stderr
    return done.stdout.decode()


def flat(report):
    """{key of the HTML page: value}; names of others are None."""
    values = {}
    for section, parts in report["sections"].items():
        values.update({f"{section}.{key}": value for key, value in parts["figures"].items()})
        values.update({f"{section}.{key}": value for key, value in parts["answers"].items()})
        for name, table in parts["tables"].items():
            rows = table["rows"] + ([table["other"]] if table["other"] else [])
            for i, row in enumerate(rows):
                values.update({f"{section}.{name}.{i}.{column}": value for column, value in row.items() if column != "names"})
                if row is table["other"]:
                    first = next(column for column in table["rows"][0] if column not in row)
                    values[f"{section}.{name}.{i}.{first}"] = f"other ({row['names']} more)"
    return values


def shown(value):
    """As it is to be read on the page."""
    if value is None:
        return {"-"}
    if isinstance(value, float):
        number = f"{value:,.0f}"
        return {f"{100 * value:.2f}%", "0" if number == "-0" else number}
    if isinstance(value, int):
        return {f"{value:,}"}
    return {value, value[:16]}


def test_html_says_what_json_says(assay, recorded):
    for arguments in ((), ("--top", "1"), ("--policy", "strict")):
        report = json.loads(said(assay, recorded, "--json", *arguments))
        page = Page(said(assay, recorded, "--html", *arguments))
        expected = flat(report)
        assert set(page.texts) - {"since", "until", "policies"} == set(expected)
        for key, value in expected.items():
            assert page.texts[key] in shown(value), (key, value, page.texts[key])
            if isinstance(value, (int, float)):
                assert abs(float(page.values[key]) - value) <= 1e-6 + abs(value) * 1e-5, key
        assert page.texts["policies"] == report["policies"]


def test_html_stands_alone_and_reads_in_order(assay, recorded):
    text = said(assay, recorded, "--html")
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & {tag for tag, _ in page.tags}
    assert not re.search(r"https?:|//|url\(|@import|javascript:", text)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    for tag, attributes in page.tags:
        if tag == "svg":
            assert attributes["role"] == "img" and attributes["aria-label"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
        for name in ("aria-labelledby",):
            assert attributes.get(name, page.ids[0]) in page.ids
    # one h1, and no level left out
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:]))
    # every table has a caption and heads
    assert sum(tag == "table" for tag, _ in page.tags) == sum(tag == "caption" for tag, _ in page.tags) > 10
    assert dict(page.tags[0][1]).get("lang") == "en"


def test_csv_says_what_json_says(assay, recorded, workdir):
    report = json.loads(said(assay, recorded, "--json", "--top", "1"))
    assert said(assay, recorded, "--csv", "--top", "1", "--output", workdir / "tables") == ""
    names = {f"{section}.{name}" for section, parts in report["sections"].items() for name in parts["tables"]}
    assert {path.name for path in (workdir / "tables").iterdir()} == {name + ".csv" for name in names}
    for name in names:
        text = (workdir / "tables" / (name + ".csv")).read_bytes().decode()
        assert text == said(assay, recorded, "--csv", "--top", "1", "--table", name)
        assert text.count("\n") == text.count("\r\n") and text.endswith("\r\n")
        section, table = name.split(".")
        told = report["sections"][section]["tables"][table]
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        expected = told["rows"] + ([told["other"]] if told["other"] else [])
        assert len(rows) == len(expected)
        for row, wanted in zip(rows, expected):
            for column, value in row.items():
                if column not in wanted:
                    assert value == "(other)"
                elif isinstance(wanted[column], float):
                    assert abs(float(value) - wanted[column]) <= 1e-6 + abs(wanted[column]) * 1e-5
                else:
                    assert value == ("" if wanted[column] is None else str(wanted[column]))


def tells(words, values):
    """Whether the words are those values, in their order."""
    for value in values:
        length = len(next(iter(shown(value))).split())
        if " ".join(words[:length]) not in shown(value):
            return False
        words = words[length:]
    return not words


def test_text_says_what_json_says(assay, recorded):
    report = json.loads(said(assay, recorded, "--json"))
    text = said(assay, recorded)
    for parts in report["sections"].values():
        body = text.split("\n" + parts["title"] + "\n", 1)[1]
        for table in parts["tables"].values():
            lines = body.split("\n" + table["title"] + "\n", 1)[1].split("\n\n", 1)[0].splitlines()
            if not table["rows"]:
                assert lines[0].strip() == "none"
            for row in table["rows"]:
                name, *values = row.values()
                told = [line for line in lines if line.startswith(f"  {name} ")]
                assert any(tells(line[len(name) + 2:].split(), values) for line in told), (row, told)


def test_sums_are_the_whole(assay, recorded, mails):  # noqa: F811
    for arguments in ((), ("--top", "1")):
        sections = json.loads(said(assay, recorded, "--json", *arguments))["sections"]
        tables = sections["policy"]["tables"]

        def total(table, column):
            return sum(row[column] for row in table["rows"] + ([table["other"]] if table["other"] else []))
        for name in ("authors", "envelopes", "clients", "days", "looks"):
            assert total(tables[name], "messages") == len(mails), name
        for look in ("wanted", "unclear", "forged"):
            assert total(tables["looks"], look) == sections["overview"]["figures"][look] == total(tables["authors"], look)
        assert sum(row["now"] for row in tables["actions"]["rows"]) == len(mails)
        figures = sections["policy"]["figures"]
        assert figures["decided"] + figures["undecided"] + figures["cannot_tell"] == len(mails)
        assert figures["decided"] == total(tables["findings"], "decided")
        assert total(sections["tls"]["tables"]["grades"], "messages") == len(mails)
        assert total(sections["tls"]["tables"]["forward_secrecy"], "messages") == total(sections["tls"]["tables"]["versions"], "messages")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_stay_names(assay, recorded, name):
    """As nobody should be able to write them into the record; a report does not rely on that."""
    database, config = recorded
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        changed = connection.execute("UPDATE part SET text = replace(text, 'quiet.example', ?) WHERE text LIKE 'quiet.example%'", (name,))
        assert changed.rowcount > 0
        connection.execute("UPDATE part SET text = replace(text, 'TLS_AES_256_GCM_SHA384', ?)", (name,))
    tables = json.loads(said(assay, recorded, "--json"))["sections"]
    assert name in {row["name"] for row in tables["policy"]["tables"]["authors"]["rows"]}
    assert name in {row["suite"] for row in tables["tls"]["tables"]["suites"]["rows"]}
    page = Page(said(assay, recorded, "--html"))
    assert not {"img", "i", "script"} & {tag for tag, _ in page.tags}
    assert name.replace("\x1b", "\\x1b") in page.texts.values()
    assert "\x1b" not in said(assay, recorded)


def test_output_is_whole_or_not_there(assay, recorded, workdir):
    path = workdir / "page.html"
    path.write_text("old")
    old = os.umask(0o027)
    try:
        assert said(assay, recorded, "--html", "--output", path) == ""
    finally:
        os.umask(old)
    assert path.read_text().endswith("</html>\n") and stat.S_IMODE(path.stat().st_mode) == 0o640
    done = run(assay, recorded, "--html", "--output", workdir / "none" / "page.html")
    assert done.returncode == 73 and done.stderr.count(b"\n") == 1
    assert not [name for name in os.listdir(workdir) if name.startswith("page.html.")]
    done = run(assay, recorded, "--output", "/dev/full")
    assert done.returncode == 73 and b"/dev/full" in done.stderr


def test_policy_alone_is_asked_for_all_mail(assay, recorded, mails):  # noqa: F811
    report = json.loads(said(assay, recorded, "--json", "--policy", "strict"))
    actions = {row["action"]: row["now"] for row in report["sections"]["policy"]["tables"]["actions"]["rows"]}
    assert actions["reject"] >= sum(mail[1] is None for mail in mails)
    assert report["policies"].startswith("strict of ")
    done = run(assay, recorded, "--policy", "nobody")
    assert done.returncode == 64 and b"there are: strict, default" in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (("--csv",), b"--table"), (("--table", "policy.authors"), b"with --csv"), (("--csv", "--table", "x"), b"policy.authors"),
    (("--top", "0"), b"from 1 to"), (("--top", "x"), b"from 1 to")])
def test_options_that_make_no_sense_are_said(assay, recorded, arguments, words):
    done = run(assay, recorded, *arguments)
    assert done.returncode == 64 and words in done.stderr and done.stdout == b""


def on_terminal(assay, recorded, **environment):
    """What a terminal gets: (standard output, standard error)."""
    database, config = recorded
    master, slave = pty.openpty()
    process = subprocess.Popen([assay.program, "report", "--since", "2d", "--database", database, "--config", config], stdout=slave,
                               stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env={"TERM": "xterm", **environment})
    os.close(slave)
    text = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:     # the other end is closed
            break
        if not chunk:
            break
        text += chunk
    os.close(master)
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 0
    return text.decode(), errors


def test_colours_are_for_terminals_that_want_them(assay, recorded):
    plain = said(assay, recorded)
    assert "\x1b" not in plain
    coloured, errors = on_terminal(assay, recorded)
    assert "\x1b[" in coloured and errors == b""
    stripped = re.sub(r"\x1b\[[0-9;]*m", "", coloured).replace("\r\n", "\n")
    assert stripped.split("\n", 1)[1] == plain.split("\n", 1)[1]    # the first line has the time
    assert "\x1b" not in on_terminal(assay, recorded, NO_COLOR="1")[0]
    assert "\x1b" not in on_terminal(assay, recorded, TERM="dumb")[0]
