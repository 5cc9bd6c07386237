# SPDX-License-Identifier: BSD-2-Clause
"""What the programs say of wrong usage, of configurations with faults, and of those of other programs."""
import subprocess

import pytest

from programs import ZONE

USAGE, NO_INPUT, CONFIG = 64, 66, 78


@pytest.mark.parametrize("arguments", [
    ["check", "--client", "not an address"], ["check", "--tls", "TLSv1.3,X,many"], ["check", "--tls", ",X,128"],
    ["check", "--resolver", "example.org"],
    ["check", "--resolver", "127.0.0.1@99999"], ["check", "--dnssec", "maybe"], ["check", "--time", "yesterday"],
    ["check", "--time", "0"], ["check", "--time", "-5"], ["check", "--time", "1795993142000"],    # milliseconds
    ["brakes", "--lift", "default", "spf-fail", "--time", "9223372036854775806"], ["dmarc-reports", "--time", "99999999999999999999"],
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
    (["config", "--sample", "--caps"], "assay: config: --sample and --caps exclude each other\n"),
    (["config", "--explain", "--diff", "a", "b"], "assay: config: --explain and --diff exclude each other\n"),
    (["config", "--caps", "--import-opendkim", "a"], "assay: config: --caps and --import-opendkim or --import-opendmarc exclude each other\n"),
    (["config", "--sample", "a"], "assay: config: with --sample no configuration is read: leave out 'a'\n"),
    (["config", "--import-opendkim", "a", "b"], "assay: config: with --import-opendkim or --import-opendmarc no configuration is read: "),
    (["config", "--diff", "--json", "a", "b"], "assay: config: --diff takes two files: assay config --diff OLD NEW; other options "),
    (["findings", "spf-fail", "spf-none"], "assay: findings: unexpected argument 'spf-none'; options: --json"),
    (["findings", "--json", "spf-fail"], "assay: findings: unexpected argument 'spf-fail'; options: --json"),
    (["peers", "--limit", "5x"], "assay: peers: --limit: '5x' is no number from 1 to 100000\n"),
    (["peers", "--database", ""], "assay: peers: --database names none: a path, sqlite:PATH or postgresql:CONNECTION\n"),
    (["report", "--database", "sqlite:"], "assay: report: --database names none: a path, sqlite:PATH or postgresql:CONNECTION\n"),
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
    (["-t", "9223372036854775807"], "assayd: -t: '9223372036854775807' is not a number of seconds\n"),
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
