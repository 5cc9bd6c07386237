# SPDX-License-Identifier: BSD-2-Clause
"""The assay command: promised JSON keys, exit codes, readable output."""
import json
import os
import subprocess

import pytest

from conftest import ZONE

USAGE, NO_INPUT, CONFIG = 64, 66, 78

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
    assert verdict["arc"] == {"result": None, "oldest_pass": None, "sealers": []}
    assert any(header.startswith("Authentication-Results: mx.test.example;") for header in verdict["headers"])


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
    assert "Authentication-Results: mx.test.example;" in text


def test_check_no_input_is_66(assay, setting):
    assert assay.run("check", *setting, "/nonexistent/message").returncode == NO_INPUT
    assert assay.run("check", *setting, "/").returncode == NO_INPUT
    done = assay.run("check", "--zone", "/nonexistent/zone", "--client", "192.0.2.1")
    assert done.returncode == NO_INPUT
    assert b"/nonexistent/zone" in done.stderr


@pytest.mark.parametrize("arguments", [
    ["check", "--client", "not an address"], ["check", "--tls", "TLSv1.3,X,many"], ["check", "--tls", ",X,128"],
    ["check", "--resolver", "example.org"],
    ["check", "--resolver", "127.0.0.1@99999"], ["check", "--dnssec", "maybe"], ["check", "--time", "yesterday"],
    ["check", "--nonsense"], ["check", "a", "b"], ["dns"], ["dns", "example.org", "NOTYPE"], ["dns", "a", "TXT", "more"],
    ["findings", "x"], ["config", "a", "b"], ["config", "--nonsense"], [],
], ids=" ".join)
def test_wrong_usage_is_64(assay, arguments):
    done = assay.run(*arguments)
    assert done.returncode == USAGE
    assert done.stderr.startswith(b"assay: ")
    assert not done.stdout


@pytest.mark.parametrize("arguments, said", [
    (["check", "--nonsense"], "assay: check: no option '--nonsense'; valid: --config, --client, "),
    (["check", "--josn"], "assay: check: no option '--josn'; did you mean '--json'? valid: --config, "),
    (["check", "-x"], "assay: check: no option '-x'; valid: --config, "),
    (["check", "--t"], "assay: check: option '--t' may be one of several; valid: --config, "),
    (["check", "--helo"], "assay: check: option --helo needs a value\n"),
    (["check", "--json=1"], "assay: check: option --json takes no value\n"),
    (["findings", "-c", "x"], "assay: findings: no option '-c'; valid: --json, --help\n"),
    (["report", "x"], "assay: report: unexpected argument 'x'; options: --config, --database, "),
    (["report", "--since", "ever"], "assay: report: --since: 'ever' is no age; valid: 90m, 12h, 7d, 4w\n"),
    (["dns", "--dnssec", "maybe", "a"], "assay: dns: --dnssec 'maybe' is not of the form validate|trust-ad|off\n"),
    (["dns"], "assay: dns: which name? assay dns [OPTION]... NAME [TYPE]"),
    (["peers", "remove"], "assay: peers: no action 'remove'; valid: list, show, forget, pin, unpin\n"),
    (["peers", "pin"], "assay: peers: pin which peer? "),
    (["peers", "list", "a", "b"], "assay: peers: unexpected argument 'b'; options: --config, "),
    ([], "assay: which command?\n"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage_names_program_fault_and_what_is_valid(assay, arguments, said):
    done = assay.run(*arguments)
    assert (done.returncode, done.stdout) == (USAGE, b"")
    assert done.stderr.decode().startswith(said)


@pytest.mark.parametrize("arguments, said", [
    (["-x"], "assayd: no option '-x'; valid: -c CONFIG, -f, -n, "),
    (["--config"], "assayd: no option '--config'; valid: -c CONFIG, -f, -n, "),
    (["-c"], "assayd: option -c needs a value; valid: -c CONFIG, "),
    (["more"], "assayd: unexpected argument 'more'; valid: -c CONFIG, "),
    (["-t", "soon"], "assayd: -t: 'soon' is not a number of seconds\n"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_wrong_usage_of_assayd(build_dir, arguments, said):
    done = subprocess.run([build_dir / "assayd", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (USAGE, "")
    assert done.stderr.startswith(said)


@pytest.mark.parametrize("name, hint", [("chekc", "; did you mean 'check'?"), ("foo", "")])
def test_unknown_command_lists_the_commands_and_suggests_the_nearest(assay, name, hint):
    done = assay.run(name)
    assert done.returncode == USAGE
    first, *rest = done.stderr.decode().splitlines()
    assert first == f"assay: no command '{name}'{hint}"
    listed = {line.split()[0] for line in rest if line.startswith("  ")}
    assert listed >= {"check", "dns", "findings", "config", "peers", "report"}


@pytest.mark.parametrize("command", ["report", "peers"])
def test_missing_database_is_66_and_one_sentence(assay, workdir, command):
    done = assay.run(command, "--database", "/nonexistent")
    assert done.returncode == NO_INPUT
    assert done.stderr == f"assay: {command}: database /nonexistent does not exist\n".encode()
    # the configured one: whose directory it should be
    (workdir / "conf").write_text(f'user = "nobody"\nrecord {{ path = "{workdir}/state/assay.db" }}\n')
    done = assay.run(command, "--config", workdir / "conf")
    assert done.returncode == NO_INPUT and done.stderr.count(b"\n") == 1
    assert f"database directory {workdir}/state does not exist" in done.stderr.decode()
    assert "user nobody" in done.stderr.decode() and "install -d -o nobody " in done.stderr.decode()
    done = assay.run(command, "--database", workdir)
    assert done.returncode == NO_INPUT and b"is a directory" in done.stderr


ADVISED = """\
user = "no-such-user"
socket = "unix:{workdir}/sock"
log-target = stderr
help-url = "https://help.example/"
iprev {{ enabled = off }}
findings {{ iprev-fail = reject }}
record {{ path = "{workdir}/state/assay.db" }}
dns {{ dnssec = off zone-file = "{workdir}/zone" }}
"""
ADVICE = ["iprev-fail", "help-url", 'user "no-such-user" does not exist', "database directory {workdir}/state does not exist"]


def test_config_and_assayd_give_the_same_advice(assay, build_dir, workdir):
    (workdir / "zone").write_text(ZONE)
    (workdir / "conf").write_text(ADVISED.format(workdir=workdir))
    done = assay.run("config", workdir / "conf")
    daemon = subprocess.run([build_dir / "assayd", "-n", "-c", workdir / "conf"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, daemon.returncode) == (0, 0)
    assert done.stdout == daemon.stdout
    lines = done.stderr.decode().splitlines()
    assert len(lines) == len(ADVICE)
    for line, expected in zip(lines, ADVICE):
        assert line.startswith("assay: config: ") and expected.format(workdir=workdir) in line
    assert daemon.stderr.decode().splitlines() == [line.replace("assay: config: ", "assayd: ", 1) for line in lines]


def test_assayd_logs_the_advice_at_start(assayd, workdir):
    daemon = assayd(options=f'record {{ path = "{workdir}/state/assay.db" }}\nhelp-url = "https://help.example/"\n').start()
    assert "config: help-url has no %s" in daemon.log()
    assert f"config: database directory {workdir}/state does not exist" in daemon.log()


@pytest.mark.parametrize("word, value", [("yes", "yes"), ("true", "yes"), ("on", "yes"), ("TRUE", "yes"), ("no", "no"),
                                         ("false", "no"), ("off", "no"), ("Off", "no")])
def test_config_reads_every_word_for_yes_and_no(assay, workdir, word, value):
    (workdir / "conf").write_text(f"spf {{ check-helo = {word} }}\n")
    done = assay.run("config", workdir / "conf")
    assert done.returncode == 0 and f"check-helo = {value}\n" in done.stdout.decode()


def test_config_that_is_not_there_is_said(assay):
    done = assay.run("check", "--config", "/nonexistent/assay.conf", "--client", "192.0.2.1")
    assert done.returncode == CONFIG
    assert done.stderr == b"assay: configuration file /nonexistent/assay.conf cannot be read: No such file or directory\n"


def test_broken_config_is_78_and_says_where(assay, workdir):
    (workdir / "conf").write_text("mode = dry-run\nmoed = enforce\n")
    for arguments in (["config", workdir / "conf"], ["check", "--config", workdir / "conf", "--client", "192.0.2.1"]):
        done = assay.run(*arguments)
        assert done.returncode == CONFIG
        assert b"conf:2" in done.stderr and b"mode" in done.stderr


@pytest.mark.parametrize("text, hint", [
    ("mode: enforce", "write 'mode = enforce'"), ("Mode enforce", "write 'mode = enforce'"),
    ("mode = enforce;", "no ';'"), ("[assay]\nmode = enforce", "a section is written NAME { ... }"),
    ('user = "assay\nmode = enforce', "a \" or ' is missing"),
])
def test_slip_from_another_format_is_one_error_with_line_and_hint(assay, workdir, text, hint):
    (workdir / "conf").write_text(f"# comment\n{text}\n")
    done = assay.run("config", workdir / "conf")
    assert done.returncode == CONFIG
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.decode().startswith(f"{workdir}/conf:2: ") and hint in done.stderr.decode()


def test_config_prints_values_that_load_again(assay, workdir):
    (workdir / "conf").write_text("mode = enforce\n")
    first = assay.run("config", workdir / "conf")
    assert first.returncode == 0 and b"mode = enforce" in first.stdout
    (workdir / "again").write_bytes(first.stdout)
    assert assay.run("config", workdir / "again").stdout == first.stdout


def test_config_sample_is_the_one_in_the_source(assay, top_dir):
    done = assay.run("config", "--sample")
    assert done.returncode == 0
    assert done.stdout == (top_dir / "conf" / "assay.conf.sample").read_bytes()


OPENDKIM = """\
# as in a small site
Syslog\t\tyes
Mode\t\tsv
InternalHosts\t{hosts}
On-BadSignature\treject
TrustAnchorFile\t/usr/share/dns/root.key
KeyTable\t\t/etc/dkimkeys/keytable
"""
OPENDMARC = "AuthservID mx.test.example\nRejectFailures true\nIgnoreAuthenticatedClients true\nNoSuchThing 1\n"


def test_config_translates_opendkim_and_opendmarc(assay, workdir):
    (workdir / "hosts").write_text("127.0.0.1\n192.0.2.0/24 # ours\nrelay.test.example\n")
    (workdir / "opendkim.conf").write_text(OPENDKIM.format(hosts=workdir / "hosts"))
    (workdir / "opendmarc.conf").write_text(OPENDMARC)
    done = assay.run("config", "--import-opendkim", workdir / "opendkim.conf", "--import-opendmarc", workdir / "opendmarc.conf")
    assert done.returncode == 0
    assert done.stderr.decode() == f"{workdir}/opendmarc.conf:4: 'NoSuchThing' is no option of opendmarc\n"
    text = done.stdout.decode()
    assert "BY HAND: write Mode s" in text and "1 of its hosts are no addresses (the first is 'relay.test.example')" in text
    (workdir / "assay.conf").write_bytes(done.stdout)
    effective = assay.run("config", workdir / "assay.conf")
    assert effective.returncode == 0
    for line in ("mode = dry-run", 'authserv-id = "mx.test.example"', "\tdkim-no-pass = reject", "\tdmarc-reject = reject",
                 "\tdmarc-temperror = defer", "exempt-authenticated = yes"):
        assert line + "\n" in effective.stdout.decode()
    assert "192.0.2.0/24" in effective.stdout.decode()


def test_config_import_says_what_cannot_be_read(assay, workdir):
    done = assay.run("config", "--import-opendkim", "/nonexistent/opendkim.conf")
    assert (done.returncode, done.stdout) == (NO_INPUT, b"")
    assert done.stderr == b"assay: config: /nonexistent/opendkim.conf: No such file or directory\n"
    (workdir / "binary").write_bytes(b"Mode v\n\0\1")
    done = assay.run("config", "--import-opendmarc", workdir / "binary")
    assert (done.returncode, done.stdout) == (65, b"")
    assert b"not a text file" in done.stderr


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


def test_help_is_there_for_every_command(assay):
    for command in ("check", "dns", "findings", "config"):
        done = assay.run(command, "--help")
        assert done.returncode == 0 and done.stdout.startswith(b"usage: assay " + command.encode())
