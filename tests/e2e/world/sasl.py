# SPDX-License-Identifier: BSD-2-Clause
"""
Who knows passwords for the MTAs: the server side of the Dovecot authentication protocol (version 1.1), as far as Postfix needs it for
PLAIN and LOGIN, and that of saslauthd for Sendmail.
"""
import base64
import os
import socket
import socketserver
import threading


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t%d\nCUID\t1\n"
                         b"COOKIE\t00112233445566778899aabbccddeeff\nDONE\n" % os.getpid())
        login = {}
        for line in self.rfile:
            word = line.rstrip(b"\n").split(b"\t")
            if word[0] == b"AUTH":
                response = next((w[5:] for w in word if w.startswith(b"resp=")), None)
                if word[2] == b"PLAIN" and response is not None:
                    self.finish_plain(word[1], base64.b64decode(response))
                elif word[2] == b"PLAIN":
                    self.wfile.write(b"CONT\t%s\t\n" % word[1])
                    login[word[1]] = None
                else:
                    self.wfile.write(b"CONT\t%s\t%s\n" % (word[1], base64.b64encode(b"Username:")))
                    login[word[1]] = b""
            elif word[0] == b"CONT":
                response = base64.b64decode(word[2])
                if login.get(word[1]) is None:
                    self.finish_plain(word[1], response)
                elif not login[word[1]]:
                    login[word[1]] = response
                    self.wfile.write(b"CONT\t%s\t%s\n" % (word[1], base64.b64encode(b"Password:")))
                else:
                    self.answer(word[1], login[word[1]], response)

    def finish_plain(self, request, response):
        parts = response.split(b"\0")
        self.answer(request, parts[1] if len(parts) == 3 else b"", parts[-1])

    def answer(self, request, user, password):
        if self.server.passwords.get(user.decode("utf-8", "replace")) == password.decode("utf-8", "replace"):
            self.wfile.write(b"OK\t%s\tuser=%s\n" % (request, user))
        else:
            self.wfile.write(b"FAIL\t%s\tuser=%s\n" % (request, user))


class AuthServer(socketserver.ThreadingTCPServer):
    """passwords: {user: password}. Listens on self.port."""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, world, passwords):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.passwords = passwords
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()
        world.on_close(self.close)

    def close(self):
        self.shutdown()
        self.server_close()


class SaslauthServer:
    """What Cyrus SASL asks for Sendmail, as saslauthd: four texts with a length each, and one back. passwords: {user: password}."""

    def __init__(self, path, passwords):
        self.path, self.passwords = path, passwords
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rb") as stream:
                texts = [stream.read(int.from_bytes(stream.read(2), "big")).decode("utf-8", "replace") for _ in range(4)]
                answer = b"OK" if self.passwords.get(texts[0]) == texts[1] else b"NO"
                connection.sendall(len(answer).to_bytes(2, "big") + answer)
