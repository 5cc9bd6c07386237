# SPDX-License-Identifier: BSD-2-Clause
"""assay config --diff: what another file changes, against what became of the same mails under an assayd with each of the files."""
import collections
import json
import sqlite3
import subprocess
from itertools import permutations

import pytest

from test_replay import MAILS, SETS
from test_whatif import ASKED, run


def plain(program, *arguments):
    return subprocess.run([program, "config", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(name="program")
def fixture_program(build_dir):
    return build_dir / "assay"


def test_change_is_what_daemons_with_both_files_did(assay, assayd, workdir):
    past, _, _ = run(assayd, workdir, "default", "dry-run")
    runs = {name: run(assayd, workdir, name, "enforce")[1:] for name in ("default",) + ASKED}
    changed = 0
    for old, new in permutations(runs, 2):
        said = assay.json("config", "--diff", runs[old][0], runs[new][0], "--database", past, "--since", "1d", "--json")
        pairs = collections.Counter((was, now) for (was, _), (now, _) in zip(runs[old][1], runs[new][1]))
        record = said["record"]
        assert record["messages"] == len(MAILS) and record["untold"] == {}
        assert said["unrecorded"] == ["dns zone-file"]  # each daemon has one of its own
        assert record["same"] == sum(number for (was, now), number in pairs.items() if was == now), (old, new)
        assert {(way["old"], way["new"]): way["messages"] for way in record["changed"]} == \
            {(was, now): number for (was, now), number in pairs.items() if was != now}, (old, new)
        for way in record["changed"]:
            assert sum(way[look] for look in ("wanted", "unclear", "forged")) == sum(way["by"].values()) == way["messages"]
        changed += len(record["changed"])
        same = assay.json("config", "--diff", runs[new][0], runs[new][0], "--database", past, "--since", "1d", "--json")
        assert same["options"] == [] and same["record"]["changed"] == [] and same["record"]["same"] == len(MAILS)
    assert changed >= len(runs)


def test_flag_day_to_come_is_in_no_figure_and_named(program, assay, assayd, workdir):
    past, old, _ = run(assayd, workdir, "default", "dry-run")
    files = {}
    for name, ramps in (("at-once", ""), ("later", 'ramp "spf-fail" { from = 2999-01-01T06 }'), ("past", 'ramp "spf-fail" { from = 2020-01-01 }')):
        files[name] = workdir / name
        files[name].write_text(old.read_text().replace("mode = dry-run", "mode = enforce") + "findings { spf-fail = reject }\n" + ramps + "\n")

    def refused(name):
        said = assay.json("config", "--diff", old, files[name], "--database", past, "--json")["record"]
        return sum(way["by"].get("spf-fail", 0) for way in said["changed"] if way["new"] == "refused"), said["next_flag_day"]

    assert refused("at-once") == refused("past") and refused("at-once")[0] > 0 and refused("at-once")[1] is None
    assert refused("later") == (0, 32472165600)
    note = "What is in force from 2999-01-01T06 (UTC) on is not in these figures"
    assert note in plain(program, "--diff", old, files["later"], "--database", past).stdout
    assert "is not in these figures" not in plain(program, "--diff", old, files["past"], "--database", past).stdout
    for name, secs in (("later", 32472165600), ("past", None)):
        asked = ("whatif", "--config", files[name], "--database", past, "--since", "1d")
        assert assay.json(*asked)["next_flag_day"] == secs
        assert ("is in no figure" in assay.run(*asked).stdout.decode()) == (secs is not None)


def test_options_are_told_without_the_record(program, workdir):
    old, new = workdir / "old", workdir / "new"
    old.write_text('user = ""\n')
    new.write_text(f'user = ""\nmode = enforce\nrecord {{ path = "{workdir}/not-yet.db" }}\n')
    done = plain(program, "--diff", old, new)
    assert done.returncode == 66 and "does not exist yet" in done.stderr
    assert "mode: dry-run -> enforce" in done.stdout.splitlines() and "There is no record to look into" in done.stdout
    done = plain(program, "--diff", old, new, "--json")
    assert done.returncode == 66 and json.loads(done.stdout)["record"] is None


def test_options_are_told_where_the_record_cannot_be_read(program, workdir):
    old, new = workdir / "old", workdir / "new"
    old.write_text('user = ""\n')
    (workdir / "no.db").write_text("this is no database\n" * 100)
    new.write_text(f'user = ""\nmode = enforce\nrecord {{ path = "{workdir}/no.db" }}\n')
    done = plain(program, "--diff", old, new)
    assert done.returncode == 74 and str(workdir / "no.db") in done.stderr
    assert "mode: dry-run -> enforce" in done.stdout.splitlines() and "The record could not be read" in done.stdout
    assert json.loads(plain(program, "--diff", old, new, "--json").stdout)["record"] is None


def test_every_difference_is_told(program, workdir):
    """However many: a log is spared all of them, who asks is not."""
    old, new = workdir / "old", workdir / "new"
    old.write_text('user = ""\n')
    new.write_text('user = ""\n' + "".join(f"policy p{number} {{ recipient-domains = c{number}.example }}\n" for number in range(200)))
    options = json.loads(plain(program, "--diff", old, new, "--json").stdout)["options"]
    assert options == [line for number in range(200) for line in
                       (f"policy p{number} is new", f'policy p{number} recipient-domains = {{ "c{number}.example" }}')]


def test_text_says_the_same_in_words(program, assay, assayd, workdir):
    past, old, _ = run(assayd, workdir, "default", "dry-run")
    new = workdir / "new.conf"
    new.write_text(old.read_text().replace("mode = dry-run", "mode = enforce") + SETS[ASKED[0]])
    said = assay.json("config", "--diff", old, new, "--database", past, "--json")
    done = plain(program, "--diff", old, new, "--database", past)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[:len(said["options"])] == said["options"] and "mode: dry-run -> enforce" in said["options"]
    assert f"Of {len(MAILS)} messages recorded in the last 7." in done.stdout
    for way in said["record"]["changed"]:
        by = ", ".join(f"{finding} {number}" for finding, number in way["by"].items())
        assert f"  {way['messages']} refused instead of {way['old']} ({way['wanted']} look wanted, {way['forged']} forged, " \
            f"{way['unclear']} unclear): {by}" in lines
    assert f"  {said['record']['same']} as before" in lines


def test_what_is_not_recorded_is_said(program, assayd, workdir):
    past, old, _ = run(assayd, workdir, "default", "dry-run")
    new = workdir / "new.conf"
    new.write_text(old.read_text() + "dkim { min-key-bits = 2048 }\narc { enabled = no }\n")
    done = plain(program, "--diff", old, new, "--database", past)
    assert "dkim min-key-bits: 1024 -> 2048" in done.stdout
    assert "is not recorded, and not in any figure: dkim min-key-bits, arc enabled\n" in done.stdout


BRAKED = """{mode}
findings {{ spf-fail = tag }}
policy {name} {{ recipient-domains = gold.example {brake} actions {{ spf-fail = {action} }} }}
"""


@pytest.mark.parametrize("new, holds, words", [
    ({}, True, "policy gold only tags for spf-fail, which is reject in the new file, until assay brakes --lift gold spf-fail."),
    ({"action": "quarantine"}, True, "which is quarantine in the new file"),
    ({"name": "renamed"}, False, "ends with the new file: the new file has no policy of that name"),
    ({"brake": ""}, False, "ends with the new file: the new file gives the policy no brake-wanted"),
    ({"action": "tag"}, None, ""),
    ({"mode": "mode = dry-run"}, None, ""),
], ids=str)
def test_brake_that_is_on_is_said(program, assay, assayd, workdir, new, holds, words):
    """What a file says is not what is done while a brake is on; and one that holds by the policy's name ends with that name."""
    past, _, _ = run(assayd, workdir, "default", "dry-run")
    with sqlite3.connect(past) as record:
        record.executemany("INSERT INTO brake (policy, finding, since, lifted, held, wanted) VALUES (?, ?, ?, ?, 9, 8)", [
            ("gold", "spf-fail", 1764410400, 0), ("gold", "dkim-none", 1764410400, 1764414000), ("other", "spf-fail", 1764410400, 0)])
    sets = {"mode": "mode = enforce", "name": "gold", "brake": "brake-wanted = 5", "action": "reject"}
    files = [workdir / "old.conf", workdir / "new.conf"]
    for path, changes in zip(files, ({}, new)):
        path.write_text(f'user = ""\nrecord {{ path = "{past}" }}\n' + BRAKED.format(**sets | changes))
    brakes = assay.json("config", "--diff", *files, "--json")["record"]["brakes"]
    assert [(brake["policy"], brake["finding"], brake["since"], brake["holds"]) for brake in brakes] == \
        ([] if holds is None else [("gold", "spf-fail", 1764410400, holds)])
    said = plain(program, "--diff", *files).stdout
    assert words in said and ("brake" in said.replace("brake-wanted:", "")) == (holds is not None)
    assert holds is None or "on since 2025-11-29T10:00Z" in said


def test_without_a_record_the_options_are_told(program, workdir):
    old, new = workdir / "old.conf", workdir / "new.conf"
    old.write_text("mode = dry-run\n")
    new.write_text("mode = enforce\n")
    done = plain(program, "--diff", old, new)
    assert done.returncode == 0
    assert done.stdout == "mode: dry-run -> enforce\nThere is no record to look into: give --database, or set path in the section record.\n"
    assert json.loads(plain(program, "--diff", old, new, "--json").stdout) == {
        "old": str(old), "new": str(new), "options": ["mode: dry-run -> enforce"], "unrecorded": [], "record": None}
    assert plain(program, "--diff", old, old).stdout.startswith("No option differs.\n")


@pytest.mark.parametrize("arguments, code, words", [
    (["--diff", "OLD"], 64, "--diff takes two files"),
    (["--json", "OLD"], 64, "belongs to --diff"),
    (["--since", "1d", "OLD"], 64, "belong to --diff"),
    (["--diff", "OLD", "OLD", "OLD"], 64, "OLD"),
    (["--diff", "OLD", "OLD", "--since", "soon"], 64, "no age"),
    (["--diff", "OLD", "NONE"], 78, "none.conf"),
    (["--diff", "BROKEN", "OLD"], 78, "broken.conf:1"),
    (["--diff", "OLD", "OLD", "--database", "NONE"], 66, "does not exist"),
])
def test_what_cannot_be_done_is_said(program, workdir, arguments, code, words):
    files = {"OLD": workdir / "old.conf", "BROKEN": workdir / "broken.conf", "NONE": workdir / "none.conf"}
    files["OLD"].write_text("mode = dry-run\n")
    files["BROKEN"].write_text("moed = dry-run\n")
    done = plain(program, *(files.get(argument, argument) for argument in arguments))
    assert done.returncode == code and words.replace("OLD", str(files["OLD"])) in done.stderr, done.stderr
