# SPDX-License-Identifier: BSD-2-Clause
"""The milter protocol beyond miltertest: negotiation, what is asked for, replies, hostile bytes, memory."""
import os
import re
import struct
import time

import pytest

from milter_session import ENFORCE_SPF, FOREIGN, results, session
from milterclient import LEADSPC, NO, NR, STEPS, Client

pytestmark = pytest.mark.slow


# ---- negotiation ----------------------------------------------------------------------------------------------------


def test_negotiation_asks_for_no_reply_where_no_verdict_is_possible(assayd):
    client = Client(assayd(mode="dry-run").start().socket_spec)
    for code in "CRLNBU":
        assert client.steps & NR[code], code
    # without any reply before DATA, Postfix would keep back all events of a session, and those without mail were never seen
    assert not client.steps & NR["H"]
    # nor would look-ups begin at MAIL, while the client goes on with RCPT and DATA (tests/e2e/test_delay.py)
    assert not client.steps & NR["M"]
    assert client.steps & NO["T"]
    assert client.steps & LEADSPC
    client.quit()


def test_negotiation_wants_a_reply_at_rcpt_only_when_a_policy_may_refuse_there(assayd):
    client = Client(assayd(mode="enforce", sections=ENFORCE_SPF).start().socket_spec)
    assert not client.steps & NR["R"]
    client.quit()
    client = Client(assayd(mode="enforce").start().socket_spec)
    assert client.steps & NR["R"]
    client.quit()


def test_negotiation_no_body_when_nobody_could_want_it(assayd):
    client = Client(assayd(sections="dkim { enabled = no }\narc { enabled = no }").start().socket_spec)
    assert client.steps & NO["B"]
    client.quit()


@pytest.mark.parametrize("version,actions,steps", [(2, 0x3F, 0x7F), (6, 0x31, 0x1FFFFF), (6, 0x1FF, 0x7F), (4, 0x1F, 0x3FF)])
def test_old_mta_gets_replies_and_results(assayd, version, actions, steps):
    daemon = assayd().start()
    client = Client(daemon.socket_spec, version=version, actions=actions, steps=steps)
    assert client.steps & ~steps == 0
    client.connect()
    client.helo()
    outcome = client.message()
    assert outcome.reply == "c"
    assert "spf=pass" in results(outcome)
    assert client.message().reply == "c"
    client.quit()


def test_macros_are_asked_for_by_stage(assayd):
    client = Client(assayd().start().socket_spec)
    assert {"j", "{daemon_name}", "{client_ptr}"} <= set(client.symbols[0].split())
    assert {"{tls_version}", "{cipher}", "{cipher_bits}", "{cert_subject}", "{verify}"} <= set(client.symbols[1].split())
    assert {"i", "{auth_type}", "{auth_authen}", "{tls_version}"} <= set(client.symbols[2].split())
    client.quit()


# ---- decisions ------------------------------------------------------------------------------------------------------


def test_spf_fail_is_refused_at_rcpt_with_the_reply_of_the_table(assayd):
    daemon = assayd(mode="enforce", sections=ENFORCE_SPF).start()
    client = session(daemon, FOREIGN)
    client.mail(i="NO1")
    code, text = client.rcpt()
    assert code == "y"
    assert text.rstrip(b"\0").startswith(b"550 5.7.23 ")
    assert b"good.example" in text
    client.abort()
    daemon.wait_for_log("NO1")
    client.quit()


def test_dry_run_and_enforce_decide_the_same(assayd):
    """Only `enforced` and what follows from it differ."""
    lines = {}
    for mode in ("dry-run", "enforce"):
        daemon = assayd(mode=mode, sections="findings { dmarc-reject-corroborated = reject }").start()
        client = session(daemon, FOREIGN)
        outcome = client.message(queue_id="SAME")
        lines[mode] = [line for line in daemon.log().splitlines() if "SAME" in line][0]
        assert outcome.reply == ("c" if mode == "dry-run" else "y")
        if mode == "enforce":
            assert outcome.text.startswith("550 5.7.26 ")
            assert outcome.inserted == []
        else:
            assert outcome.header("Authentication-Results")
        client.quit()
    assert "dmarc-reject-corroborated" in lines["dry-run"] and "dmarc-reject-corroborated" in lines["enforce"]


def test_quarantine_goes_to_the_mta_with_a_short_reason(assayd):
    daemon = assayd(mode="enforce", sections="findings { dmarc-reject-corroborated = quarantine }").start()
    client = session(daemon, FOREIGN)
    outcome = client.message()
    assert outcome.reply == "c"
    assert outcome.quarantine and len(outcome.quarantine) <= 100 and "dmarc-reject" in outcome.quarantine
    assert outcome.header("Authentication-Results")
    client.quit()


POLICIES = """
policy "strict" {
    recipient-domains = { "strict.example" }
    mode = enforce
    actions { spf-fail = reject }
}
"""


def test_each_recipient_has_its_own_policy_at_rcpt(assayd):
    daemon = assayd(sections=POLICIES).start()
    client = session(daemon, FOREIGN)
    client.mail(i="TWO")
    assert client.rcpt("<a@strict.example>")[0] == "y"
    assert client.rcpt("<b@lenient.example>")[0] == "c"
    client.header("From", "joe@good.example")
    client.eoh()
    assert client.eom().reply == "c"  # the refused one does not count any more
    client.quit()


def test_forged_results_in_our_name_are_deleted_from_the_highest_down(assayd):
    daemon = assayd().start()
    client = session(daemon)
    outcome = client.message(headers=[
        ("From", "joe@good.example"), ("Authentication-Results", "mx.test.example; dkim=pass"),
        ("Authentication-Results", "other.example; dkim=pass"),
        ("authentication-results", "(c) MX.TEST.EXAMPLE 1; spf=pass")])
    assert [index for _, index in outcome.deleted] == [3, 1]
    # both of ours at the top, the one for registered methods above the other
    ours = [(index, value) for index, name, value in outcome.inserted if name == "Authentication-Results"]
    assert [index for index, _ in ours] == [0, 0]
    assert re.match(r" mx\.test\.example;\s+x-tls=none$", ours[0][1]) and "spf=pass" in ours[1][1], ours
    client.quit()


@pytest.mark.parametrize("on_error,reply", [("accept", "c"), ("defer", "t")])
def test_edit_the_mta_does_not_allow_takes_on_error(assayd, on_error, reply):
    daemon = assayd(options=f"on-error = {on_error}").start()
    client = session(daemon, actions=0x1)  # fields may be added, not deleted
    outcome = client.message(queue_id="DENIED", headers=[
        ("From", "joe@good.example"), ("Authentication-Results", "mx.test.example; dkim=pass")])
    assert outcome.reply == reply
    assert outcome.deleted == [] and "spf=pass" in results(outcome)
    assert client.message(queue_id="PLAIN").reply == "c"
    client.quit()
    assert "DENIED: deleting Authentication-Results failed" in daemon.log()
    assert "PLAIN: " not in daemon.log()


# ---- body -----------------------------------------------------------------------------------------------------------


def test_body_of_an_mta_that_wants_a_reply_to_each_piece(assayd):
    """Also when nobody needs it: it is never skipped."""
    daemon = assayd().start()
    client = session(daemon, steps=STEPS & ~NR["B"])
    assert not client.steps & NR["B"]
    client.mail(i="REPLIES")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    assert client.body(b"x" * 1_000_000) == 16
    assert client.eom().reply == "c"
    client.quit()
    assert logged_size(daemon, "REPLIES") == [f"bytes={HEADER_BYTES + 1_000_000}"]


def logged_size(daemon, queue_id):
    daemon.wait_for_log(f"id={queue_id} ")
    line = next(line for line in daemon.log().splitlines() if f"id={queue_id} " in line)
    return [word for word in line.split() if word.startswith("bytes")]


HEADER_BYTES = len("From: joe@good.example\r\n")


@pytest.mark.parametrize("length, msg_size, logged", [
    (7, None, f"bytes={HEADER_BYTES + 7}"),
    (1_000_000, None, f"bytes={HEADER_BYTES + 1_000_000}"),
    (7, 999, f"bytes={HEADER_BYTES + 7}"),                      # what was counted is better than what is told
])
def test_log_counts_the_body_also_when_nobody_reads_it(assayd, length, msg_size, logged):
    daemon = assayd().start()
    client = session(daemon)
    client.mail(i="SIZE")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    client.body(b"x" * length)
    assert client.eom(**({} if msg_size is None else {"msg_size": msg_size})).reply == "c"
    client.quit()
    assert logged_size(daemon, "SIZE") == [logged]


@pytest.mark.parametrize("msg_size, logged", [
    (None, f"bytes_min={HEADER_BYTES}"),
    (0, f"bytes_min={HEADER_BYTES}"),
    (1_000_100, "bytes=1000100"),                               # an MTA that tells
])
def test_log_says_at_least_when_bodies_do_not_come_at_all(assayd, msg_size, logged):
    daemon = assayd(sections="dkim { enabled = no }\narc { enabled = no }").start()
    client = session(daemon)
    client.mail(i="NOBODY")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.eoh()
    assert client.eom(**({} if msg_size is None else {"msg_size": msg_size})).reply == "c"
    client.quit()
    assert logged_size(daemon, "NOBODY") == [logged]


def test_body_is_read_to_the_end_when_the_message_is_signed(assayd):
    daemon = assayd().start()
    client = session(daemon)
    client.mail(i="SIGNED")
    client.rcpt()
    client.header("From", "joe@good.example")
    client.header("DKIM-Signature", "v=1; a=rsa-sha256; d=good.example; s=x; h=from; "
                  "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA")
    client.eoh()
    assert client.body(b"x" * 1_000_000) == 16
    assert "dkim=" in results(client.eom())
    client.quit()


# ---- hostile --------------------------------------------------------------------------------------------------------


def test_long_envelope_header_and_body_lines(assayd):
    daemon = assayd(sections="findings { message-malformed = tag }").start()
    client = session(daemon)
    client.helo("h" * 60000)
    client.mail("<" + "l" * 30000 + "@" + "d." * 15000 + "example>", i="LONG")
    client.rcpt("<" + "r" * 60000 + "@test.example>")
    client.header("From", "joe@good.example")
    client.header("N" * 30000, "x")
    client.header("Subject", "s" * 60000)
    client.eoh()
    client.body(b"b" * 200_000 + b"\r\n")
    assert client.eom().reply == "c"
    assert client.message().reply == "c"
    client.quit()
    assert "message-malformed" in daemon.log()


def test_nul_bytes_everywhere(assayd):
    daemon = assayd(sections="findings { message-malformed = tag }").start()
    client = session(daemon)
    client.helo("a\0b")
    client.mail("<joe\0@good.example>", i="NUL")
    client.rcpt("<ann\0x@test.example>")
    client.header(b"X-Nul\0y", b"value")
    client.header(b"X-Nul", b"val\0ue")
    client.header("From", "joe@good.example")
    client.eoh()
    client.body(b"a\0b\r\n\0\0\r\n")
    assert client.eom().reply == "c"
    assert "spf=pass" in results(client.message())
    client.quit()
    assert "message-malformed" in daemon.log()


def test_hostile_text_ends_no_field_and_no_log_line(assayd):
    daemon = assayd().start()
    client = session(daemon)
    evil = "x\n\nX-Evil: yes\r\nX-More: y"
    client.helo(evil)
    client.mail(f"<{evil}@good.example>", i="EVIL\nid=FORGED")
    client.rcpt(f"<{evil}@test.example>")
    client.header("From", "joe@good.example")
    client.eoh()
    outcome = client.eom()
    client.quit()
    assert outcome.reply == "c"
    for _, name, value in outcome.inserted:
        assert "\r" not in value
        assert all(line.startswith((" ", "\t")) for line in value.split("\n")[1:]), (name, value)
    assert not any(line.startswith(("X-Evil", "id=FORGED")) for line in daemon.log().splitlines())


def test_garbage_instead_of_the_protocol(assayd):
    import socket as sockets
    daemon = assayd().start()
    for data in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\0\0\0\0", b"\xff\xff\xff\xffO", struct.pack(">I", 13) + b"O" + b"\0" * 12,
                 struct.pack(">I", 5) + b"Oabcd", struct.pack(">I", 1) + b"E", struct.pack(">I", 1) + b"Z"):
        raw = sockets.socket(sockets.AF_UNIX)
        raw.connect(daemon.socket_spec[5:])
        raw.sendall(data)
        raw.close()
    client = session(daemon)
    assert client.message().reply == "c"
    client.quit()


def test_commands_out_of_order(assayd):
    daemon = assayd().start()
    client = Client(daemon.socket_spec)
    for code in "EBNLRMEAHA":
        client.send(code, b"x\0y\0" if code in "LRMH" else b"")
    client.close()
    client = session(daemon)
    client.mail(i="FIRST")
    client.mail(i="SECOND")
    client.rcpt()
    client.helo()
    assert client.message(queue_id="THIRD").reply == "c"
    client.quit()
    assert "THIRD" in daemon.log()


# ---- slow DNS, memory -----------------------------------------------------------------------------------------------


def test_progress_is_sent_while_dns_is_slow(assayd):
    import socket as sockets
    silent = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)  # takes questions and never answers
    silent.bind(("127.0.0.1", 0))
    port = silent.getsockname()[1]
    daemon = assayd(options="")
    text = daemon.config_path.read_text().replace("zone-file", "# zone-file")
    daemon.config_path.write_text(text.replace("dnssec = off", f'dnssec = off\n servers = {{ "127.0.0.1@{port}" }}\n'
                                               "timeout = 9s\n rounds = 1\n"))
    daemon.start()
    client = session(daemon)
    begin = time.monotonic()
    outcome = client.message()
    spent = time.monotonic() - begin
    assert outcome.reply == "c" and "spf=temperror" in results(outcome)
    assert spent > 8 and outcome.progress >= 1
    client.quit()
    silent.close()


def grown_kib_max(kib):
    """AddressSanitizer holds back what was freed (256 MiB) with what surrounds it; its leak check sees the rest."""
    return 600 * 1024 if os.environ.get("ASSAY_SANITIZED") else kib


def test_memory_returns_to_its_level_after_10000_messages(assayd):
    daemon = assayd().start()
    big = [("From", "joe@good.example"), ("Subject", "x" * 900)] + [(f"X-{n}", "y" * 50) for n in range(60)]
    count = int(os.environ.get("ASSAY_MEMORY_MESSAGES", "10000"))

    def run(number):
        client = session(daemon)
        for done in range(number):
            if done % 100 == 99:
                client.quit()
                client = session(daemon)
            outcome = client.message(headers=big, body=b"line of text\r\n" * 200, queue_id=f"M{done}")
            assert outcome.reply == "c"
        client.quit()

    run(500)  # caches and allocator arenas fill
    before = daemon.rss_kib()
    begin, cpu = time.monotonic(), daemon.cpu_secs()
    run(count)
    after = daemon.rss_kib()
    print(f"\nRSS {before} KiB before, {after} KiB after {count} messages; {count / (time.monotonic() - begin):.0f} "
          f"messages/s, {(daemon.cpu_secs() - cpu) / count * 1e3:.3f} CPU ms a message")
    assert after - before < grown_kib_max(2048)


def test_memory_one_session_with_many_messages_does_not_grow(assayd):
    daemon = assayd().start()
    client = session(daemon)

    def run(number):
        for done in range(number):
            client.mail(f"<user{done}@good.example>", i=f"N{done}", auth_type="PLAIN", auth_authen=f"user{done}" * 20)
            client.rcpt(f"<r{done}@test.example>")
            client.header("From", "joe@good.example")
            client.eoh()
            assert client.eom().reply == "c"

    run(300)
    before = daemon.rss_kib()
    run(3000)
    assert daemon.rss_kib() - before < grown_kib_max(1024)
    client.quit()
