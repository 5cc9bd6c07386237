# SPDX-License-Identifier: BSD-2-Clause
"""
Failure reports (RFC 9991): a message through assayd whose author domain asks for them, and what assay failure-reports makes of it. Reports
are read by Python's email package; the fields are compared with what RFC 5965 section 3, RFC 6591 section 3 and RFC 9991 section 4 ask for.
"""
import email
import email.policy
import re
import socket
import sqlite3
import subprocess
import time

import pytest

from house.waiting import wait_for
from milterclient import Client

ZONE = """\
victim.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.victim.example. 300 IN TXT "v=DMARC1; p=reject; fo=1; ruf=mailto:failures@victim.example"
_dmarc.aside.example. 300 IN TXT "v=DMARC1; p=none; ruf=mailto:a@reports.example,mailto:b@silent.example,mailto:c@moved.example"
aside.example._report._dmarc.reports.example. 300 IN TXT "v=DMARC1"
aside.example._report._dmarc.moved.example. 300 IN TXT "v=DMARC1; ruf=mailto:c@elsewhere.example"
_dmarc.twice.example. 300 IN TXT "v=DMARC1; p=none; ruf=mailto:a@one.example,mailto:b@one.example,mailto:c@one.example"
twice.example._report._dmarc.one.example. 300 IN TXT "v=DMARC1; ruf=mailto:b@one.example,mailto:d@one.example"
_dmarc.slow.example. 300 IN TXT "v=DMARC1; p=none; ruf=mailto:r@a.test,mailto:r@b.test,mailto:r@c.test,mailto:r@d.test,mailto:r@e.test,mailto:r@f.test,mailto:r@g.test,mailto:r@h.test"
_dmarc.hostile.example. 300 IN TXT "v=DMARC1; p=none; ruf=mailto:-oQ/tmp@hostile.example,mailto:a b@hostile.example,mailto:$(id)@hostile.example,file:///etc/passwd,mailto:x%0aBcc:y@hostile.example"
_dmarc.quiet.example. 300 IN TXT "v=DMARC1; p=reject; rua=mailto:r@quiet.example"
_dmarc.registry.example. 300 IN TXT "v=DMARC1; p=reject; psd=y; ruf=mailto:r@registry.example"
_dmarc.strange.example. 300 IN TXT "v=DMARC1; p=none; fo=d:s; ruf=mailto:r@strange.example"
strange.example. 300 IN TXT "v=spf1 -all"
test.example. 300 IN A 192.0.2.10
"""
SECTION = """dmarc-reports {{ failure = {failure} failure-wait = "1s" email = "dmarc@test.example" organization = "Test"
    failure-per-domain = {per_domain} sendmail = "{sendmail}" }}"""
SECRET = "Sekrit"


class World:
    """assayd with a record, and the command over it."""

    def __init__(self, assayd, workdir, build_dir, failure="yes", per_domain=20, **options):
        self.database, self.build_dir, self.workdir = workdir / "assay.db", build_dir, workdir
        self.sent = workdir / "sent"
        self.sendmail = workdir / "sendmail"
        self.sendmail.write_text(f'#!/bin/sh\necho "$@" >> "{self.sent}.args"\ncat > "{self.sent}.$$"\nexit $(cat "{self.sent}.code" || '
                                 'echo 0) 2>/dev/null\n')
        self.sendmail.chmod(0o755)
        section = SECTION.format(failure=failure, per_domain=per_domain, sendmail=self.sendmail)
        self.daemon = assayd(options=f'record {{ path = "{self.database}" }}\n{section}', zone=ZONE, **options).start()
        self.daemon.wait_for_log("store: " + str(self.database))

    def send(self, author="victim.example", sender=None, client="192.0.2.77", headers=(), count=1):
        for _ in range(count):
            milter = Client(self.daemon.socket_spec)
            milter.connect(address=client)
            milter.helo("mail.spoofer.example")
            sender = f"<{SECRET}@{author}>" if sender is None else sender
            outcome = milter.message(sender, recipients=(f"<{SECRET}@test.example>",), headers=(
                ("Received", f"from a.example ([203.0.113.9])\n\tby b.example for <{SECRET}@b.example>; Tue, 19 Jul 2022 07:57:50 +0200"),
                ("From", f"{SECRET} Name <{SECRET}@{author}>"), ("To", f"{SECRET}@test.example"), ("Subject", f"a {SECRET} thing"),
                ("Message-ID", f"<1.2@{author}>"), *headers), body=f"{SECRET}\r\n".encode())
            milter.quit()
        return outcome

    def rows(self, columns="incidents"):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as connection:
            return connection.execute(f"SELECT {columns} FROM failure ORDER BY id").fetchall()

    def wait_rows(self, rows):
        wait_for(lambda: self.rows() == rows, lambda: f"{rows} incidents, there are {self.rows()}", 20, 0.05)
        time.sleep(1.1)     # failure-wait

    def run(self, *arguments, code=0):
        done = subprocess.run([self.build_dir / "assay", "failure-reports", "--config", self.daemon.config_path, *arguments],
                              capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def write(self, code=0):
        """What --dry-run writes, parsed. @return [message], and what was said."""
        directory = self.workdir / "out"
        directory.mkdir(exist_ok=True)
        done = self.run("--dry-run", directory, code=code)
        files = sorted(directory.iterdir())
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in files], done

    def mails(self):
        return [path for path in self.workdir.glob("sent.*") if path.suffix[1:].isdigit()]


@pytest.fixture
def world(assayd, workdir, build_dir):
    def make(**options):
        return World(assayd, workdir, build_dir, **options)
    return make


def parts(mail):
    """(text, {field: value} of the feedback report, header of the message)."""
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "feedback-report"
    assert not mail.defects
    text, report, header = mail.iter_parts()
    assert [part.get_content_type() for part in (text, report, header)] == ["text/plain", "message/feedback-report", "text/rfc822-headers"]
    for part in (text, report, header):
        assert not part.defects
    fields = report.get_payload()[0] if report.is_multipart() else email.message_from_string(report.get_payload())
    assert len({name.lower() for name in fields.keys()}) == len(fields.keys())      # each at most once
    return text.get_content(), {name: " ".join(str(value).split()) for name, value in fields.items()}, email.message_from_string(
        header.get_payload())


def test_report_of_a_forgery(world):
    """Each field of the RFCs that has to be there, with what was sent; and nothing of a person."""
    made = world()
    made.send()
    made.wait_rows([(1,)])
    (mail,), done = made.write()
    assert done.stdout == "mails=1 no-consent=0 later=0\n"
    text, fields, header = parts(mail)
    assert SECRET not in mail.as_string()
    assert mail["From"] == '"Test" <dmarc@test.example>' or mail["From"] == "Test <dmarc@test.example>"
    assert mail["To"] == "failures@victim.example" or mail["To"] == "<failures@victim.example>"
    assert mail["Subject"] == "DMARC failure report for victim.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"] and mail["Date"] and mail["MIME-Version"] == "1.0"
    # RFC 5965 section 3.1, RFC 6591 section 3.1, RFC 9991 section 4
    assert fields["Feedback-Type"] == "auth-failure"
    assert fields["Version"] == "1"
    assert fields["User-Agent"].startswith("Assay/")
    assert fields["Auth-Failure"] == "dmarc"
    assert fields["Identity-Alignment"] == "dkim,spf"
    assert re.fullmatch(r"mx\.test\.example; dmarc=fail header\.from=victim\.example", fields["Authentication-Results"])
    assert fields["SPF-DNS"] == 'txt : victim.example : "v=spf1 ip4:192.0.2.1 -all"'
    assert fields["Reported-Domain"] == "victim.example"
    assert fields["Delivery-Result"] == "delivered"     # dry-run
    assert fields["Source-IP"] == "192.0.2.77"
    assert fields["Incidents"] == "1"
    pseudonym = re.fullmatch(r"<([\w-]{12})@victim\.example>", fields["Original-Mail-From"]).group(1)
    assert email.utils.parsedate_to_datetime(fields["Arrival-Date"]).timestamp() > time.time() - 60
    assert "DKIM-Domain" not in fields
    # the header: one local part, one pseudonym
    assert header["From"] == f"<{pseudonym}@victim.example>"
    assert header["To"] == f"<{pseudonym}@test.example>"
    assert header["Subject"] == "[redacted]"
    assert header["Message-ID"] == "<1.2@victim.example>"
    assert " ".join(header["Received"].split()) == \
        "from a.example ([203.0.113.9]) by b.example for [redacted] ; Tue, 19 Jul 2022 07:57:50 +0200"
    assert "victim.example" in text
    # what the record holds is redacted too
    assert SECRET.encode() not in made.database.read_bytes() + (made.workdir / "assay.db-wal").read_bytes()


def test_off_by_default_nothing_is_stored(world):
    made = world(failure="no")
    made.send()
    with sqlite3.connect(f"file:{made.database}?mode=ro", uri=True) as connection:
        wait_for(lambda: connection.execute("SELECT count(*) FROM flow").fetchone()[0] == 1, "the flow", 20, 0.05)
    assert made.rows() == []
    assert made.run().stdout.startswith("today waiting=0 ")


def test_like_failures_are_one_report(world):
    made = world()
    made.send(count=5)
    made.send(client="192.0.2.200")      # the same network
    made.send(client="203.0.113.77")
    made.wait_rows([(6,), (1,)])
    mails, _ = made.write()
    assert sorted(parts(mail)[1]["Incidents"] for mail in mails) == ["1", "6"]


def test_flood_is_bounded_and_counted(world):
    made = world(per_domain=3)
    for number in range(12):
        made.send(client=f"10.0.{number}.1")
    wait_for(lambda: "beyond=9" in made.run().stdout, "the rest to be counted", 20, 0.1)
    assert made.rows() == [(1,)] * 3


@pytest.mark.parametrize("author, sender, headers", [
    ("quiet.example", None, ()),                                            # no ruf
    ("registry.example", None, ()),                                         # psd=y: never
    ("hostile.example", None, ()),                                          # no address that is mailed to
    ("victim.example", "<>", ()),                                           # a bounce
    ("victim.example", None, (("Auto-Submitted", "auto-generated"),)),
    ("victim.example", None, (("Content-Type", "multipart/report; report-type=feedback-report"),)),
    ("victim.example", None, (("From", "x@aside.example"),)),               # two authors
])
def test_no_report(world, author, sender, headers):
    made = world()
    made.send(author, sender=sender, headers=headers)
    made.send("victim.example")     # so that there is something to wait for
    made.wait_rows([(1,)])


def test_external_destinations_need_consent(world):
    """RFC 9991 section 5: reports.example agrees; silent.example says nothing; moved.example names another host."""
    made = world()
    made.send("aside.example")
    made.wait_rows([(1,)])
    mails, done = made.write()
    assert [mail["To"].strip("<>") for mail in mails] == ["a@reports.example"]
    assert done.stdout == "mails=1 no-consent=2 later=0\n"
    assert "silent.example does not say" in done.stderr and "another host" in done.stderr


def test_one_mail_to_an_address_however_many_lead_to_it(world):
    made = world()
    made.send("twice.example")
    made.wait_rows([(1,)])
    assert made.run("--send").stdout == "mails=2 no-consent=0 later=0\n"
    assert sorted(line.split()[-1] for line in (made.workdir / "sent.args").read_text().splitlines()) == ["b@one.example", "d@one.example"]


def test_names_that_nobody_answers_for_keep_no_report_waiting(world):
    made = world(sections="limits { dns-deadline = 1s }\n")
    made.send("slow.example")
    made.send("slow.example", client="203.0.113.77")
    made.send()
    made.wait_rows([(1,), (1,), (1,)])
    config = made.daemon.config_path
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.bind(("127.0.0.1", 0))
        config.write_text(re.sub("zone-file = .*", f'servers = "127.0.0.1@{sink.getsockname()[1]}"', config.read_text()))
        begin = time.monotonic()
        assert made.run("--send", code=75).stdout == "mails=1 no-consent=0 later=16\n"
        assert time.monotonic() - begin < 8
    assert (made.workdir / "sent.args").read_text() == "-i -f dmarc@test.example -- failures@victim.example\n"


def test_other_kinds(world):
    """fo=d:s, no DKIM signature: SPF's own report (RFC 6591)."""
    made = world()
    made.send("strange.example")
    made.wait_rows([(1,)])
    (mail,), _ = made.write()
    _, fields, _ = parts(mail)
    assert fields["Auth-Failure"] == "spf"
    assert fields["Authentication-Results"] == "mx.test.example; spf=fail smtp.mailfrom=strange.example"
    assert fields["SPF-DNS"] == 'txt : strange.example : "v=spf1 -all"'


def test_override_is_named_and_kept_apart(world):
    """It failed, so the domain is told; that we know the list, too (RFC 8601 section 2.2: the reason before the properties)."""
    override = 'override "club" { kind = mailing-list client-networks = 192.0.2.80 list-id = yes }\n'
    made = world(mode="enforce", sections=override + "findings { dmarc-reject = reject }\n")
    assert made.send(client="192.0.2.80", headers=(("List-Id", "<club.example>"),), count=2).reply == "c"
    made.send(client="192.0.2.81")  # the same network
    made.wait_rows([(2,), (1,)])
    mails, _ = made.write()
    told = {(fields["Authentication-Results"], fields["Delivery-Result"]) for _, fields, _ in map(parts, mails)}
    assert told == {('mx.test.example; dmarc=fail reason="mailing_list: override club" header.from=victim.example', "delivered"),
                    ("mx.test.example; dmarc=fail header.from=victim.example", "reject")}


def test_sent_once(world):
    made = world()
    made.send()
    made.wait_rows([(1,)])
    assert made.run("--send").stdout == "mails=1 no-consent=0 later=0\n"
    assert made.run("--send").stdout == "mails=0 no-consent=0 later=0\n"
    assert (made.workdir / "sent.args").read_text() == "-i -f dmarc@test.example -- failures@victim.example\n"
    assert len(made.mails()) == 1
    assert parts(email.message_from_bytes(made.mails()[0].read_bytes(), policy=email.policy.default))[1]["Incidents"] == "1"
    assert made.rows("state, ruf, fields, header") == [(1, "", "", "")]
    # more of its kind on that day: counted, not told again
    made.send()
    wait_for(lambda: made.rows() == [(2,)], "the second to be counted", 20, 0.05)
    assert made.run("--send").stdout == "mails=0 no-consent=0 later=0\n"


def test_sendmail_that_fails_for_now(world):
    made = world()
    (made.workdir / "sent.code").write_text("75")
    made.send()
    made.wait_rows([(1,)])
    assert made.run("--send", code=75).stdout == "mails=0 no-consent=0 later=1\n"
    (state, tries, due, ruf), = made.rows("state, tries, due, ruf")
    assert (state, tries, ruf) == (0, 1, "failures@victim.example")
    assert due > time.time() + 3000
    assert made.run("--send").stdout == "mails=0 no-consent=0 later=0\n"    # not yet


def test_two_at_once_send_none_twice(world):
    made = world()
    for number in range(8):
        made.send(client=f"10.0.{number}.1")
    made.wait_rows([(1,)] * 8)
    command = [made.build_dir / "assay", "failure-reports", "--config", made.daemon.config_path, "--send"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0] * 3
    assert sum(int(re.match(r"mails=(\d+)", text).group(1)) for text in said) == 8
    assert len((made.workdir / "sent.args").read_text().splitlines()) == 8


def test_switched_off_what_waits_is_not_sent(world):
    made = world()
    made.send()
    made.wait_rows([(1,)])
    config = made.daemon.config_path
    config.write_text(config.read_text().replace("failure = yes", "failure = no"))
    assert "nothing is sent" in made.run("--send").stdout
    assert made.mails() == [] and made.rows("state") == [(0,)]


def test_hostile_record(world):
    """A row that assayd cannot have written becomes no mail, and a destination in it no argument."""
    made = world()
    made.send()
    made.send(client="203.0.113.77")
    made.wait_rows([(1,), (1,)])
    with sqlite3.connect(made.database) as connection:
        connection.execute("UPDATE failure SET fields='A: b' || char(10) || char(10) || '--x' || char(10) WHERE id=1")
        connection.execute("UPDATE failure SET ruf='-bd@victim.example,a b@victim.example,failures@victim.example' WHERE id=2")
    done = made.run("--send")
    assert "was not written by assayd" in done.stderr
    assert (made.workdir / "sent.args").read_text() == "-i -f dmarc@test.example -- failures@victim.example\n"


def test_without_a_sender_or_a_store(world, workdir):
    made = world()
    config = workdir / "other.conf"
    config.write_text(f'dmarc-reports {{ failure = yes }}\nrecord {{ path = "{made.database}" }}\n')
    done = subprocess.run([made.build_dir / "assay", "failure-reports", "--config", config, "--send"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 78 and "set email in the section dmarc-reports" in done.stderr
    config.write_text('dmarc-reports { failure = yes email = "a b@x.example" }\n' + f'record {{ path = "{made.database}" }}\n')
    done = subprocess.run([made.build_dir / "assay", "failure-reports", "--config", config, "--send"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 78 and "is no address" in done.stderr
    assert "does not exist" in made.run("--database", workdir / "none.db", code=66).stderr
    made.run("--send", "--dry-run", workdir, code=64)
    assert "is no directory" in made.run("--dry-run", workdir / "none", code=66).stderr


def test_store_gone(world):
    """Mail goes on while failures cannot be noted."""
    made = world()
    made.database.unlink()
    assert made.send(count=3).reply == "c"
