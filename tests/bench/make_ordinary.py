# SPDX-License-Identifier: BSD-2-Clause
"""
Ordinary mail of every kind, as no hostile sender writes it: plain, multipart, from mailing lists, forwarded, internationalised,
with several recipients and signatures. The random choices are fixed, the keys are made anew.
"""
import base64
import dataclasses
import random
import re

from world import mail as m

DOMAINS = 24
PEOPLE = ("Ann Lee", "Bob",
          '"Müller, Jörg"', "=?utf-8?q?Zo=C3=AB_Quinn?=", "=?utf-8?b?5p2O5bCP6b6Z?=", '"sales@work (old)"', '"O\'Neil, Pat"')
SUBJECTS = ("Minutes of Monday", "=?utf-8?q?Gr=C3=BC=C3=9Fe_aus?= Bern", "Re: Re: [list] a question", "Ваш заказ",
            "Invoice 7/2026",
            "=?iso-2022-jp?b?GyRCJCIbKEI=?=", "")


@dataclasses.dataclass
class Ordinary:
    data: bytes
    mail_from: str
    recipients: list
    client: str
    helo: str
    kind: str


def domain_name(i):
    return f"xn--gre-ema.d{i}.example" if i % 8 == 5 else f"d{i}.ordinary.example"


def publish(dns, keys):
    for i in range(DOMAINS):
        domain = domain_name(i)
        dns.add(domain, "A", "192.0.2.80")
        dns.add(domain, "MX", f"10 mail.{domain}.")
        dns.add(f"mail.{domain}", "A", f"192.0.2.{i + 1}")
        dns.add(f"{i + 1}.2.0.192.in-addr.arpa", "PTR", f"mail.{domain}.")
        if i % 6 != 4:
            dns.add(domain, "TXT", ("v=spf1 mx -all", f"v=spf1 a:mail.{domain} ~all",
                                    f"v=spf1 include:{domain_name(0)} mx ?all")[i % 3])
        if i % 5 != 3:
            dns.add(f"_dmarc.{domain}", "TXT", f"v=DMARC1; p={('none', 'quarantine', 'reject')[i % 3]}; adkim={'rs'[i % 2]}")
        keys.publish_rsa(dns, domain, "k")
        keys.publish_ed25519(dns, domain)


def address(rng, domain):
    return f"{rng.choice(('ann', 'bob.lee', 'no-reply', 'x+tag', 'j_m'))}@{domain}"


def text(rng, words=60):
    line = " ".join(rng.choice(("assay", "metal", "proof", "naïve", "ß", "the", "of", "and")) for _ in range(12))
    return "".join(line + "\r\n" for _ in range(rng.randint(1, words // 4))).encode()


def received(rng, domain, count):
    return "".join(f"Received: from h{i}.{domain} (h{i}.{domain} [198.51.100.{i}])\r\n\tby mx{i}.{domain} (Postfix) with "
                   f"{rng.choice(('ESMTPS', 'ESMTP', 'LMTP', 'HTTP'))} id 4X{i}; Fri, 20 Nov 2026 10:00:0{i} +0000 (UTC)\r\n"
                   for i in range(count)).encode()


def compose(rng, domain):
    """@return a message of that author domain, and its address."""
    author = address(rng, domain)
    shown = rng.choice((author, f"<{author}>", f"{rng.choice(PEOPLE)} <{author}>", f"{author} (on the road)",
                        f"{rng.choice(PEOPLE)}\r\n\t<{author}>", f"Team: {author}, <bob@{domain}>;"))
    extra = received(rng, domain, rng.randint(0, 5)) + b"MIME-Version: 1.0\r\n"
    if rng.random() < 0.3:
        extra += b"Authentication-Results: relay.%s; spf=pass smtp.mailfrom=%s\r\n" % (domain.encode(), domain.encode())
    if rng.random() < 0.2:
        copies = ", ".join(f"p{i}@rcpt.example" for i in range(rng.randint(1, 40)))
        extra += f"Reply-To: {author}\r\nCc: {copies}\r\n".encode()
    extra += b"".join(b"X-Mailer-%d: %s\r\n" % (i, base64.b64encode(rng.randbytes(40))) for i in range(rng.randint(0, 25)))
    body = text(rng)
    if rng.random() < 0.4:
        extra += b'Content-Type: multipart/alternative; boundary="=_b"\r\n'
        body = b"--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text(rng) + b"--=_b\r\nContent-Type: text/html\r\n" \
            b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(text(rng, 400)).replace(b"\n", b"\r\n") + b"--=_b--\r\n"
    else:
        extra += b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return m.message(author, subject=rng.choice(SUBJECTS), extra=extra, body=body, sender_field=shown), author


def from_list(rng, data, domain, listed):
    """What a list makes of it: its own sender, tag and foot, and often its own signature."""
    data = data.replace(b"\r\nSubject: ", b"\r\nSubject: [talk] ", 1)
    fields = f"List-Id: <talk.{listed}>\r\nList-Post: <mailto:talk@{listed}>\r\nPrecedence: list\r\nSender: talk-bounces@{listed}\r\n"
    if rng.random() < 0.3:      # as lists do that know DMARC
        shown = b"From: Ann via Talk <talk@%s>\r\n" % listed.encode()
        data = re.sub(rb"^From:.*?\r\n(?![ \t])", shown, data, count=1, flags=re.M | re.S)
        fields += f"Reply-To: ann@{domain}\r\n"
    return fields.encode() + data + b"-- \r\ntalk mailing list\r\n"


def make(count, keys, seed=9):
    rng = random.Random(seed)
    for number in range(count):
        i, j = rng.randrange(DOMAINS), rng.randrange(DOMAINS)
        domain, other = domain_name(i), domain_name(j)
        kind = ("direct", "direct", "direct", "list", "forwarded", "bounce")[number % 6]
        data, author = compose(rng, domain)
        if rng.random() < 0.8:
            data = keys.sign(data, domain, "ed" if rng.random() < 0.2 else "k")
        sender, client = author, i
        if kind == "list":
            data, sender, client = from_list(rng, data, domain, other), f"talk-bounces@{other}", j
            if rng.random() < 0.7:
                data = keys.sign(data, other, "k")
        elif kind == "forwarded":
            data, client = received(rng, other, 1) + data, j
            sender = rng.choice((author, f"SRS0=x=y={domain}=ann@{other}"))
        elif kind == "bounce":
            sender = ""
        recipients = [f"user{number}-{k}@rcpt.example" for k in range(rng.choice((1, 1, 1, 2, 7)))]
        host = f"mail.{domain_name(client)}"
        yield Ordinary(data, sender, recipients, f"192.0.2.{client + 1},{host}", host, kind)
