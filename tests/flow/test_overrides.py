# SPDX-License-Identifier: BSD-2-Clause
"""
Sections `override "name" { }`: whose mail is let in although it fails DMARC, what does not help a forger, which policies honour it.
The message fails DMARC under p=reject and comes from a client without reverse DNS, so that it is refused without an override.
"""
import json
import re
import subprocess

import pytest

import dkim_signer
from house import build
from milterclient import Client
from test_arc_trust import sealed
from test_replay import actions, report, untold
from test_store_faults import wait_for_flows

LIST, OTHER = (dkim_signer.Key.rsa(1024) for _ in range(2))
POST = (b"From: Ann <ann@author.example>\r\nTo: list@lists.example\r\nSubject: [list] A letter\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <1@author.example>\r\nList-Id: A list <list.lists.example>\r\nSender: list@lists.example\r\nMIME-Version: 1.0\r\n"
        b"\r\nHello\r\n-- \r\nthe list\r\n")
PLAIN = POST.replace(b"List-Id", b"X-Id")
NAMES = ("from", "to", "subject", "date", "sender")
CLIENT, KNOWN = "203.0.113.9", "198.51.100.7"
RECORDS = {"_dmarc.author.example": "v=DMARC1; p=reject", "_dmarc.other.example": "v=DMARC1; p=reject", "lists.example": "v=spf1 ip4:198.51.100.7 -all",
           "attacker.example": "v=spf1 ip4:203.0.113.9 -all", "sel._domainkey.lists.example": LIST.record(),
           "sel._domainkey.attacker.example": OTHER.record(), "sel._domainkey.sub.lists.example": LIST.record()}
HOSTS = """7.100.51.198.in-addr.arpa. IN PTR MX.Lists.example.
mx.lists.example. IN A 198.51.100.7
9.113.0.203.in-addr.arpa. IN PTR mx.lists.example.
author.example. IN A 192.0.2.1
other.example. IN A 192.0.2.1
"""
STRICT = "findings { dmarc-reject = reject spf-fail = none iprev-fail = none }"


def signed(message=POST, key=LIST, domain="lists.example", names=NAMES, **tags):
    return dkim_signer.sign(message, key, names=names, tags={"d": domain, **tags})


def zone(broken=()):
    text = dkim_signer.zone_text(RECORDS)
    for name in broken:     # a name that fails
        text = "\n".join(line for line in text.splitlines() if not line.startswith(name + ".")) + f"\n{name}. IN TYPE65280 \\# 0\n"
    return text + HOSTS


def decide(tmp_path, message, sections, client=CLIENT, mail_from="x@attacker.example", broken=(), dmarc="", strict=STRICT, name=None,
           succeeds=True):
    path, config, letter = tmp_path / "zone", tmp_path / "assay.conf", tmp_path / "letter"
    path.write_text(zone(broken))
    config.write_text(f'mode = enforce\ndns {{ zone-file = "{path}" dnssec = off }}\ndmarc {{ {dmarc} }}\n{strict}\n{sections}\n')
    letter.write_bytes(message)
    options = ["--helo", name] if name else []
    run = subprocess.run([build.program("assay"), "check", "--json", "--config", config, "--client", client, "--mail-from", mail_from,
                          "--rcpt", "bob@test.example", *options, letter], capture_output=True, text=True, timeout=60, check=False)
    if not succeeds:
        return run.stderr
    assert run.stdout, run.stderr
    return json.loads(run.stdout)


def header(verdict):
    return " ".join(" ".join(verdict["headers"]).split())


def assert_let_in(verdict, name, evidence):
    assert verdict["dmarc"]["result"] == "fail" and verdict["decision"]["action"] == "none", verdict["decision"]
    assert "dmarc-overridden" in verdict["findings"] and "dmarc-reject" not in verdict["findings"]
    held = {each["name"]: each for each in verdict["dmarc"]["overrides"]}
    assert held[name]["holds"] and evidence in held[name]["evidence"], held
    assert verdict["dmarc"]["overridden"] == held[name]["evidence"] and f" {name}: " in held[name]["evidence"]
    assert f"overridden: {held[name]['evidence']}" in header(verdict) and "dmarc=fail" in header(verdict)
    assert [each["name"] for each in verdict["waivable"]][0] == "dmarc-reject"


def assert_refused(verdict, action="reject"):
    assert verdict["decision"]["action"] == action, verdict
    assert verdict["dmarc"]["overridden"] is None and "dmarc-overridden" not in verdict["findings"]
    assert "overridden:" not in header(verdict)


DKIM = "dkim-domains = lists.example"
ANY = "authenticated-domains = .lists.example"
HELD = {
    "network": ("forwarder", "client-networks = 203.0.113.0/24", PLAIN, {}, "client 203.0.113.9"),
    "client name": ("forwarder", "client-names = .lists.example", PLAIN, {"client": KNOWN}, "client name mx.lists.example"),
    "spf": ("forwarder", ANY, PLAIN, {"client": KNOWN, "mail_from": "bounce@lists.example"}, "SPF lists.example"),
    "dkim or spf": ("forwarder", ANY, signed(PLAIN), {}, "DKIM lists.example"),
    "below the domain": ("forwarder", ANY, signed(PLAIN, domain="sub.lists.example"), {}, "DKIM sub.lists.example"),
    "list": ("mailing-list", f"{DKIM} list-id = yes", signed(), {}, "DKIM lists.example"),
    "list without its sign": ("mailing-list", DKIM, signed(PLAIN), {}, "DKIM lists.example"),
    "known sender": ("known-sender", f"{DKIM} author-domains = author.example", signed(PLAIN), {}, "DKIM lists.example"),
    "all at once": ("mailing-list", f"{DKIM} {ANY} list-id = yes client-networks = {KNOWN} client-names = mx.lists.example "
                    "author-domains = author.example", signed(), {"client": KNOWN, "mail_from": "b@lists.example"},
                    "DKIM lists.example, DKIM lists.example, client name mx.lists.example, client 198.51.100.7"),
}


@pytest.mark.parametrize("name", sorted(HELD))
def test_evidence_lets_in(tmp_path, name):
    kind, options, message, how, evidence = HELD[name]
    section = f'override "there" {{ kind = {kind} {options} }}\n'
    assert_let_in(decide(tmp_path, message, section, **how), "there", f"{kind} there: {evidence}")
    # without it the message is one like any other, and so it is for a policy that does not honour it
    assert_refused(decide(tmp_path, message, "", **how))
    for honours, action in (("all", "none"), ("there", "none"), ("none", "reject"), ("{}", "reject"), ("elsewhere", "reject")):
        both = section + f'override "elsewhere" {{ kind = {kind} {options} secure = yes }}\npolicy "default" {{ overrides = {honours} }}\n'
        if kind == "forwarder" and "client-networks" in options:
            both = both.replace("secure = yes", 'author-domains = "other.example"')
        verdict = decide(tmp_path, message, both, **how)
        assert verdict["decision"]["action"] == action, (honours, verdict["decision"])
        if action == "reject":
            assert verdict["decision"]["finding"].startswith("dmarc-reject") and "DMARC failed for author.example" in verdict["decision"]["text"]
            assert "policy default does not honour the override" in header(verdict)


def replaced(message, old, new):
    assert old in message
    return message.replace(old, new)


FORWARDER = f'override "there" {{ kind = forwarder {ANY} }}'
NAMED = 'override "there" { kind = forwarder client-names = .lists.example }'
LISTED = f'override "there" {{ kind = mailing-list {DKIM} list-id = yes }}'
SENDER = f'override "there" {{ kind = known-sender {DKIM} author-domains = author.example }}'
FORGED = {
    "words alone": (LISTED, POST, {}),
    "words alone, for a forwarder": (FORWARDER, POST, {"mail_from": "bounce@lists.example"}),
    "the list's envelope from elsewhere": (FORWARDER, POST, {"mail_from": "bounce@lists.example", "client": "203.0.113.10"}),
    "a client that calls itself so": (NAMED, POST, {"name": "mx.lists.example"}),
    "reverse DNS that does not lead back": (NAMED, POST, {}),
    "another's signature": (LISTED, signed(key=OTHER, domain="attacker.example"), {}),
    "another's key in the list's name": (LISTED, signed(key=OTHER), {}),
    "a selector that is not there": (LISTED, signed(s="none"), {}),
    "a signature of other words": (LISTED, replaced(signed(), b"Hello", b"Pay this"), {}),
    "an author on top": (LISTED, b"From: ceo@author.example\r\n" + signed(), {}),
    "a subject on top": (LISTED, b"Subject: Pay this\r\n" + signed(), {}),
    "a body behind l=": (LISTED, signed(l="7") + b"Pay this\r\n", {}),
    "below a domain that is listed alone": (LISTED, signed(domain="sub.lists.example"), {}),
    "no sign of a list": (LISTED, signed(PLAIN), {}),
    "for another author": (SENDER, signed(replaced(POST, b"ann@author", b"ann@other")), {}),
    "for two authors": (SENDER, signed(replaced(POST, b"<ann@author.example>", b"<ann@author.example>, x@other.example")), {}),
    "with a From that cannot be read": (SENDER, signed(replaced(POST, b"Ann <ann@author.example>", b"<ann@author.example> <x@other.example>")), {}),
    "results of its own making": (FORWARDER, b"Authentication-Results: test; spf=pass smtp.mailfrom=lists.example; dmarc=pass\r\n" + POST, {}),
    "an invented chain": (FORWARDER, sealed(POST).message, {}),
    "one part of two": (f'override "there" {{ kind = forwarder {DKIM} client-networks = {KNOWN} }}', signed(), {}),
    "the other part of two": (f'override "there" {{ kind = forwarder {DKIM} client-networks = {KNOWN} }}', POST, {"client": KNOWN}),
    "insecure where secure is asked for": ('override "there" { kind = forwarder secure = yes ' + DKIM + " }", signed(), {}),
}


@pytest.mark.parametrize("name", sorted(FORGED))
def test_forged_evidence_does_not_help(tmp_path, name):
    section, message, how = FORGED[name]
    verdict = decide(tmp_path, message, section, **how)
    assert verdict["decision"]["action"] in ("reject", "quarantine"), verdict["decision"]
    assert not verdict["dmarc"]["overrides"] or name == "for two authors"
    if name != "for two authors":
        assert_refused(verdict, verdict["decision"]["action"])
    else:   # one is let in, the other refuses
        assert verdict["decision"]["domain"] == "other.example"


@pytest.mark.parametrize("section,message,how,broken", [
    (LISTED, signed(), {}, "sel._domainkey.lists.example"),
    (FORWARDER, PLAIN, {"mail_from": "b@lists.example", "client": KNOWN}, "lists.example"),
    (NAMED, PLAIN, {"client": KNOWN}, "mx.lists.example"),
    (NAMED, PLAIN, {"client": KNOWN}, "7.100.51.198.in-addr.arpa"),
], ids=["key", "spf", "address", "reverse"])
def test_evidence_that_does_not_come(tmp_path, section, message, how, broken):
    """Neither let in nor refused for good; a policy that does not honour the override need not wait for it."""
    verdict = decide(tmp_path, message, section, broken=[broken], **how)
    assert_refused(verdict, "defer")
    assert verdict["decision"]["code"] == 451 and verdict["dmarc"]["overrides"][0]["holds"] is False
    assert "an override may hold: " in header(verdict)
    verdict = decide(tmp_path, message, section + '\npolicy "default" { overrides = none }', broken=[broken], **how)
    assert_refused(verdict, "reject")
    # what is only put aside stays so: nothing is lost by waiting
    lenient = STRICT.replace("dmarc-reject = reject", "dmarc-reject = quarantine dmarc-reject-corroborated = quarantine")
    assert_refused(decide(tmp_path, message, section, broken=[broken], strict=lenient, **how), "quarantine")
    # a forger whose own names fail gains nothing by that
    if section != NAMED:
        assert_refused(decide(tmp_path, signed(PLAIN, key=OTHER, domain="attacker.example"), section, broken=["sel._domainkey.attacker.example"]))


def test_corroboration_tells_its_evidence_and_an_override_stops_it(tmp_path):
    lenient = STRICT.replace("dmarc-reject = reject", "dmarc-reject = tag")
    verdict = decide(tmp_path, PLAIN, LISTED, strict=lenient)
    assert verdict["decision"]["finding"] == "dmarc-reject-corroborated"
    assert verdict["decision"]["text"].startswith("DMARC failed for author.example (policy reject) and other evidence agrees: "
                                                  "iprev-fail of 203.0.113.9"), verdict["decision"]
    assert "corroborated: iprev-fail of 203.0.113.9" in header(verdict)
    details = {each["name"]: each["detail"] for each in verdict["finding_details"]}
    assert details["dmarc-reject-corroborated"] == "iprev-fail of 203.0.113.9"
    section = f'override "there" {{ kind = forwarder client-networks = {CLIENT} }}'
    verdict = decide(tmp_path, PLAIN, section, strict=lenient)
    assert_let_in(verdict, "there", "client 203.0.113.9")
    assert "corroborated" not in header(verdict)
    assert [each["name"] for each in verdict["waivable"]] == ["dmarc-reject", "dmarc-reject-corroborated"]
    verdict = decide(tmp_path, PLAIN, section + '\npolicy "default" { overrides = none }', strict=lenient)
    assert verdict["decision"]["finding"] == "dmarc-reject-corroborated" and "iprev-fail of 203.0.113.9" in verdict["decision"]["text"]


def test_sealers_are_an_override_by_the_name_of_arc(tmp_path):
    RECORDS.update(sealed().records())
    section = f'override "there" {{ kind = forwarder client-networks = {CLIENT} }}\n'
    sealers = "trusted-sealers = lists.example"
    verdict = decide(tmp_path, sealed().message, section, dmarc=sealers)
    assert [each["name"] for each in verdict["dmarc"]["overrides"]] == ["arc", "there"] and verdict["decision"]["action"] == "none"
    assert "overridden: ARC seal 1 of lists.example found dmarc=pass" in header(verdict)
    for honours, action in (("arc", "none"), ("there", "none"), ("none", "reject")):
        verdict = decide(tmp_path, sealed().message, section + f'policy "default" {{ overrides = {honours} }}', dmarc=sealers)
        assert verdict["decision"]["action"] == action, honours


@pytest.mark.parametrize("section,why", [
    ("override a { dkim-domains = a.example }", "it needs a kind"),
    ("override a { kind = forwarder }", "it needs evidence that a sender cannot forge"),
    ("override a { kind = forwarder author-domains = a.example }", "it needs evidence that a sender cannot forge"),
    ("override a { kind = mailing-list list-id = yes }", "it needs evidence that a sender cannot forge"),
    ("override a { kind = known-sender dkim-domains = a.example }", "a known-sender needs dkim-domains, and author-domains"),
    ("override a { kind = known-sender author-domains = a.example client-networks = 192.0.2.1 }", "a known-sender needs dkim-domains"),
    ("override a { kind = forwarder client-networks = { 192.0.2.1, \"::/0\" } }", "every client is in its client-networks"),
    ("override a { kind = forwarder client-networks = { 0.0.0.0/1, 128.0.0.0/1 } }", "every client is in its client-networks"),
    ("override a { kind = forwarder client-networks = { \"8000::/1\", \"::/1\" } }", "every client is in its client-networks"),
    ("override a { kind = forwarder list-id = yes dkim-domains = a.example }", "list-id is for the kind mailing-list"),
    ("iprev { enabled = no }\noverride a { kind = forwarder client-names = a.example }", "client-names needs iprev"),
    ("dkim { enabled = no }\noverride a { kind = forwarder dkim-domains = a.example }", "dkim-domains needs dkim"),
    ("override arc { kind = forwarder dkim-domains = a.example }", "trusted-sealers"),
    ("override all { kind = forwarder dkim-domains = a.example }", "means something else"),
    ("override \"a b\" { kind = forwarder dkim-domains = a.example }", "a name has 1 to 64 letters"),
    ("override a { kind = sender dkim-domains = a.example }", "kind = 'sender'"),
    (2 * "override a { kind = forwarder dkim-domains = a.example }\n", "there is an override 'a' already"),
    ('policy "default" { overrides = lists }', "there is no override 'lists'"),
    ('policy "default" { overrides = arc }', "'arc' needs dmarc { trusted-sealers }"),
    ('policy "default" { overrides = { all, none } }', "'all' stands alone"),
    ("".join(f"override o{i} {{ kind = forwarder dkim-domains = a.example }}\n" for i in range(101)), "more than 100 overrides"),
], ids=lambda value: value[:60])
def test_sections_that_prove_nothing_are_refused(tmp_path, section, why):
    assert why in decide(tmp_path, PLAIN, section, succeeds=False)


def test_domains_from_a_file(tmp_path):
    path = tmp_path / "domains"
    path.write_text("# those whose word we take\na.example\nlists.example\n")
    assert_let_in(decide(tmp_path, signed(), f'override "there" {{ kind = forwarder dkim-domains = "@{path}" }}'), "there", "DKIM lists.example")


def test_a_hundred_overrides_are_told_in_short(tmp_path):
    sections = "".join(f'override "{"n" * 60}{i:02}" {{ kind = forwarder client-networks = {CLIENT} }}\n' for i in range(100))
    verdict = decide(tmp_path, PLAIN, sections)
    assert verdict["decision"]["action"] == "none" and len(verdict["dmarc"]["overrides"]) == 100
    assert verdict["dmarc"]["overridden"].endswith("; and 97 more") and max(map(len, " ".join(verdict["headers"]).split("\n"))) < 998


# ---- through assayd, and afterwards ----------------------------------------------------------------------------------

SECTIONS = f'override "lists" {{ kind = mailing-list {DKIM} list-id = yes }}\noverride "uni" {{ kind = forwarder client-networks = 192.0.2.0/24 }}\n'
UNI = "192.0.2.77"
POLICIES = {"all": "all", "none": "none", "uni": "uni"}


def send(daemon, message, client=CLIENT):
    connection = Client(daemon.socket_spec)
    connection.connect(address=client)
    connection.helo()
    fields, body = dkim_signer.parse(message)
    connection.mail("<x@attacker.example>")
    connection.rcpt("<bob@test.example>")
    for name, value in fields:
        connection.header(name.decode(), value.decode().replace("\r\n", "\n"))
    connection.eoh()
    connection.body(body)
    outcome = connection.eom()
    connection.quit()
    return outcome


def test_record_tells_which_override_held(assayd, build_dir, workdir):
    """The same messages under policies that honour other overrides: what the record tells is what each of them does."""
    messages = ((signed(), CLIENT), (PLAIN, UNI), (signed(), UNI), (PLAIN, CLIENT))
    refused = {"all": 1, "none": 4, "uni": 2}
    seen = {}
    for name, honours in POLICIES.items():
        path = f"{workdir / 'assay.db'}-{name}"
        daemon = assayd(options=f'record {{ path = "{path}" traces = all }}', zone=zone(), mode="enforce",
                        sections=f'{SECTIONS}{STRICT}\npolicy "default" {{ overrides = {honours} }}').start()
        daemon.wait_for_log("store: " + path)
        for message, client in messages:
            send(daemon, message, client)
        wait_for_flows(path, 4)
        assert daemon.stop() == 0
        lines = [line + " " for line in daemon.log().splitlines() if " decision=" in line]
        assert sum("decision=reject" in line for line in lines) == refused[name], lines
        keys = ["overrides_ignored" if ignored else "overrides" for ignored in (name != "all", name == "none", name == "none")]
        assert f" {keys[0]}=lists " in lines[0] and f" {keys[1]}=uni " in lines[1] and f" {keys[2]}=lists,uni " in lines[2], lines
        assert " overrides" not in lines[3], lines
        assert " dmarc_overridden=lists:lists.example " in lines[0] and " corroborated=" in lines[3]
        seen[name] = path, daemon.config_path
        reference = re.search(r" ref=(\S+)", lines[2]).group(1)
        run = subprocess.run([build.program("assay"), "explain", "--database", path, reference], capture_output=True, text=True,
                             timeout=60, check=False)
        assert "overrides lists,uni" in run.stdout, run.stdout
        assert re.search(r"dmarc-reject of author.example.*, override lists,uni, asks for " + ("reject" if name == "none" else "none"), run.stdout), run.stdout
    for recorded in seen:
        for asked, count in refused.items():
            text = report(build_dir, seen[recorded][0], seen[asked][1])
            assert actions(text, "now").get("reject", 0) == count and untold(text) == 0, (recorded, asked, text)
