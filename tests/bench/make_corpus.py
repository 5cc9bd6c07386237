# SPDX-License-Identifier: BSD-2-Clause
"""
The bench corpus: 200 messages of 2 to 200 KB (sizes spread evenly over their logarithm) from 40 domains; 170 carry one
rsa-2048 signature, 10 an Ed25519 one, 20 none. The random choices are fixed, the keys are made anew.
"""
import base64
import math
import os
import random

from world import mail as m

MESSAGES, DOMAINS = 200, 40
LEAST, MOST = 2_000, 200_000
WORDS = ("assay metal stamp silver gold touchstone hallmark mint furnace balance cupel alloy ingot refine weigh test "
         "proof master warden crown guild ledger scale grain ounce pure base dross bullion").split()


def publish(dns, keys):
    for i in range(DOMAINS):
        domain = f"s{i}.bench.example"
        if i % 4 == 0:
            dns.add(domain, "TXT", f"v=spf1 include:spf.{domain} -all")
            dns.add(f"spf.{domain}", "TXT", "v=spf1 ip4:203.0.113.0/25 ip4:192.0.2.0/24 -all")
        else:
            dns.add(domain, "TXT", "v=spf1 mx ip4:192.0.2.0/24 ~all")
        dns.add(domain, "MX", f"10 mail.{domain}.")
        dns.add(domain, "A", "192.0.2.80")
        dns.add(f"mail.{domain}", "A", f"192.0.2.{i + 1}")
        dns.add(f"{i + 1}.2.0.192.in-addr.arpa", "PTR", f"mail.{domain}.")
        dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=%s; rua=mailto:dmarc@%s" % (("none", "quarantine", "reject")[i % 3], domain))
        keys.publish_rsa(dns, domain, "s2048")
        keys.publish_ed25519(dns, domain)


def text_body(rng, size):
    lines, length = [], 0
    while length < size:
        line = " ".join(rng.choice(WORDS) for _ in range(rng.randint(4, 12)))
        if rng.random() < 0.1:
            line += "  "
        lines.append(line)
        length += len(line) + 2
    return ("\r\n".join(lines) + "\r\n").encode()


def attachment_body(rng, size):
    blob = base64.encodebytes(rng.randbytes(int(size * 0.72))).replace(b"\n", b"\r\n")
    return (b"--frontier\r\nContent-Type: text/plain\r\n\r\n" + text_body(rng, 600) +
            b"--frontier\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + blob +
            b"--frontier--\r\n")


def extra_fields(rng, domain, number):
    fields = []
    for hop in range(rng.randint(1, 4)):
        fields.append(f"Received: from hop{hop}.{domain} (hop{hop}.{domain} [198.51.100.{hop}])\r\n\tby mail.{domain} "
                      f"(Postfix) with ESMTPS id 4X{number}{hop}; Fri, 20 Nov 2026 10:00:0{hop} +0000 (UTC)\r\n")
    fields.append("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"frontier\"\r\n")
    for i in range(rng.randint(4, 14)):
        fields.append(f"X-Bench-{i}: {rng.choice(WORDS)}; {base64.b64encode(rng.randbytes(30)).decode()}\r\n")
    return "".join(fields).encode()


def write(directory, keys):
    """Messages and index.tsv into directory, for corpus.c and the bare verifier."""
    rng = random.Random(20261121)
    os.makedirs(directory, exist_ok=True)
    rows = []
    for number in range(MESSAGES):
        domain = f"s{rng.randrange(DOMAINS)}.bench.example"
        size = int(math.exp(math.log(LEAST) + (math.log(MOST) - math.log(LEAST)) * number / (MESSAGES - 1)))
        body = (attachment_body if size > 10_000 and rng.random() < 0.6 else text_body)(rng, max(200, size - 1500))
        data = m.message(f"news@{domain}", subject=f"message {number}", extra=extra_fields(rng, domain, number), body=body)
        if number % 10 != 9:
            selector = "ed" if number % 20 == 3 else "s2048"
            data = keys.sign(data, domain, selector, headers=m.SIGNED_HEADERS + [b"MIME-Version", b"Content-Type"])
        name = f"{number:03}.eml"
        with open(os.path.join(directory, name), "wb") as file:
            file.write(data)
        host = int(domain[1:].split(".")[0]) + 1
        rows.append("\t".join((name, f"192.0.2.{host}", f"mail.{domain}", f"mail.{domain}", f"bounce@{domain}",
                               f"user{number}@rcpt.example")))
    with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
        file.write("\n".join(rows) + "\n")


DELAY_CHAIN = 3         # longest chain of look-ups of these messages: SPF record, its include, the include's include
DELAY_MESSAGES = 120


def publish_delay(dns, keys):
    """One domain a message, so that every cache is cold: three-deep SPF, two keys, DMARC two levels up, reverse DNS."""
    for i in range(DELAY_MESSAGES):
        domain = f"d{i}.delay.example"
        dns.add(domain, "TXT", f"v=spf1 include:a.{domain} include:b.{domain} -all")
        dns.add(domain, "A", "192.0.2.80")
        dns.add(f"a.{domain}", "TXT", f"v=spf1 include:c.{domain} ?all")
        dns.add(f"b.{domain}", "TXT", "v=spf1 ip4:198.18.0.0/15 -all")
        dns.add(f"c.{domain}", "TXT", "v=spf1 ip4:198.51.100.1 -all")
        dns.add(f"_dmarc.{domain}", "TXT", "v=DMARC1; p=reject")
        dns.add(f"mail.{domain}", "A", f"198.18.0.{i + 1}")
        dns.add(f"{i + 1}.0.18.198.in-addr.arpa", "PTR", f"mail.{domain}.")
        keys.rsa[domain, "rsa"] = keys.rsa["s0.bench.example", "s2048"]
        dns.add(f"rsa._domainkey.{domain}", "CNAME", "s2048._domainkey.s0.bench.example.")
        keys.publish_ed25519(dns, domain)


def write_delay(directory, keys, half):
    """The first (0) or second (1) half of the messages."""
    os.makedirs(directory, exist_ok=True)
    rows = []
    for i in range(half * DELAY_MESSAGES // 2, (half + 1) * DELAY_MESSAGES // 2):
        domain = f"d{i}.delay.example"
        data = m.message(f"news@{domain}", subject=f"message {i}")
        data = keys.sign(keys.sign(data, domain, "rsa"), domain, "ed")
        with open(os.path.join(directory, f"{i:03}.eml"), "wb") as file:
            file.write(data)
        rows.append("\t".join((f"{i:03}.eml", f"198.18.0.{i + 1}", f"mail.{domain}", f"mail.{domain}", f"bounce@{domain}",
                               f"user{i}@rcpt.example")))
    with open(os.path.join(directory, "index.tsv"), "w", encoding="ascii") as file:
        file.write("\n".join(rows) + "\n")
