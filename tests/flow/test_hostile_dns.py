# SPDX-License-Identifier: BSD-2-Clause
"""Answers as no honest server gives them, through the real resolver: each ends in a named verdict.

Every case runs as one `assay check`, and all of them once more in a row through a single process (one scope after the
other in `assay check` is a new process, so the daemon test does that). Expected words are from RFC 7208, 6376, 9989 and
5617: what cannot be read is permerror, what did not come is temperror. Each is just over a cap or just outside a grammar; what the
libraries behind the guards would do with worse is told in tests/unit/test_spf_evaluate.c, test_dkim_handed.c and test_dns_wire.c.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import pytest

import hostile_dns as h

# A process begins with the peak of the one that it was forked from: so a small one, not this with all its tests, starts it.
PEAK = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[2:], timeout=120).returncode
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code if code >= 0 else 100)
"""
CLIENT = "192.0.2.66"
DOMAIN = "case.hostile.example"


def assay(build_dir, port, *arguments, stdin=None):
    command = [os.path.join(build_dir, "assay"), "check", "--json", "--resolver", f"127.0.0.1@{port}", "--dnssec", "off",
               "--client", CLIENT, "--helo", "helo.hostile.example", "--mail-from", f"user@{DOMAIN}",
               "--config", os.environ["ASSAY_HOSTILE_CONF"], *arguments]
    with tempfile.NamedTemporaryFile("r") as peak:
        done = subprocess.run([sys.executable, "-S", "-E", "-c", PEAK, peak.name, *command], input=stdin or b"", capture_output=True,
                              check=False)
        assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
        # the sanitizers' shadow needs room
        if not os.environ.get("ASSAY_SANITIZED"):
            peak_kib = int(peak.read())
            assert peak_kib < 200 * 1024, f"{peak_kib} KiB at the peak"
        return json.loads(done.stdout)


@pytest.fixture(autouse=True, scope="module")
def configuration(tmp_path_factory):
    path = tmp_path_factory.mktemp("hostile") / "assay.conf"
    path.write_text('dns { timeout = 300ms rounds = 2 }\nadsp { enabled = yes }\n')
    os.environ["ASSAY_HOSTILE_CONF"] = str(path)
    yield
    del os.environ["ASSAY_HOSTILE_CONF"]


def zone_server(records):
    """A server from {(name, type): [rdata]}; everything else is NXDOMAIN. '*' serves the rest."""
    def answer(query, name, rrtype, _tcp):
        rdatas = records.get((name, rrtype))
        if rdatas is None and ("*", rrtype) in records:
            rdatas = records[("*", rrtype)]
        if rdatas is None:
            exists = any(key[0] == name for key in records)
            return h.message(query, rcode=0 if exists else 3)
        return h.message(query, [h.rr(name, rrtype, rdata) for rdata in rdatas])
    return h.HostileServer(answer)


def spf(build_dir, record, more=None):
    records = {(DOMAIN, h.TXT): [h.txt_rdata(record)]}
    records.update(more or {})
    with zone_server(records) as server:
        return assay(build_dir, server.port)["spf"]


ONLY_SECURE = '''mode = enforce
dns { timeout = 300ms rounds = 2 }
policy "careful" { recipient-domains = test.example reject-only-secure = yes
    actions { dmarc-reject-corroborated = none dkim-none = none tls-none = none iprev-fail = none spf-fail = none
        dmarc-reject = %s dkim-permerror = %s } }
'''
NO_SIGNATURES = {
    "none": ("", "none"),
    "version": ("v=2; a=rsa-sha256; h=from", "permerror"),
    "algorithm": ("v=1; a=rsa-md5; h=from", "permerror"),
    "sha1": ("v=1; a=rsa-sha1; h=from", "policy"),
    "from": ("v=1; a=rsa-sha256; h=subject", "permerror"),
}


@pytest.mark.parametrize("finding", ["dmarc-reject", "dkim-permerror"])
@pytest.mark.parametrize("tags, result", NO_SIGNATURES.values(), ids=NO_SIGNATURES)
def test_what_is_no_signature_takes_nothing_from_a_secure_failure(build_dir, tmp_path, tags, result, finding):
    """All of DNS is authenticated, and says that this must be refused; one more header field of the sender's must not change that."""
    records = {(f"_dmarc.{DOMAIN}", h.TXT): [h.txt_rdata("v=DMARC1; p=reject")], (DOMAIN, h.TXT): [h.txt_rdata("v=spf1 -all")]}

    def answer(query, name, rrtype, _tcp):
        rdatas = records.get((name, rrtype), [])
        return h.message(query, [h.rr(name, rrtype, rdata) for rdata in rdatas], rcode=0, flags=0x8180 | 0x20)

    config = tmp_path / "assay.conf"
    config.write_text(ONLY_SECURE % tuple("reject" if each == finding else "none" for each in ("dmarc-reject", "dkim-permerror")))
    field = f"DKIM-Signature: {tags}; d={DOMAIN}; s=x; bh=AAAA; b=AAAA\r\n" if tags else ""
    with h.HostileServer(answer) as server:
        told = assay(build_dir, server.port, "--dnssec", "trust-ad", "--config", str(config), "--rcpt", "ann@test.example", "-",
                     stdin=f"{field}From: joe@{DOMAIN}\r\nSubject: x\r\n\r\nHello\r\n".encode())
    assert [each["result"] for each in told["dkim"]] == ([result] if tags else [])
    assert (told["dmarc"]["result"], told["dmarc"]["dnssec"]) == ("fail", "secure")
    raised = finding == "dmarc-reject" or result == "permerror"
    assert (told["decision"]["action"], told["decision"]["finding"]) == (("reject", finding) if raised else ("none", None))


# ---- SPF --------------------------------------------------------------------------------------------

SPF_CASES = {
    "unknown-modifier": ("v=spf1 x=%{d}%{i} -all", {"fail"}),
    "over-3000-octets": ("v=spf1" + " " * 2991 + "-all", {"permerror"}),
    "prefix-out-of-range": ("v=spf1 ip4:192.0.2.67/33 -all", {"permerror"}),
    "prefix-of-three-digits": ("v=spf1 ip4:192.0.2.67/280 -all", {"permerror"}),
    "more-parts-than-labels": ("v=spf1 exists:%{d4}.x.example -all", {"fail"}),
    "macro-digit-zero": ("v=spf1 exists:%{d0}.x.example -all", {"permerror"}),
    "bangs": ("v=spf1 !!!", {"permerror"}),
    "twenty-networks": ("v=spf1 " + " ".join(f"ip4:198.51.100.{i}" for i in range(20)) + " -all", {"fail"}),
    "zero-prefix": ("v=spf1 ip4:0.0.0.0/0 -all", {"pass"}),
    "leading-zero-prefix": ("v=spf1 ip4:192.0.2.0/024 -all", {"permerror"}),
    "redirect-twice": ("v=spf1 redirect=a.example redirect=b.example", {"permerror"}),
    "control-byte": ("v=spf1 \x01 -all", {"permerror"}),
    "nul-byte": ("v=spf1 ip4:192.0.2.66\x00 -all", {"permerror"}),
    "eight-bit": ("v=spf1 a:caf\xe9.example -all", {"permerror"}),
    "label-of-64": ("v=spf1 a:" + "a" * 64 + ".example -all", {"permerror", "fail"}),
    "endless-self-include": (f"v=spf1 include:{DOMAIN} -all", {"permerror"}),
    "endless-self-redirect": (f"v=spf1 redirect={DOMAIN}", {"permerror"}),
    "too-many-terms": ("v=spf1 " + " ".join(f"a:n{i}.x.example" for i in range(11)) + " -all", {"permerror"}),
}


@pytest.mark.parametrize("case", SPF_CASES)
def test_spf_record(build_dir, case):
    record, expected = SPF_CASES[case]
    assert spf(build_dir, record)["result"] in expected


def test_spf_exp_with_macros(build_dir):
    """An explanation is cut to what fits into a reply."""
    result = spf(build_dir, "v=spf1 exp=exp.hostile.example -all",
                 {("exp.hostile.example", h.TXT): [h.txt_rdata("a%{d} b%{i} " + "c" * 450)]})
    assert result["result"] == "fail"
    assert result["explanation"].startswith(f"a{DOMAIN} b{CLIENT} ccc") and len(result["explanation"]) == 450


def test_spf_exp_cannot_break_a_reply(build_dir):
    result = spf(build_dir, "v=spf1 exp=exp.hostile.example -all",
                 {("exp.hostile.example", h.TXT): [h.txt_rdata("no\r\n250 yes\x00\x1b[2J \xff %{h}")]})
    assert result["result"] == "fail"
    text = result["explanation"] or ""
    assert all(0x20 <= ord(c) < 0x7f for c in text)


def test_spf_names_that_grow(build_dir):
    """Each include under a wildcard would make its name twice as long; at 253 octets it stops (memory is checked at every run)."""
    record = "v=spf1 include:%{d}.%{d} -all"
    result = spf(build_dir, record, {("*", h.TXT): [h.txt_rdata(record)]})
    assert result["result"] == "permerror" and "over 10 DNS look-ups" in result["reason"]


def test_spf_two_records(build_dir):
    with zone_server({(DOMAIN, h.TXT): [h.txt_rdata("v=spf1 +all"), h.txt_rdata("v=spf1 -all")]}) as server:
        assert assay(build_dir, server.port)["spf"]["result"] == "permerror"


def test_spf_mx_flood(build_dir):
    records = {(DOMAIN, h.TXT): [h.txt_rdata("v=spf1 mx -all")],
               (DOMAIN, h.MX): [struct.pack("!H", i) + h.wire_name(f"mx{i}.hostile.example") for i in range(30)]}
    with zone_server(records) as server:
        assert assay(build_dir, server.port)["spf"]["result"] == "permerror"


# ---- DNS messages -----------------------------------------------------------------------------------

def pointer_chain(query):
    """An owner name that is a chain of eleven compression pointers, each to the one before: ten are allowed."""
    start = 12 + len(h.wire_name(DOMAIN)) + 4
    chain = b"\xc0\x0c" + b"".join(struct.pack("!H", 0xc000 | (start + 11 + 2 * i)) for i in range(9))
    filler = b"\x00" + struct.pack("!HHIH", 65280, 1, 0, len(chain)) + chain
    at = start + 11 + 2 * 9
    record = struct.pack("!H", 0xc000 | at) + struct.pack("!HHIH", h.TXT, 1, 60, 12) + h.txt_rdata("v=spf1 +all")
    return h.message(query, [filler, record])


def self_pointer(query):
    at = 12 + len(h.wire_name(DOMAIN)) + 4
    return h.message(query, [struct.pack("!H", 0xc000 | at) + struct.pack("!HHIH", h.TXT, 1, 60, 0)])


def nsec3_bad(query, algorithm, hash_length):
    rdata = bytes([algorithm, 0]) + struct.pack("!H", 1) + b"\0" + bytes([hash_length]) + b"x" * hash_length
    return h.message(query, rcode=3, authority=[h.rr("a.hostile.example", h.NSEC3, rdata)])


GOOD = h.txt_rdata("v=spf1 +all")

# name: (function of the query, the SPF results that are right). A good +all record is in many of them: to use it would
# be `pass` on evidence from a message that must not be believed.
MESSAGES = {
    "over-16k": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD), h.rr("x.example", 65280, b"x" * 16384)]), {"temperror"}),
    "65-empty-strings": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, b"\0" * 65)]), {"temperror"}),
    "a-with-rdlength-8": (lambda q: h.message(q, [h.rr(DOMAIN, h.A, b"\x7f\0\0\1\0\0\0\0"), h.rr(DOMAIN, h.TXT, GOOD)]),
                          {"temperror"}),
    "rdlength-past-end": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD, rdlength=400)]), {"temperror"}),
    "rdlength-zero-txt": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, b"")]), {"temperror", "none"}),
    "string-past-rdata": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, b"\xffv=spf1 +all")]), {"temperror"}),
    "mx-without-name": (lambda q: h.message(q, [h.rr(DOMAIN, h.MX, b"\0"), h.rr(DOMAIN, h.TXT, GOOD)]), {"temperror"}),
    "pointer-chain": (pointer_chain, {"temperror"}),
    "self-pointer": (self_pointer, {"temperror"}),
    "tsig": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD)],
                                 additional=[h.rr("k", h.TSIG, h.wire_name("alg") + b"\0" * 16)]), {"temperror"}),
    "counts-lie-more": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD)], counts=(1, 500, 0, 0)), {"temperror"}),
    "nsec3-algorithm-2": (lambda q: nsec3_bad(q, 2, 20), {"temperror", "none"}),
    "nsec3-hash-33": (lambda q: nsec3_bad(q, 1, 33), {"temperror", "none"}),
    "nsec3-hash-15": (lambda q: nsec3_bad(q, 1, 15), {"temperror", "none"}),
    "header-only": (lambda q: q[:2] + struct.pack("!HHHHH", 0x8180, 0, 0, 0, 0), {"temperror"}),
    "three-bytes": (lambda q: q[:3], {"temperror"}),
    "nothing": (lambda q: None, {"temperror"}),
    "servfail": (lambda q: h.message(q, rcode=2), {"temperror"}),
    "refused": (lambda q: h.message(q, rcode=5), {"temperror"}),
    "odd-rcode": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD)], rcode=11), {"temperror"}),
    "a-query-back": (lambda q: q, {"temperror"}),
    "wrong-id-only": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, GOOD)],
                                          identifier=struct.unpack("!H", q[:2])[0] ^ 1), {"temperror"}),
    "other-owner": (lambda q: h.message(q, [h.rr("other.example", h.TXT, GOOD)]), {"none", "temperror"}),
    "other-class": (lambda q: h.message(q, [h.wire_name(DOMAIN) + struct.pack("!HHIH", h.TXT, 3, 60, len(GOOD)) + GOOD]),
                    {"none", "temperror"}),
    "cname-loop": (lambda q: h.message(q, [h.rr(DOMAIN, h.CNAME, h.wire_name("b.example")),
                                           h.rr("b.example", h.CNAME, h.wire_name(DOMAIN))]), {"temperror", "permerror"}),
    "cname-to-itself": (lambda q: h.message(q, [h.rr(DOMAIN, h.CNAME, h.wire_name(DOMAIN))]), {"temperror", "permerror"}),
    "two-cnames": (lambda q: h.message(q, [h.rr(DOMAIN, h.CNAME, h.wire_name("b.example")),
                                           h.rr(DOMAIN, h.CNAME, h.wire_name("c.example")),
                                           h.rr("c.example", h.TXT, GOOD)]), {"temperror", "none"}),
    "300-records": (lambda q: h.message(q, [h.rr(DOMAIN, h.TXT, h.txt_rdata(f"x{i}")) for i in range(300)]), {"temperror"}),
}


def answers_for(name_wanted, make):
    def answer(query, name, rrtype, _tcp):
        return make(query) if (name, rrtype) == (name_wanted, h.TXT) else h.message(query, rcode=3)
    return answer


@pytest.mark.parametrize("case", MESSAGES)
def test_dns_message(build_dir, case):
    make, expected = MESSAGES[case]
    with h.HostileServer(answers_for(DOMAIN, make)) as server:
        result = assay(build_dir, server.port)
        assert result["spf"]["result"] in expected, result["spf"]
        assert any(name == DOMAIN for name, _, _ in server.queries)


def test_spoofed_replies_before_the_true_one(build_dir):
    """Wrong ids and questions are ignored, and the true answer behind them is used."""
    def make(query):
        true_id = struct.unpack("!H", query[:2])[0]
        spoofs = [h.message(query, [h.rr(DOMAIN, h.TXT, GOOD)], identifier=(true_id + i) % 65536) for i in range(1, 200)]
        return spoofs + [h.message(query, [h.rr(DOMAIN, h.TXT, h.txt_rdata("v=spf1 -all"))])]
    with h.HostileServer(answers_for(DOMAIN, make)) as server:
        assert assay(build_dir, server.port)["spf"]["result"] == "fail"


# ---- DMARC, ADSP, DKIM records -----------------------------------------------------------------------

MESSAGE = (b"From: A <a@" + DOMAIN.encode() + b">\r\nTo: b@example.net\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
           b"Message-ID: <1@x>\r\n\r\nbody\r\n")

RECORDS = {
    "nul-bytes": b"v=DMARC1; p=rej\0ect; rua=mailto:a@b",
    "many-tags": b"v=DMARC1; p=reject; " + b"x=y;" * 70,
    "semicolons": b"v=DMARC1" + b";" * 70,
    "percent": b"v=DMARC1; p=%",
    "eight-bit": b"v=DMARC1; p=reject; x=\xff\xfe",
    "only-version": b"v=DMARC1",
    "empty": b"",
}


@pytest.mark.parametrize("case", RECORDS)
@pytest.mark.parametrize("prefix", ["_dmarc.", "_adsp._domainkey."])
def test_policy_record(build_dir, prefix, case):
    records = {(prefix + DOMAIN, h.TXT): [h.txt_rdata(RECORDS[case])], (DOMAIN, h.A): [b"\x7f\0\0\1"]}
    with zone_server(records) as server:
        result = assay(build_dir, server.port, "-", stdin=MESSAGE)
    words = {"none", "fail", "permerror", "temperror"} if prefix == "_dmarc." else {
        "none", "unknown", "permerror", "temperror"}
    which = "dmarc" if prefix == "_dmarc." else "adsp"
    assert result[which]["result"] in words, result[which]


def signature(**tags):
    """A DKIM-Signature whose hashes are nonsense: only what comes before the cryptography is tested here."""
    base = {"v": "1", "a": "rsa-sha256", "c": "relaxed/relaxed", "d": DOMAIN, "s": "s", "h": "from",
            "bh": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "b": "AAAA"}
    base.update(tags)
    return ("DKIM-Signature: " + "; ".join(f"{k}={v}" for k, v in base.items()) + "\r\n").encode("latin-1")


SIGNATURES = {
    "h-names-itself": signature(h="from:dkim-signature:from"),
    "h-of-501-names": signature(h=":".join(["from"] + ["a"] * 500)),
    "i-of-255": signature(i="a" * (255 - 1 - len(DOMAIN)) + "@" + DOMAIN),
    "l-of-77-digits": signature(l="0" * 76 + "1"),
    "x-far-away": signature(x="9" * 12),
    "no-tags": b"DKIM-Signature: x\r\n",
    "empty": b"DKIM-Signature:\r\n",
    "duplicate-tags": signature().rstrip(b"\r\n") + b"; d=other.example\r\n",
    "b-not-base64": signature(b="!!!!"),
    "d-not-a-name": signature(d="..\xff.."),
    "s-of-64": signature(s="s" * 64),
    "domain-of-254": signature(d=".".join(["a" * 50] * 4 + ["a" * 50])),
    "forty-one": b"".join(signature(s=f"s{i}") for i in range(41)),
    "each-another-l": b"".join(signature(l=str(i)) for i in range(6)),
}


@pytest.mark.parametrize("case", SIGNATURES)
def test_dkim_signature(build_dir, case):
    with zone_server({(DOMAIN, h.A): [b"\x7f\0\0\1"]}) as server:
        result = assay(build_dir, server.port, "-", stdin=SIGNATURES[case] + MESSAGE)
        keys = {name for name, rrtype, _ in server.queries if "._domainkey." in name and rrtype == h.TXT}
    assert result["dkim"], "the signature must show in the results"
    assert all(entry["result"] in ("permerror", "temperror", "fail", "neutral", "policy") for entry in result["dkim"])
    assert len(keys) <= 40


KEY_RECORDS = {
    "no-key-of-900": b"v=DKIM1; k=rsa; p=" + b"A" * 900,
    "long-note": b"v=DKIM1; n=" + b"x" * 900 + b"; p=AAAA",
    "revoked": b"v=DKIM1; p=",
    "not-a-key": b"v=DKIM1; k=rsa; p=AAAA",
    "bare-garbage": b"\xff" * 300,
    "no-p": b"v=DKIM1",
    "nul": b"v=DKIM1; p=\0",
    "other-algorithm": b"v=DKIM1; k=dsa; p=AAAA",
}


@pytest.mark.parametrize("case", KEY_RECORDS)
def test_dkim_key_record(build_dir, case):
    records = {("s._domainkey." + DOMAIN, h.TXT): [h.txt_rdata(KEY_RECORDS[case])]}
    with zone_server(records) as server:
        result = assay(build_dir, server.port, "-", stdin=signature() + MESSAGE)
    assert [entry["result"] for entry in result["dkim"]] in (["permerror"], ["fail"], ["policy"])


def test_dkim_bad_signature_does_not_hide_a_good_neighbour(build_dir):
    """A faulty signature field must not keep the others from being judged (what the library sees: test_dkim_handed.c)."""
    with zone_server({("s._domainkey." + DOMAIN, h.TXT): [h.txt_rdata(b"v=DKIM1; p=")]}) as server:
        result = assay(build_dir, server.port, "-", stdin=signature(v="2") + signature() + MESSAGE)
    assert len(result["dkim"]) == 2
    assert any(entry["domain"] == DOMAIN for entry in result["dkim"])
