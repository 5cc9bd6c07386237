# SPDX-License-Identifier: BSD-2-Clause
"""
A private Sendmail with everything that the private Postfix has, so that tests can run behind either: 25, 465 and 587, TLS, AUTH,
further listeners, quarantine, mail of the machine itself, delivery into a Maildir. It knows no XCLIENT: it stands in a
network of its own (network.py), where clients have the addresses that they say. The unpacked packages are those of sendmail.py.
"""
import contextlib
import glob
import itertools
import os
import re
import subprocess

from house.ports import free_port

from . import network
from .mail import AUTHSERV_ID, RECIPIENT_DOMAIN
from .mta import Mta
from .processes import wait_for
from .sasl import SaslauthServer
from .sendmail import BASE_MC, PROGRAM, UNPACKED
from . import sendmail

# Anybody may send to the world's domains, whoever has authenticated anywhere; what goes elsewhere goes nowhere.
MC = BASE_MC + r"""define(`confAUTH_MECHANISMS', `PLAIN LOGIN')dnl
TRUST_AUTH_MECH(`PLAIN LOGIN')dnl
define(`confAUTH_OPTIONS', `')dnl
define(`confSAFE_QUEUE', `interactive')dnl
define(`confMAX_MIME_HEADER_LENGTH', `0')dnl
define(`confMAX_HEADERS_LENGTH', `60000000')dnl
define(`SMART_HOST', `nowhere:nowhere')dnl
RELAY_DOMAIN(`{domain} lenient.example')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
{lines}
MAILER(`local')dnl
MAILER(`smtp')dnl
MAILER_DEFINITIONS
Mmaildir, P={directory}/deliver, F=lsDFMm8nP, S=EnvFromSMTP/HdrFromL, R=EnvToL/HdrToL, E=\n, T=DNS/RFC822/X-Unix, A=deliver $i $u
Mnowhere, P=/bin/true, F=lsDFMm8n, A=true
LOCAL_RULE_0
R$+ < @ {domain} . > $*	$#maildir $@ {domain} $: $1 @ {domain}
R$+ < @ lenient.example . > $*	$#maildir $@ lenient.example $: $1 @ lenient.example
"""
# Listen: of the queue in the kernel. Ten are too few for tests with a hundred clients at once.
LISTENER = "DAEMON_OPTIONS(`Name={name}, Family={family}, Addr={address}, Port={port}, Listen=512{more}')dnl\n"
FILTER = "MAIL_FILTER(`{name}', `S={socket}, F=T, T=C:1m;S:1m;R:2m;E:5m')dnl\n"

# Called with the queue id and the recipients as arguments and the message as its input, by an unprivileged user.
DELIVER = """#!/bin/sh
umask 022
name=$1.$$ number=0
shift
cat >{inbox}/tmp/"$name" || exit 75
for recipient; do
	number=$((number + 1))
	{{ echo "Delivered-To: $recipient"; cat {inbox}/tmp/"$name"; }} >{inbox}/tmp/"$name.$number" &&
		mv {inbox}/tmp/"$name.$number" {inbox}/new/ || exit 75
done
rm {inbox}/tmp/"$name"
"""

SUBMIT_MC = r"""divert(-1)
include(`{cf}/m4/cf.m4')
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`MSP_QUEUE_DIR', `{directory}/msp')dnl
define(`MSP_STATUS_FILE', `{directory}/msp/statistics')dnl
define(`confPID_FILE', `{directory}/msp.pid')dnl
define(`confSERVICE_SWITCH_FILE', `{directory}/service.switch')dnl
define(`confRUN_AS_USER', `nobody')dnl
define(`confTRUSTED_USER', `nobody')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,TrustStickyBit')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
define(`confDELIVERY_MODE', `i')dnl
define(`confTO_IDENT', `0')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confREFUSE_LA', `10000')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"""


def why_not():
    """@return why such a Sendmail cannot be run here, or None."""
    return sendmail.why_not() or network.why_not()


class SendmailMta(Mta):
    """milter: of the first listeners, as Assayd.milter. What Mta says, and network."""
    name, trace_mark = "sendmail", " by mx.assay.example (8."

    def __init__(self, world, milter, authority):
        self.world, self.authority, self.milter = world, authority, milter
        self.directory = world.path("sendmail-mta")
        self.inbox = os.path.join(self.directory, "inbox")
        for part in ("queue", "msp", "sasl", "inbox", "inbox/tmp", "inbox/new"):
            os.makedirs(os.path.join(self.directory, part))
        for part in ("inbox", "inbox/tmp", "inbox/new", "msp"):
            os.chown(os.path.join(self.directory, part), 65534, 65534)
        for part in ("queue", "msp"):
            os.chmod(os.path.join(self.directory, part), 0o700)
        self._write("service.switch", "hosts files\naliases files\n")
        self._write("aliases", "")
        os.chmod(self._write("deliver", DELIVER.format(inbox=self.inbox)), 0o755)
        auth = SaslauthServer(os.path.join(self.directory, "saslauthd.sock"), {"alice": "wonderland"})
        self._write("sasl/Sendmail.conf", f"pwcheck_method: saslauthd\nmech_list: PLAIN LOGIN\nsaslauthd_path: {auth.path}\n")
        self.certificate, self.key = authority.issue("sendmail." + AUTHSERV_ID)
        os.chmod(self.key, 0o600)
        self.network = network.Network(world, self.directory, AUTHSERV_ID)
        self.plain, self.smtps, self.submission = self._port(), self._port(), self._port()
        self.serial = itertools.count(1)
        self.submit_cf = None
        self.early = []     # services that were asked for before start()
        self.running = False

    def _port(self):
        return network.Listener(free_port(), self.network)

    def _write(self, name, text):
        return self.world.write(os.path.join("sendmail-mta", name), text)

    def _m4(self, name, text):
        """@return the .cf of an .mc with that text."""
        cf = os.path.join(UNPACKED, "usr/share/sendmail/cf")
        mc = self._write(name + ".mc", text)
        made = subprocess.run(["m4", f"-D_CF_DIR_={cf}/", mc], check=True, capture_output=True, text=True)
        return self._write(name + ".cf", made.stdout)

    @staticmethod
    def _filters(name, milter):
        """@return (lines that define them, their names with semicolons)."""
        sockets = [each.strip() for each in milter.split(",") if each.strip()]
        names = [f"{name}-{number}" for number in range(len(sockets))]
        return "".join(FILTER.format(name=each, socket=path) for each, path in zip(names, sockets)), ";".join(names)

    @staticmethod
    def _listeners(name, port, filters, more=""):
        more = f", InputMailFilters={filters}{more}"
        lines = LISTENER.format(name=name, family="inet", address="127.0.0.1", port=port, more=more)
        if os.path.exists("/proc/net/if_inet6"):
            lines += LISTENER.format(name=name, family="inet6", address="::1", port=port, more=more)
        return lines

    def _daemon(self, name, lines, ports):
        """Starts one, with these listeners and filters."""
        cf = self._m4(name, MC.format(
            cf=os.path.join(UNPACKED, "usr/share/sendmail/cf"), hostname=AUTHSERV_ID, directory=self.directory, pid=name + ".pid",
            domain=RECIPIENT_DOMAIN, tls=os.path.dirname(self.certificate), ca=self.authority.certificate, cert=self.certificate,
            key=self.key, lines=lines))
        child = self.world.processes.start("sendmail-mta", self.network.inside(os.path.join(UNPACKED, PROGRAM), "-bD", "-C", cf))
        for port in ports:
            wait_for(lambda each=port: self.world.processes.alive(child) and self.network.answers(each), f"Sendmail on port {port}")
        return child

    def add_service(self, milter, *options):
        """Before start() a listener of the one daemon; later, or with options, which hold for a whole daemon, one more of them."""
        port, name = self._port(), f"mta{next(self.serial)}"
        filters, names = self._filters(name, milter)
        lines = filters + self._listeners(name, port, names)
        if self.running or options:
            self._daemon(name, lines + "\n".join(options), [port])
        else:
            self.early.append((lines, port))
        return port

    def start(self):
        filters, names = self._filters("main", self.milter)
        lines = filters + self._listeners("MTA", self.plain, names) + self._listeners("TLSMTA", self.smtps, names, ", M=s")
        lines += self._listeners("MSA", self.submission, names, ", M=Ea") + "".join(lines for lines, _ in self.early)
        self._daemon("main", lines, [self.plain, self.smtps, self.submission, *(port for _, port in self.early)])
        self.submit_cf = self._submit_cf(self.plain)
        self.running = True

    def _submit_cf(self, port):
        """Of the mail submission program, which hands everything to the listener there."""
        cf = os.path.join(UNPACKED, "usr/share/sendmail/cf")
        return self._m4(f"submit-{port}", SUBMIT_MC.format(cf=cf, hostname=AUTHSERV_ID, directory=self.directory, port=port))

    def stop(self):
        """The world stops its processes, and with them the network ends."""
        self.running = False

    def lax_tls(self, certificate, key):
        os.chmod(key, 0o600)
        return [f"define(`confSERVER_CERT', `{certificate}')dnl", f"define(`confSERVER_KEY', `{key}')dnl",
                "define(`confCIPHER_LIST', `ALL:eNULL:@SECLEVEL=0')dnl", "define(`confSERVER_SSL_OPTIONS', `')dnl",
                "define(`confTLS_SRV_OPTIONS', `V')dnl"]

    def run(self, *arguments, check=True, **options):
        """Sendmail with the daemon's configuration, as a command."""
        command = self.network.inside(os.path.join(UNPACKED, PROGRAM), "-C", os.path.join(self.directory, "main.cf"), *arguments)
        return subprocess.run(command, check=check, capture_output=True, stdin=subprocess.DEVNULL, **options)

    def log(self):
        return self.network.log()

    def _queue_files(self, kinds="qh"):
        """(path, text) of each control file: qf of a message in the queue, hf of one in quarantine."""
        for path in glob.glob(os.path.join(self.directory, f"queue/[{kinds}]f*")):
            try:
                with open(path, encoding="utf-8", errors="replace", newline="") as file:
                    yield path, file.read()
            except FileNotFoundError:
                continue

    def held(self, recipient):
        return any(re.search(rf"^R[A-Z]*:<{re.escape(recipient)}>", text, re.M) for _, text in self._queue_files("h"))

    def queue_id_of(self, recipient):
        return next((os.path.basename(path)[2:] for path, text in self._queue_files() if f"<{recipient}>" in text), None)

    def queued_message(self, queue_id):
        text = next(text for path, text in self._queue_files() if path.endswith(queue_id))
        fields = re.findall(r"^H\?[^?]*\?(.*\n(?:[ \t].*\n)*)", text, re.M)
        with open(os.path.join(self.directory, "queue/df" + queue_id), "rb") as file:
            return "".join(fields).encode() + b"\n" + file.read()

    def release(self, queue_id):
        self.run("-qQ", "-Q", "-qI" + queue_id)
        self.run("-qI" + queue_id)

    def sendmail_command(self):
        """The mail submission program, which hands everything to the daemon by SMTP."""
        return self.network.inside(os.path.join(UNPACKED, PROGRAM), "-C", self.submit_cf)

    def submit_local(self, sender, recipient, data):
        done = subprocess.run([*self.sendmail_command(), "-i", "-f", sender, recipient], input=data.replace(b"\r\n", b"\n"),
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"sendmail(1): {done.stdout} {done.stderr}")

    @contextlib.contextmanager
    def local_mail_through(self, _milter, port):
        before, self.submit_cf = self.submit_cf, self._submit_cf(port)
        try:
            yield
        finally:
            self.submit_cf = before

    @staticmethod
    def long_fields():
        """They are, for confMAX_HEADERS_LENGTH stands in MC."""
        return contextlib.nullcontext()

    def allow_sessions(self, count):
        """There is no limit."""

    def swaks_as(self, mail):
        self.network.name(mail.client, mail.client_name)
        return self.network.inside(), ["--local-interface", mail.client]
