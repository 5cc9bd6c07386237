# SPDX-License-Identifier: BSD-2-Clause
"""
Chains that other sealers made, kept as files in arc/: mailauth 4.13.3 (three sets), rspamd 3.4 (two sets), and both in turns
(mailauth, rspamd, mailauth), over one letter, with keys that were made for them. They verify, and fail after a change.
"""
import json
import pathlib
import subprocess

import pytest

import dkim_signer
from house import build

HERE = pathlib.Path(__file__).parent / "arc"
SEALERS = {
    "mailauth": ["mailauth.example", "lists.mailauth.example", "mailauth.example"],
    "rspamd": ["rspamd.example", "lists.rspamd.example"],
    "both": ["mailauth.example", "rspamd.example", "lists.mailauth.example"],
}
KINDS = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")


def judge(tmp_path, message):
    config, letter = tmp_path / "assay.conf", tmp_path / "letter"
    config.write_text(f'dns {{ zone-file = "{HERE}/sealers.zone" dnssec = off }}\n')
    letter.write_bytes(message)
    run = subprocess.run([build.program("assay"), "check", "--json", "--config", config, "--client", "192.0.2.1,mx.example.org",
                          "--mail-from", "x@example.org", letter], capture_output=True, text=True, timeout=60, check=False)
    assert run.stdout, run.stderr
    return json.loads(run.stdout)["arc"]


def chain_of(name):
    return (HERE / f"{name}.eml").read_bytes()


@pytest.mark.parametrize("name", SEALERS)
def test_chain_of_another_sealer_passes(tmp_path, name):
    verdict = judge(tmp_path, chain_of(name))
    assert (verdict["result"], verdict["oldest_pass"], verdict["sealers"]) == ("pass", 0, SEALERS[name])


def cut_signature(value):
    """One letter in the middle of b=, which no folding hides."""
    at = value.rindex(b"b=") + 20
    return value[:at] + (b"A" if value[at:at + 1] != b"A" else b"B") + value[at + 1:]


def change_set(message, kind, place):
    """The field of one kind, counted from the top: the newest set is 0."""
    fields, body = dkim_signer.parse(message)
    seen, out = -1, b""
    for name, value in fields:
        seen += name.strip().lower() == KINDS[kind]
        if seen == place and name.strip().lower() == KINDS[kind]:
            value = value.replace(b"spf=none", b"spf=pass", 1) if kind == 0 else cut_signature(value)
        out += name + b":" + value + b"\r\n"
    changed = out + b"\r\n" + body
    assert changed != message and len(changed) == len(message)
    return changed


@pytest.mark.parametrize("name, place", [(name, place) for name, sealers in SEALERS.items() for place in range(len(sealers))])
@pytest.mark.parametrize("kind", range(3), ids=("results", "message-signature", "seal"))
def test_chain_of_another_sealer_fails_after_a_change_of_any_field(tmp_path, name, place, kind):
    assert judge(tmp_path, change_set(chain_of(name), kind, place))["result"] == "fail"


@pytest.mark.parametrize("name", SEALERS)
@pytest.mark.parametrize("old, new", [(b"From: John", b"From: Jane"), (b"Subject: A letter", b"Subject: A bill"), (b"a test message", b"another message")])
def test_chain_of_another_sealer_fails_for_another_message(tmp_path, name, old, new):
    message = chain_of(name)
    assert message.count(old) == 1
    assert judge(tmp_path, message.replace(old, new))["result"] == "fail"


@pytest.mark.parametrize("name", SEALERS)
def test_chain_of_another_sealer_fails_without_its_newest_or_oldest_field(tmp_path, name):
    for last in (False, True):
        fields, body = dkim_signer.parse(chain_of(name))
        seals = [field for field in fields if field[0].strip().lower() == KINDS[2]]
        fields.remove(seals[-1 if last else 0])
        message = b"".join(name + b":" + value + b"\r\n" for name, value in fields) + b"\r\n" + body
        assert judge(tmp_path, message)["result"] == "fail"
