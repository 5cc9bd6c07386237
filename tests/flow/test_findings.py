# SPDX-License-Identifier: BSD-2-Clause
"""Every finding of the table can be raised, and each action on it gives the reply that the table promises.

What `assay check` can be told is raised by it; what only a session shows (a mangled STARTTLS, a peer that is remembered)
is raised through the milter protocol.
"""
import json
import struct
import subprocess

import pytest

import hostile_dns
from arc_sealer import Chain
from house import build
from programs import ZONE
from dkim_signer import Key, sign, zone_text
from milterclient import Client

NOW = 1700000000
KEY, SMALL = Key.rsa(1024), Key.rsa(768)
PLAIN = b"From: Joe <joe@%s>\r\nTo: ann@test.example\r\nSubject: x\r\n\r\nHello.\r\n"
GOOD = PLAIN % b"good.example"
FOREIGN = ["--client", "203.0.113.9"]
CLIENT = ["--client", "192.0.2.1,mx.good.example", "--helo", "mx.good.example"]
SENDER = [*CLIENT, "--mail-from", "joe@good.example"]
TLS = ["--tls", "TLSv1.3,TLS_AES_256_GCM_SHA384,256"]
DEAD = "the resolver does not answer"
FORGED = "the resolver answers with keys that the trust anchor does not know"
ANCHOR = "good.example. IN DS 4711 13 2 " + 32 * "5A" + "\n"

KEYS = {
    "sel._domainkey.good.example": KEY.record(), "weak._domainkey.good.example": SMALL.record(),
    "test._domainkey.good.example": KEY.record("t=y; "), "gone._domainkey.good.example": "v=DKIM1; p=",
}
POLICIES = ZONE + """\
soft.example.            300 IN TXT "v=spf1 ~all"
neutral.example.         300 IN TXT "v=spf1 ?all"
broken.example.          300 IN TXT "v=spf1 moo:x"
helo.example.            300 IN TXT "v=spf1 -all"
plain.example.           300 IN A 192.0.2.9
watch.example.           300 IN A 192.0.2.9
_dmarc.watch.example.    300 IN TXT "v=DMARC1; p=none"
quarantine.example.      300 IN A 192.0.2.9
_dmarc.quarantine.example. 300 IN TXT "v=DMARC1; p=quarantine"
twice.example.           300 IN A 192.0.2.9
_dmarc.twice.example.    300 IN TXT "v=DMARC1; p=none"
_dmarc.twice.example.    300 IN TXT "v=DMARC1; p=reject"
all.example.             300 IN A 192.0.2.9
_adsp._domainkey.all.example. 300 IN TXT "dkim=all"
discard.example.         300 IN A 192.0.2.9
_adsp._domainkey.discard.example. 300 IN TXT "dkim=discardable"
"""


def signed(**options):
    options.setdefault("tags", {})
    options["tags"] = {"d": "good.example", **options["tags"]}
    return sign(GOOD, options.pop("key", KEY), **options)


def sealed(**options):
    return Chain(GOOD).add(KEY, domain="good.example", selector="sel", ams={"names": ("from", "subject")},
                           said="good.example; dmarc=pass header.from=good.example", **options).message


def case(about, arguments=SENDER, message=GOOD, config="", resolver="zone", **more):
    """about: the domain that the reply names; None: "the sender"."""
    return {"about": about, "arguments": arguments, "message": message, "config": config, "resolver": resolver, **more}


CASES = {
    "spf-fail": case("good.example", [*FOREIGN, "--mail-from", "joe@good.example"]),
    "spf-softfail": case("soft.example", [*FOREIGN, "--mail-from", "joe@soft.example"]),
    "spf-neutral": case("neutral.example", [*FOREIGN, "--mail-from", "joe@neutral.example"]),
    "spf-none": case("plain.example", [*FOREIGN, "--mail-from", "joe@plain.example"]),
    "spf-permerror": case("broken.example", [*FOREIGN, "--mail-from", "joe@broken.example"]),
    "spf-temperror": case("good.example", resolver=DEAD),
    "spf-helo-fail": case("helo.example", [*FOREIGN, "--helo", "helo.example", "--mail-from", "joe@good.example"]),
    "iprev-fail": case("203.0.113.9", FOREIGN),
    "iprev-temperror": case("192.0.2.1", resolver=DEAD),
    "tls-none": case(None),
    "tls-weak": case(None, [*SENDER, "--tls", "TLSv1,RC4-SHA,128"]),
    "tls-no-forward-secrecy": case(None, [*SENDER, "--tls", "TLSv1.2,AES256-GCM-SHA384,256"]),
    "tls-cert-required": case(None, [*SENDER, *TLS], policy="require-cert = yes", listed=False),
    "auth-plaintext-mechanism": case(None, [*SENDER, "--auth", "PLAIN,joe"]),
    "auth-cleartext": case(None, [*SENDER, "--auth", "CRAM-MD5,joe"]),
    "from-missing": case(None, message=b"Subject: x\r\n\r\nHello.\r\n"),
    "from-multiple": case(None, message=b"From: ann@watch.example\r\n" + GOOD),
    "from-invalid": case(None, message=GOOD.replace(b"Joe", b"Joe <<")),
    "from-too-many": case(None, message=b"From: " + b", ".join(b"a@d%d.example" % i for i in range(11)) + b"\r\n\r\nHello.\r\n"),
    "message-malformed": case(None, message=GOOD + b"NUL \0\r\n"),
    "limit-exceeded": case(None, message=b"X: y\r\n" * 60 + GOOD, config="limits { max-header-fields = 50 }"),
    "authres-forged": case(None, message=b"Authentication-Results: mx.test.example; spf=pass\r\n" + GOOD),
    "authres-too-many": case(None, message=b"Authentication-Results: mx.test.example; spf=pass\r\n" * 11 + GOOD,
                             config="limits { max-edits = 10 }"),
    "dkim-none": case(None),
    "dkim-no-pass": case(None, message=signed().replace(b"Hello", b"Hullo")),
    "dkim-fail": case("good.example", message=signed().replace(b"Hello", b"Hullo")),
    "dkim-permerror": case("good.example", message=signed(tags={"s": "gone"})),
    "dkim-temperror": case("good.example", message=signed(), resolver=DEAD),
    "dkim-weak-key": case("good.example", message=signed(tags={"s": "weak"}, key=SMALL)),
    "dkim-weak-algorithm": case("good.example", message=signed(sha1=True)),
    "dkim-expired": case("good.example", message=signed(tags={"t": str(NOW - 2000), "x": str(NOW - 1000)})),
    "dkim-partial-body": case("good.example", message=signed(tags={"l": "3"})),
    "dkim-header-unsigned": case("good.example", message=signed(names=("from",))),
    "dkim-test-mode": case("good.example", message=signed(tags={"s": "test"})),
    "dkim-too-many": case(None, message=(signed().split(b"From:")[0]) * 3 + GOOD, config="dkim { max-signatures = 2 }"),
    "dkim-field-added": case("good.example", message=b"Subject: Pay\r\n" + signed()),
    "arc-fail": case("good.example", message=sealed().replace(b"Hello", b"Hullo")),
    "arc-temperror": case("good.example", message=sealed(), resolver=DEAD),
    "arc-too-many": case(None, message=b"ARC-Seal: i=1; d=good.example\r\n" * 51 + GOOD),
    "dmarc-none": case("plain.example", message=PLAIN % b"plain.example"),
    "dmarc-fail": case("watch.example", message=PLAIN % b"watch.example"),
    "dmarc-quarantine": case("quarantine.example", message=PLAIN % b"quarantine.example"),
    "dmarc-reject": case("good.example", [*FOREIGN, "--mail-from", "joe@plain.example"]),
    "dmarc-reject-corroborated": case("good.example", [*FOREIGN, "--mail-from", "joe@good.example"], evidence=": iprev-fail of 203.0.113.9"),
    "dmarc-overridden": case("good.example", [*FOREIGN, "--mail-from", "joe@plain.example"], sealed(),
                             config="dmarc { trusted-sealers = good.example }"),
    "dmarc-temperror": case("good.example", resolver=DEAD),
    "dmarc-permerror": case("twice.example", message=PLAIN % b"twice.example"),
    "tls-path-cleartext": case("relay.example", message=b"Received: from a.example (a.example [203.0.113.5])\r\n\tby "
                               b"relay.example (Postfix) with SMTP id 1; Fri, 11 Jul 2003 21:00:37 -0700\r\n" + GOOD),
    "adsp-all": case("all.example", message=PLAIN % b"all.example"),
    "adsp-discardable": case("discard.example", message=PLAIN % b"discard.example"),
    "adsp-nxdomain": case("nowhere.example", message=PLAIN % b"nowhere.example"),
    "adsp-temperror": case("good.example", resolver=DEAD),
    "insecure-pass": case("good.example", policy='require-secure-domains = { "good.example" }', listed=False),
    "dns-unavailable": case(None, resolver=DEAD),
    "dnssec-bogus": case("good.example", config="dmarc { enabled = no }", resolver=FORGED),
}
BY_SESSION = {"tls-downgrade", "tls-stripped"}


def table():
    done = subprocess.run([str(build.program("assay")), "findings", "--json"], capture_output=True, check=True)
    return {row["name"]: row for row in json.loads(done.stdout)}


TABLE = table() if (build.directory() / "assay").exists() else {}


def test_every_finding_has_a_case():
    assert TABLE and set(CASES) | BY_SESSION == set(TABLE)


def settings(name, action, config="", policy=""):
    """Enforced; of all findings only this one has an action."""
    actions = "".join(f"{other} = {action if other == name else 'none'}\n" for other in TABLE)
    section = f"policy x {{ {policy} actions {{ {name} = {action} }} }}" if policy else ""
    return f'authserv-id = "mx.test.example"\nmode = enforce\n{config}\nfindings {{\n{actions}}}\n{section}\n'


DNSKEY, RRSIG = 48, 46


def forged(query, name, rrtype, _tcp):
    """MAIL FROM's record, and a key that signs itself; nothing else is there."""
    if rrtype == DNSKEY:
        signature = struct.pack("!HBBIIIH", DNSKEY, 13, 2, 300, NOW + 86400, NOW - 86400, 4711)
        return hostile_dns.message(query, [
            hostile_dns.rr(name, DNSKEY, struct.pack("!HBB", 257, 3, 13) + 64 * b"K"),
            hostile_dns.rr(name, RRSIG, signature + hostile_dns.wire_name("good.example") + 64 * b"S")])
    if rrtype == hostile_dns.TXT:
        return hostile_dns.message(query, [hostile_dns.rr(name, rrtype, hostile_dns.txt_rdata("v=spf1 -all"))])
    return hostile_dns.message(query)


@pytest.fixture
def resolver_options(workdir, free_port):
    """A function that gives the options for one of the resolvers that the cases name."""
    with hostile_dns.HostileServer(forged) as server:
        def give(which):
            if which == DEAD:
                return ["--resolver", f"127.0.0.1@{free_port()}", "--dnssec", "off"]
            if which == FORGED:
                (workdir / "anchor").write_text(ANCHOR)
                return ["--resolver", f"127.0.0.1@{server.port}", "--dnssec", "validate", "--trust-anchor", workdir / "anchor"]
            (workdir / "zone").write_text(zone_text(KEYS) + POLICIES)
            return ["--zone", workdir / "zone", "--dnssec", "off"]
        yield give


def judge(assay, workdir, resolver_options, name, action):
    item = CASES[name]
    (workdir / "conf").write_text(settings(name, action, item["config"], item.get("policy", "")))
    return assay.json("check", "--config", workdir / "conf", *resolver_options(item["resolver"]), "--time", NOW,
                      *item["arguments"], "-", stdin=item["message"])


def expected_reply(name, action):
    """RFC 5321 section 4.2.1 and RFC 3463: class of code and enhanced code follow the action, the rest the table."""
    row = TABLE[name]
    if action == "reject":
        return (row["code"] if row["code"] >= 500 else 550), "5" + row["enhanced"][1:]
    if row["code"] < 500:
        return row["code"], row["enhanced"]
    return (454 if row["check"] in ("tls", "memory") else 451), "4" + row["enhanced"][1:]


def expected_text(name, about):
    return TABLE[name]["text"].replace("%s", about or "the sender") + CASES[name].get("evidence", "")


@pytest.mark.parametrize("action", ["reject", "defer", "quarantine", "tag", "none"])
@pytest.mark.parametrize("name", sorted(CASES))
def test_finding_is_raised_and_acted_on(assay, workdir, resolver_options, name, action):
    verdict = judge(assay, workdir, resolver_options, name, action)
    decision = verdict["decision"]
    if CASES[name].get("listed", True):     # what a policy asks for is known to its decision only
        assert name in verdict["findings"]
    assert decision["action"] == action
    assert decision["enforced"] is True
    if action == "none":
        assert decision["finding"] is None
    else:
        assert decision["finding"] == name
    if action not in ("reject", "defer"):
        assert (decision["code"], decision["enhanced"], decision["text"]) == (250, None, None)
        return
    assert (decision["code"], decision["enhanced"]) == expected_reply(name, action)
    assert decision["text"] == expected_text(name, CASES[name]["about"])


@pytest.mark.parametrize("action,code,enhanced", [("reject", "554", "5.7.0"), ("defer", "454", "4.7.0")])
def test_stripped_starttls_is_raised_and_acted_on(assayd, action, code, enhanced):
    daemon = assayd(mode="enforce", sections=f"findings {{ tls-stripped = {action} }}").start()
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    client.command("U", b"XXXXXXXA\0")
    client.mail(i="Q1")
    reply, text = client.rcpt()
    assert reply == "y" and text.rstrip(b"\0").decode() == f"{code} {enhanced} {TABLE['tls-stripped']['text']}"
    client.quit()
    daemon.wait_for_log("tls-stripped")


@pytest.mark.parametrize("action,code,enhanced", [("reject", "554", "5.7.0"), ("defer", "454", "4.7.0")])
def test_downgrade_is_raised_and_acted_on(assay, assayd, workdir, action, code, enhanced):
    """The simplest memory: a peer that an admin has pinned."""
    daemon = assayd(mode="enforce", options="", sections=f'record {{ path = "{workdir}/db" }}\n'
                    f"tls {{ honor-tls-required-no = no }}\nfindings {{ tls-downgrade = {action} }}").start()
    done = assay.run("peers", "--config", daemon.config_path, "pin", "good.example")
    assert done.returncode == 0, done.stderr
    client = Client(daemon.socket_spec)
    client.connect()
    client.helo()
    client.mail(i="Q1")
    reply, text = client.rcpt()
    expected = TABLE["tls-downgrade"]["text"].replace("%s", "good.example")
    assert reply == "y" and text.rstrip(b"\0").decode() == f"{code} {enhanced} {expected}"
    client.quit()


def test_new_database_opened_by_many_at_once(assay, workdir):
    for attempt in range(5):
        database = workdir / f"db{attempt}"
        database.touch()    # as the daemon does a moment before it makes the tables
        pins = [subprocess.Popen([assay.program, "peers", "--database", database, "pin", f"peer{i}.example"],
                                 stderr=subprocess.PIPE) for i in range(8)]
        for i, pin in enumerate(pins):
            assert pin.communicate()[1].startswith(f"assay: peers: 'peer{i}.example' has not been seen yet:".encode())
        assert [pin.returncode for pin in pins] == [0] * 8
