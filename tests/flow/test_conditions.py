# SPDX-License-Identifier: BSD-2-Clause
"""Conditions and inheritance of policies in assayd and assay check, and what assay config --explain tells of them."""
import re
import subprocess

import pytest

from milterclient import Client
from programs import ZONE

POLICIES = """policy "vip" {
\tinherits = "gold"
\trecipients = { "Ann@test.example", "boss@.strict.example", "abuse@" }
}
policy "gold" {
\ttemplate = yes
\tinherits = "silver"
\tactions { dkim-none = reject }
}
policy "silver" { template = yes  actions { spf-fail = tag } }
policy "partners" { inherits = "silver"  listeners = { "partners", "port 25" }  authenticated = no  actions { dkim-none = quarantine } }
policy "auth" { authenticated = yes  actions { auth-cleartext = tag } }
policy "bounces" { envelope-domains = "<>"  client-names = ".good.example"  actions { dkim-none = none } }
policy "named" { client-names = "mx.good.example"  envelope-domains = { ".quiet.example", "@LIST" }  actions { dkim-none = tag } }
"""


@pytest.fixture(name="daemon")
def daemon_fixture(assayd, workdir):
    (workdir / "senders").write_text("# of partners\n<>\n" + "".join(f"d{n}.example\n" for n in range(1000)))
    zone = ZONE + "9.2.0.192.in-addr.arpa. 300 IN PTR mx.other.example.\nmx.other.example. 300 IN A 192.0.2.9\n"
    return assayd(mode="enforce", options="exempt-authenticated = no", zone=zone, sections=POLICIES.replace("LIST", str(workdir / "senders"))).start()


def policy_of(daemon, recipient="x@y.example", sender="joe@good.example", address="192.0.2.1", auth=None, **macros):
    """The policy that decides of one message, as the log tells it."""
    before = daemon.log().count(" policy=")
    client = Client(daemon.socket_spec)
    client.connect(address=address, **{"daemon_name": "smtp", **macros})
    client.helo()
    client.mail(f"<{sender}>", i="Q1", **({"auth_type": "PLAIN", "auth_authen": auth} if auth else {}))
    client.rcpt(f"<{recipient}>")
    client.header("From", "joe@good.example")
    client.eoh()
    client.body(b"Hello\r\n")
    client.eom(i="Q1")
    client.quit()
    daemon.wait_for_log(" policy=", before + 1)
    return re.findall(r" policy=(\S+)", daemon.log())[-1]


@pytest.mark.parametrize("recipient, policy", [
    ("ann@test.example", "vip"), ("ANN@Test.Example", "vip"), ('"ann"@test.example', "vip"), ("boss@a.strict.example", "vip"),
    ("boss@other.example", "default"), ("abuse@any.example", "vip"), ("annx@test.example", "default"),
    # whose that is nobody can tell: the strictest counts
    ("ann+x@test.example", "vip"), ("ann%test.example@y.example", "vip"), ("eve+x@test.example", "default"),
])
def test_by_recipient(daemon, recipient, policy):
    assert policy_of(daemon, recipient) == policy


@pytest.mark.parametrize("given, policy", [
    ({"daemon_name": "partners"}, "partners"), ({"daemon_name": "port 25"}, "partners"), ({"daemon_name": "Partners"}, "default"),
    ({"assay_profile": "partners"}, "partners"), ({"daemon_name": "partners", "assay_profile": "else"}, "default"),
    ({"sender": ""}, "bounces"), ({"sender": "", "address": "192.0.2.9"}, "default"),
    ({"sender": "x@a.quiet.example"}, "named"), ({"sender": "x@d7.example"}, "named"), ({"sender": "x@d1000.example"}, "default"),
    ({"sender": "x@d7.example", "address": "192.0.2.9"}, "default"),
    ({"auth": "ann"}, "auth"), ({"auth": "ann", "daemon_name": "partners"}, "auth"),
])
def test_by_session(daemon, given, policy):
    assert policy_of(daemon, **given) == policy


def test_daemon_asks_the_mta_for_a_profile(daemon):
    client = Client(daemon.socket_spec)
    assert {"{daemon_name}", "{assay_profile}"} <= set(client.symbols[0].split())
    client.close()


def test_list_of_addresses_from_a_file(assayd, build_dir, workdir):
    path = workdir / "people"
    path.write_text("".join(f"user{n}@d{n % 100}.example\n" for n in range(100_000)))
    daemon = assayd(sections=f'policy "people" {{ recipients = "@{path}" }}').start()
    assert f"policy people recipients: 100000 addresses in {path}" in daemon.log()
    assert [policy_of(daemon, f"user{n}@d7.example") for n in (7, 99_907, 8)] == ["people", "people", "default"]
    path.write_text("user8@d7.example\nnobody\n")
    assert daemon.stop() == 0
    done = subprocess.run([build_dir / "assay", "config", daemon.config_path], capture_output=True, text=True, check=False)
    assert done.returncode == 78 and f"{path}:2: 'nobody': not an address" in done.stderr


def explain(assay, config, *options):
    return assay.json("config", "--explain", "--json", "--config", config, *options)


def test_explain_tells_what_the_daemon_does(assay, daemon):
    for recipient, given in (("ann@test.example", {}), ("x@y.example", {"daemon_name": "partners"}), ("x@y.example", {"sender": ""}),
                             ("x@y.example", {"sender": "x@d7.example"}), ("x@y.example", {})):
        told = explain(assay, daemon.config_path, "--rcpt", recipient, "--from", "joe@good.example", "--client", "192.0.2.1,mx.good.example",
                       "--mail-from", given.get("sender", "joe@good.example"), "--listener", given.get("daemon_name", "smtp"))
        applies = [policy["name"] for policy in told["recipients"][0]["policies"] if policy["applies"] != "no"]
        assert applies == [policy_of(daemon, recipient, **given)]
        assert [policy["name"] for policy in told["policies"]] == applies


def test_explain_tells_why_and_whence(assay, workdir):
    (workdir / "senders").write_text("<>\n")
    config = workdir / "conf"
    config.write_text("findings { spf-fail = reject tls-none = tag }\n" + POLICIES.replace("LIST", str(workdir / "senders")))
    told = explain(assay, config, "--rcpt", "ann+x@test.example", "--rcpt", "<eve@y.example>", "--listener", "smtp",
                   "--client", "192.0.2.1,", "--mail-from", "<>", "--from", "a@b.example")
    first, second = told["recipients"]
    assert [(policy["name"], policy["applies"]) for policy in first["policies"]] == [
        ("vip", "maybe"), ("partners", "no"), ("auth", "no"), ("bounces", "no"), ("named", "no"), ("default", "yes")]
    assert [policy["applies"] for policy in second["policies"]] == ["no"] * 5 + ["yes"]
    vip = second["policies"][0]["conditions"]
    assert vip == [{"option": "recipients", "value": '{ "Ann@test.example", "boss@.strict.example", "abuse@" }', "line": 4, "holds": "no",
                    "given": "the recipient is eve@y.example"}]
    failing = {policy["name"]: [c["option"] for c in policy["conditions"] if c["holds"] == "no"] for policy in second["policies"]}
    assert failing == {"vip": ["recipients"], "partners": ["listeners"], "auth": ["authenticated"], "bounces": ["client-names"],
                       "named": ["client-names"], "default": []}
    settings = {setting["name"]: setting for setting in told["policies"][0]["settings"]}
    assert told["policies"][0]["inherits"] == "gold"
    assert settings["dkim-none"] == {"kind": "action", "name": "dkim-none", "value": "reject", "origin": "inherited", "policy": "gold", "line": 9}
    assert settings["spf-fail"]["policy"] == "silver" and settings["spf-fail"]["value"] == "tag"
    assert settings["tls-none"] == {"kind": "action", "name": "tls-none", "value": "tag", "origin": "outside", "policy": None, "line": 1}
    assert settings["mode"]["origin"] == "default"


def test_explain_as_text(assay, workdir, build_dir):
    (workdir / "senders").write_text("<>\n")
    config = workdir / "conf"
    config.write_text("mode = enforce\n" + POLICIES.replace("LIST", str(workdir / "senders")))
    done = subprocess.run([build_dir / "assay", "config", "--explain", config, "--rcpt", "eve@y.example"], capture_output=True, text=True,
                          check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "recipient eve@y.example"
    assert lines[1] == f"  policy vip ({config}:3) does not apply"
    assert lines[2].endswith(f"({config}:4) does not hold: the recipient is eve@y.example")
    assert f"  policy partners ({config}:12) may apply, and is weighed for that" in lines
    assert any("(not in the file) applies: it is for all mail" in line for line in lines)
    assert f"  mode = enforce (outside of policies, {config}:1)" in lines
    assert f"  spf-fail = tag (inherited from silver, {config}:11)" in lines
    assert done.stderr == ""


def test_explain_of_a_local_recipient_says_that_all_policies_of_local_domains_count(workdir, build_dir):
    config = workdir / "conf"
    config.write_text('local-domains = { a.example, b.example }\npolicy "one" { recipients = "ann@a.example" }\n'
                      'policy "any" { inherits = "one" recipients = "bob@" }\n')
    run = [build_dir / "assay", "config", "--explain", config, "--rcpt"]
    told = {name: subprocess.run([*run, name], capture_output=True, text=True, check=True).stdout for name in
            ("ann@a.example", "bob@b.example", "bob@c.example")}
    assert f"policy one ({config}:2) applies" in told["ann@a.example"] and "(not in the file) applies" in told["ann@a.example"]
    assert f"policy any ({config}:3) applies" in told["bob@b.example"] and "(not in the file)" not in told["bob@b.example"].split("asks for")[0]
    assert [name for name, text in told.items() if "in a domain of local-domains: " in text] == ["ann@a.example", "bob@b.example"]
    assert "policy any, which inherits from one, asks for\n" in told["bob@b.example"]


def test_explain_tells_whose_overrides_count(assay, workdir):
    override = "override lists { kind = mailing-list client-networks = 192.0.2.1 }\n"
    policies = "policy a { recipient-domains = a.example overrides = none }\npolicy b { recipient-domains = b.example overrides = lists }\n"

    def told(text, recipient):
        (workdir / "conf").write_text(text)
        policy, = explain(assay, workdir / "conf", "--rcpt", recipient)["policies"]
        return [(row["value"], row["origin"]) for row in policy["settings"] if row["name"] == "overrides"]

    assert told(override + policies, "x@a.example") == [('{ "none" }', "own")]
    assert told(override + policies, "x@b.example") == [('{ "lists" }', "own")]
    assert told(override + policies, "x@c.example") == [('{ "all" }', "default")]
    assert told("mode = enforce\n", "x@c.example") == []


@pytest.mark.parametrize("options, said", [
    (("--rcpt", "a@b.example"), "says nothing without --explain"), (("--explain", "--client", "nowhere"), "not of the form IP or IP,NAME"),
    (("--explain", "--from", "nobody@"), "has no domain"), (("--explain", "--mail-from", "nobody"), "has no domain"),
    (("--explain", "--client", "192.0.2.1,a..b"), "a name that is none"),
])
def test_explain_of_what_cannot_be(build_dir, workdir, options, said):
    config = workdir / "conf"
    config.write_text("mode = enforce\n")
    done = subprocess.run([build_dir / "assay", "config", "--config", config, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 64 and said in done.stderr and done.stdout == "", done


def test_check_knows_the_listener(assay, workdir):
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text('dns { dnssec = off }\npolicy "p" { listeners = "partners"  actions { dkim-none = reject } }')
    for options, policy in ((("--listener", "partners"), "p"), (("--listener", "smtp"), "default"), ((), "p")):
        verdict = assay.json("check", "--config", workdir / "conf", "--zone", workdir / "zone", "--rcpt", "a@b.example", *options, "-",
                             stdin=b"From: a@third.example\n\nHello\n")
        assert verdict["decision"]["policy"] == policy


RAMPS = """
findings { dmarc-reject = reject dmarc-reject-corroborated = reject spf-fail = reject }
ramp "spf-fail" { from = 2020-01-01 share = 50% before = none }
policy later { recipient-domains = later.example ramp "dmarc-reject" { from = 2999-01-01T06 before = quarantine } }
policy weak { recipient-domains = weak.example actions { spf-fail = none } }
"""


def test_explain_tells_what_ramps_come_to(assay, assayd, workdir, build_dir):
    config = workdir / "conf"
    config.write_text('user = ""\n' + RAMPS)

    def ramps(*options):
        return {ramp.pop("finding"): ramp for ramp in explain(assay, config, *options)["policies"][0]["ramps"]}

    def text(*options):
        done = subprocess.run([build_dir / "assay", "config", "--explain", config, *options], capture_output=True, text=True, check=True)
        return [line for line in done.stdout.splitlines() if line.startswith("  ramp ")]

    assert ramps("--rcpt", "a@later.example")["dmarc-reject"] == {
        "action": "reject", "before": "quarantine", "from": "2999-01-01T06", "begun": False, "share": None, "by": "author", "in_share": "yes"}
    assert ramps()["spf-fail"] == {
        "action": "reject", "before": "none", "from": "2020-01-01", "begun": True, "share": "50%", "by": "envelope", "in_share": "maybe"}
    assert ramps("--mail-from", "<>")["spf-fail"]["in_share"] == "yes"
    assert text("--rcpt", "a@later.example", "--mail-from", "<>") == [
        "  ramp spf-fail: reject from 2020-01-01 on (UTC), which has come; for 50% of envelope domains, of which this is one; else none; now reject",
        "  ramp dmarc-reject: reject from 2999-01-01T06 on (UTC), which is to come; else quarantine; now quarantine"]
    assert text("--rcpt", "a@weak.example") == ["  ramp spf-fail: none as ever, which is no stronger than before = none"]
    # the share is that of the daemon
    zone = "".join(f'd{number}.example. 300 IN TXT "v=spf1 -all"\n' for number in range(12))
    daemon = assayd(mode="enforce", zone=zone, sections=RAMPS)
    daemon.start()
    told = []
    for number in range(12):
        client = Client(daemon.socket_spec)
        client.connect(address="203.0.113.5")
        client.helo()
        client.mail(f"<joe@d{number}.example>")
        refused = (client.rcpt("<ann@b.example>") or ("c",))[0] not in "ca"
        client.quit()
        told.append(ramps("--rcpt", "ann@b.example", "--mail-from", f"joe@d{number}.example")["spf-fail"]["in_share"])
        assert told[-1] == ("yes" if refused else "no")
    assert set(told) == {"yes", "no"}
