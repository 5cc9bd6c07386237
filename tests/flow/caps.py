# SPDX-License-Identifier: BSD-2-Clause
"""
What the cases of the caps share: two letters of one author domain that asks to reject forgeries, one forged and one honest, and
what `assay check` decides on them under two configurations.

A case is a function (letter, excess) that makes the letter hold just as much as the cap allows, or one more. cap() registers it
with the settings it needs. What is refused must be refused all the same when the cap is passed; what an honest message gets
then, the case says.
"""
import dataclasses
import json
import os
import subprocess
import tempfile

from house import build

ACTIONS = ("none", "tag", "greylist", "defer", "quarantine", "reject")
VICTIM, ATTACKER = "victim.example", "attacker.example"
STRANGER = "198.51.100.7,relay.other.example"     # whom no domain here names
HONEST_CLIENT, HOSTILE_CLIENT = "192.0.2.1,mail.victim.example", "203.0.113.9,mail.attacker.example"

# The attacker is somebody to himself: SPF passes for his own domain, and his address leads back to its name.
ZONE = """\
victim.example.             300 IN A   192.0.2.1
victim.example.             300 IN TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.victim.example.      300 IN TXT "v=DMARC1; p=reject"
mail.victim.example.        300 IN A   192.0.2.1
1.2.0.192.in-addr.arpa.     300 IN PTR mail.victim.example.
attacker.example.           300 IN A   203.0.113.9
attacker.example.           300 IN TXT "v=spf1 ip4:203.0.113.9 -all"
mail.attacker.example.      300 IN A   203.0.113.9
9.113.0.203.in-addr.arpa.   300 IN PTR mail.attacker.example.
"""
# What is wanted of a forgery that stays under every cap. By default DMARC alone does not reject (RFC 9989 section 7.4).
SETTINGS = {"as set": ("findings { dmarc-reject = reject }", "reject"), "default": ("", "quarantine")}


@dataclasses.dataclass
class Letter:
    """One message with its envelope."""
    author: str
    mail_from: str
    client: str
    recipients: list = dataclasses.field(default_factory=lambda: ["ann@rcpt.example"])
    before: bytes = b""     # header fields above From
    after: bytes = b"Subject: a letter\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
    body: bytes = b"Hello\r\n"
    whole: bytes = None     # instead of these four
    helo: str = None        # instead of the client's name

    @property
    def forged(self):
        return self.client != HONEST_CLIENT

    @property
    def data(self):
        return self.whole or self.before + f"From: {self.author}\r\n".encode() + self.after + b"\r\n" + self.body

    def send_from(self, domain):
        """A hostile sender is at home there, an honest one is its author, and a stranger says that he is."""
        self.mail_from = f"joe@{domain}"
        if not self.forged or self.client == STRANGER:
            self.author = self.mail_from

    def options(self):
        client, _, name = self.client.partition(",")
        return ["--client", self.client, "--helo", self.helo or name, "--mail-from", self.mail_from,
                *(word for recipient in self.recipients for word in ("--rcpt", recipient)), "--json", "-"]


def forged():
    return Letter(f"ceo@{VICTIM}", f"joe@{ATTACKER}", HOSTILE_CLIENT)


def forged_from_there():
    """In the name of a domain that is itself past the cap, if the case has one."""
    return Letter(f"ceo@{VICTIM}", f"ceo@{VICTIM}", STRANGER)


def honest():
    return Letter(f"news@{VICTIM}", f"news@{VICTIM}", HONEST_CLIENT)


@dataclasses.dataclass
class Case:
    cap: str                # "section.option", or the name of a constant
    make: object
    finding: str            # raised just past the cap, and not before
    settings: str = ""
    zone: str = ""
    serve: object = None    # a context manager around each message, which gives the port of a resolver: instead of the zone
    honest: str = "none"    # what an honest letter gets past the cap
    waiting: str = None     # why it cannot hold yet


CASES = []


def cap(name, finding, **options):
    """Registers a case. waiting: what it waits for; it then has to fail."""
    def register(make):
        CASES.append(Case(name, make, finding, **options))
        return make
    return register


@dataclasses.dataclass
class Verdict:
    findings: set
    action: str
    enforced: bool
    raw: dict

    @property
    def rank(self):
        return ACTIONS.index(self.action) if self.enforced else 0


def judge(case, letter, excess, which="as set"):
    case.make(letter, excess)
    with tempfile.TemporaryDirectory(prefix="caps-") as directory:
        def write(name, text):
            path = os.path.join(directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return path
        settings = case.settings if isinstance(case.settings, str) else case.settings()
        config = write("conf", f"mode = enforce\n{SETTINGS[which][0]}\n{settings}\n")
        argv = [str(build.program("assay")), "check", "--config", config]
        if case.serve is None:
            argv += ["--zone", write("zone", ZONE + (case.zone if isinstance(case.zone, str) else case.zone()))]
            return read(argv + letter.options(), letter)
        with case.serve() as port:
            return read(argv + ["--resolver", f"127.0.0.1@{port}"] + letter.options(), letter)


def read(argv, letter):
    done = subprocess.run(argv, input=letter.data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    raw = json.loads(done.stdout)
    return Verdict(set(raw["findings"]), raw["decision"]["action"], raw["decision"]["enforced"], raw)


def check_forgery(case, which):
    under, over = judge(case, forged(), 0, which), judge(case, forged(), 1, which)
    assert under.action == SETTINGS[which][1] and under.enforced, under.raw
    assert case.finding not in under.findings, under.raw
    assert case.finding in over.findings, over.raw
    assert over.enforced and over.rank >= under.rank, (over.raw["decision"], over.findings)


def check_honest(case):
    under, over = judge(case, honest(), 0), judge(case, honest(), 1)
    assert (under.action, case.finding in under.findings) == ("none", False), under.raw
    assert (over.action, case.finding in over.findings) == (case.honest, True), over.raw
