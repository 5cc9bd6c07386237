# SPDX-License-Identifier: BSD-2-Clause
"""The mails of the demonstration, each in dry-run and enforced, and what the header of a delivered message looks like."""
import json
import re
import subprocess

import pytest

from world import Assayd, Keys, delivered_fields, parse_authres, scenarios
from world.client import Client, deliver, deliver_swaks
from world.mail import AUTHSERV_ID, RECIPIENT_DOMAIN, split_fields
from world.processes import wait_for

pytestmark = pytest.mark.mta("postfix", "sendmail")

NAMES = [scenario.name for scenario in scenarios.make(type("NoKeys", (Keys,), {"sign": lambda *a, **o: a[1]})())]


def scenario_named(stack, name):
    return next(scenario for scenario in scenarios.make(stack.keys) if scenario.name == name)


@pytest.mark.parametrize("name", NAMES)
def test_dry_run_delivers_with_verdicts(stack, name):
    scenario = scenario_named(stack, name)
    reply = deliver_swaks(stack.mta, scenario.mail, stack.world.directory)
    assert reply.code == 250, reply
    raw = stack.mta.delivered(scenario.mail.recipients[0])
    assert scenarios.verdict_differences(scenario, raw) == []


@pytest.mark.parametrize("name", NAMES)
def test_enforce_replies_exactly(stack, name):
    scenario = scenario_named(stack, name)
    mail = scenario.mail
    replies = deliver(stack.mta, mail, stack.enforce_port)
    last = replies["last"]
    if scenario.enforced == "250":
        assert last.code == 250, last
        assert scenarios.verdict_differences(scenario, stack.mta.delivered(mail.recipients[0])) == []
    elif scenario.enforced == "hold":
        assert last.code == 250, last
        wait_for(lambda: stack.mta.held(mail.recipients[0]), "the message to be on hold")
        assert stack.mta.delivered_now(mail.recipients[0]) is None
    else:
        code, enhanced, finding, domain, stage = scenario.enforced.split()
        assert (last.code, last.enhanced) == (int(code), enhanced), last
        assert "https://help.assay.example/" + finding in last.text
        assert domain == "-" or domain in last.text
        assert last.stage == ("RCPT" if stage == "RCPT" else "end of message")
        assert stack.mta.delivered_now(mail.recipients[0]) is None


def test_dry_run_says_what_would_have_been_done(stack):
    mail = scenario_named(stack, "unsigned, ADSP discardable").mail
    replies = deliver(stack.mta, mail)
    raw = stack.mta.delivered(mail.recipients[0])
    ours = [v for v in delivered_fields(raw, "Authentication-Results") if AUTHSERV_ID in v]
    assert re.search(r"\([^)]*reject[^)]*\)", ours[0].replace("\n", " ")), ours[0]
    queue_id = replies["end"].queue_id
    line = next(line for line in stack.dry.log().splitlines() if queue_id in line)
    assert "adsp-discardable" in line and "reject" in line


def test_authentication_results_stand_on_top(stack):
    mail = scenario_named(stack, "clean, two signatures").mail
    deliver(stack.mta, mail)
    raw = stack.mta.delivered(mail.recipients[0])
    names = [name.lower() for name, _ in split_fields(raw)
             if name.lower() not in ("return-path", "x-original-to", "delivered-to")]
    assert names[:2] == ["authentication-results"] * 2 and names.count("authentication-results") == 2
    by_mta = next(i for i, (name, value) in enumerate(split_fields(raw)) if name == "Received" and stack.mta.trace_mark in re.sub(r"\s+", " ", value))
    ours = next(i for i, (name, _) in enumerate(split_fields(raw)) if name == "Authentication-Results")
    assert ours < by_mta


def test_authentication_results_has_the_registered_properties(stack):
    mail = scenario_named(stack, "clean, two signatures").mail
    deliver(stack.mta, mail)
    value, other = delivered_fields(stack.mta.delivered(mail.recipients[0]), "Authentication-Results")
    authserv_id, results = parse_authres(value)
    assert authserv_id == AUTHSERV_ID == parse_authres(other)[0]
    assert list(parse_authres(other)[1]) == ["x-tls"]
    assert results["spf"][0]["properties"]["smtp.mailfrom"].endswith("two.example")
    rows = [row["properties"] for row in results["dkim"]]
    assert [row["header.d"] for row in rows] == ["two.example", "two.example"]
    assert sorted(row["header.a"] for row in rows) == ["ed25519-sha256", "rsa-sha256"]
    assert sorted(row["header.s"] for row in rows) == ["ed", "rsa"]
    assert len({row["header.b"] for row in rows}) == 2
    assert results["dmarc"][0]["properties"]["header.from"] == "two.example"


def test_forged_fields_are_removed_and_foreign_ones_kept(stack):
    mail = scenario_named(stack, "forged Authentication-Results").mail
    deliver(stack.mta, mail)
    raw = stack.mta.delivered(mail.recipients[0])
    fields = delivered_fields(raw, "Authentication-Results")
    assert len(fields) == 3
    assert "header.d=forged.example" not in "".join(fields)
    assert "kept.example" in fields[2]


def test_signature_below_an_added_field_says_why_it_does_not_count(stack):
    mail = scenario_named(stack, "replayed with another Subject").mail
    end = deliver(stack.mta, mail)["end"]
    _, results = parse_authres(delivered_fields(stack.mta.delivered(mail.recipients[0]), "Authentication-Results")[0])
    assert [row["reason"] for row in results["dkim"]] == ["does not count: there is a Subject that it does not cover"] * 2
    line = next(line for line in stack.dry.log().splitlines() if end.queue_id in line)
    assert "dkim-field-added" in line and "dmarc-reject" in line


@pytest.mark.parametrize("added", [b"Subject: Pay this invoice\r\n", b"To: all@pass.example\r\n", b"From: The Boss <ceo@pass.example>\r\n"])
def test_signature_below_an_added_field_does_not_count(stack, added):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.data = added + mail.data
    mail.mail_from = f"replay-{added[:4].decode().strip(': ').lower()}@other.example"
    deliver(stack.mta, mail, stack.enforce_port)
    line = wait_for(lambda: next((line for line in stack.enforce.log().splitlines()
                                  if f"from=<{mail.mail_from}>" in line and "dkim-field-added" in line), None), "the message")
    assert " dkim=pass:pass.example:" in line and " dmarc=fail " in line and "dmarc-reject" in line
    assert " decision=reject " in line or " decision=quarantine " in line


def test_disguised_forged_fields_are_removed(stack):
    texts = ["=?utf-8?q?mx.assay.example?=", "=?utf-8?b?bXguYXNzYXkuZXhhbXBsZQ==?=", "mx..assay.example", "'mx.assay.example'",
             "mx．assay．example", '" mx.assay.example "']
    forged = "".join(f"Authentication-Results: {text}; dkim=pass header.d=f{i}.example\r\n" for i, text in enumerate(texts))
    mail = scenarios.signed(stack.keys, "forged.example", "rsa", extra=forged.encode())
    assert deliver(stack.mta, mail, stack.enforce_port)["end"].code == 250
    assert not re.search(rb"header\.d=f\d\.example", stack.mta.delivered(mail.recipients[0]))


def test_received_has_the_tls_clause_and_no_injected_cr(stack):
    scenario = scenario_named(stack, "STARTTLS")
    deliver(stack.mta, scenario.mail)
    raw = stack.mta.delivered(scenario.mail.recipients[0])
    ours = [re.sub(r"\s+", " ", v) for v in delivered_fields(raw, "Received") if re.search(r"tls\s+TLS_", v)]
    assert len(ours) == 1
    # RFC 5321 4.4, RFC 8314 4.3: the additional registered clauses stand behind id and for, before the date
    assert re.search(r"with ESMTPS .*for <\S+> tls TLS_[A-Z0-9_]+ ?;", ours[0]), ours[0]
    assert "TLSv1.3" in ours[0] and "192.0.2.1" in ours[0]
    assert b"\r" not in raw.split(b"\n\n", 1)[0]


def test_cleartext_received_has_no_tls_clause(stack):
    mail = scenario_named(stack, "clean, RSA").mail
    deliver(stack.mta, mail)
    received = delivered_fields(stack.mta.delivered(mail.recipients[0]), "Received")
    assert not any(re.search(r"\btls\s+TLS_", value) for value in received)


def test_spf_explanation_reaches_the_reply(stack):
    mail = scenarios.plain("explain.example")
    last = deliver(stack.mta, mail, stack.enforce_port)["last"]
    assert (last.code, last.enhanced) == (550, "5.7.23")
    assert "192.0.2.1 is not one of ours" in last.text


def logged(assayd):
    """What `assay log` reads in the daemon's log."""
    done = subprocess.run([Assayd.program("assay"), "log", "--json", "-"], input=assayd.log(), capture_output=True, text=True, timeout=60,
                          check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("local", ["x decision=none", 'a=b\\" id=FORGED', "rcpts=9 findings=none"])
def test_hostile_envelope_is_one_value_each_in_the_log(stack, local):
    address = f'"{local}"@'
    client = Client(stack.enforce_port, client="203.0.113.9")
    assert client.smtp.docmd("MAIL", f"FROM:<{address}spffail.example>")[0] == 250
    code, text = client.smtp.docmd("RCPT", f"TO:<{address}{RECIPIENT_DOMAIN}>")
    assert code == 550, text
    client.smtp.quit()
    record, = wait_for(lambda: [r for r in logged(stack.enforce) if r.get("rcpt") == f"<{address}{RECIPIENT_DOMAIN}>"],
                       "the refusal to be logged")
    assert record["from"] == f"<{address}spffail.example>"
    assert (record["decision"], record["because"], record["about"]) == ("reject", "spf-fail", "spffail.example")
    assert all(r["id"] != "FORGED" for r in logged(stack.enforce))
