# SPDX-License-Identifier: BSD-2-Clause
"""assay report --mail: ten lines and the page, as a mail through the sendmail command of the configuration; read by Python's email."""
import email
import email.policy
import sqlite3
import subprocess
import time

import pytest

from house.waiting import wait_for
from milterclient import Client

DAY = 86400


class Morning:
    """A record with some mail, and the command over it."""

    def __init__(self, assayd, workdir, build_dir):
        self.build_dir, self.database, self.sent = build_dir, workdir / "assay.db", workdir / "sent"
        sendmail = workdir / "sendmail"
        sendmail.write_text(f'#!/bin/sh\necho "$@" > "{self.sent}.args"\ncat > "{self.sent}"\nexit $(cat "{self.sent}.code" 2>/dev/null || '
                            'echo 0)\n')
        sendmail.chmod(0o755)
        self.daemon = assayd(options=f'record {{ path = "{self.database}" }}\nmorning {{ to = "root@test.example" }}\n'
                                     f'dmarc-reports {{ sendmail = "{sendmail}" }}').start()
        self.daemon.wait_for_log("store: " + str(self.database))
        milter = Client(self.daemon.socket_spec)
        milter.connect(address="192.0.2.1")
        milter.helo()
        for _ in range(3):
            assert milter.message().reply == "c"
        milter.quit()
        self.recorded()

    def run(self, *arguments, code=0):
        done = subprocess.run([self.build_dir / "assay", "report", "--config", self.daemon.config_path, *arguments], capture_output=True,
                              text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def recorded(self):
        wait_for(lambda: "\n3 messages, " in self.run("--text").stdout or "3" in self.run("--csv", "--table", "policy.actions").stdout,
                 "the messages to be recorded", 20, 0.1)


@pytest.fixture
def morning(assayd, workdir, build_dir):
    return Morning(assayd, workdir, build_dir)


def read(data):
    mail = email.message_from_bytes(data, policy=email.policy.default)
    assert not mail.defects and mail.get_content_type() == "multipart/mixed"
    text, page = mail.iter_parts()
    assert not text.defects and not page.defects
    return mail, text.get_content().rstrip("\n").split("\n"), page


def test_mail_is_ten_lines_and_the_page(morning):
    morning.run("--mail")
    mail, lines, page = read(morning.sent.read_bytes())
    assert (morning.sent.with_suffix(".args")).read_text() == "-i -f root@test.example -- root@test.example\n"
    assert mail["To"].strip("<>") == "root@test.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() // DAY * DAY - DAY))
    assert f": {yesterday}: 0 messages, 0 refused" in mail["Subject"]       # they came today
    assert len(lines) == 10
    assert lines[0].startswith("Messages ") and lines[-1].startswith("Needs you ")
    assert page.get_content_type() == "text/html"
    assert page.get_filename() == f"assay-{yesterday}.html"
    html = page.get_content()
    assert html.startswith("<!DOCTYPE html>") and "good.example" in html


def test_mail_tells_what_came_yesterday(morning):
    with sqlite3.connect(morning.database) as connection:
        connection.execute(f"UPDATE flow SET hour = hour - {DAY}")
    mail, lines, _ = read(morning.run("--mail", "--output", "-").stdout.encode())
    assert mail["Subject"].endswith(": 3 messages, 0 refused")
    assert lines[0] == "Messages       3; there is no day before to compare it with"
    assert lines[-1] == "Needs you      nothing"


def test_mail_into_a_file_goes_to_nobody(morning, workdir):
    morning.run("--mail", "--to", "ann@test.example", "--output", workdir / "mail")
    mail, lines, _ = read((workdir / "mail").read_bytes())
    assert mail["To"].strip("<>") == "ann@test.example" and len(lines) == 10
    assert not morning.sent.exists()
    assert read(morning.run("--mail", "--output", "-").stdout.encode())[0]["To"].strip("<>") == "root@test.example"


def test_mail_that_cannot_be_sent_is_told(morning):
    morning.sent.with_suffix(".code").write_text("75")
    assert "not sent" in morning.run("--mail", code=75).stderr
    morning.sent.with_suffix(".code").write_text("67")
    assert "not sent" in morning.run("--mail", code=69).stderr


@pytest.mark.parametrize("address", ["-oQ/tmp", "ann", "ann@x.example\nBcc: y@x.example", "a b@x.example", "$(id)@x.example"])
def test_mail_to_what_is_no_address(morning, address):
    assert "no address" in morning.run("--mail", f"--to={address}", code=78).stderr
    assert not morning.sent.exists()


def test_mail_options_that_do_not_fit(assay, workdir):
    config = workdir / "c.conf"
    config.write_text("")
    assert assay.run("report", "--mail", "--html").returncode == 64
    assert assay.run("report", "--to", "a@b.example").returncode == 64
    done = assay.run("report", "--mail", "--config", config)
    assert done.returncode == 78 and b"to whom" in done.stderr
