# SPDX-License-Identifier: BSD-2-Clause
"""An attacker between a resolver and its recursive server: strips, forges, replays, mixes, renames, truncates at random.

It knows everything that was ever answered (its pool) and has signing keys of its own, but not those of the zones. Answers
UDP and TCP on one port. Reproducible from its seed as long as the questions come in the same order.
"""
import random
import selectors
import socket
import struct
import threading
import traceback

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ed25519

from house.ports import bound_pair

# SOA: asked for by the resolver itself, when it looks whether silent servers are back.
FORGED = {"A": "203.0.113.66", "AAAA": "2001:db8::666", "TXT": '"v=spf1 +all forged"', "MX": "1 evil.example.",
          "CNAME": "evil.example.", "DNAME": "evil.example.", "DS": "1 13 2 " + "66" * 32, "NS": "evil.example.",
          "SOA": "evil.example. evil.example. 1 3600 600 86400 60",
          "DNSKEY": "257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="}


class Attacker:
    """Listens on .port. attack_chain: share of DS and DNSKEY answers that are attacked; others always are."""

    def __init__(self, world, upstream_port, seed=1, attack_chain=0.3):
        self.upstream = upstream_port
        self.chance = random.Random(seed)
        self.attack_chain = attack_chain
        self.honest = False
        self.answers = self.attacked = 0
        self.originals, self.pool, self.used = {}, [], {}
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
        self.dnskey = dns.dnssec.make_dnskey(self.key.public_key(), dns.dnssec.Algorithm.ED25519, flags=257)
        self.udp, self.tcp = bound_pair()
        self.port = self.udp.getsockname()[1]
        self.tcp.listen(16)
        self.stopping = False
        self.errors = []    # of the attacker itself: a test must look
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        world.on_close(self.close)

    def close(self):
        self.stopping = True
        self.thread.join(5)
        self.udp.close()
        self.tcp.close()

    # ---- transport ----

    def _run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.udp, selectors.EVENT_READ)
        selector.register(self.tcp, selectors.EVENT_READ)
        while not self.stopping:
            for key, _ in selector.select(0.2):
                try:
                    if key.fileobj is self.udp:
                        wire, client = self.udp.recvfrom(65535)
                        self.udp.sendto(self._answer(wire, 1232)[:65000], client)
                    else:
                        self._serve_tcp()
                except Exception:   # pylint: disable=broad-except
                    self.errors.append(traceback.format_exc())
        selector.close()

    def _serve_tcp(self):
        peer, _ = self.tcp.accept()
        with peer:
            peer.settimeout(2)
            try:
                head = peer.recv(2, socket.MSG_WAITALL)
                wire = self._answer(peer.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL), 65535)
                peer.sendall(struct.pack("!H", len(wire)) + wire)
            except (OSError, struct.error):
                pass

    def _original(self, question):
        key = (question.question[0].name, question.question[0].rdtype)
        if key not in self.originals:
            copy = dns.message.make_query(key[0], key[1], want_dnssec=True)
            copy.flags |= dns.flags.CD
            wire = dns.query.udp_with_fallback(copy, "127.0.0.1", port=self.upstream, timeout=10)[0].to_wire()
            self.originals[key] = wire
            self.pool.append(key)
        return self.originals[key]

    def _answer(self, wire, limit):
        question = dns.message.from_wire(wire)
        name, rtype = question.question[0].name, question.question[0].rdtype
        original = self._original(question)
        self.answers += 1
        chain = rtype in (dns.rdatatype.DS, dns.rdatatype.DNSKEY)
        result = None
        if not self.honest and self.chance.random() < (self.attack_chain if chain else 1.0):
            self.attacked += 1
            attack = self.chance.choice(self.ATTACKS)
            self.used[attack.__name__] = self.used.get(attack.__name__, 0) + 1
            try:
                changed = attack(self, dns.message.from_wire(original), name, rtype)
                result = changed if isinstance(changed, bytes) else changed.to_wire(max_size=65535)
            except (dns.exception.DNSException, ValueError, IndexError, struct.error):
                result = None   # nothing there that this attack could work on
        if result is None:
            result = original
        result = wire[:2] + result[2:]
        if len(result) > limit:
            return result[:2] + bytes([result[2] | 2]) + result[3:4] + b"\0\1\0\0\0\0\0\0" + wire[12:len(wire) - 11]
        return result

    # ---- attacks: (message, name, type) → message or wire ----

    def _other(self, near=None):
        """Another answer of the pool; near: rather one of the same zone."""
        keys = self.pool
        if near is not None and self.chance.random() < 0.8:
            keys = [key for key in self.chance.sample(self.pool, min(60, len(self.pool)))
                    if key[0].labels[-3:] == near.labels[-3:]] or self.pool
        return dns.message.from_wire(self.originals[self.chance.choice(keys)])

    def _sections(self, message):
        return [message.answer, message.authority]

    def strip_signatures(self, message, _name, _rtype):
        for section in self._sections(message):
            section[:] = [r for r in section if r.rdtype != dns.rdatatype.RRSIG]
        return message

    def strip_some_set(self, message, _name, _rtype):
        section = self.chance.choice([s for s in self._sections(message) if s])
        section.pop(self.chance.randrange(len(section)))
        return message

    def strip_some_record(self, message, _name, _rtype):
        rrset = self.chance.choice(self.chance.choice([s for s in self._sections(message) if s]))
        rrset.remove(self.chance.choice(list(rrset)))
        return message

    def strip_authority(self, message, _name, _rtype):
        message.authority.clear()
        return message

    def strip_answer(self, message, _name, _rtype):
        message.answer.clear()
        return message

    def flip_octets(self, message, _name, _rtype):
        wire = bytearray(message.to_wire())
        for _ in range(self.chance.choice([1, 1, 1, 2, 5])):
            wire[self.chance.randrange(3, len(wire))] ^= 1 << self.chance.randrange(8)
        return bytes(wire)

    def cut_off(self, message, _name, _rtype):
        wire = message.to_wire()
        return wire[:self.chance.randrange(12, len(wire))]

    def set_truncated(self, message, _name, _rtype):
        message.flags |= dns.flags.TC
        message.answer[:] = message.answer[:self.chance.randrange(len(message.answer) + 1)]
        return message

    def change_rcode(self, message, _name, _rtype):
        message.set_rcode(self.chance.choice([0, 3, 3, 2, 5]))
        return message

    def nothing_at_all(self, message, _name, _rtype):
        message.answer.clear()
        message.authority.clear()
        message.set_rcode(self.chance.choice([0, 3]))
        return message

    def replay_other(self, message, name, _rtype):
        other = self._other(name)
        message.answer, message.authority = other.answer, other.authority
        message.set_rcode(other.rcode())
        return message

    def replay_renamed(self, message, name, rtype):
        """Another answer's sets, their owner changed to the name that is asked for."""
        other = self._other(name)
        message.answer = [dns.rrset.from_rdata_list(name, r.ttl, list(r)) for r in other.answer
                          if r.rdtype in (rtype, dns.rdatatype.RRSIG)]
        message.set_rcode(0)
        return message

    def replay_wildcard(self, message, name, rtype):
        """A wildcard's true records and signature under any name, with proofs of other answers."""
        owners = [key for key in self.pool if b"wild" in key[0].labels or key[0].labels[-3:] in
                  ((b"wildapex", b"one", b""), (b"wildapex3", b"one", b""))]
        other = dns.message.from_wire(self.originals[self.chance.choice(owners)])
        message.answer = [dns.rrset.from_rdata_list(name, r.ttl, list(r)) for r in other.answer]
        message.authority = self._other(name).authority
        message.set_rcode(0)
        return message

    def replay_denial(self, message, name, _rtype):
        """Denies with somebody else's proof of the same zone."""
        other = self._other(name)
        message.answer.clear()
        message.authority = other.authority
        message.set_rcode(self.chance.choice([0, 3]))
        return message

    def mix_denials(self, message, name, _rtype):
        message.answer.clear()
        message.authority = [rrset for _ in range(4) for rrset in self._other(name).authority
                             if self.chance.random() < 0.8]
        message.set_rcode(self.chance.choice([0, 3]))
        return message

    def mix_in(self, message, name, _rtype):
        other = self._other(name)
        message.answer = self.chance.sample(message.answer + other.answer, len(message.answer) + len(other.answer))
        message.authority = message.authority + other.authority
        return message

    def rename_denial(self, message, name, _rtype):
        """An authentic NSEC under the name asked for (as if it came out of a wildcard)."""
        other = self._other(name)
        message.answer.clear()
        message.authority = [dns.rrset.from_rdata_list(name, r.ttl, list(r)) for r in other.authority]
        message.set_rcode(0)
        return message

    def forge_data(self, message, name, rtype):
        """False records; the true signature stays."""
        word = dns.rdatatype.to_text(rtype)
        forged = dns.rrset.from_text(name, 300, "IN", word, FORGED[word])
        message.answer = [r for r in message.answer if r.rdtype != rtype] + [forged]
        message.set_rcode(0)
        return message

    def add_record(self, message, name, rtype):
        word = dns.rdatatype.to_text(rtype)
        message.answer.append(dns.rrset.from_text(name, 300, "IN", word, FORGED[word]))
        return message

    def forge_signed(self, message, name, rtype):
        """False records with a signature by a key of the attacker's own, for one of the zones above."""
        word = dns.rdatatype.to_text(rtype)
        forged = dns.rrset.from_text(name, 300, "IN", word, FORGED[word])
        signer = dns.name.Name(name.labels[self.chance.randrange(len(name.labels)):])
        message.answer = [forged, self._sign(forged, signer)]
        message.set_rcode(0)
        return message

    def _sign(self, rrset, signer):
        rrsig = dns.dnssec.sign(rrset, self.key, signer, self.dnskey, lifetime=86400)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, rrsig)

    def own_keys(self, message, name, rtype):
        """The attacker's key slipped into a DNSKEY set, or a DS of it into a DS set, signed by itself."""
        if rtype == dns.rdatatype.DNSKEY:
            keys = dns.rrset.from_rdata_list(name, 300, [rr for r in message.answer for rr in r
                                                         if r.rdtype == rtype] + [self.dnskey])
            message.answer = [keys, self._sign(keys, name)] + [r for r in message.answer
                                                               if r.rdtype == dns.rdatatype.RRSIG]
        else:
            ds = dns.dnssec.make_ds(name, self.dnskey, "SHA256")
            rrset = dns.rrset.from_rdata(name, 300, ds)
            message.answer = [rrset, self._sign(rrset, dns.name.Name(name.labels[1:]))] + message.answer
        message.set_rcode(0)
        return message

    def change_signature(self, message, _name, _rtype):
        """One field of an RRSIG."""
        section = self.chance.choice([s for s in self._sections(message)
                                      if any(r.rdtype == dns.rdatatype.RRSIG for r in s)])
        rrset = self.chance.choice([r for r in section if r.rdtype == dns.rdatatype.RRSIG])
        changed = []
        for rrsig in rrset:
            field = self.chance.choice(["labels", "original_ttl", "expiration", "inception", "key_tag", "signer",
                                        "algorithm", "type_covered"])
            value = {
                "labels": lambda: self.chance.randrange(5), "original_ttl": lambda: 0x7fffffff,
                "expiration": lambda: 0x7fffffff, "inception": lambda: 0, "key_tag": lambda: self.chance.randrange(65536),
                "signer": lambda r=rrsig: dns.name.Name(r.signer.labels[1:] or r.signer.labels),
                "algorithm": lambda: self.chance.choice([1, 5, 8, 13, 15, 253]),
                "type_covered": lambda: self.chance.choice([1, 16, 47, 43]),
            }[field]()
            changed.append(rrsig.replace(**{field: value}))
        section[section.index(rrset)] = dns.rrset.from_rdata_list(rrset.name, rrset.ttl, changed)
        return message

    def inject_alias(self, message, name, _rtype):
        kind = self.chance.choice(["CNAME", "DNAME"])
        owner = name if kind == "CNAME" else dns.name.Name(name.labels[1:])
        target = self._other(name).question[0].name
        alias = dns.rrset.from_text(owner, 300, "IN", kind, target.to_text())
        message.answer = [alias] + (message.answer if self.chance.random() < 0.5 else [])
        return message

    def hide_behind_soa(self, message, name, rtype):
        """Aliases or data taken away, and an SOA of a zone above, signed by nobody, as if that were all there is."""
        gone = self.chance.choice([(dns.rdatatype.CNAME,), (dns.rdatatype.CNAME,), (rtype,), ()])
        message.answer = [r for r in message.answer if r.rdtype not in gone]
        owner = dns.name.Name(name.labels[self.chance.randrange(len(name.labels)):])
        message.authority.append(dns.rrset.from_text(owner, 300, "IN", "SOA", "a. b. 1 2 3 4 300"))
        return message

    def raise_ttl(self, message, _name, _rtype):
        for section in self._sections(message):
            for rrset in section:
                rrset.ttl = 0x7fffffff
        return message

    def repeat_records(self, message, _name, _rtype):
        message.answer = message.answer * self.chance.randrange(2, 5)
        message.authority = message.authority * 2
        return message

    def say_unsigned(self, message, name, rtype):
        """Makes a delegation look unsigned with whatever denies DS elsewhere, or an unsigned proof."""
        if rtype != dns.rdatatype.DS:
            return self.strip_signatures(message, name, rtype)
        message.answer.clear()
        message.set_rcode(0)
        if self.chance.random() < 0.5:
            message.authority = [dns.rrset.from_text(name, 300, "IN", "NSEC", f"zzz.{name} NS RRSIG NSEC")]
            return message
        denials = [key for key in self.pool if key[1] == dns.rdatatype.DS]
        message.authority = dns.message.from_wire(self.originals[self.chance.choice(denials)]).authority
        return message

    def garbage(self, _message, name, rtype):
        head = dns.message.make_query(name, rtype).to_wire()
        return head[:2] + b"\x81\x80" + head[4:6] + struct.pack("!HHH", *(self.chance.randrange(5) for _ in range(3))) + \
            head[12:] + self.chance.randbytes(self.chance.randrange(200))

    ATTACKS = [strip_signatures, strip_some_set, strip_some_record, strip_authority, strip_answer, flip_octets, flip_octets,
               cut_off, set_truncated, change_rcode, nothing_at_all, replay_other, replay_other, replay_renamed,
               replay_wildcard, replay_denial, replay_denial, mix_denials, mix_denials, mix_in, rename_denial,
               forge_data, add_record, forge_signed, own_keys, change_signature, change_signature, inject_alias, raise_ttl,
               repeat_records, say_unsigned, garbage, hide_behind_soa, hide_behind_soa]
