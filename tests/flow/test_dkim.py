# SPDX-License-Identifier: BSD-2-Clause
"""The DKIM check on signed messages: keys in a zone file, judged by tests/unit/dkim_driver.

Expected results are those of RFC 6376, RFC 8301, RFC 8463, RFC 8601 and RFC 8616.
"""
import json
import os
import random
import subprocess
import time

import dkim
import pytest

from dkim_judged import (  # noqa: F401  pylint: disable=unused-import
    DATA, ED, MESSAGE, NOW, RSA, RSA1024, RSA4096, SMALL, driver, fixture_judge, fixture_zone, good, records)
from dkim_signer import parse, relaxed_body, sign, zone_text


def tagged(key=None, **tags):
    return good(key=key or RSA, tags={name.rstrip("_"): value for name, value in tags.items()})


def many_tags(count):
    return {"x%d" % i: "1" for i in range(count)}


L = len(relaxed_body(parse(MESSAGE)[1]))

# name: (message, result, part of the reason or None, findings that must be raised)
CASES = {
    "rsa": (good(), "pass", None, []),
    "ed25519": (tagged(ED, s="ed"), "pass", None, []),
    "rsa-1024": (tagged(RSA1024, s="k1024"), "pass", None, []),
    "rsa-4096": (tagged(RSA4096, s="k4096"), "pass", None, []),
    "record over 1024 octets": (tagged(s="notes"), "pass", None, []),
    "record with white space": (tagged(s="spaces"), "pass", None, []),
    "record without v": (tagged(s="plain"), "pass", None, []),
    "several TXT records": (tagged(s="several"), "pass", None, []),
    "several TXT records, no key": (tagged(s="severalbad"), "permerror", "key record", ["dkim-permerror"]),
    "key h=sha1:sha256": (tagged(s="both"), "pass", None, []),
    "key s=email": (tagged(s="email"), "pass", None, []),
    "key s=*": (tagged(s="star"), "pass", None, []),
    "weak key": (tagged(SMALL, s="weak"), "policy", "768 bits", ["dkim-weak-key", "dkim-no-pass"]),
    "rsa-sha1": (good(sha1=True), "policy", "rsa-sha1", ["dkim-weak-algorithm", "dkim-no-pass"]),
    "body changed": (good().replace(b"Hello", b"Hallo"), "fail", "body hash", ["dkim-fail", "dkim-no-pass"]),
    "header changed": (good().replace(b"bob@", b"eve@"), "fail", "signature did not", ["dkim-fail"]),
    "From added on top": (good().replace(b"DKIM-S", b"DKIM-S", 1) + b"", "pass", None, []),
    "From added below": (good().replace(b"\r\n\r\n", b"\r\nFrom: eve@example.net\r\n\r\n", 1), "fail", None, ["dkim-fail"]),
    "oversigned": (good(names=("from", "from", "to", "subject", "date", "cc", "cc")), "pass", None, []),
    "oversigned, added": (b"Cc: x@y\r\n" + good(names=("from", "to", "cc", "cc")), "fail", None, []),
    "l= whole": (tagged(l=str(L)), "pass", None, []),
    "l= short": (tagged(l="10"), "policy", "l=", ["dkim-partial-body", "dkim-no-pass"]),
    "l= and text appended": (tagged(l=str(L)) + b"more\r\n", "policy", "l=", ["dkim-partial-body"]),
    "l= too long": (tagged(l=str(L + 1)), "fail", "shorter than l=", ["dkim-fail"]),
    "l= huge": (tagged(l="9" * 20), "fail", "shorter than l=", ["dkim-fail"]),
    "l= no number": (tagged(l="-1"), "permerror", "l=", ["dkim-permerror"]),
    "l=0": (tagged(l="0"), "policy", "l=", ["dkim-partial-body"]),
    "expired": (tagged(t=str(NOW - 5000), x=str(NOW - 1000)), "policy", "expired", ["dkim-expired", "dkim-no-pass"]),
    "expired a second ago": (tagged(t=str(NOW - 5000), x=str(NOW - 1)), "policy", "expired", ["dkim-expired", "dkim-no-pass"]),
    "expires now": (tagged(t=str(NOW - 5000), x=str(NOW)), "pass", None, []),
    "expired and broken": (tagged(x=str(NOW - 1000)).replace(b"Hello", b"Hallo"), "fail", "body hash", ["dkim-fail"]),
    "expires later": (tagged(x=str(NOW + 1000)), "pass", None, []),
    "x= before t=": (tagged(t=str(NOW), x=str(NOW - 10)), "permerror", "x=", ["dkim-permerror"]),
    "x= no number": (tagged(x="soon"), "permerror", "x=", []),
    "t= in the future": (tagged(t=str(NOW + 100000)), "policy", "future", ["dkim-no-pass"]),
    "t= long ago": (tagged(t="12345"), "pass", None, []),
    "x= far away": (tagged(x="999999999999"), "pass", None, []),
    "test mode": (tagged(s="testing"), "pass", None, ["dkim-test-mode"]),
    "test mode, broken": (tagged(s="testing").replace(b"Hello", b"Hallo"), "fail", None, ["dkim-test-mode"]),
    "i= in subdomain": (tagged(i="joe@mail.example.org"), "pass", None, []),
    "i= in subdomain, t=s": (tagged(i="joe@mail.example.org", s="strict"), "permerror", "subdomain", []),
    "i= same domain, t=s": (tagged(i="joe@EXAMPLE.org", s="strict"), "pass", None, []),
    "i= elsewhere": (tagged(i="joe@example.net"), "permerror", "i=", ["dkim-permerror"]),
    "i= like a suffix": (tagged(i="joe@badexample.org"), "permerror", "i=", []),
    "i= quoted-printable": (tagged(i="j=6Fe=3B@example.org"), "pass", None, []),
    "i= too long": (tagged(i="x" * 243 + "@example.org"), "permerror", "i=", []),
    "i= quoted @": (tagged(i='"a@b"@example.org'), "pass", None, []),
    "From unsigned": (good(names=("to", "subject")), "permerror", "From", ["dkim-permerror"]),
    "v=2": (tagged(v="2"), "permerror", "v=", []),
    "no bh": (good(drop=("bh",)), "permerror", "bh=", []),
    "no b": (good(drop=("b",)), "permerror", "b=", []),
    "no d": (good(drop=("d",)), "permerror", "d=", []),
    "no s": (good(drop=("s",)), "permerror", "s=", []),
    "no v": (good(drop=("v",)), "permerror", "v=", []),
    "no a": (good(drop=("a",)), "permerror", "a=", []),
    "no h": (good(drop=("h",)), "permerror", "h=", []),
    "no c": (good(drop=("c",), canon="simple/simple"), "pass", None, []),
    "c=relaxed": (good(tags={"c": "relaxed"}, canon="relaxed/simple"), "pass", None, []),
    "c= unknown": (tagged(c="nowsp/simple"), "permerror", "c=", []),
    "a= unknown": (tagged(a="rsa-sha512"), "permerror", "a=", []),
    "q= other": (tagged(q="http/get"), "permerror", "q=", []),
    "q= several": (tagged(q="http/get:dns/txt"), "pass", None, []),
    "tag twice": (tagged(v="1; v=1"), "permerror", "twice", []),
    "not a tag list": (b"DKIM-Signature: hello world\r\n" + MESSAGE, "permerror", None, ["dkim-permerror"]),
    "no key": (tagged(s="missing"), "permerror", "no key", ["dkim-permerror"]),
    "revoked": (tagged(s="revoked"), "permerror", "revoked", []),
    "key h=sha1": (tagged(s="sha1only"), "permerror", "SHA-256", []),
    "key s=tlsrpt": (tagged(s="tlsrpt"), "permerror", "e-mail", []),
    "key of other type": (tagged(s="ed"), "permerror", "type", []),
    "key RSAPublicKey by itself": (tagged(s="pkcs1"), "pass", None, []),
    "key v=DKIM2": (tagged(s="v2"), "permerror", "no DKIM key", []),
    "key v= not first": (tagged(s="late"), "permerror", "no DKIM key", []),
    "key without p": (tagged(s="nop"), "permerror", "p=", []),
    "key k=dsa": (tagged(s="unknown"), "permerror", "key type", []),
    "key garbage": (tagged(s="garbage"), "permerror", "malformed", []),
    "key with tag twice": (tagged(s="twice"), "permerror", "malformed", []),
    "key bad base64": (tagged(s="badb64"), "permerror", "base64", []),
    "key no SPKI": (tagged(s="notakey"), "permerror", "RSA key", []),
    "key Ed25519 short": (tagged(ED, s="edkey"), "permerror", "Ed25519", []),
    "wrong key": (tagged(s="bigexp"), "fail", "did not verify", ["dkim-fail"]),
    "white space before =": (good(b_tag="b ="), "pass", None, []),
    "tag that ends in b": (tagged(zb="x"), "pass", None, []),
    "tag in capitals too": (tagged(H="from"), "pass", None, []),
    "unknown tags": (tagged(r="y", foo="bar"), "pass", None, []),
    "too many tags": (good(tags=many_tags(41)), "permerror", "too many", []),
    "final semicolon": (good(b_tag="b=").replace(b"; b=", b"; b=", 1), "pass", None, []),
    "h= with empty names": (tagged(h="from::to:subject:date:"), "pass", None, []),
    "h= folded": (tagged(h="from :\r\n\tto : subject :\r\n date"), "pass", None, []),
    "h= over 4,095 octets": (good(names=("from", "to") + tuple("x%058d" % i for i in range(90))), "pass", None, []),
    "h= of 501 names": (good(names=("from",) + ("a",) * 500), "permerror", "too many", []),
    "h= names its own field": (tagged(h="from:dkim-signature:from"), "fail", None, []),
    "U-label in d=": (tagged(d="bücher.example"), "pass", None, []),
    "U-label in s=": (tagged(s="grün"), "pass", None, []),
    "A-label in d=": (tagged(d="XN--BCHER-kva.example"), "pass", None, []),
    "8-bit in i=": (tagged(d="bücher.example", i="jörg@bücher.example"), "pass", None, []),
    "space in d=": (tagged(d="exam ple.org"), "permerror", "d=", []),
    "fold in s=": (tagged(s="s\r\n el"), "permerror", "s=", []),
    "space in a=": (tagged(a="rsa- sha256"), "permerror", "a=", []),
    "space in c=": (tagged(c="relaxed / relaxed"), "permerror", "c=", []),
    "space around values": (tagged(d=" example.org ", s="\r\n\tsel\t", a=" rsa-sha256 ", c=" relaxed/relaxed "), "pass", None, []),
    "d= malformed": (tagged(d="exa_mple..org"), "permerror", "d=", []),
    "d= with final dot": (tagged(d="example.org."), "pass", None, []),
    "control byte": (tagged(n="a\x01b"), "permerror", "control", []),
    "space before the colon": (good(name=b"DKIM-Signature ", canon="simple/simple"), "pass", None, []),
    "name in other case": (good(name=b"dkim-signaTURE", canon="simple/simple"), "pass", None, []),
    "b= of one octet": (good()[:good().index(b"; b=")] + b"; b=/g\r\n" + MESSAGE, "fail", "did not verify", ["dkim-fail"]),
    "very long field": (tagged(z="x" * 32768), "permerror", "too long", []),
    "field of 30 KB": (tagged(z="x" * 30000), "pass", None, []),
}


@pytest.mark.parametrize("name", CASES)
def test_signature(judge, name):
    message, result, reason, findings = CASES[name]
    judged = judge([message])[0]
    assert [s["result"] for s in judged["dkim"]] == [result], judged
    if reason is not None:
        assert reason in judged["dkim"][0]["reason"], judged
    if result == "pass":
        assert judged["dkim"][0]["reason"] is None
    assert set(findings) <= set(judged["findings"]), judged
    assert ("dkim-no-pass" in judged["findings"]) == (result != "pass")
    assert "dkim-none" not in judged["findings"]
    if "test mode" in name:
        assert judged["dkim"][0]["test_mode"] and "dkim-fail" not in judged["findings"]


# What a message may hold once (RFC 5322 section 3.6, RFC 2045 section 3) and a reader shows or obeys.
ONCE = ["From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Date", "Subject", "Message-ID", "In-Reply-To", "References",
        "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Content-ID"]
FULL = b"".join(name.encode() + b": alice@example.org\r\n" for name in ONCE) + b"\r\nHello.\r\n"
ALL = tuple(name.lower() for name in ONCE)


def added_fields(judge, messages):
    """Of each message with one signature that passes: the field that was added, and whether the finding says so."""
    judged = judge(messages)
    assert [[s["result"] for s in j["dkim"]] for j in judged] == [["pass"]] * len(messages)
    for j in judged:
        assert ("dkim-field-added" in j["findings"]) == (j["dkim"][0]["added_field"] is not None)
        assert "dkim-no-pass" not in j["findings"]
    return [j["dkim"][0]["added_field"] for j in judged]


def test_field_added_on_top_of_the_signed_one(judge):
    signed = sign(FULL, RSA, names=ALL)
    disguises = [b"%s: x\r\n", b"%s : x\r\n", b"%s :\r\n x\r\n"]
    messages = [text % name.encode() + signed for name in ONCE for text in disguises]
    messages += [b"%s: x\r\n" % name.upper().encode() + signed for name in ONCE]
    # between the signature and the message too: the last one is the signed one
    head, mark, rest = signed.partition(b"From:")
    messages += [head + b"%s: x\r\n" % name.encode() + mark + rest for name in ONCE if name != "From"]
    assert added_fields(judge, messages) == [name for name in ONCE for _ in disguises] + ONCE + ONCE[1:]


def test_field_added_that_is_no_attack(judge):
    signed = sign(FULL, RSA, names=ALL + ("received", "x-mailer", "list-id", "resent-from"))
    harmless = ["Received", "DKIM-Signature", "List-Id", "List-Unsubscribe", "Resent-From", "Resent-Subject", "X-Mailer",
                "Authentication-Results", "ARC-Seal", "Return-Path", "Delivered-To", "Subjects", "Fro"]
    judged = judge([b"%s: x\r\n" % name.encode() + sign(FULL, RSA, names=ALL) for name in harmless])
    assert all("dkim-field-added" not in j["findings"] for j in judged)
    assert added_fields(judge, [signed]) == [None]
    # a field that h= does not name is free to be changed altogether: its second occurrence is no worse
    assert added_fields(judge, [b"Subject: x\r\n" + sign(FULL, RSA, names=("from", "to"))]) == [None]


def test_field_that_is_covered_as_often_as_it_stands_there(judge):
    twice = b"Subject: a\r\nTo: x@example.org\r\n" + FULL
    covered = sign(twice, RSA, names=ALL + ("subject", "to"))
    assert added_fields(judge, [covered, sign(twice, RSA, names=ALL + ("to",)), sign(FULL, RSA, names=ALL * 2)]) == [
        None, "Subject", None]
    # but of no honest message are two From fields
    two = b"From: eve@example.net\r\n" + FULL
    assert added_fields(judge, [sign(two, RSA, names=ALL + ("from",))]) == ["From"]


def test_field_added_spoils_no_other_signature(judge):
    """Each signature by itself: who signs the message as it came, both Subjects, vouches for it."""
    message = sign(b"Subject: new\r\n" + sign(FULL, RSA, names=ALL), RSA, names=ALL + ("subject",), tags={"d": "example.com"})
    judged = judge([message])[0]
    assert [(s["domain"], s["added_field"]) for s in judged["dkim"]] == [("example.com", None), ("example.org", "Subject")]


def test_field_added_is_told_of_no_failed_signature(judge):
    judged = judge([b"Subject: x\r\n" + sign(FULL, RSA, names=ALL).replace(b"Hello", b"Hallo"),
                    b"Subject: x\r\nDKIM-Signature: hello\r\n" + FULL])
    assert [j["dkim"][0]["added_field"] for j in judged] == [None, None]
    assert all("dkim-field-added" not in j["findings"] for j in judged)


def test_unsigned_wants_no_body(judge):
    judged = judge([MESSAGE])[0]
    assert judged == {**judged, "dkim": [], "findings": ["dkim-none"], "body": False}


@pytest.mark.parametrize("canon", ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("chunk", ["0", "1", "3", "4096"])
def test_canonicalizations(judge, canon, chunk):
    judged = judge([good(canon=canon), sign(MESSAGE, ED, tags={"s": "ed"}, canon=canon)], "--chunk", chunk)
    assert [j["dkim"][0]["result"] for j in judged] == ["pass", "pass"]


def test_bad_signatures_do_not_spoil_good_ones(judge):
    """Faults of every kind that leave a list of tags one (of others: test_dkim_handed.c, what reaches the library)."""
    def bad(**changed):
        tags = {"v": "1", "a": "rsa-sha256", "d": "x.example", "s": "y", "h": "from", "bh": "A" * 43 + "=", "b": "AAAAAAAAAAAA", **changed}
        return b"DKIM-Signature: " + "; ".join(f"{name}={value}" for name, value in tags.items() if value).encode() + b"\r\n"
    faults = [bad(v="2"), bad(bh=None), bad(h="to"), bad(c="other"), bad(a="rsa-md5")]
    judged = judge([b"".join(faults) + tagged(ED, s="ed")])[0]
    assert [s["result"] for s in judged["dkim"]] == ["permerror"] * 5 + ["pass"]
    assert "dkim-no-pass" not in judged["findings"]


def test_two_signatures_each_their_own_result(judge):
    one = tagged(s="k1024", key=RSA1024)
    two = sign(one, RSA, tags={"d": "example.com"})
    judged = judge([two, two.replace(b"bob@", b"eve@")])
    assert [s["result"] for s in judged[0]["dkim"]] == ["pass", "pass"]
    assert [s["domain"] for s in judged[0]["dkim"]] == ["example.com", "example.org"]
    assert [s["result"] for s in judged[1]["dkim"]] == ["fail", "fail"]


def test_signature_over_signature(judge):
    names = ("from", "to", "dkim-signature")
    judged = judge([sign(good(), RSA, names=names, tags={"d": "example.com"})])[0]
    assert [s["result"] for s in judged["dkim"]] == ["pass", "pass"]


def test_cap_takes_the_author_domain_first(judge):
    message = good()
    for _ in range(30):
        message = sign(message, RSA, tags={"d": "example.com"})
    judged = judge([message], "--max", "5")[0]
    assert [s["domain"] for s in judged["dkim"]] == ["example.com"] * 4 + ["example.org"]
    assert "dkim-too-many" in judged["findings"] and judged["dkim"][4]["result"] == "pass"


def test_b_is_unique(judge):
    message = good()
    judged = judge([message[:message.index(b"\r\n") + 2] + message])[0]
    first, second = (s["b"] for s in judged["dkim"])
    assert len(first) >= 8 and first == second  # equal fields cannot be told apart
    judged = judge([sign(message, RSA, tags={"d": "example.com"})])[0]
    assert len({s["b"] for s in judged["dkim"]}) == 2


def test_odd_headers_are_judged(judge):
    odd = [b"Sub\xffject: x\r\n", b"Sub ject: x\r\n", b"X;Y: z\r\n", b"X-Raw: \xff\xfe\x80\r\n", b": nothing\r\n",
           b"X-Long: " + b"a" * 200000 + b"\r\n"]
    base = b"".join(odd) + MESSAGE
    judged = judge([sign(base, RSA), sign(base, RSA, names=("from", "x-raw", "x-long"))])
    assert [j["dkim"][0]["result"] for j in judged] == ["pass", "pass"]


@pytest.mark.parametrize("byte", [b"\x0b", b"\x0c", b"\r", b"\x01"])
def test_control_bytes_are_no_white_space(judge, byte):
    """RFC 6376 section 3.4.2: WSP is space and tab; what the sender signed as other bytes is hashed as such."""
    for canon in ("relaxed/relaxed", "simple/simple"):
        base = MESSAGE.replace(b"A  test\r\n\tfolded", b"A" + byte + b" test" + byte + b"x" * (byte == b"\r"))
        message = sign(sign(base, RSA, canon=canon), ED, canon=canon, tags={"s": "ed"})
        judged = judge([message, message.replace(byte + b" test", byte + b" text")])
        assert [[s["result"] for s in j["dkim"]] for j in judged] == [["pass", "pass"], ["fail", "fail"]], canon


def test_from_without_address_is_judged(judge):
    for value in (b"", b" undisclosed:;", b" <<<>>>", b" \"", b" (((", b" a@b@c@d,,,;;:"):
        message = MESSAGE.replace(b" Alice <alice@example.org>", value)
        assert judge([sign(message, RSA)])[0]["dkim"][0]["result"] == "pass", value


def test_broken_bodies_never_pass(judge):
    """Also as their signer had them: the body as it stands is what is signed."""
    base = MESSAGE.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n"
    for canon in ("relaxed/relaxed", "simple/simple"):
        for body in (b"a\rb\r\ncd\r\n", b"ab\r\ncd\r\r\n", b"ab\r\ncd\n\r\n", b"ab\ncd\r\n", b"\nab\r\ncd\r\n", b"ab\r\nc\rd\r\n"):
            signed = sign(base + body, RSA, canon=canon)
            for chunk in ("0", "1"):
                judged = judge([signed], "--chunk", chunk)[0]
                assert judged["dkim"][0]["result"] == "neutral", (canon, body, judged["dkim"])


def test_key_of_8192_bits(judge, zone):
    with open(os.path.join(DATA, "rsa8192.key"), encoding="ascii") as file:
        record = file.read().strip()
    with open(os.path.join(DATA, "rsa8192.eml"), "rb") as file:
        message = file.read()
    with open(zone, "a", encoding="ascii") as file:
        file.write(zone_text({"k8192._domainkey.example.org": record}).split("5\n", 1)[1])
    judged = judge([sign(message, RSA), message.replace(b"Hello", b"Hallo")])
    assert [s["result"] for s in judged[0]["dkim"]] == ["pass", "pass"]
    assert judged[0]["dkim"][1]["key_bits"] == 8192
    assert judged[1]["dkim"][0]["result"] == "fail"


@pytest.mark.parametrize("name,results", [("rfc6376", ["pass"]), ("rfc8463", ["pass", "pass"])])
def test_examples_of_the_standards(name, results):
    """RFC 6376 appendix A.2 and RFC 8463 appendix A.3 with their published keys."""
    out = subprocess.run([driver(), "--zone", os.path.join(DATA, "rfc.zone"), os.path.join(DATA, name + ".eml")],
                         check=True, capture_output=True).stdout
    assert [s["result"] for s in json.loads(out)["dkim"]] == results


def wild_message(rng):
    def space():
        return "".join(rng.choice([" ", "\t", "  ", "\r\n ", "\r\n\t"]) for _ in range(rng.randint(0, 3)))

    def words(count):
        return "".join(rng.choice(["word", "x", "=?utf-8?q?a?=", "\"q\"", "<a@b>", ","]) + " " + space()
                       for _ in range(rng.randint(1, count))).rstrip()

    head = "From:%s%s <a@example.org>\r\n" % (space(), rng.choice(["A", "\"A B\"", ""]))
    for name in rng.sample(["To", "Subject", "Date", "Cc", "X-One", "x-one", "Received", "Message-ID", "SUBJECT", "X-Two"],
                           rng.randint(0, 8)):
        head += "%s:%s%s%s\r\n" % (name, space(), words(6), rng.choice(["", " ", "\t "]))
    lines = []
    for _ in range(rng.randint(0, 12)):
        lines.append("".join(rng.choice(["line", " ", "  ", "\t", "text.", ".", "=20"]) for _ in range(rng.randint(0, 8))))
    # dkimpy keeps white space at the end of a last line without CRLF (RFC 6376 section 3.4.4 does not): not generated
    body = "\r\n".join(lines).rstrip(" \t") + rng.choice(["", "\r\n", "\r\n\r\n", "\r\n \r\n", "\r\n\t\r\n\r\n\r\n"])
    return (head + "\r\n" + body).encode()


def differ_signed(rng, message):
    header = rng.choice([b"relaxed", b"simple"])
    body = rng.choice([b"relaxed", b"simple"])
    key, selector, algorithm = rng.choice([(RSA1024.pem(), b"k1024", b"rsa-sha256"), (ed_pem(), b"ed", b"ed25519-sha256")])
    names = [b"from"] + rng.sample([b"to", b"subject", b"date", b"cc", b"x-one", b"x-two", b"subject", b"from", b"x-none"], 4)
    return dkim.sign(message, selector, b"example.org", key, canonicalize=(header, body), include_headers=names,
                     signature_algorithm=algorithm, length=rng.random() < 0.1) + message


def ed_pem():
    from cryptography.hazmat.primitives import serialization
    import base64
    raw = ED.private.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    return base64.b64encode(raw)


def changed(rng, message):
    """A change somewhere that keeps fields and lines what they are; it may or may not matter to a relaxed signature."""
    head = message.index(b"\r\n\r\n")
    while True:
        at = rng.randrange(len(message))
        line = message[message.rfind(b"\n", 0, at) + 1:at]
        if line.strip() and message[at:at + 1] not in (b"\r", b"\n") and (at > head or b":" in line or line[:1].isspace()):
            break
    kind = rng.random()
    if kind < 0.4:
        return message[:at] + b"z" + message[at + 1:]
    if kind < 0.8:
        return message[:at] + b" " + message[at:]
    return message + rng.choice([b"x", b"\r\n", b" \r\n"])


def oracle(message, zone_records):
    def lookup(name, timeout=5):
        text = zone_records.get(name.decode().rstrip("."))
        return text.encode() if isinstance(text, str) else None
    try:
        return dkim.verify(message, dnsfunc=lookup)
    except Exception:  # what the other implementation cannot read is not a pass
        return False


@pytest.mark.parametrize("seed", range(6))
def test_same_as_dkimpy(judge, seed):
    rng = random.Random(seed)
    messages = []
    for _ in range(120):
        signed = differ_signed(rng, wild_message(rng))
        messages.append(signed)
        messages.append(changed(rng, signed))
    judged = judge(messages, "--chunk", rng.choice(["0", "1", "5", "100"]), at=int(time.time()))
    keys = records()
    differences = []
    for message, verdict in zip(messages, judged):
        mine = any(s["result"] == "pass" or s["partial_body"] for s in verdict["dkim"])
        if mine != oracle(message, keys):
            differences.append((message, verdict))
    passes = sum(any(s["result"] == "pass" for s in v["dkim"]) for v in judged)
    assert not differences, differences[:3]
    assert passes > 100


@pytest.mark.parametrize("canon", ["relaxed/relaxed", "simple/simple", "relaxed/simple"])
@pytest.mark.parametrize("odd", [{"b_tag": "b ="}, {"tags": {"zb": "1"}}, {"tags": {"i": "j\u00f6rg@example.org"}}])
def test_signatures_the_library_cannot_hash(judge, canon, odd):
    """Hashed by our own canonicalization: on wild headers, unchanged and with a signed field changed."""
    rng = random.Random(7)
    names = ("from", "to", "x-one", "subject", "subject", "x-none")
    signed = [sign(wild_message(rng), RSA, canon=canon, names=names, **odd) for _ in range(40)]
    judged = judge(signed + [m.replace(b"From:", b"From: z", 1) for m in signed])
    assert [j["dkim"][0]["result"] for j in judged] == ["pass"] * 40 + ["fail"] * 40
