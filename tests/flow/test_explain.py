# SPDX-License-Identifier: BSD-2-Clause
"""assay explain: the reference that log, header and reply name a message by, its trace, and the same evidence under other policies."""
import os
import re
import sqlite3
import subprocess
import zlib

import lz4.block
import pytest

import dkim_signer
from arc_sealer import Chain
from house.traces import rows as traces, texts, words
from house.waiting import wait_for
from milterclient import Client
from programs import ZONE
from test_store_faults import small_disk  # noqa: F401  pylint: disable=unused-import

REFERENCE = re.compile(r"\b[0-9a-hj-km-np-tv-z]{4}-[0-9a-hj-km-np-tv-z]{4}-[0-9a-hj-km-np-tv-z]{4}\b")
AT_END = "findings { dmarc-reject-corroborated = reject spf-fail = none dmarc-reject = none }"
AT_RCPT = "findings { spf-fail = reject }"
FINDING = "dmarc-reject-corroborated"
ELSEWHERE = "203.0.113.9"


class Remembering:
    """An assayd that keeps traces, one message at a time, and `assay explain` on its database."""

    def __init__(self, assay, assayd, workdir, kept="failures", mode="enforce", sections=AT_END, record="", options="", **more):
        self.assay, self.database = assay, workdir / f"{kept}{len(list(workdir.iterdir()))}.db"
        self.record = f'record {{ path = "{self.database}" traces = {kept} {record} }}\n'
        self.daemon = assayd(mode=mode, sections=sections, options=self.record + options, **more)
        self.config = self.daemon.config_path
        self.daemon.start()
        self.daemon.wait_for_log("store: " + str(self.database))

    def wait_for(self, count):
        wait_for(lambda: len(traces(self.database)) >= count, lambda: f"{count} traces, not {len(traces(self.database))}", 30)

    def session(self, address="192.0.2.1", name="mx.good.example", **macros):
        client = Client(self.daemon.socket_spec)
        client.connect(name=name, address=address, **macros)
        client.helo(name)
        return client

    def send(self, address="192.0.2.1", queue_id="QID1", **message):
        client = self.session(address)
        outcome = client.message(queue_id=queue_id, **message)
        client.quit()
        return outcome

    def explain(self, what, *arguments):
        return self.assay.json("explain", "--database", self.database, *arguments, what)

    def text(self, what, *arguments):
        done = self.assay.run("explain", "--database", self.database, *arguments, what)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def refused_to_explain(self, what):
        done = self.assay.run("explain", "--config", self.config, *what.split())
        assert done.returncode != 0 and done.stdout == b""
        return done.stderr.decode()

    def with_policies(self, sections, mode="enforce"):
        """@return another configuration: the daemon's, but for its policies."""
        path = self.config.with_name(f"other{len(list(self.config.parent.iterdir()))}.conf")
        text = self.config.read_text()
        text = text[:text.rindex("findings {")] if "findings {" in text else text
        path.write_text(re.sub(r"(?m)^mode = .*$", f"mode = {mode}", text) + sections + "\n")
        return path


@pytest.fixture
def remembering(assay, assayd, workdir):
    return lambda *arguments, **more: Remembering(assay, assayd, workdir, *arguments, **more)


def reference_of(text):
    found = REFERENCE.findall(text)
    assert len(found) == 1, text
    return found[0]


def test_id_of_a_reply_alone_explains_the_message(remembering):
    there = remembering()
    outcome = there.send(ELSEWHERE)
    assert outcome.reply == "y" and outcome.text.startswith("550 5.7.26 DMARC failed for good.example"), outcome.text
    reference = reference_of(outcome.text)
    assert f"; ref {reference}" in outcome.text
    there.wait_for(1)
    told = there.explain(reference)
    assert (told["reference"], told["queue_id"]) == (reference, "QID1")
    assert told["client"]["address"] == ELSEWHERE and told["envelope"]["from"] == "<joe@good.example>"
    assert told["decision"] == {"action": "reject", "finding": FINDING, "about": "good.example", "policy": "default", "mode": "enforce",
                                "reply": outcome.text}
    spf = next(result for result in told["results"] if result["check"] == "spf")
    assert (spf["result"], spf["domain"], spf["mechanism"]) == ("fail", "good.example", "all")
    asked = next(row for row in told["dns"] if (row["name"], row["type"]) == ("good.example", "TXT"))
    assert (asked["status"], asked["ttl"], asked["security"], asked["used"]) == ("NOERROR", "300", "indeterminate", "yes")
    assert 'v=spf1 ip4:192.0.2.1 -all' in asked["records"][0] and "300" in asked["records"][0]
    assert "spf" in asked["for"].split(",")
    policy, = told["policies"]
    assert (policy["name"], policy["applies"], policy["rule"]) == ("default", "yes", f"{FINDING} = reject")
    finding = next(row for row in told["findings"] if row["name"] == FINDING)
    assert (finding["about"], finding["asks"]) == ("good.example", "reject")
    assert next(row for row in told["findings"] if row["name"] == "spf-fail")["asks"] == "none"
    assert [row["to"] for row in told["recipients"]] == ["ann@test.example"]
    log = next(line for line in there.daemon.log().splitlines() if "id=QID1" in line)
    assert f" ref={reference} " in log
    text = there.text(reference)
    assert f"decision  reject for {FINDING} of good.example, by policy default" in text
    assert f"takes all mail that no policy before it takes: reject, of good.example, by {FINDING} = reject\n" in text
    assert '            good.example. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"\n' in text


def test_whatever_is_pasted_leads_there(remembering):
    there = remembering()
    outcome = there.send(ELSEWHERE, queue_id="4F2A81C0B3")
    reference = reference_of(outcome.text)
    there.wait_for(1)
    for pasted in (reference, reference.upper(), f"<{reference}>.", f"ref {reference}", reference.replace("-", ""), "4F2A81C0B3", "4F2A81C0B3:",
                   f"host mx.test.example[192.0.2.9] said: {outcome.text} (in reply to end of DATA command)",
                   outcome.text.replace(" ", "\n    "), reference.replace("0", "O").replace("1", "l"),
                   f"a word-with-dash some-host-name {outcome.text}"):
        assert there.explain(pasted)["reference"] == reference, pasted
    done = there.assay.run("explain", "--database", there.database, *outcome.text.split())
    assert done.returncode == 0 and reference in done.stdout.decode()
    done = there.assay.run("explain", "--database", there.database, "-", stdin=b"\0\xff" * 100 + outcome.text.encode())
    assert done.returncode == 0 and reference in done.stdout.decode()


def test_header_names_the_message_as_the_log_does(remembering):
    there = remembering("all")
    outcome = there.send()
    field, = [value for value in outcome.header("Authentication-Results") if "spf=" in value]
    reference = reference_of(field)
    assert f"ref {reference}" in field
    there.wait_for(1)
    told = there.explain(reference)
    assert told["decision"]["action"] == "none" and "reply" not in told["decision"]
    assert f"ref={reference}" in there.daemon.log()


def test_other_policies_change_the_decision_and_say_why(remembering):
    there = remembering()
    reference = reference_of(there.send(ELSEWHERE).text)
    there.wait_for(1)
    lenient = there.with_policies(f"findings {{ {FINDING} = none dmarc-reject = none spf-fail = none }}")
    again = there.explain(reference, "--config", lenient)["again"]
    assert (again["action"], again["changes"], again["untold"]) == ("none", True, None)
    assert f"{FINDING} asked for reject, and asks for none in policy default there" in again["why"]
    text = there.text(reference, "--config", lenient)
    assert "judged again by" in text and "another outcome than then" in text
    # the same policies: the same outcome, and nothing to say of it
    again = there.explain(reference, "--config", there.config)["again"]
    assert (again["action"], again["changes"], again["why"]) == ("reject", False, [])
    # dry-run is an outcome of its own
    again = there.explain(reference, "--config", there.with_policies(AT_END, mode="dry-run"))["again"]
    assert (again["action"], again["enforced"], again["changes"]) == ("reject", False, True)
    assert any("was in mode enforce" in why for why in again["why"])
    # by the client's own address, of which the evidence keeps but the network
    narrow = there.with_policies(f'policy narrow {{ client-networks = "{ELSEWHERE}/32" actions {{ {FINDING} = quarantine dmarc-reject = none }} }}')
    again = there.explain(reference, "--config", narrow)["again"]
    assert (again["action"], again["policy"]) == ("quarantine", "narrow")
    assert again["policies"][0]["match"] == f"client {ELSEWHERE}"
    assert "policy default decided, and policy narrow does there" in again["why"]


def test_what_another_configuration_would_have_read_on_for_cannot_be_told(remembering):
    there = remembering(sections=AT_RCPT)
    client = there.session(ELSEWHERE)
    client.mail(i="QID7")
    reply = client.rcpt("<ann@test.example>")
    client.quit()
    assert reply[0] == "y"
    reference = reference_of(reply[1].decode())
    there.wait_for(1)
    told = there.explain(reference)
    assert told["message"]["stage"] == "refused-at-rcpt" and told["author"] is None
    refused, = told["recipients"]
    assert (refused["to"], refused["state"], refused["finding"]) == ("ann@test.example", "refused", "spf-fail")
    assert reference in refused["reply"] and told["envelope"]["refused"] == "1"
    again = there.explain(reference, "--config", there.with_policies("findings { spf-fail = none }"))["again"]
    assert again["action"] is None and again["changes"] is None and "read on" in again["untold"]
    assert "cannot be told" in there.text(reference, "--config", there.with_policies("findings { spf-fail = none }"))


POLICIES = """
policy soft {{ recipient-domains = soft.example {soft} actions {{ spf-fail = none dmarc-reject-corroborated = none dmarc-reject = none }} }}
policy hard {{ recipient-domains = hard.example actions {{ spf-fail = reject }} }}
"""


def test_several_recipients_each_with_its_policy(remembering):
    there = remembering(sections=POLICIES.format(soft="") + "findings { spf-fail = tag dmarc-reject-corroborated = tag dmarc-reject = tag }")
    client = there.session(ELSEWHERE)
    client.mail(i="QID8")
    assert client.rcpt("<ann@soft.example>")[0] == "c"
    code, reply = client.rcpt("<bob@hard.example>")
    assert code == "y"
    reference = reference_of(reply.decode())
    assert client.rcpt("<cid@test.example>")[0] == "c"
    client.header("From", "Joe <joe@good.example>")
    client.eoh()
    outcome = client.eom(i="QID8")
    client.quit()
    assert outcome.reply in "ac" and reference in "".join(outcome.header("Authentication-Results"))
    there.wait_for(1)
    told = there.explain(reference)
    assert {row["to"]: row["state"] for row in told["recipients"]} == {"ann@soft.example": "taken", "bob@hard.example": "refused",
                                                                       "cid@test.example": "taken"}
    assert {row["name"]: (row["match"], row["action"]) for row in told["policies"]} == {
        "soft": ("recipient soft.example", "none"), "default": ("all mail that no policy before it takes", "tag")}
    assert told["decision"]["action"] == "tag" and told["decision"]["policy"] == "default"
    assert len(traces(there.database)) == 1


def test_judged_again_by_mailbox_and_client_name(remembering):
    """The record of flows keeps neither; the trace does."""
    there = remembering("all", sections="findings { dkim-none = tag }")
    client = there.session()
    client.mail(i="QID9")
    client.rcpt("<Ann+x@soft.example>")
    client.rcpt("<bob@hard.example>")
    client.header("From", "Joe <joe@good.example>")
    client.eoh()
    client.eom(i="QID9")
    client.quit()
    there.wait_for(1)
    for condition, action in (("recipients = ann@soft.example", "reject"), ("recipients = bob@.hard.example", "reject"),
                              ("recipients = bob@soft.example", "tag"), ("recipients = eve@", "tag"),
                              ("client-names = mx.good.example", "reject"), ("client-names = my.good.example", "tag")):
        other = there.with_policies(f"findings {{ dkim-none = tag }}\npolicy p {{ {condition} actions {{ dkim-none = reject }} }}")
        again = there.explain("QID9", "--config", other)["again"]
        assert (again["untold"], again["action"]) == (None, action), condition


def test_what_is_kept_of_which_messages(remembering):
    there = remembering(sections="findings { spf-fail = tag }", mode="dry-run")
    there.send(queue_id="FINE")                             # nothing was wrong with it
    there.send(ELSEWHERE, queue_id="WOULD")                 # dry-run: it would have been tagged
    there.send("198.51.100.7", queue_id="EXEMPT")           # not judged
    client = there.session()
    client.mail(i="GIVENUP")
    client.rcpt()
    client.quit()
    there.wait_for(1)
    assert there.daemon.stop() == 0
    assert [queue_id for _, queue_id, *_ in traces(there.database)] == ["WOULD"]
    assert there.explain("WOULD")["decision"]["mode"] == "dry-run"
    assert "in dry-run: not carried out" in there.text("WOULD")
    assert len(re.findall(r" ref=[-0-9a-z]{14} ", there.daemon.log())) == 3, "each message has one"


def test_all_keeps_those_that_were_exempt_or_given_up(remembering):
    there = remembering("all")
    there.send("198.51.100.7", queue_id="EXEMPT")
    client = there.session()
    client.mail(i="GIVENUP")
    client.rcpt()
    client.quit()
    there.wait_for(2)
    assert there.explain("EXEMPT")["message"]["exempt"] == "trusted-network"
    told = there.explain("GIVENUP", "--config", there.config)
    assert (told["message"]["stage"], told["evidence"], told["policies"]) == ("given-up", None, [])
    assert "given up before it was judged" in told["again"]["untold"]


def test_greylist_waits_and_passes(remembering):
    there = remembering("all", sections="findings { tls-none = greylist }\ngreylist { delay = 1s }")
    waits = there.send(ELSEWHERE, queue_id="FIRST", sender="<joe@quiet.example>", headers=(("From", "joe@quiet.example"),))
    assert waits.reply == "y" and waits.text.startswith("451 4.7.1"), (waits.reply, waits.text)
    first = reference_of(waits.text)
    assert waits.text.index("greylisted") < waits.text.index(first)

    def passes():
        return there.send(ELSEWHERE, queue_id="NEXT", sender="<joe@quiet.example>", headers=(("From", "joe@quiet.example"),)).reply in "ac"
    wait_for(passes, "the retry to pass", 30)
    there.wait_for(2)
    wait_for(lambda: len(there.explain("NEXT")["decision"]) != 0 and there.explain("NEXT")["decision"]["action"] == "none", "its trace", 30)
    assert there.explain(first)["decision"]["action"] == "greylist"
    told = there.explain("NEXT", "--config", there.config)
    assert told["decision"]["greylist_passed"] == "yes"
    assert (told["again"]["action"], told["again"]["greylist_passed"], told["again"]["changes"]) == ("greylist", True, False)


def test_reload_in_between(remembering):
    there = remembering()
    before = reference_of(there.send(ELSEWHERE, queue_id="BEFORE").text)
    client = there.session(ELSEWHERE)               # keeps what it began with
    there.config.write_text(there.config.read_text().replace("corroborated = reject", "corroborated = defer"))
    there.daemon.signal(1)
    there.daemon.wait_for_log("configuration")
    during = client.message(queue_id="DURING").text
    client.quit()
    after = there.send(ELSEWHERE, queue_id="AFTER").text
    assert during.startswith("550") and after.startswith("451"), (during, after)
    there.wait_for(3)
    assert there.explain(before)["policies"][0]["rule"] == there.explain(reference_of(during))["policies"][0]["rule"] == f"{FINDING} = reject"
    assert there.explain(reference_of(after))["policies"][0]["rule"] == f"{FINDING} = defer"


def test_off_is_off(remembering):
    there = remembering("off")
    outcome = there.send(ELSEWHERE)
    assert not REFERENCE.search(outcome.text) and " ref=" not in there.daemon.log()
    assert not REFERENCE.search("".join(there.send(queue_id="Q2").header("Authentication-Results")))
    assert there.daemon.stop() == 0
    assert traces(there.database) == []
    assert "traces are off" in there.refused_to_explain("k7m9-qxw2-rtbh")


def test_none_there_says_what_is_kept(remembering):
    there = remembering(record="keep-traces = 2d")
    said = there.refused_to_explain("k7m9-qxw2-rtbh")
    assert "no trace of k7m9-qxw2-rtbh" in said and "2 days" in said and "traces = failures" in said
    assert "no trace of 4F2A" in there.refused_to_explain("4F2A:")
    assert "that has no reference" in there.refused_to_explain("the mail of yesterday")
    done = there.assay.run("explain", "--config", there.config)
    assert done.returncode == 64 and b"which message?" in done.stderr


def test_nothing_of_the_message_is_in_a_trace(remembering):
    there = remembering("all")
    there.send(ELSEWHERE, headers=(("From", "Joe <joe@good.example>"), ("Subject", "SECRETS of ours"), ("List-Id", "<kept.example>"),
                                   ("X-Other", "HIDDEN")), body=b"BODYTEXT and more\r\n")
    there.wait_for(1)
    text, = texts(there.database)
    assert "kept.example" in text and not re.search("SECRETS|HIDDEN|BODYTEXT", text)


def test_values_of_senders_stay_values(remembering):
    there = remembering("all")
    evil = 'x" action=none\\\x1b[31m'
    client = there.session(ELSEWHERE, name="mx.good.example")
    client.helo(evil)
    client.message(sender=f"<{evil}@good.example>", headers=(("From", f"{evil} <joe@good.example>\n decision action=none"),), queue_id="EVIL")
    client.quit()
    there.wait_for(1)
    told = there.explain("EVIL")
    assert told["client"]["helo"] == evil and told["header"][0]["value"].endswith("decision action=none")
    assert told["decision"]["action"] == "reject"
    assert "\x1b" not in there.text("EVIL")


def test_a_large_message_has_a_trace_that_says_what_it_left_out(remembering):
    there = remembering("all")
    name = "a" * 40
    client = there.session(ELSEWHERE)
    client.mail(i="LARGE")
    for number in range(400):
        client.rcpt(f"<{name}{number}@{name}.{name}.{name}.test.example>")
    client.header("From", ", ".join(f"{name}@{name}{number}.{name}.example" for number in range(30)))
    for number in range(40):
        client.header("List-Id", f"<{name}{number}>" + "x" * 3000)
    client.eoh()
    client.eom(i="LARGE")
    client.quit()
    there.wait_for(1)
    told = there.explain("LARGE")
    assert told["left_out"] > 0 and len(texts(there.database)[0]) <= 32768
    assert told["decision"]["action"] == "quarantine" and told["evidence"]["text"]
    assert "found no room in the trace" in there.text("LARGE")


def test_oldest_go_when_there_are_too_many_bytes(remembering):
    there = remembering("all", record="max-trace-bytes = 1M")
    client = there.session(ELSEWHERE)
    noise = [("List-Id", "".join(chr(33 + (i * i * 7 + n * 31 + i) % 90) for i in range(1900))) for n in range(8)]
    sent = 0
    while "max-trace-bytes = 1048576 is reached" not in there.daemon.log():
        sent += 1
        assert sent < 4000, there.daemon.log()[-2000:]
        client.message(queue_id=f"N{sent}", headers=[("From", "joe@good.example")] + [(n, v + str(sent)) for n, v in noise])
    client.quit()
    assert there.daemon.stop() == 0
    rows = traces(there.database)
    assert rows[-1][1] == f"N{sent}" and rows[0][1] != "N1"
    with sqlite3.connect(there.database) as connection:
        assert connection.execute("SELECT bytes FROM trace_total").fetchone()[0] == sum(row[2] for row in rows)
    done = there.assay.run("explain", "--config", there.config, "N1")
    assert done.returncode != 0 and b"max-trace-bytes" in done.stderr


def test_a_store_that_is_away_costs_no_mail(remembering):
    there = remembering("all")
    there.send(queue_id="THERE")
    there.wait_for(1)
    for suffix in ("", "-wal", "-shm"):
        path = there.database.with_name(there.database.name + suffix)
        if path.exists():
            path.unlink()
    there.database.mkdir()
    for number in range(20):
        outcome = there.send(ELSEWHERE, queue_id=f"AWAY{number}")
        assert outcome.reply == "y" and REFERENCE.search(outcome.text)
    there.database.rmdir()


def test_disk_full_loses_traces_and_no_mail(assay, assayd, small_disk):
    there = Remembering(assay, assayd, small_disk, "all")
    first = reference_of(there.send(ELSEWHERE, queue_id="BEFORE").text)
    there.wait_for(1)
    filler = small_disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    for _ in range(40):     # what they leave behind has room when there is some again
        assert there.send(ELSEWHERE, queue_id="FULL").reply == "y"
    there.daemon.wait_for_log("is full")
    filler.unlink()
    there.daemon.wait_for_log("up again; since")
    last = reference_of(there.send(ELSEWHERE, queue_id="AFTER").text)
    wait_for(lambda: traces(there.database)[-1][0] == last, "the last trace", 30)
    assert there.explain(first)["queue_id"] == "BEFORE"


def test_who_may_read_the_database_may_explain(remembering, workdir):
    if os.geteuid() != 0:
        pytest.skip("needs root: becomes somebody else")
    there = remembering("all")
    reference = reference_of(there.send(ELSEWHERE).text)
    there.wait_for(1)
    os.chmod(workdir, 0o755)

    def as_user(group):
        return subprocess.run([there.assay.program, "explain", "--database", str(there.database), reference], user=65534, group=group,
                              extra_groups=[], capture_output=True, text=True, check=False)
    member, stranger = as_user(there.database.stat().st_gid), as_user(65534)
    assert (member.returncode, stranger.returncode) == (0, 66), (member.stderr, stranger.stderr)
    assert reference in member.stdout and stranger.stdout == "" and str(there.database) in stranger.stderr


def test_damaged_and_foreign_traces_are_said_to_be(remembering):
    there = remembering("all")
    there.send(ELSEWHERE, queue_id="OURS")
    there.wait_for(1)
    assert there.daemon.stop() == 0
    with sqlite3.connect(there.database) as connection:
        for queue_id, text in (("LATER", b"assay-trace 2\nend\n"), ("CUT", b"assay-trace 1\nmessage ref=x\n"), ("EMPTY", b"x"),
                               ("EVIL", b'assay-trace 1\nresult check="\\x1b[31m" result="\\x1b[32m" x="\\x1b[33m"\nrr\ndns\npolicy\nend\n')):
            connection.execute("INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES('r',?,1,1,?,?)",
                               (queue_id, len(text), text))
        connection.execute("INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES('r','BOMB',1,1,60000,?)",
                           (zlib.compress(b"x" * 10_000_000),))
        bomb = lz4.block.compress(b"x" * 10_000_000, store_size=False, dict=words())
        for queue_id, data in (("BOMB4", b"\1" + bomb), ("SHORT4", b"\1" + bomb[:10]), ("BARE4", b"\1")):
            connection.execute("INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES('r',?,1,1,60000,?)", (queue_id, data))
        old = b"assay-trace 1\nmessage ref=r queue=OLD\n" + b"later word=x\n" * 99 + b"end\n"
        connection.execute("INSERT INTO trace(reference,queue_id,time,bytes,length,data) VALUES('r','OLD',1,1,?,?)",
                           (len(old), zlib.compress(old)))
    assert "another version of Assay" in there.refused_to_explain("LATER")
    for damaged in ("CUT", "EMPTY", "BOMB", "BOMB4", "SHORT4", "BARE4"):
        assert "damaged" in there.refused_to_explain(damaged)
    assert there.explain("EVIL")["results"] == [{"check": "\x1b[31m", "result": "\x1b[32m", "x": "\x1b[33m"}]
    assert "[32m" in there.text("EVIL") and "\x1b" not in there.text("EVIL")
    assert there.explain("OURS")["queue_id"] == "OURS"
    assert there.explain("OLD")["reference"] == "r"     # as versions before 1.0 packed it


def test_older_traces_of_a_queue_id_are_named(remembering):
    there = remembering("all")
    first, second = (reference_of(there.send(ELSEWHERE, queue_id="SAME").text) for _ in range(2))
    there.wait_for(2)
    told = there.explain("SAME")
    assert (told["reference"], told["older"]) == (second, [first])
    assert f"traces with this name: {first}" in there.text("SAME")


def test_a_chain_of_seals_and_whose_word_overrides(remembering):
    key = dkim_signer.Key.rsa(1024)
    made = Chain(b"From: Joe <joe@good.example>\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\nTo: list@lists.example\r\nSubject: A letter\r\n"
                 b"MIME-Version: 1.0\r\n\r\nHello\r\n").add(key, domain="lists.example", said="lists.example; dmarc=pass header.from=good.example")
    there = remembering("all", zone=ZONE + dkim_signer.zone_text(made.records()), options="dmarc { trusted-sealers = lists.example }")
    fields, body = dkim_signer.parse(made.message)
    headers = [(name.decode(), value.decode().replace("\r\n", "\n").removeprefix(" ")) for name, value in fields]
    assert there.send(ELSEWHERE, queue_id="SEALED", headers=headers, body=body).reply in "ac"
    there.wait_for(1)
    told = there.explain("SEALED")
    arc = next(result for result in told["results"] if result["check"] == "arc")
    assert (arc["result"], arc["sealer"], arc["sets"]) == ("pass", "lists.example", "1"), arc
    dmarc = next(result for result in told["results"] if result["check"] == "dmarc")
    assert dmarc["overridden"] == "ARC seal 1 of lists.example found dmarc=pass", dmarc
    asked = next(row for row in told["dns"] if row["name"] == "dummy._domainkey.lists.example")
    assert asked["for"] == "arc" and asked["used"] == "yes"
    assert "arc       pass, sealer lists.example" in there.text("SEALED")
