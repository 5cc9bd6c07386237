# SPDX-License-Identifier: BSD-2-Clause
"""The MTA's side of the milter protocol (version 6), for what miltertest cannot do: raw bytes, counting, load."""
import socket
import struct

ACTIONS = 0x1FF
STEPS = 0x1FFFFF
NR = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "U": 0x20000, "N": 0x40000, "B": 0x80000, "L": 0x80}
NO = {"C": 0x1, "H": 0x2, "M": 0x4, "R": 0x8, "B": 0x10, "L": 0x20, "N": 0x40, "U": 0x100, "T": 0x200}
LEADSPC = 0x100000
FINAL = set("cartdysf")


class Outcome:
    """What came back for an end of message."""

    def __init__(self):
        self.reply, self.text = None, None
        self.inserted, self.deleted, self.quarantine, self.progress = [], [], None, 0

    def header(self, name):
        """The inserted fields of that name as they stand in the message, from the top: the last one is inserted above the others."""
        return [value for _, field, value in reversed(self.inserted) if field.lower() == name.lower()]


class Client:
    """One milter connection. address: "unix:/path" or (host, port)."""

    def __init__(self, address, actions=ACTIONS, steps=STEPS, timeout=60, version=6):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            target = address.split(":", 1)[1]
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the other side's pauses are what shows
            target = address
        self.socket.settimeout(timeout)
        self.socket.connect(target)
        self.offered = steps
        self.buffer = b""
        self.symbols = {}
        self.send("O", struct.pack(">III", version, actions, steps))
        code, data = self.receive()
        assert code == "O"
        self.version, self.actions, self.steps = struct.unpack(">III", data[:12])
        rest = data[12:]
        while len(rest) > 4:
            stage, = struct.unpack(">I", rest[:4])
            names, rest = rest[4:].split(b"\0", 1)
            self.symbols[stage] = names.decode()

    def send(self, code, payload=b""):
        self.socket.sendall(struct.pack(">I", len(payload) + 1) + code.encode() + payload)

    def receive(self):
        while True:
            if len(self.buffer) >= 4:
                length, = struct.unpack(">I", self.buffer[:4])
                if len(self.buffer) >= 4 + length:
                    packet, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
                    return chr(packet[0]), packet[1:]
            more = self.socket.recv(65536)
            if not more:
                raise EOFError("assayd closed the connection")
            self.buffer += more

    def command(self, code, payload=b""):
        """@return (code, data) of the reply; None when replies were negotiated away."""
        if self.steps & NO.get(code, 0):
            return None
        self.send(code, payload)
        if self.steps & NR.get(code, 0):
            return None
        return self.receive()

    def macros(self, code, **values):
        text = b""
        for name, value in values.items():
            text += (name if len(name) == 1 else "{" + name + "}").encode() + b"\0" + str(value).encode() + b"\0"
        self.send("D", code.encode() + text)

    def connect(self, name="mx.good.example", address="192.0.2.1", port=4025, **macros):
        if macros:
            self.macros("C", **macros)
        if address is None:
            payload = name.encode() + b"\0U"
        else:
            family = b"6" if ":" in address else b"4"
            payload = name.encode() + b"\0" + family + struct.pack(">H", port) + address.encode() + b"\0"
        return self.command("C", payload)

    def helo(self, name="mx.good.example", **macros):
        if macros:
            self.macros("H", **macros)
        return self.command("H", name.encode() + b"\0")

    def mail(self, sender="<joe@good.example>", **macros):
        if macros:
            self.macros("M", **macros)
        return self.command("M", sender.encode() + b"\0")

    def rcpt(self, recipient="<ann@test.example>", **macros):
        if macros:
            self.macros("R", **macros)
        return self.command("R", recipient.encode() + b"\0")

    def header(self, name, value):
        name = name if isinstance(name, bytes) else name.encode()
        value = value if isinstance(value, bytes) else value.encode()
        space = b" " if self.steps & LEADSPC else b""
        return self.command("L", name + b"\0" + space + value + b"\0")

    def eoh(self):
        return self.command("N")

    def body(self, data):
        """In chunks as MTAs send them. @return number of chunks sent."""
        sent = 0
        for start in range(0, len(data), 65535):
            sent += 1
            reply = self.command("B", data[start:start + 65535])
            if reply is not None and reply[0] == "s":
                break
        return sent

    def eom(self, **macros):
        if macros:
            self.macros("E", **macros)
        self.send("E")
        outcome = Outcome()
        while True:
            code, data = self.receive()
            if code == "i":
                index, = struct.unpack(">I", data[:4])
                name, value = data[4:].rstrip(b"\0").split(b"\0", 1)
                outcome.inserted.append((index, name.decode(), value.decode("latin-1")))
            elif code == "m":
                index, = struct.unpack(">I", data[:4])
                name, value = data[4:].split(b"\0", 1)
                assert value in (b"", b"\0"), "only deletions are expected"
                outcome.deleted.append((name.decode(), index))
            elif code == "q":
                outcome.quarantine = data.rstrip(b"\0").decode()
            elif code == "p":
                outcome.progress += 1
            else:
                assert code in FINAL, code
                outcome.reply, outcome.text = code, data.rstrip(b"\0").decode()
                return outcome

    def abort(self):
        self.send("A")

    def quit(self):
        try:
            self.send("Q")
        finally:
            self.socket.close()

    def close(self):
        self.socket.close()

    def message(self, sender="<joe@good.example>", recipients=("<ann@test.example>",), headers=None, body=b"Hello\r\n",
                queue_id="QID1"):
        """A whole message on an open session. @return the Outcome."""
        self.mail(sender, i=queue_id)
        for recipient in recipients:
            self.rcpt(recipient)
        for name, value in headers or (("From", "Joe <joe@good.example>"), ("Subject", "test")):
            self.header(name, value)
        self.eoh()
        self.body(body)
        return self.eom(i=queue_id)
