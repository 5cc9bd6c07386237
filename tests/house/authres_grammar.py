# SPDX-License-Identifier: BSD-2-Clause
"""
A strict reader of Authentication-Results, written from the grammar of RFC 8601 section 2.2 and of the documents it names: RFC 5322
(CFWS, local-part), RFC 2045 section 5.1 (value), RFC 6532 (UTF-8 in quoted strings and comments), RFC 5321 section 4.1.2 (Keyword),
RFC 6376 section 3.5 (domain-name). It takes nothing that they do not allow, and knows nothing of assayd.
"""
import dataclasses
import re

TOKEN = re.compile(r"""[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+""")      # no tspecial, space, control or 8-bit character
DOT_ATOM = re.compile(r"""[!#$%&'*+\-/=?0-9A-Z^_`a-z{|}~\x80-\U0010ffff]+(\.[!#$%&'*+\-/=?0-9A-Z^_`a-z{|}~\x80-\U0010ffff]+)*""")
SUB_DOMAIN = r"[0-9A-Za-z](?:[0-9A-Za-z-]*[0-9A-Za-z])?"
DOMAIN_NAME = re.compile(rf"{SUB_DOMAIN}(?:\.{SUB_DOMAIN})+")
KEYWORD = re.compile(r"[0-9A-Za-z-]*[0-9A-Za-z]")
FWS = re.compile(r"(?:[ \t]*\n)?[ \t]+")
CTEXT = re.compile(r"[!-'*-\[\]-~\x80-\U0010ffff]+")
QTEXT = re.compile(r"[!#-\[\]-~ \t\x80-\U0010ffff]+")
PAIR = re.compile(r"\\([!-~ \t\x80-\U0010ffff])")


class NotInTheGrammar(Exception):
    pass


@dataclasses.dataclass
class Property:
    value: str
    bare: bool      # it was no quoted string


@dataclasses.dataclass
class Result:
    method: str
    result: str
    reason: str = None
    properties: dict = dataclasses.field(default_factory=dict)      # "smtp.mailfrom" → Property


class Reader:
    """comments: in their order, as written; neighbours: two that stood side by side."""

    def __init__(self, text):
        self.text, self.at, self.comments, self.neighbours = text, 0, [], []
        self.results = []
        self.cfws()
        self.authserv_id = self.need(self.value(), "authserv-id")[0]
        if self.cfws():
            self.take(re.compile("[0-9]+"))
            self.cfws()
        self.list_results()
        self.cfws()
        if self.at != len(text):
            raise self.error("end of field")

    def error(self, wanted):
        return NotInTheGrammar(f"{wanted} expected at {self.text[self.at:self.at + 60]!r} in {self.text!r}")

    def need(self, found, wanted):
        if found is None:
            raise self.error(wanted)
        return found

    def take(self, pattern):
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group(0)

    def char(self, char):
        if self.text.startswith(char, self.at):
            self.at += len(char)
            return True
        return False

    def comment(self):
        start = self.at
        self.need(self.char("(") or None, "(")
        while not self.char(")"):
            if self.text.startswith("(", self.at):
                self.comment()
            elif not (self.take(FWS) or self.take(CTEXT) or self.take(PAIR)):
                raise self.error("comment")
        return self.text[start:self.at]

    def cfws(self):
        """@return whether there was any."""
        start, number = self.at, 0
        while True:
            if self.text.startswith("(", self.at):
                self.comments.append(self.comment())
                number += 1
                if number == 2:
                    self.neighbours.append(self.comments[-2:])
            elif not self.take(FWS):
                return self.at > start

    def quoted(self):
        if not self.char('"'):
            return None
        value = ""
        while not self.char('"'):
            pair = PAIR.match(self.text, self.at)
            if pair:
                self.at, value = pair.end(), value + pair.group(1)
            elif self.take(re.compile(r"\n(?=[ \t])")) is None:
                value += self.need(self.take(QTEXT), "quoted string")
        return value

    def value(self):
        """@return (text, whether it is bare), or None."""
        quoted = self.quoted()
        if quoted is not None:
            return quoted, False
        token = self.take(TOKEN)
        return None if token is None else (token, True)

    def address(self):
        """[local-part] "@" domain-name."""
        start = self.at
        local = self.quoted()
        if local is None:
            local = self.take(DOT_ATOM) or ""
        if self.char("@"):
            domain = self.take(DOMAIN_NAME)
            if domain is not None and self.ends():
                return f"{local}@{domain}"
        self.at = start
        return None

    def ends(self):
        return self.at == len(self.text) or self.text[self.at] in " \t\n(;"

    def pvalue(self):
        self.cfws()
        address = self.address()
        found = (address, True) if address is not None else self.need(self.value(), "pvalue")
        if not self.ends():
            raise self.error("end of pvalue")
        self.cfws()
        return Property(*found)

    def list_results(self):
        self.need(self.char(";") or None, ";")
        start, known = self.at, (len(self.comments), len(self.neighbours))
        self.cfws()
        if self.take(re.compile("none")) and (self.cfws() or True) and self.at == len(self.text):
            return
        self.at = start
        del self.comments[known[0]:], self.neighbours[known[1]:]
        while True:
            self.results.append(self.resinfo())
            if not self.char(";"):
                return

    def resinfo(self):
        self.cfws()
        method = self.need(self.take(KEYWORD), "method")
        self.cfws()
        if self.char("/"):
            self.cfws()
            self.need(self.take(re.compile("[0-9]+")), "version of a method")
            self.cfws()
        self.need(self.char("=") or None, "=")
        self.cfws()
        result = Result(method, self.need(self.take(KEYWORD), "result"))
        space = self.cfws()
        if space and self.take(re.compile(r"reason(?=[ \t\n(=])")):
            self.cfws()
            self.need(self.char("=") or None, "=")
            self.cfws()
            result.reason = self.need(self.value(), "reason")[0]
            space = self.cfws()
        while self.at != len(self.text) and not self.text.startswith(";", self.at):
            if not space:
                raise self.error("white space")
            ptype = self.need(self.take(KEYWORD), "ptype")
            self.cfws()
            self.need(self.char(".") or None, ".")
            self.cfws()
            name = f"{ptype}.{self.need(self.take(KEYWORD), 'property')}"
            self.cfws()
            self.need(self.char("=") or None, "=")
            if name in result.properties:
                raise self.error("another property")
            result.properties[name] = self.pvalue()
        return result
