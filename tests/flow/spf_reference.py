# SPDX-License-Identifier: BSD-2-Clause
"""pyspf as the second opinion on SPF, amended rule by rule where it does not do what RFC 7208 says or does more.

Each rule is a passage of RFC 7208 and the behaviour that follows from it; without any rule Amended judges like plain pyspf.
explain() names the rules that it takes for pyspf to come to a given result: none is no difference, None is one that no
rule explains.
"""
import itertools
import re

import spf

RULES = {
    "postmaster": "4.3: postmaster MUST be substituted for a missing local part; so in %{s}. pyspf does it in %{l} only",
    "in-order": "4.6.2, 4.6.4: mechanisms are evaluated left to right until one matches; what a term behind it would ask "
                "for (its %{p}, its redirect=) is neither asked nor counted. pyspf expands and counts while it parses",
    "void-terms": "4.6.4: the limit is on the number of terms for which DNS queries return nothing, pyspf's on queries; an "
                  "implementation may be stricter (SHOULD)",
    "ptr-names": "5.5, 7.3, 4.8: a PTR name that could not match, or behind the one that does, decides nothing, and under a name "
                 "that no name can be (an empty label) nothing can match. pyspf asks for all and validates all",
    "mx-hosts": "5.4: the mechanism matches if any address does; no host behind that one needs to be asked. pyspf asks all",
    "p-of-domain": "7.3: %{p} depends on the current domain. pyspf keeps the first value for the whole check",
    "zero-parts": "7.3: a number of parts MUST be nonzero. pyspf takes all parts",
    "macro-grammar": "7.1, 4.6: %{ that is not closed, and delimiters that are none, are syntax errors, %% at the end is "
                     "none. pyspf expands something, and refuses this",
    "exists-domain": "5.7: exists needs a domain-spec. pyspf, when there is a qualifier, takes the current domain",
    "dot-joined": "7.3: parts are rejoined using a dot and not the original splitting characters. pyspf keeps these but in l, s",
    "modifier-case": "4.6.1 (names of literals in ABNF, RFC 5234 2.3): redirect= and exp= in capitals are these modifiers",
    "unknown-repeated": "6: unrecognized modifiers MUST be ignored no matter how often. pyspf refuses the second one",
    "unknown-letters": "6, 7.1: an unrecognized modifier's value is any macro-string. pyspf refuses c, r and t in it",
    "self-include": "5.2: an include of the record's own domain is no syntax error; it loops when it is evaluated",
}

DOTS = dict.fromkeys("slodiphcrtv", ".")
MACROS = re.compile(r"([^%]|%[%_-]|%\{[a-z][0-9]*r?[-.+,/_=]*\})*", re.IGNORECASE)
ZERO = re.compile(r"%\{[a-z]0+[^0-9}]*\}", re.IGNORECASE)


class Hosts(list):
    """MX hosts whose addresses are asked for until one matches."""


class Names:
    """PTR names that are looked up and validated when they are asked for."""

    def __init__(self, query):
        self.query = query
        self.names = None

    def validated(self, wanted):
        if self.names is None:
            self.names = self.query.dns_ptr(self.query.i)[:spf.MAX_PTR]
        for name in self.names:
            if wanted(name) and self.query.cidrmatch(self.query.dns_a(name, self.query.A), self.query.cidrmax):
                yield name


def within(name, domain):
    return ("." + name.lower()).endswith("." + domain.lower())


def matches(names, domain, plain=spf.domainmatch):
    if not isinstance(names, Names):
        return plain(names, domain)
    if not all(0 < len(label) < 64 for label in domain.rstrip(".").split(".")):
        return False
    return next(names.validated(lambda name: within(name, domain)), None) is not None


spf.domainmatch = matches


class Amended(spf.query):
    """A pyspf query to which some of RULES apply."""

    def __init__(self, rules, **arguments):
        super().__init__(**arguments)
        self.rules = frozenset(rules)
        self.parsing = self.voided = False
        if "postmaster" in self.rules and self.s.startswith("@"):
            self.s = "postmaster" + self.s
        self.d = self.o

    # ---- look-ups

    def check_lookups(self):
        self.voided = self.voided and "in-order" in self.rules  # what the expansion asked for was asked for this term
        super().check_lookups()

    def dns(self, name, qtype, cnames=None, ignore_void=False):
        if "void-terms" not in self.rules:
            return super().dns(name, qtype, cnames, ignore_void)
        result = super().dns(name, qtype, cnames, True)
        asked = all(0 < len(label) < 64 for label in str(name).rstrip(".").split("."))
        if not result and asked and not ignore_void and not cnames and not self.voided:
            self.voided = True
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("too many void terms")
        return result

    def dns_mx(self, domainname):
        if "mx-hosts" not in self.rules:
            return super().dns_mx(domainname)
        hosts = self.dns(domainname, "MX")
        if len(hosts) > spf.MAX_MX:
            raise spf.PermError("too many hosts", domainname)
        return Hosts(host for _preference, host in sorted(hosts))

    def cidrmatch(self, ipaddrs, n):
        if not isinstance(ipaddrs, Hosts):
            return super().cidrmatch(ipaddrs, n)
        return any(super(Amended, self).cidrmatch(self.dns_a(host, self.A), n) for host in ipaddrs)

    def validated_ptrs(self):
        if "ptr-names" not in self.rules:
            return super().validated_ptrs()
        return Names(self)

    def getp(self):
        if self.parsing:
            self.p = "unknown"
            return self.p
        if "p-of-domain" in self.rules:
            self.p = None
        if "ptr-names" not in self.rules or self.p:
            return super().getp()
        names = self.validated_ptrs()
        for wanted in (lambda name: name.lower() == self.d.lower(), lambda name: within(name, self.d), lambda _: True):
            self.p = self.p or next(names.validated(wanted), None)
        self.p = self.p or "unknown"
        return self.p

    # ---- terms

    def expand(self, s, stripdot=True):
        if "macro-grammar" in self.rules and not MACROS.fullmatch(s):
            raise spf.PermError("no macro-string", s)
        if "zero-parts" in self.rules and ZERO.search(s):
            raise spf.PermError("number of parts is zero", s)
        joiners, invalid = spf.JOINERS, spf.RE_INVALID_MACRO
        if "dot-joined" in self.rules:
            spf.JOINERS = DOTS
        if "macro-grammar" in self.rules:
            spf.RE_INVALID_MACRO = re.compile("(?!)")
        try:
            return super().expand(s, stripdot)
        finally:
            spf.JOINERS, spf.RE_INVALID_MACRO = joiners, invalid

    def modifier(self, term, seen):
        """The term as pyspf shall see it; None: it is to be left out."""
        name, equals, value = term.partition("=")
        if not equals or not spf.RE_MODIFIER.match(term):
            return term
        known = name.lower() in ("redirect", "exp")
        if known:
            return (name.lower() if "modifier-case" in self.rules else name) + "=" + value
        if "unknown-letters" in self.rules:
            value = re.sub(r"%\{[crt]", lambda found: "%{d", value, flags=re.IGNORECASE)
        if "unknown-repeated" in self.rules:
            seen.append(name)
            name = "x%d-%s" % (len(seen), name)
        return name + "=" + value

    def validate_mechanism(self, mech):
        if "exists-domain" in self.rules and mech.lstrip("+-~?").lower() == "exists":
            raise spf.PermError("exists without a domain", mech)
        try:
            return super().validate_mechanism(mech)
        except spf.PermError as error:
            if self.parsing and "self-include" in self.rules and "trivial recursion" in str(error):
                return mech, "include", self.d, self.cidrmax, "pass"
            raise

    def check0(self, spf_text, recursion):
        if not spf_text:
            return super().check0(spf_text, recursion)
        seen = []
        terms = [self.modifier(term, seen) for term in spf_text.split(" ")[1:] if term]
        if "in-order" not in self.rules:
            return super().check0(" ".join(["v=spf1", *terms]), recursion)
        modifiers = [term for term in terms if spf.RE_MODIFIER.match(term)]
        self.check_syntax(terms, modifiers, recursion)
        for term in terms:
            if term in modifiers:
                continue
            bare = term[1:] if term[0] in "+-~?" else term
            self.voided = False
            if super().check0("v=spf1 +" + bare, recursion)[0] == "pass":
                result = spf.RESULTS[term[0]] if term[0] in "+-~?" else "pass"
                return result, 250, ""
        self.voided = False
        redirect = [term for term in modifiers if term.startswith("redirect=")]
        return super().check0(" ".join(["v=spf1", *redirect]), recursion)

    def check_syntax(self, terms, modifiers, recursion):
        """Raises what parsing all of the record raises; asks and counts nothing."""
        before = self.lookups, self.p
        self.parsing, self.lookups = True, 0
        try:
            for term in terms:
                if term not in modifiers:
                    self.validate_mechanism(term)
            super().check0(" ".join(["v=spf1 all", *modifiers]), recursion)
        finally:
            self.parsing, (self.lookups, self.p) = False, before


def judge(rules, lookup, **arguments):
    spf.DNSLookup = lookup
    return Amended(rules, timeout=20, querytime=20, **arguments).check()[0]


def explain(result, lookup, **arguments):
    """The fewest rules with which pyspf comes to that result; None: there are none."""
    if judge(RULES, lookup, **arguments) != result:
        return None
    for count in range(len(RULES)):
        for rules in itertools.combinations(RULES, count):
            if judge(rules, lookup, **arguments) == result:
                return rules
    return tuple(RULES)


def is_term(term):
    """Does pyspf take it for a term? For generators."""
    query = spf.query(i="192.0.2.1", s="joe@x.test", h="h1.test")
    query.p = "unknown"
    try:
        name, equals, value = term.partition("=")
        if not equals or not spf.RE_MODIFIER.match(term):
            query.validate_mechanism(term)
        elif name.lower() in ("redirect", "exp"):
            query.expand_domain(value)
        else:
            query.expand(value)
    except spf.PermError:
        return False
    return True
