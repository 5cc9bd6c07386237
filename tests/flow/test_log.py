# SPDX-License-Identifier: BSD-2-Clause
"""What senders say through the milter protocol comes back out of the log by `assay log`, byte for byte, and nothing else."""
import json

import pytest

from milterclient import Client
from programs import ZONE

# The shapes by which a value would end itself, begin a field, a line, or another program's line.
SHAPES = [b'x decision=none', b'"x" decision="none"', b"a=b", b'"', b"\\", b'\\" id=X', b'..."...', b"tab\there", b"\x1b[2J\x07",
          b"cr\rlf\ninfo: id=FORGED decision=none", b"\xff\xfe bytes", "bücher \u202e".encode(), b"'quoted'", b"\\x0a", b"x" * 300,
          b" a b mail assayd[1]: id=FORGED", b"Nov 28 17:00:00 mail assayd[1]: id=FORGED", b"id=FORGED", b" ", b"%s%n"]
PLACES = [b"", b"info: ", b"Nov  1 17:00:00 mail assayd[123]: ", b"2026-11-28T17:00:00.123+01:00 mail assayd[123]: "]


def read(assay, *arguments, stdin=b"", code=0):
    done = assay.run("log", "--json", *arguments, stdin=stdin)
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def value(record, key):
    """The bytes that stood in the log."""
    return record[key].encode("latin-1" if key in record["bytes"] else "utf-8")


def hostile_session(daemon, shape, queue_id):
    client = Client(daemon.socket_spec)
    client.connect(name="mx.good.example", address="203.0.113.9")
    client.command("H", shape + b"\0")
    client.macros("M", i=queue_id)
    client.command("M", b'<"' + shape + b'"@good.example>\0')
    return client


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_hostile_values_are_read_back(assay, assayd, number):
    shape = SHAPES[number]
    daemon = assayd().start()
    client = hostile_session(daemon, shape, f"Q{number}")
    client.rcpt()
    client.command("L", b"From\0 <\"" + shape.replace(b"\n", b"") + b"\"@good.example>\0")
    client.command("L", b"DKIM-Signature\0 v=1; d=" + shape.replace(b"\n", b" ") + b"; s=x\0")
    client.eoh()
    client.eom()
    client.quit()
    daemon.wait_for_log(f"id=Q{number} ")
    record, = read(assay, daemon.log_path)
    assert record["id"] == f"Q{number}" and record["cut"] == []
    assert value(record, "helo") == shape
    assert value(record, "from") == b'<"' + shape + b'"@good.example>'
    # SPF's -all and DMARC's p=reject
    assert (record["decision"], record["because"]) == ("reject", "dmarc-reject-corroborated")
    assert (record["mode"], record["policy"], record["about"]) == ("dry-run", "default", "good.example")
    if b'"' not in shape and b"\\" not in shape and shape.isascii() and min(shape) >= 0x20 and len(shape) < 100:
        assert record["author"] == '"' + shape.decode().replace(" ", "") + '"@good.example'
    # as other loggers write it
    line, = (line for line in daemon.log_path.read_bytes().splitlines() if f"id=Q{number} ".encode() in line)
    expected = {**record, "logged": None}
    for place in PLACES:
        again, = read(assay, "-", stdin=b"other: line\n" + place + line.removeprefix(b"info: ") + b"\n")
        assert again.pop("logged") == (place[:-2].decode() or None)
        assert {**again, "logged": None} == expected


def test_recipient_refused_at_rcpt_is_one_quoted_value(assay, assayd):
    daemon = assayd(mode="enforce", sections="findings { spf-fail = reject }").start()
    wanted = []
    for number, shape in enumerate(SHAPES):
        client = hostile_session(daemon, shape, f"Q{number}")
        recipient = b'<"' + shape + b'"@test.example>'
        reply, _ = client.command("R", recipient + b"\0")
        assert reply == "y"
        wanted.append((f"Q{number}", recipient, "reject"))
        client.quit()
        daemon.wait_for_log("decision=reject", count=number + 1)
    records = read(assay, daemon.log_path)
    assert [(r["id"], value(r, "rcpt"), r["decision"]) for r in records if "rcpt" in r] == wanted


def test_spf_explanation_of_the_sender_stays_in_its_reply(assay, assayd):
    text = r"no\" decision=none policy=x \\"
    zone = (ZONE + 'evil.example. 300 IN TXT "v=spf1 exp=why.evil.example -all"\n'
            f'why.evil.example. 300 IN TXT "{text}"\n')
    daemon = assayd(mode="enforce", sections="findings { spf-fail = reject }", zone=zone).start()
    client = Client(daemon.socket_spec)
    client.connect(address="203.0.113.9")
    client.helo()
    client.mail("<joe@evil.example>", i="Q1")
    reply, said = client.rcpt()
    client.quit()
    daemon.wait_for_log("decision=reject")
    record, = (r for r in read(assay, daemon.log_path) if "rcpt" in r)
    assert reply == "y" and record["reply"] == said.rstrip(b"\0").decode()
    assert 'no" decision=none policy=x \\' in record["reply"]
    assert record["decision"] == "reject" and record["policy"] == "default"


def test_certificate_subject_changes_no_field(assay, assayd):
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo(tls_version="TLSv1.3", cipher='TLS_AES_256_GCM_SHA384" decision=none', cipher_bits="256",
                cert_subject='/CN=x decision=none\n"', cert_issuer="id=FORGED", verify="OK")
    client.message(queue_id="Q1")
    client.quit()
    daemon.wait_for_log("id=Q1 ")
    record, = read(assay, daemon.log_path)
    assert record["cipher"] == 'TLS_AES_256_GCM_SHA384" decision=none' and record["decision"] != "" and record["tls"] == "TLSv1.3"


def test_authenticated_user_is_one_value(assay, assayd):
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    client.mail(i="Q1", auth_type="PLAIN", auth_authen='joe" exempt=no decision=none')
    client.rcpt()
    client.eoh()
    client.eom()
    client.quit()
    daemon.wait_for_log("id=Q1 ")
    record, = read(assay, daemon.log_path)
    assert record["auth"] == 'joe" exempt=no decision=none' and record["exempt"] == "authenticated" and "decision" not in record


def test_long_values_are_cut_with_a_mark(assay, assayd):
    daemon = assayd().start()
    client = hostile_session(daemon, b"\n" * 200, "Q1")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    client.eom()
    client.quit()
    daemon.wait_for_log("id=Q1 ")
    record, = read(assay, daemon.log_path)
    assert record["cut"] == ["helo", "from"]
    assert set(record["helo"]) == {"\n"} and 100 <= len(record["helo"]) < 200


def test_lines_that_cannot_be_read_are_told_and_passed_over(assay):
    done = assay.run("log", "--json", "-", stdin=b"\n\0\nid=A helo=x\nid=B helo=x helo=y\nid=C \"\n" + b"id=" + b"x" * 20000 +
                     b"\nwarning: id=D\nNov 28 17:00:00 mail other[1]: id=E\nid=F")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == ["A", "D", "F"]
    assert done.returncode == 65
    said = done.stderr.decode().splitlines()
    assert [line.split(": ")[3].split()[1] for line in said] == ["4", "5", "6"], said
    assert "is longer than any that assayd writes" in said[2]


def test_text_form_and_usage(assay, workdir):
    done = assay.run("log", "-", stdin=b'info: id=A helo="a\\x1b b"... from=<x>\n')
    assert done.stdout.decode().split("\n") == ["info", "  id               A", "  helo             a\\x1b b (cut)",
                                                "  from             <x>", "", ""]
    assert assay.run("log").returncode == 64
    assert assay.run("log", "-", "more").returncode == 64
    done = assay.run("log", workdir / "nothing")
    assert done.returncode == 66 and b"cannot be read" in done.stderr
