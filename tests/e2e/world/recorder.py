# SPDX-License-Identifier: BSD-2-Clause
"""A milter that lets everything pass and writes down what the MTA tells it: connect, HELO, MAIL, and the macros of each."""
import socket
import struct
import threading

ACTION_SETSYMLIST = 0x100
STAGES = {"C": 0, "H": 1, "M": 2}
# what assayd asks for and, to know what else would tell a client from a local program, what it does not
MACROS = {
    "C": "j v {daemon_name} {daemon_addr} {daemon_port} {if_name} {if_addr} {client_name} {client_addr} {client_ptr} {client_port} "
         "{client_resolve}",
    "H": "{tls_version}",
    "M": "i {auth_type} {client_addr} {mail_mailer}",
}


class Session(dict):
    """"connect": (name, family, port, address); "helo"; "mail": the address and its arguments; "macros": {stage: {name: value}}."""


class Recorder:
    """
    Listens on loopback until it is closed; sessions: all that began, in order. dies_at: the packet (C, H, M, R, T, L, N, B, E) at
    which it hangs up without an answer; None: it does not. Without listens nobody answers, and nobody else gets the port. network:
    the one (network.py) in which it listens, where it is not the machine's.
    """

    def __init__(self, macros=None, dies_at=None, listens=True, network=None):
        self.macros, self.sessions, self.dies_at = macros or MACROS, [], dies_at
        self.listener = socket.socket() if network is None else network.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        if not listens:
            return
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def postfix(self):
        """As smtpd_milters names it."""
        return f"inet:127.0.0.1:{self.port}"

    @property
    def sendmail(self):
        return f"inet:{self.port}@127.0.0.1"

    def close(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _answer(self, code, session, data):
        """@return the reply to one packet; None: none is due."""
        if code == "O":
            lists = b"".join(struct.pack(">I", STAGES[stage]) + names.encode() + b"\0" for stage, names in self.macros.items())
            return b"O" + struct.pack(">III", 6, ACTION_SETSYMLIST, 0) + lists
        if code == "D":
            words = data[1:].decode("latin-1").split("\0")[:-1]
            session["macros"][data[:1].decode()] = {name.strip("{}"): value for name, value in zip(words[::2], words[1::2])}
            return None
        if code == "C":
            name, rest = data.split(b"\0", 1)
            family, rest = rest[:1].decode(), rest[1:]
            port, address = (struct.unpack(">H", rest[:2])[0], rest[2:].rstrip(b"\0").decode()) if family != "U" else (None, None)
            session["connect"] = (name.decode(), family, port, address)
        elif code == "H":
            session["helo"] = data.rstrip(b"\0").decode()
        elif code == "M":
            session["mail"] = data.rstrip(b"\0").decode().split("\0")
        return None if code in "AQK" else b"c"

    def _serve(self, connection):
        def begin():
            session = Session(macros={})
            self.sessions.append(session)
            return session

        session = None
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(4)) == 4:
                packet = stream.read(struct.unpack(">I", head)[0])
                code = chr(packet[0])
                if session is None or code == "K":
                    session = begin() if code != "K" else None
                if session is None:
                    continue
                if code == self.dies_at:
                    return
                reply = self._answer(code, session, packet[1:])
                if reply is not None:
                    connection.sendall(struct.pack(">I", len(reply)) + reply)
                if code == "Q":
                    return
