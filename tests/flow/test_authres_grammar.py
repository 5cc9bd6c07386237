# SPDX-License-Identifier: BSD-2-Clause
"""What is written into Authentication-Results is in the grammar of RFC 8601, whatever the properties' values are, and is read back
as the values that were judged; by a reader of its own (tests/house/authres_grammar.py)."""
import os
import random
import re

import pytest

from dkim_signer import zone_text
from house.authres_grammar import DOMAIN_NAME, NotInTheGrammar, Reader

# IANA, "Email Authentication Methods": the methods, and the properties registered for each that assayd has results of.
REGISTERED = {
    "auth": {"smtp.auth", "smtp.mailfrom"}, "iprev": {"policy.iprev"}, "spf": {"smtp.mailfrom", "smtp.helo"},
    "dkim": {"header.d", "header.i", "header.a", "header.s", "header.b"}, "dmarc": {"header.from", "policy.dmarc"},
    "dkim-adsp": {"header.from"},
}
# From RFC 8601, appendix B, and what its section 2.2 allows beside.
IN_THE_GRAMMAR = [
    "example.org 1; none", "example.com; spf=pass smtp.mailfrom=example.net",
    "example.com;\n  auth=pass (cram-md5) smtp.auth=sender@example.net;\n  spf=fail smtp.mailfrom=example.net",
    "foo.example.net (foobar) 1 (baz);\n    dkim (Because I like it) / 1 (One yay) = (wait for it) fail\n"
    "      policy (A dot can go here) . (like that) expired\n      (this surprised me) = (as I wasn't expecting it) 1362471462",
    "a; dkim=pass header.i=@example.org", 'a; dkim=pass header.i="a b"@example.org', "a; spf=pass smtp.mailfrom=under_score.example",
    "a; spf=pass smtp.mailfrom=\"under_score.example\"", "a; spf=pass (a \\) b) reason=\"c \\\" d\" smtp.helo=x", '"a b"; none',
]
NOT_IN_THE_GRAMMAR = [
    "", "a", "a;", "a; none; spf=pass", "a; spf", "a; spf=", "a; spf=pass x", "a; spf=pass x.y=", "a; spf=pass (x", "a@b.c; none",
    "a; spf=pass smtp.mailfrom=a@under_score.example", "a; spf=pass smtp.mailfrom=a@example", "a; spf=pass smtp.mailfrom=a@-b.example",
    "a; spf=pass smtp.mailfrom=a b", "a; spf=pass smtp.mailfrom=a/b", "a; spf=pass smtp.mailfrom=\xfc.example", "a; spf=pass policy.iprev=::1",
    "a; dkim=pass header.b=ab/c=", "a; spf=pass reason=a@b.c smtp.helo=x", "a; spf=pass smtp.helo=x\n; dkim=none",
    "a; spf=pass smtp.helo=x reason=late", "a; spf=pass smtp_x.helo=y", "a; spf=pass smtp.helo=\"x", "a; spf=pass smtp.helo=x y.z=w;",
]


@pytest.mark.parametrize("text", IN_THE_GRAMMAR)
def test_reader_takes(text):
    Reader(text)


@pytest.mark.parametrize("text", NOT_IN_THE_GRAMMAR)
def test_reader_refuses(text):
    with pytest.raises(NotInTheGrammar):
        Reader(text)


def read(verdict):
    """@return the readers of our fields, after what holds of any."""
    fields = [field.split(":", 1)[1] for field in verdict["headers"] if field.startswith("Authentication-Results:")]
    readers = [Reader(field) for field in fields]
    for reader in readers:
        assert reader.authserv_id == "mx.test.example"
        assert not reader.neighbours and not any("\\" in comment for comment in reader.comments), reader.text
        for result in reader.results:
            assert "\\" not in (result.reason or "") and '"' not in (result.reason or ""), reader.text
            for name, found in result.properties.items():
                assert not (found.bare and "." in found.value) or DOMAIN_NAME.fullmatch(found.value.rsplit("@", 1)[-1]), (name, found)
    first = readers[0]
    assert all(set(result.properties) <= REGISTERED[result.method] for result in first.results), first.text
    assert [result.method for result in first.results].count("spf") <= 1
    assert all(result.method not in REGISTERED for reader in readers[1:] for result in reader.results), fields
    return readers


PIECES = list("abcxyz0189.-_@\"\\()<>;:,/?=+*'!#$%&^`{|}~[] \t\x01\x7f") + ["example", ".example", "_", "\u00fc", "\u202e", "\n", "\xff", "x" * 80,
                                                                       " spf=pass", "xn--bcher-kva", "reason", "%s", "=20", "=3B"]


def seeds(usual):
    first, last = os.environ.get("ASSAY_SEEDS", usual).split("-")
    return range(int(first), int(last) + 1)


def cleaned(text):
    """As util/clean.h promises: control characters, and bytes that are no UTF-8, are shown as question marks."""
    return re.sub("[\x00-\x1f\x7f]", "?", text)


@pytest.mark.parametrize("form", ["domain", "address"])
@pytest.mark.parametrize("seed", seeds("1-2"))
def test_any_value_is_in_the_grammar_and_read_back(assay, workdir, seed, form):
    rng = random.Random(f"{seed} {form}")

    def text(pieces=6):
        return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, pieces)))

    (workdir / "zone").write_text(zone_text({"good.example": "v=spf1 -all", "_dmarc.good.example": "v=DMARC1; p=reject",
                                             "under_score.example": "v=spf1 +all", "_dmarc.under_score.example": "v=DMARC1; p=none"}))
    (workdir / "conf").write_text(f'authserv-id = "mx.test.example"\nexempt-authenticated = no\nheaders {{ smtp-mailfrom = {form} }}\n')
    quoted = 0
    for number in range(100):
        domain = rng.choice(["good.example", "under_score.example", "_x.good.example", "a--b.example", text(3)])
        sender = rng.choice([f"{text()}@{domain}", f"joe@{domain}", domain, ""])
        author = rng.choice([f"joe@{domain}", f"{text()}@good.example"])
        options = ["--config", workdir / "conf", "--zone", workdir / "zone", "--dnssec", "off", "--json",
                   "--client", rng.choice(["203.0.113.9", "2001:db8::9"]), "--helo", rng.choice([domain, text()]), "--mail-from", sender]
        if rng.random() < .3:
            options += ["--auth", text(2).replace(",", "") + "," + text()]
        if rng.random() < .5:
            options += ["--tls", "TLSv1.2," + text(3).replace(",", "") + ",128"]
        header = f"From: {author}\nDKIM-Signature: v=1; a={text(2)}; d={rng.choice([domain, text(3)])}; s={text(3)}; i={text(4)}; h=from; " \
                 f"bh=AAAA; b={text(4)}\n"
        verdict = assay.json("check", *options, "-", stdin=header.encode() + b"\nHello.\n")
        readers = read(verdict)
        assert [result.method for result in readers[1].results] == ["x-tls"]
        results = {result.method: result for result in readers[0].results}
        quoted += sum(not found.bare for reader in readers for result in reader.results for found in result.properties.values())
        spf, dkim = verdict["spf"], verdict["dkim"]
        assert results["spf"].result == spf["result"] and results["dmarc"].result == verdict["dmarc"]["result"], (number, readers[0].text)
        if spf["scope"] == "helo":
            assert "smtp.mailfrom" not in results["spf"].properties
        elif form == "domain" and spf["domain"]:
            assert results["spf"].properties["smtp.mailfrom"].value == cleaned(spf["domain"])
        signatures = [result for result in readers[0].results if result.method == "dkim"]
        assert [result.result for result in signatures] == ([row["result"] for row in dkim] or ["none"])
        for row, result in zip(dkim, signatures):
            for name, key in (("header.d", "domain"), ("header.s", "selector"), ("header.i", "identity"), ("header.a", "algorithm")):
                if row[key] and "\n" not in row[key]:
                    assert result.properties[name].value == cleaned(row[key])[:320], (name, row)
    assert quoted > 50
