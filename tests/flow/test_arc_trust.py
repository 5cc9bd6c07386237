# SPDX-License-Identifier: BSD-2-Clause
"""
Whose word in an ARC chain overrides a DMARC failure, and what does not help a forger. The message fails DMARC under p=reject and comes
from a client without reverse DNS: without an override it is rejected.
"""
import json
import subprocess

import pytest

import dkim_signer
from arc_sealer import SIGNED, Chain, changed, is_arc, without
from house import build
from milterclient import Client
from test_replay import actions, report, untold
from test_store_faults import wait_for_flows

LIST, RELAY, STRANGER = (dkim_signer.Key.rsa(1024) for _ in range(3))
LETTER = (b"From: Ann <ann@author.example>\r\nTo: list@lists.example\r\nSubject: A letter\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
          b"Message-ID: <1@author.example>\r\nMIME-Version: 1.0\r\n\r\nHello\r\n")
FORGED = LETTER.replace(b"A letter", b"Pay this bill").replace(b"Hello", b"Now")
PASS = "lists.example; spf=pass smtp.mailfrom=author.example; dmarc=pass (p=reject) header.from=author.example"
NOTHING = "relay.example; spf=fail smtp.mailfrom=author.example; dmarc=fail header.from=author.example; arc=pass"
POLICY = {"_dmarc.author.example": "v=DMARC1; p=reject", "_dmarc.other.example": "v=DMARC1; p=reject"}
BOTH = ("lists.example", "relay.example")


def sealed(letter=LETTER, said=PASS, **options):
    return Chain(letter).add(LIST, domain="lists.example", said=said, **options)


def relayed(made, said=NOTHING, key=RELAY, domain="relay.example", **options):
    return made.add(key, domain=domain, said=said, **options)


def decide(tmp_path, made, trusted=("lists.example",), records=None, broken=(), more=""):
    zone, config, letter = tmp_path / "zone", tmp_path / "assay.conf", tmp_path / "letter"
    text = dkim_signer.zone_text({**POLICY, **made.records(), **(records or {})})
    for name in broken:     # a name that fails
        text = "\n".join(line for line in text.splitlines() if not line.startswith(name + ".")) + f"\n{name}. IN TYPE65280 \\# 0\n"
    text += "author.example. IN A 192.0.2.1\nother.example. IN A 192.0.2.1\nsub.author.example. IN A 192.0.2.1\n"
    zone.write_text(text)
    names = ", ".join(f'"{name}"' for name in trusted)
    config.write_text(f'mode = enforce\ndns {{ zone-file = "{zone}" dnssec = off }}\ndmarc {{ trusted-sealers = {{{names}}} {more} }}\n')
    letter.write_bytes(made.message)
    run = subprocess.run([build.program("assay"), "check", "--json", "--config", config, "--client", "203.0.113.9", "--mail-from",
                          "x@attacker.example", letter], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


def assert_overridden(verdict, sealer, number):
    assert verdict["dmarc"]["result"] == "fail"
    assert verdict["decision"]["action"] == "none", verdict
    assert "dmarc-overridden" in verdict["findings"] and "dmarc-reject" not in verdict["findings"]
    assert verdict["dmarc"]["overridden"].startswith(f"ARC seal {number} of {sealer} found ")
    header = " ".join(" ".join(verdict["headers"]).split())
    assert f"overridden: ARC seal {number} of {sealer} found" in header and "dmarc=fail" in header


def assert_rejected(verdict, action="reject"):
    assert verdict["dmarc"]["overridden"] is None
    assert verdict["decision"]["action"] == action, verdict
    assert "dmarc-reject" in verdict["findings"] and "dmarc-overridden" not in verdict["findings"]


OVERRIDES = {
    "list that changed it": (lambda: sealed(LETTER.replace(b"Subject: ", b"Subject: [list] ")), BOTH[:1], 1),
    "aligned dkim": (lambda: sealed(said="lists.example; dkim=pass header.d=author.example"), BOTH[:1], 1),
    "aligned dkim by i=": (lambda: sealed(said="lists.example; dkim=pass header.i=@author.example"), BOTH[:1], 1),
    "aligned dkim of a subdomain": (lambda: sealed(said="lists.example; dkim=pass header.d=sub.author.example"), BOTH[:1], 1),
    "aligned spf": (lambda: sealed(said="lists.example; spf=pass smtp.mailfrom=bounce@author.example"), BOTH[:1], 1),
    "one of several": (lambda: sealed(said="l.example; dkim=fail header.d=author.example; dkim=pass header.d=author.example"), BOTH[:1], 1),
    "words that are no properties": (lambda: sealed(
        said="mx.lists.example 1; spf=pass smtp.mailfrom=a.example; dmarc=pass action=none header.from=author.example; arc=none"), BOTH[:1], 1),
    "case of the domain": (lambda: sealed(said="lists.example; dmarc=PASS header.from=AUTHOR.Example"), BOTH[:1], 1),
    "by pattern": (lambda: Chain(LETTER).add(LIST, domain="a.lists.example", said=PASS), (".lists.example",), 1),
    "carried on by a stranger": (lambda: relayed(sealed(), domain="stranger.example", key=STRANGER), BOTH[:1], 1),
    "changed by somebody trusted": (lambda: relayed(sealed().edit("A letter", "[relay] A letter")), BOTH, 1),
    "changed by somebody trusted, carried on by a stranger": (
        lambda: relayed(relayed(sealed().edit("A letter", "[relay] A letter")), key=STRANGER, domain="stranger.example"), BOTH, 1),
    "behind a stranger": (lambda: Chain(LETTER).add(STRANGER, domain="stranger.example", said=NOTHING).add(LIST, domain="lists.example",
                                                                                                         said=PASS), BOTH[:1], 2),
    "both say so": (lambda: relayed(sealed(), said=PASS), BOTH, 2),
}


@pytest.mark.parametrize("name", sorted(OVERRIDES))
def test_trusted_sealers_word_overrides(tmp_path, name):
    make, trusted, number = OVERRIDES[name]
    made = make()
    verdict = decide(tmp_path, made, trusted)
    assert verdict["arc"]["result"] == "pass"
    assert_overridden(verdict, verdict["arc"]["sealers"][number - 1], number)
    # and without trust it is a failure like any other
    assert_rejected(decide(tmp_path, made, ("other.example",)))


def replayed(newest, domain):
    """The list's sets from a message that passed, below another message that only its forger sealed."""
    sets = [f for f in map(tuple, dkim_signer.parse(sealed().message)[0]) if is_arc(f)]
    return Chain(FORGED).fields(lambda fields: sets + fields).add(newest, domain=domain, said=PASS)


REJECTS = {
    "nobody sealed": lambda: Chain(LETTER),
    "an invented chain": lambda: Chain(FORGED).add(STRANGER, domain="attacker.example", said=PASS),
    "in the list's name": lambda: (Chain(FORGED).add(STRANGER, domain="lists.example", said=PASS),
                                   {"dummy._domainkey.lists.example": LIST.record()}),
    "message signature in the list's name": lambda: (
        Chain(FORGED).add(LIST, domain="lists.example", said=PASS, ams={"key": STRANGER}), {"dummy._domainkey.lists.example": LIST.record()}),
    "a message signature of its own below the list's seal": lambda: sealed(FORGED).fields(changed(1, 1, rb"t=12345", b"t=12346")),
    "a broken seal": lambda: sealed().fields(changed(2, 1, rb"t=12345", b"t=12346")),
    "other results": lambda: sealed(said=NOTHING).fields(changed(0, 1, rb"dmarc=fail", b"dmarc=pass")),
    "cv=fail": lambda: sealed(cv="fail"),
    "cv=fail on top": lambda: relayed(sealed(), cv="fail"),
    "an untrusted sealer": lambda: Chain(LETTER).add(STRANGER, domain="notlists.example", said=PASS),
    "a sealer below the list's domain": lambda: Chain(LETTER).add(STRANGER, domain="x.lists.example", said=PASS),
    "a gap": lambda: relayed(relayed(sealed())).fields(without(None, 2)),
    "two of an instance": lambda: sealed().fields(lambda fields: [f for f in fields if is_arc(f, 0)] + fields),
    "another set of the same instance": lambda: sealed().add(LIST, domain="lists.example", said=PASS, instance=1),
    "51 instances": lambda: fifty_one(),
    "another message": lambda: sealed().fields(lambda fields: [f for f in fields if is_arc(f)] + [(b"From", b" ann@author.example")]),
    "the sets of another message": lambda: replayed(STRANGER, "attacker.example"),
    "changed by a stranger": lambda: relayed(sealed().edit("A letter", "Pay"), key=STRANGER, domain="stranger.example"),
    "another subject on top": lambda: sealed().fields(lambda fields: [(b"Subject", b" Pay this bill"), *fields]),
    "another author on top": lambda: sealed().fields(lambda fields: [(b"From", b" ceo@author.example"), *fields]),
    "a body behind l=": lambda: sealed(ams={"tags": {"l": "7"}}).edit("Hello\r\n", "Hello\r\nPay this\r\n"),
    "From unsigned": lambda: sealed(ams={"names": SIGNED[1:]}),
    "the list says fail": lambda: sealed(said=NOTHING),
    "the list says fail, and an aligned pass": lambda: sealed(said=NOTHING + "; dkim=pass header.d=author.example"),
    "the list says fail of nobody, and an aligned pass": lambda: sealed(said="lists.example; dmarc=fail (p=reject); dkim=pass header.d=author.example"),
    "pass and fail": lambda: sealed(said=NOTHING + "; dmarc=pass header.from=author.example"),
    "of another author": lambda: sealed(said="lists.example; dmarc=pass header.from=other.example"),
    "of an author below": lambda: sealed(said="lists.example; dmarc=pass header.from=sub.author.example"),
    "of no author": lambda: sealed(said="lists.example; dmarc=pass"),
    "in a comment": lambda: sealed(said="lists.example; dmarc=none (dmarc=pass header.from=author.example)"),
    "in a quoted string": lambda: sealed(said='lists.example; spf=fail reason="; dmarc=pass header.from=author.example"'),
    "an unaligned pass": lambda: sealed(said="lists.example; dkim=pass header.d=lists.example; spf=pass smtp.mailfrom=lists.example"),
    "arc=pass alone": lambda: sealed(said="lists.example; arc=pass"),
    "results that cannot be read": lambda: sealed(said="lists.example; dmarc=pass header.from=author.example (no end"),
    "a weak key": lambda: Chain(LETTER).add(dkim_signer.Key.rsa(512), domain="lists.example", said=PASS),
    "rsa-sha1": lambda: sealed(seal={"sha1": True, "tags": {"a": "rsa-sha1"}}),
    "expired": lambda: sealed(ams={"tags": {"x": "12346"}}),
}


def fifty_one():
    made = sealed()
    for _ in range(49):
        made.add(LIST, domain="lists.example", said=PASS)
    return made.add(LIST, domain="lists.example", said=PASS, instance=51)


@pytest.mark.parametrize("name", sorted(REJECTS))
def test_forged_evidence_does_not_help(tmp_path, name):
    made = REJECTS[name]()
    made, records = made if isinstance(made, tuple) else (made, None)
    verdict = decide(tmp_path, made, records=records)
    assert verdict["decision"]["action"] in ("reject", "quarantine") and "dmarc-overridden" not in verdict["findings"]
    if name != "another author on top":     # whose own finding is the stricter one's reason
        assert_rejected(verdict)


def test_strict_alignment_of_what_a_sealer_says(tmp_path):
    strict = {"_dmarc.author.example": "v=DMARC1; p=reject; adkim=s; aspf=s"}
    for said, good in (("dkim=pass header.d=sub.author.example", False), ("spf=pass smtp.mailfrom=sub.author.example", False),
                       ("dkim=pass header.d=author.example", True), ("spf=pass smtp.mailfrom=author.example", True)):
        verdict = decide(tmp_path, sealed(said="lists.example; " + said), records=strict)
        (assert_overridden(verdict, "lists.example", 1) if good else assert_rejected(verdict))


def test_each_author_needs_a_word_of_his_own(tmp_path):
    letter = LETTER.replace(b"<ann@author.example>", b"<ann@author.example>, bob@other.example")
    verdict = decide(tmp_path, sealed(letter))
    assert verdict["decision"]["action"] == "reject" and verdict["decision"]["domain"] == "other.example"
    assert {"dmarc-overridden", "dmarc-reject"} <= set(verdict["findings"])
    verdict = decide(tmp_path, sealed(letter, said=PASS + "; dmarc=pass header.from=other.example"))
    assert_overridden(verdict, "lists.example", 1)


def test_key_that_does_not_come(tmp_path):
    """A trusted sealer's own: nobody knows, and nothing is rejected for good. A stranger's could have been made up."""
    name = "dummy._domainkey.lists.example"
    verdict = decide(tmp_path, sealed(), broken=[name])
    assert (verdict["arc"]["result"], verdict["decision"]["action"]) == ("temperror", "quarantine")
    assert {"arc-temperror", "dmarc-temperror", "dmarc-reject"} <= set(verdict["findings"])
    assert "arc=fail" in " ".join(verdict["headers"]) and "temporary error" in " ".join(" ".join(verdict["headers"]).split())
    assert_rejected(decide(tmp_path, relayed(sealed(), key=STRANGER, domain="stranger.example"),
                           broken=["dummy._domainkey.stranger.example"]))
    # what does not verify is known whatever else is not
    assert_rejected(decide(tmp_path, relayed(sealed()).fields(changed(2, 2, rb"t=12345", b"t=12346")), BOTH, broken=[name]))
    assert_rejected(decide(tmp_path, sealed(said=NOTHING), broken=[name]))


def test_key_of_an_older_message_signature_that_does_not_come(tmp_path):
    """The chain passes without it; whether the message is still the one that the list sealed hangs on it."""
    def passed_on(middle=()):
        made = sealed(ams={"tags": {"s": "other"}})
        for domain in (*middle, "stranger.example"):
            relayed(made, key=STRANGER, domain=domain, **({"ams": {"tags": {"s": "other"}}} if domain == "middle.example" else {}))
        return made

    name = "other._domainkey.lists.example"
    assert_overridden(decide(tmp_path, passed_on()), "lists.example", 1)
    verdict = decide(tmp_path, passed_on(), broken=[name])
    assert (verdict["arc"]["result"], verdict["arc"]["oldest_pass"], verdict["decision"]["action"]) == ("pass", 2, "quarantine")
    assert "dmarc-temperror" in verdict["findings"] and verdict["dmarc"]["overridden"] is None
    # a stranger's key that nobody gets is none of the list's
    assert_rejected(decide(tmp_path, passed_on(["middle.example"]), broken=["other._domainkey.middle.example"]))
    # trusted twice: the newer word does without it
    assert_overridden(decide(tmp_path, relayed(passed_on(), said=PASS), BOTH, broken=[name]), "relay.example", 3)


def test_insecure_keys_where_secure_ones_are_asked_for(tmp_path):
    assert_rejected(decide(tmp_path, sealed(), more="trusted-sealers-secure = yes"))


def test_trusted_forwarders_seal_has_to_verify(tmp_path):
    """It keeps a message from the corroborated rejection, not from what the author asks for."""
    forwarder = 'trusted-forwarders = "lists.example"'
    assert_rejected(decide(tmp_path, sealed(said=NOTHING), (), more=forwarder), "quarantine")
    assert_rejected(decide(tmp_path, sealed(said=NOTHING).fields(changed(2, 1, rb"t=12345", b"t=12346")), (), more=forwarder))
    assert_rejected(decide(tmp_path, replayed(STRANGER, "attacker.example"), (), more=forwarder))


# ---- through assayd, and afterwards ----------------------------------------------------------------------------------

def test_bodies_come_when_only_chains_need_them(assayd):
    """Without DKIM: else all bodies would be as an empty one, and whatever stands in one would be what somebody sealed."""
    empty = LETTER[:-len(b"Hello\r\n")]
    added = sealed(empty).edit(b"\r\n\r\n", b"\r\n\r\nPay this bill\r\n")
    zone = dkim_signer.zone_text({**POLICY, **added.records()}) + "author.example. IN A 192.0.2.1\n"
    daemon = assayd(options="dkim { enabled = no }\ndmarc { trusted-sealers = lists.example }", zone=zone, mode="enforce",
                    sections="findings { dmarc-overridden = none dmarc-reject = reject }").start()
    for passes, letter in ((False, added), (True, sealed()), (False, sealed().edit("Hello", "Pay"))):
        client = Client(daemon.socket_spec)
        client.connect(address="203.0.113.9")
        client.helo()
        fields, body = dkim_signer.parse(letter.message)
        outcome = client.message("<x@attacker.example>", headers=[(name.decode(), value.decode().replace("\r\n", "\n").removeprefix(" "))
                                                                  for name, value in fields], body=body)
        client.quit()
        assert (outcome.reply in "ac") == passes, (outcome.reply, outcome.text, body)
        assert passes or "DMARC failed" in outcome.text
        assert not passes or "arc=pass" in outcome.header("Authentication-Results")[0]


def test_record_tells_what_was_overridden(assayd, build_dir, workdir):
    """The same messages under another policy: what the record tells is what that policy does."""
    made, forged = sealed(), sealed().fields(changed(2, 1, rb"t=12345", b"t=12346"))
    database = workdir / "assay.db"
    zone = dkim_signer.zone_text({**POLICY, **made.records()}) + "author.example. IN A 192.0.2.1\n"
    seen = {}
    for action in ("none", "reject"):
        path = f"{database}-{action}"
        daemon = assayd(options=f'record {{ path = "{path}" }}\ndmarc {{ trusted-sealers = lists.example }}', zone=zone,
                        mode="enforce", sections=f"findings {{ dmarc-overridden = {action} dmarc-reject-corroborated = reject }}").start()
        daemon.wait_for_log("store: " + path)
        for letter in (made, forged):
            client = Client(daemon.socket_spec)
            client.connect(address="203.0.113.9")
            client.helo()
            client.mail("<x@attacker.example>")
            client.rcpt("<ann@test.example>")
            fields, body = dkim_signer.parse(letter.message)
            for name, value in fields:
                client.header(name.decode(), value.decode().replace("\r\n", "\n"))
            client.eoh()
            for at in range(0, len(body), 3):
                client.body(body[at:at + 3])
            client.eom()
            client.quit()
        wait_for_flows(path, 2)
        assert daemon.stop() == 0
        assert ("dmarc_overridden=1:lists.example" in daemon.log()) and "arc=pass:-:" in daemon.log()
        seen[action] = path, daemon.config_path
    for recorded in seen:
        for asked, refused in (("none", 1), ("reject", 2)):
            text = report(build_dir, seen[recorded][0], seen[asked][1])
            assert actions(text, "now")["reject"] == refused and untold(text) == 0, (recorded, asked, text)
