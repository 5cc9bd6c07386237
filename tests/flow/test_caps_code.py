# SPDX-License-Identifier: BSD-2-Clause
"""
Caps that are no options, but constants: each has a case as those of test_caps.py, or stands here with the reason why it needs none.
A constant whose name says that it is one, and that neither has, fails the test.
"""
import base64
import re

import pytest

import arc_sealer
import caps
import dkim_signer
from caps import ATTACKER, HOSTILE_CLIENT, SETTINGS, VICTIM, Case, forged, honest, judge
from house.build import TOP

WHERE = ("lib/message", "lib/check", "lib/pipeline", "lib/policy", "lib/action", "lib/dns", "lib/dnssec",
         "lib/resolver", "milter")
CONSTANT = re.compile(r"\b((?:[A-Z0-9]+_)*MAX(?:_[A-Z0-9]+)*) = [0-9]")

TEXT = "the length of a text that is shown: reply, log line, header field"
OWNER = "only the owner of the author domain can pass it, in his own record; no sender can make him"
RECORDED = "of what the record keeps: past it the evidence says that it lacks some (tests/unit/test_evidence.c); no verdict changes"
TRACED = "of what is kept for assay explain after the verdict: past it the trace says that it left something out"
HARMLESS = "passing it costs a look-up ahead or a cached entry, no verdict"
LOCAL = "no message can pass it: "
REPORTED = "of what a report to a domain tells, or where it goes: what is over is left out (tests/unit/test_redact.c); no verdict hangs on it"
CHAIN = "past it a chain fails, or less of it counts: it can only ever help a message"
REASONS = {
    "lib/message/author.c ADDRESS_TEXT_MAX": TEXT,
    "lib/message/encoded_word.c CHARSET_MAX": "no charset has so long a name: the word counts as one that cannot be read",
    "lib/message/author_scan.c CANDIDATE_MAX": "longer than any domain name can be, whatever it is written in",
    "lib/message/address.c DOMAIN_TEXT_MAX": "longer than any domain name can be, whatever it is written in",
    "lib/util/domain.c TEXT_MAX": "longer than any domain name can be, whatever it is written in",
    "lib/util/domain.c LABEL_MAX": "the protocol's: such a name cannot be, nor be asked for (RFC 1035 section 2.3.4)",
    "lib/check/adsp/record.c RECORD_MAX_BYTES": OWNER,
    "lib/check/adsp/record.c TAGS_MAX": OWNER,
    "lib/check/adsp/record.c NAME_MAX_BYTES": OWNER,
    "lib/check/dmarc/record.c RECORD_MAX_BYTES": OWNER + "; dmarc-permerror says so",
    "lib/check/dmarc/record.c RECORD_MAX_TAGS": OWNER + "; dmarc-permerror says so",
    "lib/check/dmarc/uri.h DMARC_URIS_MAX": REPORTED,
    "lib/check/dmarc/uri.h DMARC_URIS_LOOKED_MAX": REPORTED,
    "lib/check/dmarc/uri.h DMARC_ADDRESS_LOCAL_MAX": REPORTED,
    "lib/check/dmarc/feedback.h FEEDBACK_SIGNATURES_MAX": REPORTED,
    "lib/check/dmarc/feedback.h FEEDBACK_WORD_MAX": REPORTED,
    "lib/check/dmarc/feedback.h FEEDBACK_COMMENT_MAX": REPORTED,
    "lib/pipeline/feedback.c RUA_MAX_BYTES": REPORTED,
    "lib/pipeline/brakes.c LIFTED_MAX": "of brakes that were lifted, each by an admin: they matter to messages of their time alone",
    "milter/brakes.c REST_MAX_MS": "how long no sum of brakes is done after one; no mail waits for it",
    "milter/brakes.c NAME_SHOWN_MAX": "shown in the log only; names of policies are shorter",
    "lib/check/dmarc/dmarc.h DMARC_WALK_MAX": "RFC 9989 section 4.10: so many names are asked, whatever the domain",
    "lib/check/dmarc/prefetch.c SIGNATURES_READ_MAX": HARMLESS,
    "lib/check/arc/judge.c COMPARISONS_MAX": CHAIN,
    "lib/check/arc/judge.c HEADER_BYTES_MAX": CHAIN,
    "lib/check/arc/verify.c KEY_RECORDS_MAX": CHAIN,
    "lib/check/arc/verify.c KEY_WORK_MAX": CHAIN,
    "lib/check/dmarc/override.c IDENTIFIERS_MAX": CHAIN,
    "lib/check/dmarc/override_sections.c BY_MAX": TEXT,
    "lib/check/dkim/dkim.c READ_MAX": "over it are more than max-signatures, which may be 100",
    "lib/check/dkim/engine.c KEYS_MAX": HARMLESS,
    "lib/check/signature/key.h DKIM_KEY_MAX_BITS": "such keys are unusable: dkim-permerror, as for any other key that cannot be read",
    "lib/check/signature/verify.c EXPONENT_MAX_BITS": "such keys are unusable: dkim-permerror, as for any other key that cannot be read",
    "lib/check/signature/signature.c NAMES_MAX_BYTES": "over it we hash ourselves, with the same outcome",
    "lib/check/spf/walk.h SPF_MAX_TARGETS": LOCAL + "terms and hosts end first",
    "lib/check/spf/walk.h SPF_MAX_PTR": "RFC 7208 section 4.6.4: further names are ignored, so that less passes",
    "lib/check/path.c MAX_TOKENS": "of one Received field, by which nothing passes: what is behind does not say TLS",
    "lib/check/path.c MAX_VALUE": "of one Received field, by which nothing passes: what is behind does not say TLS",
    "lib/check/spf/macro.c MAX_PARTS": LOCAL + "no name has more labels",
    "lib/check/iprev.c IPREV_MAX_NAMES": "further names are ignored, so that less passes: iprev-fail",
    "lib/check/tls/tlsa.c NAMES_MAX": LOCAL + "the MTA gives two names",
    "lib/check/tls/cert.h CERT_DIGEST_MAX": LOCAL + "longest digest there is",
    "lib/check/result.h FINDINGS_REPEATED_MAX": "tests/unit/test_result.c: the finding stands, limit-exceeded beside it",
    "lib/policy/evidence_text.h EVIDENCE_RECIPIENTS_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_AUTHORS_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_PASSES_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_WAIVABLE_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_OVERRIDES_MAX": RECORDED,
    "lib/check/result.h WAIVABLE_MAX": LOCAL + "two for each author domain that is judged",
    "lib/policy/evidence_text.h EVIDENCE_NAME_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_NAMES_MAX": RECORDED,
    "lib/policy/evidence_text.h EVIDENCE_TEXT_MAX": RECORDED,
    "lib/policy/match.c NAME_SHOWN_MAX": TEXT,
    "lib/pipeline/trace.c REFUSALS_MAX": TRACED,
    "lib/pipeline/trace_text.h TRACE_LINES_MAX": TRACED,
    "lib/pipeline/trace_text.h TRACE_TEXT_MAX": TRACED,
    "lib/pipeline/trace_text.h TRACE_VALUE_MAX": TRACED,
    "lib/policy/recorded.c CLIENTS_MAX": "hosts that policies tell apart in one network: past it a report cannot tell",
    "lib/action/forged.c LAYERS_MAX": "test_name_in_more_layers_than_are_decoded_is_ours",
    "lib/message/authres_parse.h AUTHRES_METHODS_MAX": "of fields that are believed: one that has more is not",
    "lib/message/authres_parse.h AUTHRES_PROPERTIES_MAX": "of fields that are believed: one that has more is not",
    "lib/action/edits.c INSERTS_MAX": LOCAL + "our own fields",
    "lib/pipeline/flow.c MECHANISM_MAX": "of what is recorded for people: a SASL mechanism has no longer name (RFC 4422 section 3.1)",
    "lib/pipeline/judge.c QUARANTINE_REASON_MAX": TEXT,
    "lib/action/redact.h REDACT_HEADER_MAX": REPORTED,
    "lib/action/redact.h REDACT_FIELDS_MAX": REPORTED,
    "lib/action/redact.c ADDRESSES_MAX": REPORTED,
    "lib/action/redact.c RECEIVED_MAX": REPORTED,
    "lib/action/redact.c SIGNATURES_MAX": REPORTED,
    "lib/action/redact.c OTHERS_MAX": REPORTED,
    "lib/action/redact.c TOKENS_MAX": REPORTED,
    "lib/action/redact.c WORDS_MAX": REPORTED,
    "lib/action/redact.c WORD_MAX": REPORTED,
    "lib/action/failure.c SPF_RECORD_MAX": REPORTED,
    "lib/action/failure.c ID_MAX": REPORTED,
    "lib/dns/ede.c TEXT_MAX": TEXT,
    "milter/probe.c SERVERS_MAX": LOCAL + "no more than so many servers are ever asked",
    "milter/macros.c SLOT_MAX_BYTES": LOCAL + "the MTA's lines are shorter, and a name of that length has no domain",
    "milter/signals.c DRAIN_MAX_MS": "how long assayd waits while it stops; the MTA keeps what was not judged",
    "milter/metrics_report.c REPORT_MAX_BYTES": "of the page of metrics { report }: a longer one is not served (test_metrics_http.py)",
    "milter/status.c PROBE_MAX_CHARS": "of the probe of assay setup",
}
SHOWN = ("DKIM_SHOWN_MAX", "SHOWN_NAME_MAX", "FIELD_LINE_MAX", "FIELD_VALUE_MAX", "DOMAIN_MAX", "HELP_MAX", "REPLY_TEXT_MAX", "REPLY_MAX_BYTES")
# Bounds of the resolver itself; what a message may cost there are options, in test_caps.py. Those of a proof or an answer make it
# bogus (tests/unit/test_validate_limits.c, test_validate_denial.c), like max-ds.
RESOLVER = ("LIGHT_MAX", "ZONES_MAX", "STEPS_MAX", "UNPROVEN_MAX", "MAX_SIGNERS", "MAX_NSEC", "MAX_NSEC3", "MAX_FETCHES",
            "MAX_DIGESTS", "MAX_SECTION_RRS", "MAX_SIGS", "MAX_TTL_SECS", "MAX_POINTERS",
            "MAX_DER_BYTES", "MAX_LINES", "MAX_ANCHOR_RECORDS", "TRANSPORT_MAX_SERVERS", "ROUNDS_MAX",
            "FETCHES_MAX", "NO_TTL_LIMIT", "SECURE_MAX_SECS", "UNSIGNED_MAX_SECS", "BOGUS_MAX_MS", "BUCKETS_MAX",
            "RSA_MAX_BITS", "RSA_MAX_EXPONENT_BYTES", "NSEC3_HASH_MAX_BYTES", "DNS_NAME_MAX_LABELS",
            "SHAPES_MAX", "DOUBT_MAX", "SLOTS_MAX", "PACE_MAX")
# The daemon's own housekeeping: descriptors, threads, how often something is told.
DAEMON = ("READERS_MAX", "REFUSALS_MAX", "QUIET_MAX_MS", "LATE_MAX")

KEY = dkim_signer.Key.rsa(2048)
RECORD = KEY.record()
CASES = {}


def code_cap(constant, finding, **options):
    def register(make):
        CASES[constant] = Case(constant, make, finding, **options)
        return make
    return register


def keys_of(domain, texts):
    return "".join(f"s._domainkey.{domain}. 300 IN TXT " + " ".join(f'"{t[i:i + 200]}"' for i in range(0, len(t), 200)) + "\n"
                   for t in texts)


def signing(constant, finding, zone=(RECORD,)):
    """
    A signature that would pass but for the cap. A forger's is his own; an honest letter was forwarded, so that all hangs on it.
    The function gives what dkim_signer.sign() is told.
    """
    def register(make):
        def sign(letter, excess):
            letter.mail_from = f"joe@{ATTACKER}"
            domain = ATTACKER if letter.forged else VICTIM
            letter.client = HOSTILE_CLIENT
            options = make(letter, domain, excess)
            tags = {"d": domain, "s": "s", **options.pop("tags", {})}
            names = options.pop("names", ("from", "subject"))
            before = options.pop("before", b"")
            letter.whole = before + dkim_signer.sign(letter.data, KEY, tags=tags, names=names, **options)
        sign.__name__ = make.__name__
        records = "".join(keys_of(domain, zone) for domain in (VICTIM, ATTACKER))
        return code_cap(constant, finding, zone=records, honest="reject")(sign)
    return register


@signing("lib/check/signature/signature.h DKIM_SIGNATURE_MAX_NAMES", "dkim-permerror")
def names_in_h(_letter, _domain, excess):
    return {"names": ("from", *("x",) * (499 + excess))}


@signing("lib/check/signature/signature.h DKIM_SIGNATURE_MAX_BYTES", "dkim-permerror")
def bytes_of_a_signature(_letter, domain, excess):
    rest = 32768 - len(dkim_signer.sign(b"From: a\r\n\r\n", KEY, tags={"d": domain, "s": "s", "y": ""}, names=("from", "subject"))
                       .partition(b"\r\n")[0].partition(b":")[2])
    return {"tags": {"y": "a" * (rest + excess)}}


@signing("lib/check/signature/signature.h DKIM_IDENTITY_MAX_BYTES", "dkim-permerror")
def identity(_letter, domain, excess):
    return {"tags": {"i": "a" * (254 - 1 - len(domain) + excess) + "@" + domain}}


@signing("lib/check/signature/taglist.h DKIM_TAGS_MAX", "dkim-permerror")
def tags(_letter, _domain, excess):
    return {"tags": {f"y{i}": "a" for i in range(48 - 8 + excess)}}


@signing("lib/check/signature/body.h DKIM_BODY_LINE_MAX_BYTES", "dkim-no-pass")
def line_of_a_body(letter, _domain, excess):
    letter.body = b"a" * (1024 * 1024 + excess) + b"\r\n"
    return {}


@signing("lib/check/dkim/feed.c COMPARISONS_MAX", "dkim-no-pass")
def comparisons(letter, _domain, excess):
    letter.after += b"X: x\r\n" * (999 + 4 * excess)
    return {"names": ("from", *("x",) * 499)}


@signing("lib/check/dkim/feed.c HEADER_BYTES_MAX", "dkim-no-pass")
def header_bytes(letter, _domain, excess):
    letter.after += b"".join(b"X: %s\r\n" % (b"x" * 900) for _ in range(280))
    letter.after = letter.after.replace(b"\r\n\r\n", b"\r\n")
    return {"names": ("from", "x"), "before": others(15 + 3 * excess)}


def others(count, tag=b""):
    """Signatures that cannot pass, on top: they are looked at first. tag: with one {}, of a kind each."""
    return b"".join(b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; %sd=%s; s=s; h=from:x; bh=%s=; b=%s\r\n" %
                    (tag.replace(b"{}", b"%d" % (i + 1)), ATTACKER.encode(), b"A" * 43, base64.b64encode(b"%d" % i * 64))
                    for i in range(count))


@signing("lib/check/dkim/feed.c BODIES_MAX", "dkim-no-pass")
def kinds_of_bodies(_letter, _domain, excess):
    """Each length needs a hash of its own."""
    return {"before": others(3 + excess, b"l={}; "), "canon": "relaxed/simple"}


@signing("lib/check/dkim/judge.c KEY_RECORDS_MAX", "dkim-no-pass")
def records_of_a_key(_letter, _domain, excess):
    return {"tags": {"s": "five" if excess else "four"}}


def several_keys(domain, name, count):
    """The right one stands last."""
    others_of_it = [f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes([i]) * 32).decode()}" for i in range(count - 1)]
    return keys_of(domain, [*others_of_it, RECORD]).replace("s._domainkey", f"{name}._domainkey")


CASES["lib/check/dkim/judge.c KEY_RECORDS_MAX"].zone = "".join(
    several_keys(domain, name, count) for domain in (VICTIM, ATTACKER) for name, count in (("four", 4), ("five", 5)))


@signing("lib/check/signature/key.h DKIM_KEY_RECORD_MAX_BYTES", "dkim-permerror")
def bytes_of_a_key(_letter, _domain, excess):
    return {"tags": {"s": "long" if excess else "fits"}}


CASES["lib/check/signature/key.h DKIM_KEY_RECORD_MAX_BYTES"].zone = "".join(
    keys_of(domain, [RECORD + "; n=" + "a" * (8192 - len(RECORD) - 4 + more)]).replace("s._domainkey", f"{name}._domainkey")
    for domain in (VICTIM, ATTACKER) for name, more in (("fits", 0), ("long", 1)))


@code_cap("lib/check/signature/signature.h DKIM_INSTANCE_MAX", "arc-too-many", zone=keys_of(ATTACKER, [RECORD]))
def sets_of_a_chain(letter, excess):
    chain = arc_sealer.Chain(letter.data)
    for i in range(50 + excess):
        chain.add(KEY, domain=ATTACKER, selector="s", instance=i + 1, ams={"names": ("from", "subject")})
    letter.whole = chain.message


def spf_zone(name, count, record, more=""):
    return f'{name}-{count}.attacker.example. 300 IN TXT "v=spf1 {record} ip4:203.0.113.9 ip4:192.0.2.1 -all"\n{more}'


def spf_cap(constant, most, record):
    """A sender's own record that is over; an honest one's neighbour, so that DMARC does not mind."""
    name = constant.rpartition("_")[2].lower()

    def make(letter, excess):
        letter.mail_from = f"joe@{name}-{most + excess}.attacker.example"
        letter.author = letter.author if letter.forged else f"joe@{ATTACKER}"
    make.__name__ = name
    zone = "".join(spf_zone(name, count, *record(count)) for count in (most, most + 1))
    return code_cap("lib/check/spf/walk.h " + constant, "spf-permerror", zone=zone)(make)


spf_cap("SPF_MAX_TERMS", 10, lambda count: (" ".join(f"a:t{i}.example" for i in range(count)),
                                            "".join(f"t{i}.example. 300 IN A 192.0.2.200\n" for i in range(count))))
spf_cap("SPF_MAX_VOIDS", 2, lambda count: (" ".join(f"a:v{i}.example" for i in range(count)), ""))
spf_cap("SPF_MAX_MX", 10, lambda count: (f"mx:m{count}.example", "".join(
    f"m{count}.example. 300 IN MX 10 h{i}.example.\nh{i}.example. 300 IN A 192.0.2.200\n" for i in range(count))))


@code_cap("lib/message/author.h AUTHOR_MAX_DOMAINS", "limit-exceeded", honest="reject")
def authors(letter, excess):
    """What is not read could be anybody."""
    letter.author += "".join(f", a@d{i}.example" for i in range(9 + excess))


@code_cap("lib/message/address.c COMMENT_DEPTH_MAX", "from-invalid", honest="quarantine")
def comments(letter, excess):
    letter.author = "(" * (50 + excess) + ")" * (50 + excess) + " " + letter.author


@code_cap("lib/util/domain.h DOMAIN_MAX_LENGTH", "from-invalid", honest="quarantine")
def length_of_a_name(letter, excess):
    letter.author += ", a@" + ".".join(["a" * 49] * 4 + ["b" * (253 - 4 * 50 + excess)])


@code_cap("lib/pipeline/internal.h ADDRESS_MAX_BYTES", "limit-exceeded", honest="tag")
def length_of_an_address(letter, excess):
    domain = letter.mail_from.partition("@")[2]
    letter.mail_from = "a" * (2048 - 1 - len(domain) + excess) + "@" + domain


@code_cap("lib/message/body.h MESSAGE_LINE_MAX_BYTES", "message-malformed")
def length_of_a_line(letter, excess):
    letter.after += b"X: " + b"x" * (998 - 3 + excess) + b"\r\n"


@code_cap("lib/check/path.h PATH_MAX_HOPS", "limit-exceeded", honest="tag")
def hops(letter, excess):
    letter.before = b"Received: from a.example by b.example with ESMTPS id 1\r\n" * (50 + excess)


@code_cap("lib/check/path.h PATH_MAX_FIELDS", "limit-exceeded", honest="tag")
def fields_of_one_hop(letter, excess):
    """The MTA's, and then what says that it is ours."""
    letter.before = (b"Received: from a.example by b.example with ESMTPS id 1\r\n"
                     + b"Received: from a.example by b.example (Assay) with ESMTPS id 1\r\n" * (99 + excess))


# ---- the tests -------------------------------------------------------------------------------------------------------

def constants():
    for where in (*(f"{directory}/**/*.[ch]" for directory in WHERE), "lib/util/domain*.[ch]"):
        for path in sorted(TOP.glob(where)):
            for name in CONSTANT.findall(path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(TOP)} {name}"


def test_every_constant_has_a_case_or_a_reason():
    elsewhere = {"lib/dns/": RESOLVER, "lib/dnssec/": RESOLVER, "lib/resolver/": RESOLVER, "milter/": DAEMON}
    found = {c for c in constants() if c.rpartition(" ")[2] not in SHOWN and
             not any(c.startswith(where) and c.rpartition(" ")[2] in names for where, names in elsewhere.items())}
    assert len(found) > 30
    assert found == set(CASES) | set(REASONS)


PARAMS = [pytest.param(case, id=constant.rpartition(" ")[2]) for constant, case in CASES.items()]


@pytest.mark.parametrize("case", PARAMS)
@pytest.mark.parametrize("which", sorted(SETTINGS))
def test_forgery_past_the_cap_is_refused_all_the_same(case, which):
    caps.check_forgery(case, which)


@pytest.mark.parametrize("case", PARAMS)
def test_honest_letter_past_the_cap(case):
    caps.check_honest(case)


@pytest.mark.parametrize("layers", range(1, 8))
def test_name_in_more_layers_than_are_decoded_is_ours(layers):
    def wrapped(letter, _excess):
        name = b"mx.rcpt.example"
        for _ in range(layers):
            name = b"=?utf-8?b?" + base64.b64encode(name) + b"?="
        letter.before = b"Authentication-Results: " + name + b"; dmarc=pass\r\n"
    verdict = judge(Case("", wrapped, "", settings='authserv-id = "mx.rcpt.example"'), honest(), 0)
    assert "authres-forged" in verdict.findings


@pytest.mark.parametrize("local", [10, 1100, 3000])
@pytest.mark.parametrize("helo", [10, 1100])
def test_long_names_do_not_shed_spf(local, helo):
    """What does not fit into the macros of SPF (lib/check/spf/spf.h) is cut, the domain never."""
    def long(letter, _excess):
        letter.mail_from = "a" * local + "@" + VICTIM
        letter.helo = "h" * helo + ".example"
    verdict = judge(Case("", long, "", settings="findings { spf-fail = reject dmarc-reject = none }"), forged(), 0, "default")
    assert (verdict.action, verdict.raw["decision"]["finding"]) == ("reject", "spf-fail"), verdict.raw["spf"]
