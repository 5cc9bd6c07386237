# SPDX-License-Identifier: BSD-2-Clause
"""SMTP clients: smtplib for exact control of the dialogue, swaks as the client an admin would use."""
import dataclasses
import os
import re
import smtplib
import socket
import ssl
import subprocess

from .network import Listener


@dataclasses.dataclass
class Reply:
    code: int
    text: str
    stage: str = ""

    @property
    def enhanced(self):
        match = re.match(r"([245]\.\d{1,3}\.\d{1,3})\b", self.text)
        return match.group(1) if match else None

    @property
    def queue_id(self):
        """As Postfix says it, and Sendmail."""
        match = re.search(r"queued as (\S+)|(\S+) Message accepted", self.text)
        return match.group(1) or match.group(2) if match else None

    def __str__(self):
        return f"{self.code} {self.text}"


class _Through(smtplib.SMTP):
    """Through the network of a Listener, from the address of a client."""

    def __init__(self, listener, client, client_name, **options):
        self.listener, self.client = listener, (client, client_name)
        super().__init__("127.0.0.1", listener, **options)

    def _get_socket(self, host, port, timeout):
        return self.listener.network.connect(port, *self.client, timeout)


class _ThroughTls(_Through):
    """With TLS from the first octet."""

    def __init__(self, context, *arguments, **options):
        self.context = context
        super().__init__(*arguments, **options)

    def _get_socket(self, host, port, timeout):
        return self.context.wrap_socket(super()._get_socket(host, port, timeout))


class Client:
    """
    A session with an MTA, from any client address (None: as it is): Postfix takes our word for it (XCLIENT), for a Listener it is
    the address of the connection.
    """

    def __init__(self, port, client=None, client_name=None, helo="mail.pass.example", tls=None, implicit_tls=False,
                 login=None, timeout=120):
        self.helo = helo
        options = {"local_hostname": helo, "timeout": timeout}
        if isinstance(port, Listener):
            through = (port, client, client_name)
            self.smtp = _ThroughTls(tls, *through, **options) if implicit_tls else _Through(*through, **options)
        elif implicit_tls:
            self.smtp = smtplib.SMTP_SSL("127.0.0.1", port, context=tls, **options)
        else:
            self.smtp = smtplib.SMTP("127.0.0.1", port, **options)
        self.smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if client is not None and not isinstance(port, Listener):
            address = "IPV6:" + client if ":" in client else client
            self.smtp.ehlo(helo)
            code, text = self.smtp.docmd("XCLIENT", f"ADDR={address} NAME={client_name or '[UNAVAILABLE]'}")
            if code != 220:
                raise RuntimeError(f"XCLIENT refused: {code} {text}")
        self.smtp.ehlo(helo)
        if tls is not None and not implicit_tls:
            self.smtp.starttls(context=tls)
            self.smtp.ehlo(helo)
        if login is not None:
            self.smtp.login(*login)

    @staticmethod
    def _reply(answer, stage):
        code, text = answer
        return Reply(code, text.decode("utf-8", "replace").replace("\n", " "), stage)

    def send(self, mail, bdat=False, options=()):
        """
        @return {"mail": Reply, recipient: Reply, …, "end": Reply or None}; "last" is the reply that settled it.
        """
        replies = {}
        answer = replies["mail"] = self._reply(self.smtp.mail(mail.mail_from, options), "MAIL")
        replies["last"], replies["end"] = answer, None
        if answer.code != 250:
            return replies
        accepted = 0
        for address in mail.recipients:
            answer = replies[address] = self._reply(self.smtp.rcpt(address), "RCPT")
            accepted += answer.code == 250
        replies["last"] = answer
        if not accepted:
            self.smtp.rset()
            return replies
        if bdat:
            replies["end"] = self._bdat(mail.data)
        else:
            try:
                replies["end"] = self._reply(self.smtp.data(mail.data), "end of message")
            except smtplib.SMTPDataError as error:
                replies["end"] = self._reply((error.smtp_code, error.smtp_error), "DATA")
        replies["last"] = replies["end"]
        return replies

    def _bdat(self, data):
        half = len(data) // 2
        for chunk, last in ((data[:half], ""), (data[half:], " LAST")):
            self.smtp.send(b"BDAT %d%s\r\n" % (len(chunk), last.encode()) + chunk)
            answer = self._reply(self.smtp.getreply(), "end of message")
            if answer.code != 250:
                return answer
        return answer

    def quit(self):
        try:
            self.smtp.quit()
        except (smtplib.SMTPServerDisconnected, OSError):
            pass

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.quit()


def tls_context(certificate=None, key=None):
    """A client context that trusts anything (the tests look at what the server sees)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


def deliver(mta, mail, port=None):
    """One session, one message, through smtplib."""
    tls = tls_context() if mail.tls else None
    with Client(port or mta.port_for(mail), mail.client, mail.client_name, mail.helo, tls, login=mail.login) as session:
        return session.send(mail)


def deliver_swaks(mta, mail, directory):
    """The same through swaks. @return the Reply that settled it."""
    path = os.path.join(directory, "swaks.eml")
    with open(path, "wb") as file:
        file.write(mail.data.replace(b"\r\n", b"\n"))
    before, options = mta.swaks_as(mail)
    argv = [*before, "swaks", "--server", "127.0.0.1", "--port", str(mta.port_for(mail)), "--from", mail.mail_from or "<>",
            "--to", ",".join(mail.recipients), "--ehlo", mail.helo, "--data", "@" + path, "--timeout", "120", *options]
    if mail.tls:
        argv.append("--tls")
    if mail.login:
        argv += ["--auth", "PLAIN", "--auth-user", mail.login[0], "--auth-password", mail.login[1]]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, errors="replace")
    stage, settled = "connect", None
    for line in done.stdout.splitlines():
        # "->" and "~>" send (in clear, over TLS); "<-", "<~" are good replies, "<**", "<~*" refusals
        sent = re.match(r"\s*[-~]> ?(.*)", line)
        got = re.match(r"<[-~*]+ +(\d{3}) (.*)", line)
        if sent:
            verb = sent.group(1).strip().split(" ")[0].upper()
            if verb in ("MAIL", "RCPT", "DATA", "XCLIENT", "STARTTLS", "AUTH", "EHLO", "QUIT", "RSET"):
                stage = verb
            elif verb == ".":
                stage = "end of message"
        elif got and stage in ("MAIL", "RCPT", "DATA", "end of message"):
            reply = Reply(int(got.group(1)), got.group(2), stage)
            if settled is None or settled.code < 400:
                settled = reply
    if settled is None:
        raise RuntimeError("swaks got no reply:\n" + done.stdout[-2000:] + done.stderr[-2000:])
    return settled
