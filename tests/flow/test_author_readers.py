# SPDX-License-Identifier: BSD-2-Clause
"""
The author domains of `assay check` against those that other readers of From find: Python's email package by both its policies and
its old functions, with encoded words decoded before and after, Perl's Mail::Address and Email::Address::XS. Of a field that is not
in the grammar, which each of them reads as it likes, ours must be a superset. ASSAY_SEEDS=first-last makes other fields.
"""
import email
import email.header
import email.policy
import email.utils
import json
import os
import random
import re
import subprocess

import pytest

from programs import ZONE

CONFIG = 'authserv-id = "mx.test.example"\nlog-level = error\n'
V = "victim.example"

# name: value of From as it is on the wire. Each shows victim.example to somebody.
HOSTILE = {
    "encoded address": "=?utf-8?q?ceo=40victim.example?=",
    "encoded address, b": "=?utf-8?b?Y2VvQHZpY3RpbS5leGFtcGxl?=",
    "encoded address in brackets": "CEO <=?utf-8?q?ceo=40victim.example?=>",
    "encoded domain": "ceo@=?utf-8?q?victim.example?=",
    "encoded domain, b, no padding": "ceo@=?us-ascii?B?dmljdGltLmV4YW1wbGU?=",
    "encoded part of the domain": "ceo@=?utf-8?q?victim?=.example",
    "encoded at": "ceo=?utf-8?q?=40?=victim.example",
    "encoded in the local part": "=?utf-8?q?ceo=40victim.example?=@evil.example",
    "encoded in two words": "=?utf-8?q?ceo=40vic?= =?utf-8?q?tim.example?=",
    "encoded with a language": "ceo@=?utf-8*en?q?victim.example?=",
    "encoded in UTF-16": "=?utf-16be?b?AGMAZQBvAEAAdgBpAGMAdABpAG0ALgBlAHgAYQBtAHAAbABl?=",
    "encoded in UTF-7": "=?utf-7?q?ceo+AEA-victim.example?=",
    "encoded in EBCDIC": "=?cp037?q?=83=85=96=7C=A5=89=83=A3=89=94=4B=85=A7=81=94=97=93=85?=",
    "encoded, quoted": '"=?utf-8?q?ceo=40victim.example?="',
    "encoded and another": "=?utf-8?q?ceo=40victim.example?=, <x@evil.example> <",
    "comment in the domain": "ceo@victim(x).example",
    "comment that ends it": "ceo@victim.example(x).evil.example",
    "comment before the domain": "ceo@(x)victim.example",
    "comment before the dot": "ceo@victim (x) . (y) example",
    "comment that is open": "ceo@victim.example (x",
    "comment, broken": "< <ceo@victim(x).example>",
    "comment with the address": "(ceo@victim.example)",
    "comment with a pair": "< ceo@victim(\\)).example",
    "literal": "ceo@[victim.example]",
    "literal with blanks": "ceo@[ victim.example ]",
    "two dots": "ceo@victim..example",
    "dot before": "ceo@.victim.example",
    "dot behind": "ceo@victim.example.",
    "two dots behind": "ceo@victim.example..",
    "two dots and another": "ceo@victim.example..evil.example",
    "no-break space": "ceo@victim.example\u00a0",
    "no-break space before": "ceo@\u00a0victim.example",
    "no-break space in it": "ceo@victim\u00a0.example",
    "no-break space, Latin-1": b"ceo@victim.example\xa0",
    "ideographic space": "ceo@victim.example\u3000x",
    "zero-width space": "ceo@vic\u200btim.example",
    "zero-width joiner": "ceo@vic\u200dtim.example",
    "byte order mark": "\ufeffceo@victim.example\ufeff",
    "full-width at": "ceo\uff20victim.example",
    "small at": "ceo\ufe6bvictim.example",
    "full-width at in brackets": "CEO <ceo\uff20victim.example>",
    "full-width at and another": "ceo\uff20victim.example@evil.example",
    "full-width at behind": "x@evil.example\uff20victim.example",
    "full-width dot": "ceo@victim\uff0eexample",
    "ideographic dot": "ceo@victim\u3002example",
    "dot leader": "ceo@victim\u2024example",
    "full-width letters": "ceo@\uff56\uff49\uff43\uff54\uff49\uff4d.example",
    "curly quote behind": "ceo@victim.example\u2019",
    "NUL behind": "ceo@victim.example\0",
    "NUL in it": "ceo@vic\0tim.example",
    "NUL before another": "ceo@victim.example\0 <x@evil.example>",
    "control in it": "ceo@vic\x08tim.example",
    "byte that is no UTF-8": b"ceo@vic\xfftim.example",
    "quoted domain": 'ceo@"victim.example"',
    "quoted label": 'ceo@"victim".example',
    "quoted pair": "ceo@victim\\.example",
    "quoted local part": '"ceo@victim.example"@evil.example',
    "quoted and open": '"ceo@victim.example',
    "fold in it": "ceo@victim\r\n .example",
    "fold behind at": "ceo@\r\n victim.example",
    "blank in it": "ceo@victim .example",
    "two at": "ceo@victim.example@evil.example",
    "two at, the other way": "x@evil.example@victim.example",
    "route": "<@victim.example:x@evil.example>",
    "open bracket": "CEO <ceo@victim.example",
    "two brackets": "<ceo@victim.example> <x@evil.example>",
    "address as name": "ceo@victim.example <x@evil.example>",
    "semicolon": "ceo@victim.example; x@evil.example",
    "group without end": "Staff: ceo@victim.example",
    "name of a group": '"ceo@victim.example":;',
    "only brackets of the domain": "<@victim.example>",
    "two pairs of brackets": "<<ceo@victim.example>>",
    "odd character behind": "ceo@victim.example!",
    "odd character in it": "ceo@vic+tim.example",
}


def raw(value):
    return value if isinstance(value, bytes) else value.encode()


class Judge:
    def __init__(self, assay, directory):
        self.assay, self.directory = assay, directory
        (directory / "zone").write_text(ZONE)
        (directory / "conf").write_text(CONFIG)

    def verdict(self, value):
        message = b"From: " + raw(value) + b"\r\nSubject: x\r\n\r\nHello\r\n"
        return self.assay.json("check", "--config", self.directory / "conf", "--zone", self.directory / "zone", "--client",
                               "203.0.113.9", "--mail-from", "x@evil.example", "-", stdin=message)


@pytest.fixture(name="judge")
def judge_fixture(assay, workdir):
    return Judge(assay, workdir)


# ---- readers: bytes of the value to texts in which an address is -----------------------------------------------------------

def unfolded(value):
    return value.replace(b"\r\n", b"")


def python_old(value):
    return [address for _, address in email.utils.getaddresses([unfolded(value).decode("utf-8", "replace")])]


def python_old_decoded(value):
    """What of the address is encoded is decoded when it is shown."""
    return [str(email.header.make_header(email.header.decode_header(address))) for address in python_old(value)]


def python_decoded_first(value):
    text = str(email.header.make_header(email.header.decode_header(unfolded(value).decode("utf-8", "replace"))))
    return [address for _, address in email.utils.getaddresses([text])]


def python_compat32(value):
    field = email.message_from_bytes(b"From: " + value + b"\r\n\r\n", policy=email.policy.compat32)["From"]
    return [address for _, address in email.utils.getaddresses([str(field)])]


def python_policy(policy):
    def read(value):
        field = email.message_from_bytes(b"From: " + value + b"\r\n\r\n", policy=policy)["From"]
        return [f"x@{address.domain}" for address in (field.addresses if field is not None else [])]
    return read


PERL = r"""
use JSON::PP; use Encode; use %s;
my $json = JSON::PP->new->utf8; my $values = $json->decode(join '', <STDIN>); my @out;
for my $value (@$values) {
    my $bytes = pack 'H*', $value; $bytes =~ s/\r\n//g;
    my @found;
    for my $text ($bytes, eval { Encode::decode('UTF-8', $bytes) } // '', eval { Encode::decode('MIME-Header', $bytes) } // '') {
        push @found, [map { my $a = eval { $_->address } // ''; utf8::is_utf8($a) ? $a : Encode::decode('UTF-8', $a) }
                      eval { %s->parse($text) }];
    }
    push @out, \@found;
}
print $json->encode(\@out);
"""


def perl(module):
    """@return for a list of values: for each, the addresses found in the bytes, the text, and the text with words decoded."""
    def read(values):
        done = subprocess.run(["perl", "-e", PERL % (module, module)], input=json.dumps([value.hex() for value in values]).encode(),
                              capture_output=True, check=False, timeout=120)
        if done.returncode != 0 and b"Can't locate" in done.stderr:
            pytest.skip(f"no {module} here")
        assert done.returncode == 0, done.stderr
        return [sum(found, []) for found in json.loads(done.stdout)]
    return read


def one_by_one(reader):
    def read(values):
        found = []
        for value in values:
            try:
                found.append(reader(value))
            except Exception:  # pylint: disable=broad-except
                found.append([])    # it shows nothing
        return found
    return read


READERS = {
    "Python, getaddresses": one_by_one(python_old), "Python, shown decoded": one_by_one(python_old_decoded),
    "Python, decoded first": one_by_one(python_decoded_first), "Python, compat32": one_by_one(python_compat32),
    "Python, default policy": one_by_one(python_policy(email.policy.default)),
    "Python, SMTP policy": one_by_one(python_policy(email.policy.SMTPUTF8)),
    "Mail::Address": perl("Mail::Address"), "Email::Address::XS": perl("Email::Address::XS"),
}


def domains_of(addresses):
    """The names that DNS could be asked for; with blanks or other characters in it there is none."""
    names = set()
    for address in addresses:
        name = address.rpartition("@")[2].strip().rstrip(".").lower() if "@" in address else ""
        labels = name.split(".")
        if name and all(label and all(c in "abcdefghijklmnopqrstuvwxyz0123456789-_" for c in label) and len(label) < 64
                        for label in labels) and not labels[-1].isdigit() and len(name) < 254:
            names.add(name)
    return names


def hold_against(reader, values, verdicts, wanted=None):
    """wanted: the only names that count."""
    met = 0
    for value, addresses, verdict in zip(values, READERS[reader](values), verdicts):
        if verdict["author"]["status"] in ("ok", "multiple", "missing"):
            if reader in ("Python, decoded first", "Mail::Address", "Email::Address::XS") and b"=?" in value:
                continue    # RFC 2047 section 6.2: a display name is decoded after the field was read
        found = domains_of(addresses) & (wanted or domains_of(addresses))
        met += len(found)
        missed = found - set(verdict["author"]["domains"])
        assert not missed or len(verdict["author"]["domains"]) == 10, (value, missed, verdict["author"])
    return met


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_victim_is_listed_and_judged(judge, name):
    verdict = judge.verdict(HOSTILE[name])
    assert V in verdict["author"]["domains"], verdict["author"]
    assert verdict["author"]["status"] in ("invalid", "multiple") or verdict["author"]["domains"] == [V], verdict["author"]


@pytest.mark.parametrize("reader", sorted(READERS))
def test_no_reader_finds_more(judge, reader):
    values = [raw(value) for value in HOSTILE.values()]
    assert hold_against(reader, values, [judge.verdict(value) for value in values]) >= 10


PIECES = ["ceo", "x", "@", "@", "@", "victim.example", "evil.example", "a.b", ".", "..", ",", ";", ":", "<", ">", "(", ")", '"',
          "\\", "[", "]", " ", "\r\n ", "\t", "=?utf-8?q?", "=?us-ascii?b?", "?=", "=40", "dmljdGltLmV4YW1wbGU=", "\u00a0",
          "\uff20", "\u200b", "\uff0e", "\0", "\x7f", "-", "_", "+", "'"]


def generated(rng):
    if rng.random() < .5:   # a case of the table with a slip
        value = raw(rng.choice(sorted(HOSTILE.values(), key=str)))
        at = rng.randrange(len(value) + 1)
        return value[:at] + rng.choice(PIECES).encode() + value[at + rng.randrange(2):]
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(3, 14))).encode()


def seeds():
    first, _, last = os.environ.get("ASSAY_SEEDS", "1-1").partition("-")
    return range(int(first), int(last or first) + 1)


@pytest.mark.parametrize("seed", seeds())
def test_no_reader_finds_more_in_generated_fields(judge, seed):
    rng = random.Random(seed)
    values = [generated(rng) for _ in range(250)]
    values = [value for value in values if value.strip() and not re.search(rb"\r\n(?![ \t])|\A\r\n", value)]
    verdicts = [judge.verdict(value) for value in values]
    for reader in READERS:
        assert hold_against(reader, values, verdicts, {V, "evil.example", "a.b"}) > 0, reader


# ---- what must not change -------------------------------------------------------------------------------------------------

HONEST = {
    "Joe <joe@good.example>": ["good.example"],
    '"Joe, Inc." <joe@good.example>': ["good.example"],
    '"ann@other.example via List" <list@good.example>': ["good.example"],
    "=?utf-8?q?ann=40other.example_via_List?= <list@good.example>": ["good.example"],
    "list@good.example (ann@other.example via List)": ["good.example"],
    "joe@good.example (Joe (jr.))": ["good.example"],
    "=?iso-8859-1?q?J=FCrgen?= <joe@good.example>": ["good.example"],
    "Joe Q. Public <joe@good.example>": ["good.example"],
    "joe+=?x@good.example": ["good.example"],
    "bounce=ann=other.example@good.example": ["good.example"],
    "Joe\r\n <joe@good.example>": ["good.example"],
    "J\u00fcrgen <j\u00fcrgen@good.example>": ["good.example"],
}


@pytest.mark.parametrize("value", sorted(HONEST))
def test_honest_field_is_read_as_before(judge, value):
    author = judge.verdict(value)["author"]
    assert (author["status"], author["domains"]) == ("ok", HONEST[value])
