# SPDX-License-Identifier: BSD-2-Clause
"""Aggregate reports (RFC 9990): to whom they go, when, and that each is sent once whatever happens."""
import email
import email.policy
import pathlib
import re
import socket
import sqlite3
import subprocess
import time
import xml.etree.ElementTree as ElementTree

from dmarc_world import DAY, SENDMAIL, ZONE, World, by_row, fixture_schema, text  # noqa: F401  pylint: disable=unused-import
from house import build


def test_consent_of_external_destinations(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@away.example", "away.example")
    out = world.run("--send", expect=75)
    assert sorted(sent.arguments[-1] for sent in world.sent()) == ["a@yes.test", "other@moved.test"]
    lines = {line.split()[1].rstrip(":"): line for line in out.splitlines() if line.startswith("away.example ")}
    assert ": sent" in lines["a@yes.test"] and "not sent" in lines["b@no.test"] and ": sent" in lines["c@moved.test"]
    assert "not sent" in lines["d@elsewhere.test"] and "another host" in lines["d@elsewhere.test"]
    assert "later" in lines["e@broken.test"]
    # the answer comes: that one alone is sent, under the same names
    zone = pathlib.Path(world.daemon.directory / "zone")
    zone.write_text(ZONE.replace("broken.test. 300 IN TYPE65280 \\# 0", 'broken.test. 300 IN TXT "v=DMARC1"'))
    world.run("--send", now=world.day_after() + 60, expect=75)      # not yet due
    assert world.sent() == []
    world.run("--send", now=world.day_after() + 2 * 3600)
    sent, = world.sent()
    assert sent.arguments[-1] == "e@broken.test"
    assert "0 reports" in world.run("--send", now=world.day_after() + 5 * 3600)
    assert world.rows("SELECT count(*) FROM dmarc_row") == [(0,)]


def test_an_address_gets_a_report_once_however_many_lead_to_it(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@twice.example", "twice.example")
    (world.directory / "status").write_text("75")
    world.run("--send", expect=75)
    assert [sent.arguments[4:] for sent in world.sent()] == [["b@one.test", "d@one.test"]]
    (world.directory / "status").write_text("0")
    world.run("--send", now=world.day_after() + 2 * 3600)
    assert [sent.arguments[4:] for sent in world.sent()] == [["b@one.test", "d@one.test"]]
    assert "0 reports" in world.run("--send", now=world.day_after() + 24 * 3600) and world.sent() == []


def test_a_record_of_many_octets_is_noted_by_its_addresses(assayd, workdir):
    """Whoever publishes it pays with one answer of DNS, whoever counts with a row for each of its subdomains."""
    rua = ",".join(["mailto:first@long.example"] + ["x" * 200] * 60 + ["mailto:last@long.example"])
    strings = " ".join(f'"{rua[at:at + 250]}"' for at in range(0, len(rua), 250))
    world = World(assayd, workdir, zone=ZONE + f'_dmarc.long.example. 300 IN TXT "v=DMARC1; p=none; rua=" {strings}\n')
    world.deliver("joe@long.example", "long.example")
    world.run("--send")
    assert sorted(sent.arguments[-1] for sent in world.sent()) == ["first@long.example", "last@long.example"]
    assert world.rows("SELECT max(length(rua)) <= 1024 FROM dmarc_policy") == [(1,)]


def test_claims_go_by_the_time_that_it_is(assayd, workdir):
    """A run that takes long: what it takes up late is claimed, and tried again, from then on."""
    world = World(assayd, workdir)
    world.deliver("joe@evil.example", "evil.example")
    world.deliver("joe@own.example", "own.example")
    world.flush()
    (world.directory / "sendmail").write_text("#!/bin/sh\nsleep 3\nexit 75\n")
    with sqlite3.connect(world.database) as database:     # yesterday's, so that it is due by the clock of this machine
        database.execute("UPDATE dmarc_policy SET day = day - 2")
    begin = int(time.time())
    done = subprocess.run([build.program("assay"), "dmarc-reports", "--config", world.daemon.config_path, "--send"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 75, done
    first, second = sorted(due - begin for due, in world.rows("SELECT next FROM dmarc_delivery"))
    assert first >= 3600 + 3 and second >= first + 3


def test_names_that_nobody_answers_for_keep_no_report_waiting(assayd, workdir):
    """An owner's destinations may cost three deadlines in a run, whatever his records name; the others' reports go out."""
    slow = ",".join(f"mailto:r@host{i}.test" for i in range(20))
    zone = "".join(f'_dmarc.{name}.aaa.example. 300 IN TXT "v=DMARC1; p=none; rua={slow[:200]}" "{slow[200:]}"\n' for name in "abcd")
    world = World(assayd, workdir, zone=ZONE + zone, more="", options='limits { dns-deadline = 1s }\n')
    for name in "abcd":
        world.deliver(f"joe@{name}.aaa.example", f"{name}.aaa.example")
    world.deliver("joe@own.example", "own.example")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        world.flush()
        begin = time.monotonic()
        out = world.run("--resolver", f"127.0.0.1@{sink.getsockname()[1]}", "--send", expect=75)
        assert time.monotonic() - begin < 12
    assert [sent.arguments[-1] for sent in world.sent()] == ["dmarc@own.example"]
    assert out.splitlines()[-1].startswith("5 reports; addresses: 1 sent, ") and out.count(": later: ") >= 2


def test_hostile_addresses_never_reach_sendmail(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@evil.example", "evil.example")
    assert "4 of the rua's items are no addresses" in world.run("--send")
    sent, = world.sent()
    assert sent.arguments[4:] == ["ok@evil.example"]
    assert sent.message["Bcc"] is None


def test_sent_once_whatever_happens(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example", times=2)
    status = world.directory / "status"
    status.write_text("75")
    assert "later" in world.run("--send", expect=75)
    first, = world.sent()
    # late mail for a day that is reported already counts for the next
    world.deliver("joe@own.example", "own.example", times=5)
    status.write_text("0")
    now = world.day_after() + 3 * 3600
    world.run("--send", now=now)
    second, = world.sent()
    assert second.report == first.report and second.message["Message-ID"] == first.message["Message-ID"]
    assert [p.get_filename() for p in second.message.iter_attachments()] == [p.get_filename() for p in first.message.iter_attachments()]
    assert sum(by_row(second.report).values()) == 2
    world.run("--send", now=now + DAY)
    third, = world.sent()
    assert sum(by_row(third.report).values()) == 5
    assert int(text(ElementTree.fromstring(third.report), "report_metadata/date_range/begin")) == (int(time.time()) // DAY + 1) * DAY
    world.run("--send", now=now + DAY + 3600)
    assert world.sent() == []


def test_two_at_once_send_once(assayd, workdir):
    world = World(assayd, workdir)
    domains = [f"d{i}.example" for i in range(8)]
    zone = pathlib.Path(world.daemon.directory / "zone")
    zone.write_text("".join(f'{d}. 300 IN TXT "v=spf1 -all"\n_dmarc.{d}. 300 IN TXT "v=DMARC1; p=none; rua=mailto:r@{d}"\n' for d in domains))
    world.daemon.signal(1)
    world.daemon.wait_for_log("new configuration from")
    for domain in domains:
        world.deliver(f"joe@{domain}", domain)
    world.flush()
    command = [build.program("assay"), "dmarc-reports", "--config", world.daemon.config_path, "--time", str(world.day_after()), "--send"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for run in runs:
        out, errors = run.communicate(timeout=60)
        assert run.returncode in (0, 75), (out, errors)
    assert sorted(sent.arguments[-1] for sent in world.sent()) == [f"r@{domain}" for domain in domains]


def test_a_crash_leaves_a_claim_that_ends(assayd, workdir):
    """Killed while sendmail has the report: it goes out again, under the same names."""
    world = World(assayd, workdir)
    (world.directory / "sendmail").write_text(SENDMAIL.format(directory=world.directory).replace("exit ", "kill -9 $PPID; exit "))
    world.deliver("joe@own.example", "own.example")
    world.run("--send", expect=-9)
    first, = world.sent()
    (world.directory / "sendmail").write_text(SENDMAIL.format(directory=world.directory))
    world.run("--send", now=world.day_after() + 60, expect=75)     # somebody may still be at it
    assert world.sent() == []
    world.run("--send", now=world.day_after() + 3600)
    second, = world.sent()
    assert second.report == first.report and second.message["Subject"] == first.message["Subject"]


def test_off_by_default(assayd, workdir):
    world = World(assayd, workdir, more="")
    config = world.daemon.config_path.read_text().replace("aggregate = yes", "aggregate = no")
    world.daemon.config_path.write_text(config)
    world.daemon.signal(1)
    world.daemon.wait_for_log("new configuration from")
    world.deliver("joe@own.example", "own.example")
    assert "reports are off" in world.run("--send")
    assert world.rows("SELECT count(*) FROM dmarc_policy") == [(0,)] and world.sent() == []


def test_dry_run_writes_and_sends_nothing(assayd, workdir, schema):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    world.deliver("joe@away.example", "away.example")
    out = world.run("--dry-run", workdir)
    assert "own.example dmarc@own.example: would be sent" in out and "b@no.test: would not be sent" in out
    files = sorted(workdir.glob("*.xml"))
    assert len(files) == 2 and len(list(workdir.glob("*.eml"))) == 2 and world.sent() == []
    for path in files:
        schema(path.read_text())
    mails = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in workdir.glob("*.eml")]
    assert sorted(sorted(address.addr_spec for address in mail["To"].addresses) for mail in mails) == [
        ["a@yes.test", "other@moved.test"], ["dmarc@own.example"]]
    assert world.rows("SELECT count(*) FROM dmarc_policy WHERE report_id<>'' OR closed") == [(0,)]
    world.run("--send", expect=75)
    made = {text(ElementTree.fromstring(sent.report), "report_metadata/report_id") for sent in world.sent()}
    assert made == {path.stem for path in files}


def test_a_day_that_is_not_over_is_not_reported(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    assert "0 reports" in world.run("--send", now=int(time.time()))
    assert "0 reports" in world.run("--send", "--day", "2020-01-01")
    assert world.sent() == []


def test_without_an_address_nothing_is_sent(assayd, workdir):
    world = World(assayd, workdir)
    world.deliver("joe@own.example", "own.example")
    world.flush()
    for address in ("", "no address", "a@b", "-x@us.example", "a@us.example>", "A%40b@us.example"):
        config = re.sub('    email = .*', f'    email = "{address}"', world.daemon.config_path.read_text())
        world.daemon.config_path.write_text(config)
        world.run("--send", expect=78)
    assert world.sent() == []
