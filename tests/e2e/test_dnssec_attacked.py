# SPDX-License-Identifier: BSD-2-Clause
"""The validator and the resolver behind somebody who alters answers on their way: what is false is never told as true."""
import os
import random

import dns.name
import dns.rdata
import dns.rdatatype

from dnssec_driver import LABELS, Driver, Resolver
from dnssec_proxy import Attacker


# ---- attacks ------------------------------------------------------------------------------------------------------

HONEST_ZONES = ["rsa256.one", "p256.one", "ed25519.one", "deep.p256.one", "nsec.one", "nsec3.one", "optout.one",
                "signed.optout.one", "iter150.one", "unsigned.one", "unsigned.optout.one", "wildapex.one", "wildapex3.one",
                "dname.one", "tosecure.one", "toinsecure.one", "wildalias.one", "signed.two", "unsigned.two", "dssha384.one",
                "very.much.deeper.p256.one", "frominsecure.one"]
ATTACKED_TYPES = ["A", "A", "TXT", "TXT", "MX", "AAAA", "CNAME"]


def redirected_to(message, name):
    """@return where the DNAMEs of the answer lead name; the CNAMEs that follow from them (RFC 6672) are left to others."""
    return [name.relativize(r.name).derelativize(rr.target) for r in message.answer for rr in r
            if r.rdtype == dns.rdatatype.DNAME and name != r.name and name.is_subdomain(r.name)]


def follow(message, name, rtype):
    """@return (names of the alias chain, records of the type at its end)"""
    chain = [name]
    while True:
        data = {rr.to_digestable() for r in message.answer for rr in r if r.name == chain[-1] and r.rdtype == rtype}
        alias = [rr.target for r in message.answer for rr in r
                 if r.name == chain[-1] and r.rdtype == dns.rdatatype.CNAME]
        if rtype != dns.rdatatype.CNAME:
            alias = alias or redirected_to(message, chain[-1])
        if data or not alias or len(chain) > 12:
            return chain, data
        chain.append(alias[0])


def is_unfinished(seen, chain, data):
    """Ends with an alias and says nothing of its target: the resolver asks on, the validator judges the aliases alone."""
    return len(chain) > 1 and not data and seen.rcode() & 15 == 0 and \
        not any(r.rdtype == dns.rdatatype.SOA and chain[-1].is_subdomain(r.name) for r in seen.authority)


def false_claim(honest, truth, seen, name, rtype):
    """What a secure answer claims that the zone does not say; None when it is true."""
    if seen is None:
        return "an unreadable message"
    rtype = dns.rdatatype.from_text(rtype)
    name = dns.name.from_text(name)
    true_chain, true_data = follow(truth, name, rtype)
    chain, data = follow(seen, name, rtype)
    if rtype == dns.rdatatype.CNAME and not data and redirected_to(seen, chain[-1]):
        return None     # a DNAME without the CNAME that was asked for: the validator follows it, the resolver refuses it
    if chain != true_chain[:len(chain)]:
        return f"alias chain {chain}"
    if is_unfinished(seen, chain, data):
        return None
    if honest != "secure":
        return f"to be secure, which it is not: {honest}"
    if chain != true_chain or data != true_data:
        return f"data {data}"
    # the low four bits are all that a resolver acts on; the others are in the OPT record, which nobody signs
    return f"rcode {seen.rcode()}" if seen.rcode() & 15 != truth.rcode() & 15 else None


def attack_questions(tree):
    every = []
    for zone in HONEST_ZONES:
        for label in LABELS:
            every += [((label + "." if label else "") + tree.zones[zone].name, rtype) for rtype in set(ATTACKED_TYPES)]
    return sorted(every)


def test_validator_is_not_deceived(tree):
    """ASSAY_ATTACKED_ANSWERS answers go through the attacker; 100,000 take some minutes."""
    wanted = int(os.environ.get("ASSAY_ATTACKED_ANSWERS", "5000"))
    seed = int(os.environ.get("ASSAY_ATTACK_SEED", "1"))
    attacker = Attacker(tree.world, tree.port, seed)
    attacked = Driver(attacker.port, tree.anchor)
    chance = random.Random(seed)
    every = attack_questions(tree)
    chance.shuffle(every)
    every = every[:1500]
    attacker.honest = True
    truth = {}
    for question in every:
        security, _, _, message, _ = attacked.judge(*question)
        assert security in ("secure", "insecure"), question
        truth[question] = security, message
    attacker.honest = False
    counts, deceived, judged = {}, [], 0
    while attacker.answers < wanted:
        question = chance.choice(every)
        if judged % 5 == 0:
            attacked.reset()    # else a zone once found bogus would be left alone for a minute
        judged += 1
        attacker.attack_chain = chance.choice([0.0, 0.05, 0.2])
        security, _, _, message, why = attacked.judge(*question)
        counts[security] = counts.get(security, 0) + 1
        honest, true_message = truth[question]
        claim = false_claim(honest, true_message, message, *question) if security == "secure" else None
        if claim is not None:
            deceived.append((question, "secure", honest, why, claim))
        if security == "insecure" and honest == "secure":
            deceived.append((question, "insecure", honest, why, ""))
        assert not attacker.errors, attacker.errors[0]
    attacked.close()
    print(f"{attacker.answers} answers, {attacker.attacked} attacked, {judged} judged: {counts}")
    print(attacker.used)
    for item in deceived[:30]:
        print(*item)
    assert counts.get("secure", 0) > judged / 20 and counts.get("bogus", 0) > judged / 5    # it was a fight
    assert not deceived


def signed_form(told, rtype):
    """
    What Resolver.ask() told, as signatures see it: names in lower case, those in the data too (RFC 4034 section 6.2). An attacker can
    change their letters, and deceives nobody by it.
    """
    status, name, records = told
    wires = [bytes.fromhex(record) for record in records]
    return status, name.lower(), frozenset(dns.rdata.from_wire("IN", rtype, wire, 0, len(wire)).to_digestable() for wire in wires)


def test_resolver_is_not_deceived(tree):
    """The same with the resolver around the validator: what a check gets is what the zone says, or a failure."""
    wanted = int(os.environ.get("ASSAY_ATTACKED_ANSWERS", "5000"))
    seed = int(os.environ.get("ASSAY_ATTACK_SEED", "1"))
    attacker = Attacker(tree.world, tree.port, seed)
    chance = random.Random(seed)
    every = attack_questions(tree)
    chance.shuffle(every)
    # names below a DNAME are few, but resolver and validator each follow them in their own way
    redirected = [question for question in every if ".d.dname." in question[0]]
    every = redirected + every[:1000]
    attacker.honest = True
    resolver = Resolver(attacker.port, tree.anchor, 5000)
    truth = {question: resolver.ask(*question)[:2] for question in every}
    resolver.close()
    assert {security for security, _ in truth.values()} == {"secure", "insecure"}
    resolver = Resolver(attacker.port, tree.anchor, 150)
    counts, deceived, asked = {}, [], 0
    while attacker.answers < wanted:
        question = chance.choice(redirected if asked % 3 == 1 else every)
        if asked % 5 == 0:
            resolver.reset()
            attacker.honest = True      # from now on it knows that DNSSEC reaches it
            resolver.ask("one", "SOA")
            attacker.honest = False
        asked += 1
        attacker.attack_chain = chance.choice([0.0, 0.05, 0.2])
        security, told, why = resolver.ask(*question)
        word = security if told[0] != "SERVFAIL" else "failed"
        counts[word] = counts.get(word, 0) + 1
        honest, true_told = truth[question]
        if word == "indeterminate" or (word == "insecure" and honest != "insecure") or \
                (word == "secure" and signed_form(told, question[1]) != signed_form(true_told, question[1])):
            deceived.append((question, word, told, honest, true_told, why))
        assert not attacker.errors, attacker.errors[0]
    resolver.close()
    print(f"{attacker.answers} answers, {attacker.attacked} attacked, {asked} asked: {counts}")
    for item in deceived[:30]:
        print(*item)
    assert counts.get("secure", 0) > asked / 20 and counts.get("failed", 0) > asked / 5
    assert not deceived
