# SPDX-License-Identifier: BSD-2-Clause
"""
Chains that dkimpy made verify, and do not after a change; and on messages that were changed at random we say what dkimpy says,
but for what is told here.
"""
import random
import re

import dkim
import pytest

import dkim_signer
from arc_sealer import Chain, instance_of, is_arc
from test_arc import BODY, LETTER, judge

KEYS = [dkim_signer.Key.rsa(1024) for _ in range(3)]
DOMAINS = ("one.example", "two.example", "three.example")
ROUNDS = 200


def dkimpy_chain(sets, letter=LETTER + BODY):
    made = Chain(letter)
    for i in range(sets):
        domain, key = DOMAINS[i % 3], KEYS[i % 3]
        results = f"Authentication-Results: mx{i}.{domain}; {'arc=pass; ' if i else ''}spf=pass smtp.mailfrom=d1.example\r\n".encode()
        lines = dkim.arc_sign(results + made.message, b"sel", domain.encode(), key.pem(), f"mx{i}.{domain}".encode())
        assert len(lines) == 3
        made.message = b"".join(line if line.endswith(b"\r\n") else line + b"\r\n" for line in lines) + results + made.message
        made.keys["sel", domain] = key
    return made


@pytest.mark.parametrize("sets", (1, 2, 3, 7))
def test_chain_of_dkimpy_passes(tmp_path, sets):
    verdict = judge(tmp_path, dkimpy_chain(sets))
    assert (verdict["arc"]["result"], verdict["arc"]["oldest_pass"]) == ("pass", 0)
    assert verdict["arc"]["sealers"] == [DOMAINS[i % 3] for i in range(sets)]


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize("instance", (1, 2, 3))
def test_chain_of_dkimpy_fails_after_a_change(tmp_path, kind, instance):
    """One letter of one field."""
    made = dkimpy_chain(3).fields(lambda fields: [
        (name, value[:-3] + (b"A" if value[-3:-2] != b"A" else b"B") + value[-2:]) if is_arc((name, value), kind, instance)
        else (name, value) for name, value in fields])
    assert judge(tmp_path, made)["arc"]["result"] == "fail"


@pytest.mark.parametrize("old, new", [("From: John", "From: Jane"), ("a test message", "a forged message"), ("A letter", "A bill")])
def test_chain_of_dkimpy_fails_for_another_message(tmp_path, old, new):
    assert judge(tmp_path, dkimpy_chain(2).edit(old, new))["arc"]["result"] == "fail"


def test_dkimpy_takes_our_sealers_chains():
    """That what stands in arc_sealer.py is ARC to others, too."""
    made = Chain(LETTER + BODY)
    for key, domain in zip(KEYS, DOMAINS):
        made.add(key, domain=domain)
    assert of_dkimpy(made) == "pass"


# ---- at random -------------------------------------------------------------------------------------------------------

def of_dkimpy(made):
    records = {f"{name}.".encode(): record.encode() for name, record in made.records().items()}
    try:
        cv, _, _ = dkim.arc_verify(made.message, dnsfunc=lambda name, timeout=5: records.get(name.lower() if isinstance(name, bytes)
                                                                                           else name.lower().encode()))
    except Exception:  # pylint: disable=broad-except  # it raises many kinds for what it cannot read
        return "fail"
    return cv.decode() if cv else "fail"    # None: the chain has ended


def change_byte(rng, value):
    at = rng.randrange(len(value))
    return value[:at] + bytes([rng.choice(b"abcdefghijklmnopqrstuvwxyzAZ019;=:. \t/+%")]) + value[at + 1:]


def change_tag(rng, value):
    tags = value.split(b";")
    at = rng.randrange(len(tags))
    what = rng.randrange(5)
    if what == 0:
        del tags[at]
    elif what == 1:
        tags.insert(at, tags[rng.randrange(len(tags))])
    elif what == 2:
        other = rng.randrange(len(tags))
        tags[at], tags[other] = tags[other], tags[at]
    elif what == 3:
        tags[at] = b" " + tags[at].strip() + b" "
    else:
        tags[at] = re.sub(rb"\d+", lambda found: b"%d" % rng.randrange(5), tags[at], count=1)
    return b";".join(tags)


def mutate(rng, fields):
    """One change, mostly to a field of ARC."""
    arcs = [i for i, field in enumerate(fields) if is_arc(field)]
    at = rng.choice(arcs) if arcs and rng.random() < 0.8 else rng.randrange(len(fields))
    name, value = fields[at]
    what = rng.randrange(8)
    if what == 0:
        return fields[:at] + fields[at + 1:]
    if what == 1:
        return fields[:at] + [fields[at]] + fields[at:]
    if what == 2:
        other = rng.randrange(len(fields))
        moved = fields[:at] + fields[at + 1:]
        return moved[:other] + [fields[at]] + moved[other:]
    if what == 3:
        return fields[:at] + [(name, value.replace(b" ", b"\r\n\t", 1))] + fields[at + 1:]
    if what == 4:
        return fields[:at] + [(name.swapcase(), value + b" ")] + fields[at + 1:]
    change = change_byte if what in (5, 6) else change_tag
    return fields[:at] + [(name, change(rng, value))] + fields[at + 1:]


def explained(made, ours, theirs):
    """
    Why dkimpy may say otherwise. It finds a message signature again by its octets " i=1;", and hands what a seal covers to its
    DKIM part by name, from the bottom: both hold only while the header looks as dkimpy itself would have made it. To RFC 8617 the
    sets are in order by their instances, wherever the fields stand.
    """
    if (ours, theirs) != ("pass", "fail"):
        return None
    fields = [field for field in dkim_signer.parse(made.message)[0] if is_arc(field)]
    if any(is_arc(field, 1) and b" i=%d;" % instance_of(field[1]) not in field[1] for field in fields):
        return "how i= is written"
    for kind in range(3):
        instances = [instance_of(field[1]) for field in fields if is_arc(field, kind)]
        if instances != sorted(instances, reverse=True):
            return "the order"
    return None


def test_random_changes_give_what_dkimpy_gives(tmp_path):
    rng = random.Random(8617)
    seen, unexplained = {}, []
    for _ in range(ROUNDS):
        made = dkimpy_chain(rng.randrange(1, 4))
        for _ in range(rng.randrange(1, 3)):
            made.fields(lambda fields: mutate(rng, fields) if fields else fields)
        verdict = judge(tmp_path, made)["arc"]
        ours, theirs = verdict["result"], of_dkimpy(made)
        seen[ours, theirs] = seen.get((ours, theirs), 0) + 1
        if ours != theirs and explained(made, ours, theirs) is None:
            unexplained.append((ours, theirs, verdict["reason"], made.message))
    assert not unexplained, (len(unexplained), unexplained[:3])
    # both outcomes have to be met, or nothing was compared
    assert seen["pass", "pass"] > ROUNDS // 20 and seen["fail", "fail"] > ROUNDS // 4, seen
