# SPDX-License-Identifier: BSD-2-Clause
"""What the commands print and write when that cannot get out: told, with its exit status, and no half of a file."""
import os
import re
import sqlite3
import subprocess

import pytest

from dmarc_world import World
from milterclient import Client
from test_store_faults import small_disk, wait_for_flows  # noqa: F401  pylint: disable=unused-import

IO_ERROR = 74
NO_TIME = 9223372036854775807     # in no calendar


@pytest.fixture
def recorded(assayd, workdir):
    """A daemon with a message in its record."""
    database = workdir / "assay.db"
    daemon = assayd(options=f'record {{ path = "{database}" }}\nmorning {{ to = "root@test.example" }}\n').start()
    daemon.wait_for_log(f"store: {database}")
    client = Client(daemon.socket_spec)
    client.connect(address="192.0.2.1")
    client.helo()
    client.message()
    client.quit()
    wait_for_flows(database, 1)
    daemon.database = database
    return daemon


PRINTING = [["--help"], ["--version"], ["findings"], ["findings", "--json"], ["findings", "spf-fail"], ["config"], ["config", "--sample"],
            ["config", "--caps"], ["config", "--explain"], ["config", "--explain", "--json"], ["check", "--client", "192.0.2.1"],
            ["check", "--client", "192.0.2.1", "--json"], ["dns", "good.example"], ["report"], ["report", "--json"], ["report", "--html"],
            ["report", "--csv", "--table", "policy.actions"], ["report", "--mail", "--output", "-"], ["whatif"], ["peers"],
            ["peers", "--json"], ["brakes"], ["brakes", "--json"], ["dmarc-reports", "--help"], ["failure-reports"]]


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_output_that_is_lost_is_told(assay, recorded, arguments):
    if arguments[0] in ("check", "dns", "report", "whatif", "peers", "brakes", "failure-reports", "dmarc-reports"):
        arguments = [*arguments, "--config", str(recorded.config_path)]
    assert assay.run(*arguments).returncode == 0
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([assay.program, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == IO_ERROR
    # the reason of what is larger than stdio keeps is gone by then
    assert re.search("^assay: .*standard output: (No space left on device|not all of it could be written)$", done.stderr, re.MULTILINE)
    closed = subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", assay.program, *arguments], stderr=subprocess.PIPE, text=True,
                            timeout=60, check=False)
    assert closed.returncode == IO_ERROR
    assert re.search("^assay: .*standard output: (Bad file descriptor|not all of it could be written)$", closed.stderr, re.MULTILINE)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["-n"]], ids=" ".join)
def test_output_of_assayd_that_is_lost_is_told(build_dir, recorded, arguments):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([build_dir / "assayd", *arguments, "-c", recorded.config_path], stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=60, check=False)
    assert done.returncode == IO_ERROR and "assayd: standard output: " in done.stderr


def fill(place):
    with open(place / "filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


@pytest.mark.parametrize("form", [["--html"], ["--json"], ["--mail"], ["--csv", "--table", "policy.actions"]], ids=" ".join)
def test_full_disk_leaves_the_old_report(assay, recorded, small_disk, form):  # noqa: F811
    (small_disk / "report").write_text("old\n")
    fill(small_disk)
    done = assay.run("report", "--config", recorded.config_path, *form, "--output", small_disk / "report")
    assert done.returncode == 73 and b"No space left on device" in done.stderr
    assert (small_disk / "report").read_text() == "old\n"
    assert sorted(os.listdir(small_disk)) == ["filler", "report"]


def test_full_disk_leaves_no_half_of_a_rehearsed_report(assayd, workdir, small_disk):  # noqa: F811
    world = World(assayd, workdir)
    world.deliver("joe@away.example", "away.example")
    fill(small_disk)
    world.run("--dry-run", small_disk, expect=IO_ERROR)
    assert os.listdir(small_disk) == ["filler"]
    world.run("--dry-run", workdir / "none", expect=66)


def test_report_into_the_hyphen_is_standard_output(assay, recorded, workdir):
    done = subprocess.run([assay.program, "report", "--html", "--output", "-", "--config", recorded.config_path], stdout=subprocess.PIPE,
                          cwd=workdir, timeout=60, check=True)
    assert done.stdout.endswith(b"</html>\n") and not (workdir / "-").exists()
    assert assay.run("report", "--csv", "--output", "-", "--config", recorded.config_path).returncode == 64


def test_times_of_a_damaged_record_are_no_times(assay, assayd, recorded):
    recorded.stop()
    with sqlite3.connect(recorded.database) as connection:
        connection.execute("INSERT INTO brake VALUES('default', 'spf-fail', ?, 0, 5, 5)", (NO_TIME,))
        connection.execute("UPDATE peer SET last = ?, first = ?", (NO_TIME, NO_TIME))
        connection.execute("INSERT INTO dmarc_policy(day, domain, policy, rua, rows, lost, report_id, file, closed) VALUES(?, 'x.example', 'v=DMARC1;p=none', 'mailto:a@x.example', 1, 0, '', '', 0)",
                           (NO_TIME // 86400 - 1,))
    for words in (["brakes"], ["brakes", "--all"], ["report"], ["whatif"], ["peers"], ["dmarc-reports"]):
        done = assay.run(*words, "--config", recorded.config_path)
        assert done.returncode in (0, 66), (words, done.returncode, done.stderr)
    assert b" ? " in assay.run("brakes", "--config", recorded.config_path).stdout
    daemon = assayd(options=f'record {{ path = "{recorded.database}" }}\nbrake-wanted = 4\n').start()
    daemon.wait_for_log("listening at")
    assert daemon.stop() == 0


def test_period_begins_in_1970_at_the_earliest(assay, recorded):
    for words in (["report"], ["whatif"]):
        done = assay.run(*words, "--since", "100000w", "--config", recorded.config_path)
        assert done.returncode == 0 and b"1970-01-02 00:00 to " in done.stdout
        assert assay.json(*words, "--since", "100000w", "--config", recorded.config_path)["since"] == 86400


# ---- peers -----------------------------------------------------------------------------------------------------------------------

def peers(assay, recorded):
    return {peer["peer"]: peer["pinned"] for peer in assay.json("peers", "--config", recorded.config_path)}


@pytest.mark.parametrize("written, peer", [
    ("Good.EXAMPLE", "good.example"), ("good.example.", "good.example"), ("bücher.example", "xn--bcher-kva.example"),
    ("192.0.2.7", "192.0.2.0/24"), ("192.0.2.0/24", "192.0.2.0/24"), ("[2001:db8:0:1::5]", "2001:db8:0:1::/64")])
def test_pinned_is_the_name_under_which_peers_are_known(assay, recorded, written, peer):
    done = assay.run("peers", "pin", written, "--config", recorded.config_path)
    assert done.returncode == 0 and peers(assay, recorded)[peer]
    assert assay.run("peers", "unpin", written, "--config", recorded.config_path).returncode == 0
    assert not peers(assay, recorded)[peer]
    assert assay.run("peers", "show", written, "--config", recorded.config_path).stdout.startswith(peer.encode() + b"\n")
    assert assay.run("peers", "forget", written, "--config", recorded.config_path).returncode == 0
    assert peer not in peers(assay, recorded)


def test_pin_of_a_peer_that_nobody_has_seen_is_said(assay, recorded):
    done = assay.run("peers", "pin", "new.example", "--config", recorded.config_path)
    assert done.returncode == 0 and b"'new.example' has not been seen yet" in done.stderr
    again = assay.run("peers", "pin", "new.example", "--config", recorded.config_path)
    assert again.returncode == 0 and again.stderr == done.stderr     # it is as true as before


@pytest.mark.parametrize("written", ["", "two words", "192.0.2.0/16", "192.0.2.0/", "a..example"])
def test_pin_of_what_no_peer_is_called(assay, recorded, written):
    before = peers(assay, recorded)
    done = assay.run("peers", "pin", written, "--config", recorded.config_path)
    assert done.returncode == 64 and b"no domain" in done.stderr
    assert peers(assay, recorded) == before


def test_table_has_no_head_when_nothing_can_be_read(assay, workdir):
    (workdir / "db").write_text("this is text, and longer than the head of a database\n")
    done = assay.run("peers", "--database", workdir / "db")
    assert done.returncode == IO_ERROR and done.stdout == b"" and b"not a database" in done.stderr


def test_every_date_is_one_of_the_calendar(assay):
    for day in ("2026-02-29", "2026-02-31", "2026-04-31", "2026-00-10", "2026-13-01", "2026-1-001", "26-11-28", "2026-11-280", "1969-12-31"):
        done = assay.run("dmarc-reports", "--day", day)
        assert done.returncode == 64 and f"--day '{day}'".encode() in done.stderr, day


def test_doctor_knows_the_file_however_it_is_written(assay, assayd, workdir):
    daemon = assayd(options=f'status-socket = "{workdir}/status"\n').start()
    (workdir / "link.conf").symlink_to(daemon.config_path)
    (workdir / "other.conf").write_text(daemon.config_path.read_text())
    for path, same in ((daemon.config_path, True), (daemon.config_path.relative_to(workdir), True), ("./link.conf", True), ("other.conf", False)):
        done = subprocess.run([assay.program, "doctor", "--config", path], cwd=workdir, capture_output=True, text=True, timeout=60, check=False)
        assert "ok       daemon    assayd" in done.stdout, done.stdout
        assert ("it runs with" not in done.stdout) == same, (path, done.stdout)
