# SPDX-License-Identifier: BSD-2-Clause
"""bash completion offers what the programs take: every long option, the commands, the finding names."""
import json
import re
import shlex
import subprocess

import pytest

from house.build import TOP

COMPLETIONS = TOP / "completions"


def complete(*words, path="/usr/bin:/bin"):
    """What bash would offer behind these words, the last of which is being written."""
    program = words[0]
    script = (f"source {shlex.quote(str(COMPLETIONS / program))}\n"
              f"COMP_WORDS=({' '.join(map(shlex.quote, words))})\nCOMP_CWORD={len(words) - 1}\n_{program}\n"
              "printf '%s\\n' \"${COMPREPLY[@]}\"\n")
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, timeout=60, check=True,
                          env={"PATH": path})
    assert done.stderr == ""
    return set(done.stdout.split())


def option_tables():
    """The long options of each command, from the tables in the source."""
    tables = {}
    for source in sorted((TOP / "tools").glob("*.c")):
        text = source.read_text()
        table = re.search(r"struct option long_options\[\] = \{(.*?)\{ 0 \}", text, re.S)
        command = re.search(r"\nint command_(\w+)\(", text)
        if table and command:
            tables[command.group(1)] = set(re.findall(r'\{ "([a-z-]+)",', table.group(1)))
    return tables


def commands():
    return set(re.findall(r'\{ "([a-z]+)", command_', (TOP / "tools" / "main.c").read_text()))


def test_every_command_is_offered():
    assert commands() >= {"check", "dns", "findings", "config", "peers", "report"}
    assert commands() <= complete("assay", "")
    assert complete("assay", "rep") == {"report"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_is_offered(command):
    # as the program itself tells them; the table of the source where it stands in the command's own file
    offered = complete("assay", command, "--")
    tables = option_tables()
    if command in tables:
        assert offered == {"--" + name for name in tables[command]}
    assert "--help" in offered


@pytest.mark.parametrize("command", ["check", "config", "dns", "findings", "peers", "report", "log"])
def test_options_are_those_that_the_program_names(assay, command):
    said = assay.run(command, "--no-such-option").stderr.decode()
    assert set(re.findall(r"--[a-z-]+", said.split("valid: ")[1])) == complete("assay", command, "--")


def test_fixed_words_and_findings_are_offered(assay, build_dir):
    assert complete("assay", "check", "--dnssec", "") == {"validate", "trust-ad", "off"}
    assert complete("assay", "peers", "p") == {"pin"}
    assert complete("assay", "peers", "pin", "") == set()
    assert complete("assay", "setup", "") >= {"postfix", "sendmail"}
    names = {row["name"] for row in json.loads(assay.run("findings", "--json").stdout)}
    assert complete("assay", "findings", "", path=f"{build_dir}:/usr/bin:/bin") == names


def test_every_option_of_assayd_is_offered(build_dir):
    done = subprocess.run([build_dir / "assayd", "-h"], capture_output=True, text=True, timeout=60, check=True)
    assert set(re.findall(r"^  (-[a-zA-Z]) ", done.stdout, re.M)) | {"--help", "--version"} == complete("assayd", "")
