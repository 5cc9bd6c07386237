# SPDX-License-Identifier: BSD-2-Clause
"""Ways in which a message can come that must not change its verdict: BDAT, 8 bits, UTF-8, size, TLS of every kind."""
import json
import os
import re
import socket
import ssl
import subprocess

import pytest

from world import delivered_fields, scenarios
from world import mail as m
from world.assayd import Assayd
from world.client import Client, deliver, tls_context

pytestmark = pytest.mark.mta("postfix", "sendmail")

PASS = {"spf": "pass", "dkim": ["pass"]}


def assert_verdicts(stack, mail, expected):
    seen = scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))
    assert {method: seen.get(method) for method in expected} == expected


def offered(stack, session, extension):
    """Postfix has all that is asked for here; a Sendmail that has it not cannot be tried."""
    if not session.smtp.has_extn(extension):
        assert stack.mta.name == "sendmail"
        pytest.skip(f"this Sendmail does not offer {extension.upper()}")


def test_bdat(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", body=b"line\r\n" * 5000)
    with Client(stack.enforce_port, mail.client, mail.client_name) as session:
        offered(stack, session, "chunking")
        assert session.send(mail, bdat=True)["end"].code == 250
    assert_verdicts(stack, mail, PASS)


@pytest.mark.parametrize("canonicalize", [(b"simple", b"simple"), (b"relaxed", b"simple"), (b"simple", b"relaxed")])
def test_canonicalization_survives_the_milter_protocol(stack, canonicalize):
    mail = scenarios.plain("simple.example")
    extra = b"X-Odd:no space\r\nX-Odd:    four\r\n\tand a tab \r\nX-Empty:\r\nX-Blank: \r\n"
    mail.data = m.message("news@simple.example", extra=extra, body=b"\r\n  a  \r\n\r\n\r\n.dot\r\n\r\n\r\n")
    mail.data = stack.keys.sign(mail.data, "simple.example", "rsa", canonicalize=canonicalize,
                                headers=m.SIGNED_HEADERS + [b"X-Odd", b"X-Odd", b"X-Empty", b"X-Blank"])
    deliver(stack.mta, mail)
    assert_verdicts(stack, mail, PASS)


@pytest.mark.mta("postfix", reason="a setting of Postfix")
@pytest.mark.parametrize("replace, verdict", [("yes", "fail"), ("no", "neutral")])
def test_lone_cr_is_replaced_before_the_milter_when_postfix_does_that(stack, replace, verdict):
    """assayd(8), what breaks signatures: cleanup_replace_stray_cr_lf."""
    names = stack.mta.run("postconf", "-c", stack.mta.config, "-d").stdout
    if "cleanup_replace_stray_cr_lf" not in names:
        pytest.skip("this Postfix does not know cleanup_replace_stray_cr_lf")
    mail = scenarios.plain("simple.example")
    mail.data = m.message("news@simple.example", body=b"a\rb\r\n")
    mail.data = stack.keys.sign(mail.data, "simple.example", "rsa", canonicalize=(b"simple", b"simple"))
    stack.mta.set(cleanup_replace_stray_cr_lf=replace)
    try:
        deliver(stack.mta, mail)
        assert_verdicts(stack, mail, {"dkim": [verdict]})
    finally:
        stack.mta.set(cleanup_replace_stray_cr_lf="yes")


@pytest.mark.mta("postfix", reason="a setting of Postfix")
@pytest.mark.parametrize("setting", ["no", "normalize"])
def test_lone_lf_is_a_line_end_to_the_milter(stack, setting):
    """assayd(8): smtpd_forbid_bare_newline. Signed over CRLF, as a signer does that takes LF for a line's end too."""
    mail = scenarios.plain("simple.example")
    crlf = m.message("news@simple.example", body=b"a\r\nb\r\n")
    mail.data = stack.keys.sign(crlf, "simple.example", "rsa", canonicalize=(b"simple", b"simple")).replace(b"a\r\nb", b"a\nb")
    port = stack.mta.add_service(stack.dry.milter, "smtpd_forbid_bare_newline=" + setting,
                                     "smtpd_forbid_bare_newline_exclusions=")
    with Client(port, mail.client, mail.client_name) as session:
        assert session.send(mail)["end"].code == 250
    assert_verdicts(stack, mail, {"dkim": ["pass"]})


def test_empty_body(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", body=b"")
    deliver(stack.mta, mail)
    assert_verdicts(stack, mail, PASS)


def test_8bit_body_and_header(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", subject="Grüße",
                            body=bytes(range(128, 256)) + b"\r\n")
    with Client(stack.dry_port, mail.client, mail.client_name) as session:
        assert session.send(mail, options=["BODY=8BITMIME"])["end"].code == 250
    assert_verdicts(stack, mail, PASS)


def test_smtputf8_author_is_judged_under_its_a_label(stack):
    mail = scenarios.plain("xn--bcher-kva.example")
    data = m.message("news@xn--bcher-kva.example", sender_field="Jürgen <jürgen@bücher.example>")
    mail.data = stack.keys.sign(data, "xn--bcher-kva.example", "rsa")
    with Client(stack.dry_port, mail.client, mail.client_name) as session:
        offered(stack, session, "smtputf8")
        assert session.send(mail, options=["SMTPUTF8", "BODY=8BITMIME"])["end"].code == 250
    assert_verdicts(stack, mail, {**PASS, "dmarc": "pass"})
    raw = stack.mta.delivered(mail.recipients[0])
    _, results = m.parse_authres(delivered_fields(raw, "Authentication-Results")[0])
    assert results["dmarc"][0]["properties"]["header.from"] == "xn--bcher-kva.example"


@pytest.mark.parametrize("options, hide, protocol", [
    ([], "no", "ESMTPS"), (["SMTPUTF8", "BODY=8BITMIME"], "no", "UTF8SMTPS"), ([], "yes", "ESMTPS")])
def test_our_received_field_agrees_with_that_of_the_mta(stack, options, hide, protocol):
    """The same protocol word and queue id; who reads them later counts one hop. The client stands in ours only where it may."""
    assayd, port = stack.another_assayd("agree", options=f"headers {{\n\thide-client = {hide}\n}}")
    try:
        mail = scenarios.plain("pass.example")
        with Client(port, mail.client, mail.client_name, tls=tls_context()) as session:
            if options:
                offered(stack, session, "smtputf8")
            assert session.send(mail, options=options)["end"].code == 250
        raw = stack.mta.delivered(mail.recipients[0])
    finally:
        assayd.stop()
    fields = [re.sub(r"\s+", " ", value).strip() for value in delivered_fields(raw, "Received")]
    theirs, = [value for value in fields if stack.mta.trace_mark in " " + value]
    ours, = [value for value in fields if "(Assay)" in value]
    words = [re.search(r"\) with (\S+) .*?\bid (\w+)", value).groups() for value in (ours, theirs)]
    assert words[0] == words[1] and words[0][0] == protocol
    assert (mail.client in ours) == ours.startswith("from ") == (hide == "no")
    done = subprocess.run([Assayd.program("assay"), "check", "--json", "--client", "192.0.2.1", "-"], input=raw,
                          capture_output=True, check=True)
    hops = json.loads(done.stdout)["path"]["hops"]
    assert [hop["transport"] for hop in hops if hop["protocol"] == protocol] == ["tls"]


def test_20_megabytes(stack):
    line = b"0123456789 abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ..\r\n"
    mail = scenarios.signed(stack.keys, "big.example", "rsa", body=line * (20_000_000 // len(line)))
    assert deliver(stack.mta, mail)["end"].code == 250
    assert_verdicts(stack, mail, PASS)


def test_long_lines(stack):
    """The MTA itself breaks lines (line_length_limit of Postfix); the message must be judged, whatever the verdict."""
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", body=b"x" * 5000 + b"\r\n" + b"y" * 100_000 + b"\r\n")
    assert deliver(stack.mta, mail)["end"].code == 250
    assert scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))["spf"] == "pass"


def test_ten_thousand_header_fields(stack):
    extra = b"".join(b"X-Many: %d\r\n" % i for i in range(10_000))
    mail = scenarios.signed(stack.keys, "pass.example", "rsa", extra=extra)
    assert deliver(stack.mta, mail)["end"].code == 250
    verdicts = scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))
    assert verdicts["spf"] == "pass"


def test_hundred_recipients(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.recipients = [m.recipient("many") for _ in range(100)]
    assert deliver(stack.mta, mail, stack.enforce_port)["end"].code == 250
    for address in mail.recipients[::33]:
        assert scenarios.seen_verdicts(stack.mta.delivered(address))["dkim"] == ["pass"]


def test_null_sender_is_judged_by_helo(stack):
    mail = scenarios.signed(stack.keys, "pass.example", "rsa")
    mail.mail_from = ""
    deliver(stack.mta, mail)
    raw = stack.mta.delivered(mail.recipients[0])
    _, results = m.parse_authres(delivered_fields(raw, "Authentication-Results")[0])
    assert results["spf"][0]["result"] == "pass"
    assert results["spf"][0]["properties"].get("smtp.helo") == "mail.pass.example"


def test_ipv6_client(stack):
    mail = scenarios.plain("pass.example")
    mail.client, mail.client_name = "2001:db8::25", None
    if not socket.has_ipv6 or not os.path.exists("/proc/net/if_inet6"):
        pytest.skip("this kernel has no IPv6, so Postfix takes no IPv6 address by XCLIENT")
    deliver(stack.mta, mail)
    assert_verdicts(stack, mail, {"spf": "fail"})


def received_by_assay(stack, mail):
    raw = stack.mta.delivered(mail.recipients[0])
    return [re.sub(r"\s+", " ", v) for v in delivered_fields(raw, "Received") if re.search(r"tls\s+TLS_", v)][0]


def test_smtps_is_recorded(stack):
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    with Client(stack.mta.smtps, tls=tls_context(), implicit_tls=True) as session:
        assert session.send(mail)["end"].code == 250
    assert "ESMTPS" in received_by_assay(stack, mail)


def test_tls12_suite_has_its_iana_name(stack):
    context = tls_context()
    context.maximum_version = context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    with Client(stack.dry_port, mail.client, mail.client_name, tls=context) as session:
        assert session.send(mail)["end"].code == 250
    received = received_by_assay(stack, mail)
    assert "tls TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" in received and "TLSv1.2" in received


def test_trusted_client_certificate_is_named(stack):
    certificate = stack.authority.issue("partner.example")
    mail = scenarios.signed(stack.keys, "tls.example", "rsa")
    with Client(stack.dry_port, mail.client, mail.client_name, tls=tls_context(*certificate)) as session:
        assert session.send(mail)["end"].code == 250
    received = received_by_assay(stack, mail)
    assert "partner.example" in received and "Assay Test CA" in received


def test_submission_over_tls_says_esmtpsa(stack):
    mail = scenarios.plain("reject.example")
    with Client(stack.mta.submission, tls=tls_context(), login=("alice", "wonderland")) as session:
        assert session.send(mail)["end"].code == 250
    assert "ESMTPSA" in received_by_assay(stack, mail)
    assert scenarios.seen_verdicts(stack.mta.delivered(mail.recipients[0]))["auth"] == "pass"
