# SPDX-License-Identifier: BSD-2-Clause
"""Signed messages, their keys in a zone file, and what tests/unit/dkim_driver makes of them."""
import json
import os
import subprocess

import pytest

from dkim_signer import Key, sign, zone_text
from house import build

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dkim")
NOW = 1700000000

MESSAGE = (b"From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: A  test\r\n\tfolded\r\n"
           b"Date: Fri, 11 Jul 2003 21:00:37 -0700\r\n\r\nHello  Bob,\r\n\r\nhow are \t you? \r\n\r\n\r\n")

RSA = Key.rsa(2048)
RSA1024 = Key.rsa(1024)
RSA4096 = Key.rsa(4096)
ED = Key.ed25519()
SMALL = Key.rsa(768)


def records():
    out = {
        "sel": RSA.record(), "ed": ED.record(), "k1024": RSA1024.record(), "k4096": RSA4096.record(),
        "weak": SMALL.record(), "revoked": "v=DKIM1; k=rsa; p=", "testing": RSA.record("t=y; "),
        "strict": RSA.record("t=s; "), "sha1only": RSA.record("h=sha1; "), "both": RSA.record("h=sha1:sha256; "),
        "tlsrpt": RSA.record("s=tlsrpt; "), "email": RSA.record("s=email; "), "star": RSA.record("s=other:*; "),
        "pkcs1": RSA.record(pkcs1=True), "plain": "p=" + RSA.public(), "v2": RSA.record().replace("DKIM1", "DKIM2"),
        "late": "k=rsa; v=DKIM1; p=" + RSA.public(), "nop": "v=DKIM1; k=rsa", "unknown": RSA.record().replace("k=rsa", "k=dsa"),
        "garbage": "this is no key record", "twice": "v=DKIM1; k=rsa; k=rsa; p=" + RSA.public(),
        "badb64": "v=DKIM1; p=****", "notakey": "v=DKIM1; p=AAAA", "edkey": "v=DKIM1; k=ed25519; p=AAAA",
        "several": ["v=spf1 -all", "v=DKIM1; k=rsa; p=" + RSA1024.public(), RSA.record()],
        "severalbad": ["v=spf1 -all", "hello"], "notes": RSA.record("n=" + "x" * 900 + "; "),
        "spaces": "v=DKIM1 ; k = rsa ; p=" + " ".join(RSA.public()[i:i + 40] for i in range(0, 400, 40)) + ";",
        "bigexp": Key.rsa(2048, 3).record(),
    }
    zone = {name + "._domainkey.example.org": text for name, text in out.items()}
    zone["sel._domainkey.example.com"] = RSA.record()
    zone["sel._domainkey.xn--bcher-kva.example"] = RSA.record()
    zone["xn--grn-ioa._domainkey.example.org"] = RSA.record()
    return zone


@pytest.fixture(name="zone", scope="module")
def fixture_zone(tmp_path_factory):
    path = tmp_path_factory.mktemp("dkim") / "keys.zone"
    path.write_text(zone_text(records()))
    return str(path)


def driver():
    return build.program("tests/unit/dkim_driver")


@pytest.fixture(name="judge")
def fixture_judge(zone, tmp_path):
    def run(messages, *options, at=NOW):
        paths = []
        for i, message in enumerate(messages):
            path = tmp_path / ("%d.eml" % i)
            path.write_bytes(message)
            paths.append(str(path))
        out = subprocess.run([driver(), "--zone", zone, "--time", str(at), *options, *paths], check=True, capture_output=True)
        return [json.loads(line) for line in out.stdout.splitlines()]
    return run


def good(**kwargs):
    return sign(MESSAGE, kwargs.pop("key", RSA), **kwargs)
