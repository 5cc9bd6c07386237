# SPDX-License-Identifier: BSD-2-Clause
"""The assay command: promised JSON keys, exit codes, readable output."""
import json
import re
import subprocess

import pytest

from house.build import TOP
from programs import ZONE

USAGE, NO_INPUT = 64, 66

GOOD = b"From: Joe <joe@good.example>\nTo: ann@test.example\nSubject: hello\n\nHello Ann.\n"

PROMISED = {
    "spf": {"result", "scope", "domain", "explanation", "dnssec"},
    "arc": {"result", "oldest_pass", "sealers"},
    "dmarc": {"result", "domain", "policy", "policy_domain", "org_domain", "disposition", "spf_aligned", "dkim_aligned",
              "dnssec"},
    "adsp": {"result", "domain", "practices", "dnssec"},
    "iprev": {"result", "name"},
    "tls": {"grade", "version", "cipher", "bits", "cert_subject", "cert_issuer", "cert_status"},
    "decision": {"action", "code", "enhanced", "text", "enforced"},
}


@pytest.fixture
def setting(workdir):
    """Zone and config; gives the options that use them."""
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text('authserv-id = "mx.test.example"\ntrusted-networks = { "198.51.100.0/24" }\n'
                                  "dns { dnssec = off }\n")
    return ["--config", workdir / "conf", "--zone", workdir / "zone"]


ENVELOPE = ["--client", "192.0.2.1,mx.good.example", "--helo", "mx.good.example", "--mail-from", "joe@good.example"]


def check_promise(verdict):
    for key, inner in PROMISED.items():
        assert inner <= set(verdict[key]), key
    assert isinstance(verdict["dkim"], list)
    assert isinstance(verdict["findings"], list) and all(isinstance(name, str) for name in verdict["findings"])
    assert isinstance(verdict["headers"], list) and all(": " in header for header in verdict["headers"])


def test_check_json_of_a_message_keeps_the_promise(assay, setting):
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=GOOD)
    check_promise(verdict)
    assert verdict["spf"]["result"] == "pass"
    assert verdict["spf"]["scope"] == "mfrom"
    assert verdict["spf"]["domain"] == "good.example"
    assert verdict["dmarc"]["result"] == "pass"
    assert verdict["dmarc"]["policy"] == "reject"
    assert verdict["dmarc"]["spf_aligned"] is True
    assert verdict["dmarc"]["dkim_aligned"] is False
    assert verdict["iprev"] == {**verdict["iprev"], "result": "pass", "name": "mx.good.example"}
    assert verdict["arc"] == {**verdict["arc"], "result": "none", "oldest_pass": None, "sealers": []}
    first, second = verdict["headers"][:2]
    assert first.startswith("Authentication-Results: mx.test.example;") and "spf=pass" in first and "x-tls" not in first
    assert second.startswith("Authentication-Results: mx.test.example;") and "x-tls=" in second


def documented_keys():
    """The keys of the object in assay(1): each with those of what is in it, of what is in that too."""
    page = (TOP / "man" / "assay.1").read_text()
    block = re.search(r"These keys of the object are promised.*?\n\.Bd [^\n]*\n(.*?)\n\.Ed", page, re.S).group(1)
    keys = {}
    for name, text in re.findall(r"^([a-z_]+)\s(.*?)(?=\n[a-z]|\Z)", block, re.S | re.M):
        text = re.sub(r'"[^"]*"', "", text)     # values, not keys
        inner = re.findall(r"\{([^{]*?(?:\{[^}]*\}[^{]*?)?)\}", text)
        keys[name] = set(re.findall(r"[a-z_]+(?=\s*[,:}|\]]|\s*$)", inner[0])) if inner else set()
    return keys


def actual_keys(value):
    if isinstance(value, list):
        return set().union(*map(actual_keys, value)) if value else set()
    if isinstance(value, dict):
        return set(value).union(*map(actual_keys, value.values()))
    return set()


def test_check_json_has_the_keys_of_the_manual_and_no_others(assay, setting):
    message = (b"Authentication-Results: mx.test.example; spf=pass\nReceived: from a.example by b.example with ESMTP\n"
               b"DKIM-Signature: v=1; a=rsa-sha256; d=good.example; s=x; h=From; bh=eA==; b=eA==\n" + GOOD)
    with open(setting[1], "a", encoding="ascii") as conf:
        conf.write("override there { kind = forwarder client-networks = 192.0.2.1 }\n")
    verdict = assay.json("check", *setting, *ENVELOPE[:-1], "joe@plain.example", "-", stdin=message)
    documented = documented_keys()
    assert len(documented) == 17, documented
    assert set(verdict) == set(documented)
    for key, value in verdict.items():
        if key not in ("arc", "exempt"):
            assert value, f"{key} is empty here and tells nothing of its keys"
        assert actual_keys(value) == documented[key], key


def test_check_json_without_message_judges_the_envelope(assay, setting):
    verdict = assay.json("check", *setting, *ENVELOPE)
    check_promise(verdict)
    assert verdict["spf"]["result"] == "pass"
    assert verdict["dmarc"]["result"] is None
    assert verdict["dkim"] == []
    assert "from-missing" not in verdict["findings"]


def test_check_without_message_does_not_read_stdin(assay, setting):
    # An endless standard input would never end if it were read.
    with open("/dev/zero", "rb") as endless:
        done = subprocess.run([assay.program, "check", *map(str, setting), *ENVELOPE], stdin=endless, capture_output=True,
                              timeout=60, check=False)
    assert done.returncode == 0


def test_check_spf_fail_from_a_foreign_client(assay, setting):
    verdict = assay.json("check", *setting, "--client", "203.0.113.9", "--mail-from", "joe@good.example", "-", stdin=GOOD)
    assert verdict["spf"]["result"] == "fail"
    assert "spf-fail" in verdict["findings"]
    assert verdict["dmarc"]["result"] == "fail"
    assert verdict["decision"]["enforced"] is False


def test_check_tls_certificate_and_auth_options(assay, setting):
    verdict = assay.json("check", *setting, *ENVELOPE, "--tls", "TLSv1.3,TLS_AES_256_GCM_SHA384,256",
                         "--cert", "/O=Good, Inc/CN=mx.good.example,/CN=Some CA", "--auth", "PLAIN,joe", "-", stdin=GOOD)
    assert verdict["tls"]["version"] == "TLSv1.3"
    assert verdict["tls"]["bits"] == 256
    assert verdict["tls"]["cert_subject"] == "/O=Good, Inc/CN=mx.good.example"
    assert verdict["tls"]["cert_issuer"] == "/CN=Some CA"
    assert verdict["exempt"] == "authenticated"
    assert verdict["decision"]["action"] == "none"
    assert any("auth=pass" in header for header in verdict["headers"])


def test_check_trusted_network_is_exempt_and_asks_no_dns(assay, setting):
    verdict = assay.json("check", *setting, "--client", "198.51.100.7", "--mail-from", "joe@good.example", "-", stdin=GOOD)
    assert verdict["exempt"] == "trusted-network"
    assert verdict["spf"]["result"] is None
    assert verdict["dmarc"]["result"] is None


@pytest.mark.parametrize("message", [
    GOOD.replace(b"\n", b"\r\n"),
    b"From joe Thu Jan  1 00:00:00 1970\n" + GOOD,
    GOOD.rstrip(b"\n"),
], ids=["crlf", "mbox", "no last line end"])
def test_check_reads_every_form_of_the_message(assay, setting, message):
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=message)
    assert verdict["author"]["domains"] == ["good.example"]
    assert verdict["dmarc"]["result"] == "pass"


@pytest.mark.parametrize("start", [b"", b"From joe@good.example Thu Jan  1 00:00:00 1970\n", b"Subject: x\n"])
def test_check_white_space_before_the_colon_of_from_is_seen(assay, setting, start):
    """"From : a@b" is a field, not a mailbox separator, and not the proper field either."""
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=start + b"From : Joe <joe@good.example>\n\nHello.\n")
    assert verdict["author"]["domains"] == ["good.example"]
    assert verdict["author"]["status"] == "invalid"
    assert "from-invalid" in verdict["findings"] and "from-missing" not in verdict["findings"]


@pytest.mark.parametrize("message", [
    b"", b"\n", b"\0" * 4096, b"From:" + b"x" * 3_000_000 + b"\n\n", b"no header at all\n", b": x\n\n",
    b"From: <joe@good.example>\n" + b"X-%d: y\n" * 1 + b"Y: z\n" * 20_000 + b"\n",
    b"From: \xff\xfe <joe@good.example>\n\n\xff\n", b"From: a@good.example\r\r\n\rX\n\n",
], ids=["empty", "only a line end", "NULs", "3 MB field", "no header", "no name", "20,001 fields", "8-bit", "stray CR"])
def test_check_survives_hostile_files(assay, setting, message):
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=message)
    check_promise(verdict)


def test_check_reports_the_cap_on_header_fields(assay, setting):
    message = b"From: <joe@good.example>\n" + b"Y: z\n" * 20_000 + b"\nbody\n"
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=message)
    assert "limit-exceeded" in verdict["findings"]


def test_check_finds_the_forged_field_behind_the_cap(assay, setting):
    message = (b"From: <joe@good.example>\n" + b"Y: z\n" * 20_000 +
               b"Authentication-Results: mx.test.example; dkim=pass\n\nbody\n")
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=message)
    assert "authres-forged" in verdict["findings"]
    assert verdict["deleted"] == [{"name": "Authentication-Results", "occurrence": 1}]


def test_check_judges_adsp_unless_it_is_switched_off(assay, setting, workdir):
    (workdir / "zone").write_text(ZONE + '_adsp._domainkey.test.example. 300 IN TXT "dkim=discardable"\n')
    message = GOOD.replace(b"good.example", b"test.example")
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=message)
    assert (verdict["adsp"]["result"], verdict["adsp"]["practices"]) == ("discard", "discardable")
    assert verdict["decision"]["action"] == "none"
    (workdir / "conf").write_text("adsp { enabled = no }\n")
    assert assay.json("check", *setting, *ENVELOPE, "-", stdin=message)["adsp"]["result"] is None


def test_check_reads_the_body_that_no_check_wants(assay, setting):
    verdict = assay.json("check", *setting, *ENVELOPE, "-", stdin=GOOD + b"NUL \0 byte\n")
    assert "message-malformed" in verdict["findings"]


def test_check_human_output_is_readable_and_clean(assay, setting):
    done = assay.run("check", *setting, "--client", "203.0.113.9", "--mail-from", "joe@good.example", "-",
                     stdin=GOOD.replace(b"hello", b"\x1b[31mred"))
    text = done.stdout.decode()
    assert done.returncode == 0
    assert "\x1b" not in text
    lines = text.splitlines()
    assert any(line.startswith("spf ") and " fail " in line and "good.example" in line for line in lines)
    assert any(line.startswith("finding ") and "spf-fail" in line for line in lines)
    assert any(line.startswith("decision ") for line in lines)
    first, second = (text.index(word) for word in ("spf=fail", "x-tls="))
    assert text.count("Authentication-Results: mx.test.example;") == 2 and first < second


def test_check_no_input_is_66(assay, setting):
    assert assay.run("check", *setting, "/nonexistent/message").returncode == NO_INPUT
    assert assay.run("check", *setting, "/").returncode == NO_INPUT
    done = assay.run("check", "--zone", "/nonexistent/zone", "--client", "192.0.2.1")
    assert done.returncode == NO_INPUT
    assert b"/nonexistent/zone" in done.stderr


def test_findings_tells_one(assay):
    done = assay.run("findings", "dmarc-reject")
    text = done.stdout.decode()
    assert done.returncode == 0 and text.startswith("dmarc-reject: ")
    assert "man 7 assay-findings" in text and "550 5.7.26 DMARC failed for DOMAIN (policy reject)" in text
    done = assay.run("findings", "dmarc-rejcet")
    assert done.returncode == USAGE and b"did you mean 'dmarc-reject'?" in done.stderr


def test_findings_lists_the_table(assay):
    rows = json.loads(assay.run("findings", "--json").stdout)
    names = [row["name"] for row in rows]
    assert "spf-fail" in names and "dmarc-reject" in names and len(set(names)) == len(names)
    text = assay.run("findings").stdout.decode()
    assert all(name in text for name in names)
    for row in rows:
        assert row["action"] in ("none", "tag", "greylist", "defer", "quarantine", "reject")
        assert str(row["code"])[0] == row["enhanced"][0]


def test_dns_prints_the_verdict_first(assay, workdir):
    (workdir / "zone").write_text(ZONE)
    done = assay.run("dns", "--zone", workdir / "zone", "--dnssec", "off", "good.example", "TXT")
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0] in ("secure", "insecure", "bogus", "indeterminate")
    assert any('"v=spf1 ip4:192.0.2.1 -all"' in line for line in lines)
    assert "nothing was checked" in lines[-1]
    # a master file has no signatures, whatever the mode
    validating = assay.run("dns", "--zone", workdir / "zone", "good.example", "TXT").stdout.decode()
    assert "nothing was checked" in validating, validating
    # an answer that did not come is not used, in any mode
    dead = assay.run("dns", "--resolver", "127.0.0.1@1", "--dnssec", "trust-ad", "good.example", "TXT").stdout.decode()
    assert "could not be had" in dead and "The checks use it" not in dead, dead
    answer = assay.json("dns", "--zone", workdir / "zone", "--dnssec", "off", "nowhere.good.example", "A")
    assert answer["status"] == "NXDOMAIN" and answer["records"] == []


@pytest.mark.parametrize("program", ["assay", "assayd"])
@pytest.mark.parametrize("option, said", [("--help", "usage: {} "), ("-h", "usage: {} "), ("--version", "{} {}\n"), ("-V", "{} {}\n")])
def test_help_and_version_of_both_programs(build_dir, program, option, said):
    version = re.search(r"AC_INIT\(\[[^]]*\], \[([^]]+)\]", (TOP / "configure.ac").read_text()).group(1)
    done = subprocess.run([build_dir / program, option], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(said.format(program, version))
    if "V" in option.upper():
        assert done.stdout.count("\n") == 1
    else:
        assert "--help" in done.stdout and "--version" in done.stdout


@pytest.mark.parametrize("client", ["[2001:db8::1]", "[2001:db8::1],mx.good.example", "[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_check_takes_a_client_in_brackets(assay, setting, client):
    plain = client.replace("[IPv6:", "").replace("[", "").replace("]", "")
    bare = assay.json("check", *setting, "--client", plain, "--helo", "mx.good.example", "--mail-from", "joe@good.example")
    assert assay.json("check", *setting, "--client", client, "--helo", "mx.good.example", "--mail-from", "joe@good.example") == bare
    assert bare["spf"]["result"] is not None


@pytest.mark.parametrize("command", [["check"], ["dns", "good.example"]])
def test_resolver_in_brackets_or_what_is_right(assay, command):
    done = assay.run(*command, "--resolver", "[::1]:53")
    assert done.returncode == USAGE
    assert b"--resolver '[::1]:53': not an IP address; write ADDRESS or ADDRESS@PORT" in done.stderr
    assert assay.run(*command, "--resolver", "[::1]@1").returncode == 0


def test_help_is_there_for_every_command(assay):
    for command in ("check", "dns", "findings", "config"):
        done = assay.run(command, "--help")
        assert done.returncode == 0 and done.stdout.startswith(b"usage: assay " + command.encode())
