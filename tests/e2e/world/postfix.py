# SPDX-License-Identifier: BSD-2-Clause
"""
A private Postfix instance: own configuration, queue, data and log. Mail for RECIPIENT_DOMAIN is delivered into a Maildir,
anything else is refused. Needs root (Postfix starts as root and drops rights itself).
"""
import contextlib
import os
import re
import shutil
import subprocess

from house.ports import free_port

from .mail import AUTHSERV_ID, RECIPIENT_DOMAIN
from .mta import Mta
from .processes import tcp_answers, wait_for
from .sasl import AuthServer
from .tls import Authority

MAIN_CF = """
compatibility_level = 3.6
config_directory = {config}
queue_directory = {queue}
data_directory = {data}
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {log}
maillog_file_prefixes = {directory}
myhostname = {hostname}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = all
disable_dns_lookups = yes
smtpd_peername_lookup = no
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_recipient_restrictions =
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_junk_command_limit = 10000
smtpd_timeout = 120s
relay_domains =
virtual_mailbox_domains = {domain}, lenient.example
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:inbox/
virtual_minimum_uid = 1
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 60000000
in_flow_delay = 0
default_process_limit = 100
alias_maps =
alias_database =
default_transport = discard
smtputf8_enable = yes
smtpd_tls_security_level = may
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_CAfile = {ca}
smtpd_tls_ask_ccert = yes
smtpd_tls_received_header = yes
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = no
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth_port}
smtpd_sasl_security_options = noanonymous
milter_protocol = 6
milter_default_action = tempfail
milter_content_timeout = 300s
smtpd_milters = {milter}
non_smtpd_milters = {milter}
"""

MASTER_CF = """
127.0.0.1:{plain} inet n - n - - smtpd
127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix(Mta):
    """milter: as smtpd_milters wants it, "" for none. settings: further ones of main.cf. What Mta says, and what is Postfix's own."""
    name, trace_mark = "postfix", "(Postfix)"

    def __init__(self, world, milter="", authority=None, settings=None):
        self.world = world
        self.config = world.path("postfix/etc")
        self.plain, self.smtps, self.submission = free_port(), free_port(), free_port()
        self.authority = authority or Authority(world)
        cert, key = self.authority.issue(AUTHSERV_ID)
        auth = AuthServer(world, {"alice": "wonderland"})
        for part in ("etc", "queue", "data", "mail"):
            os.makedirs(world.path("postfix", part))
        shutil.chown(world.path("postfix/data"), "postfix")
        self.inbox = world.path("postfix/mail/inbox")
        main = MAIN_CF.format(
            config=self.config, queue=world.path("postfix/queue"), data=world.path("postfix/data"),
            mail=world.path("postfix/mail"), log=world.path("postfix/maillog"), directory=world.directory, cert=cert, key=key,
            ca=self.authority.certificate, auth_port=auth.port, hostname=AUTHSERV_ID, domain=RECIPIENT_DOMAIN, milter=milter)
        for name, value in (settings or {}).items():
            main += f"{name} = {value}\n"
        world.write("postfix/etc/main.cf", main)
        world.write("postfix/etc/master.cf", MASTER_CF.format(
            plain=self.plain, smtps=self.smtps, submission=self.submission))
        os.makedirs(self.inbox)
        for path in (world.path("postfix/mail"), self.inbox):
            os.chown(path, 65534, 65534)
        self.running = False

    def add_service(self, milter, *options):
        """A further smtpd with another milter. @return its port."""
        port = free_port()
        settings = "".join(f" -o {option}" for option in (f"smtpd_milters={milter}", *options))
        with open(os.path.join(self.config, "master.cf"), "a", encoding="ascii") as file:
            file.write(f"127.0.0.1:{port} inet n - n - - smtpd{settings}\n")
        if self.running:
            self.run("postfix", "-c", self.config, "reload")
            wait_for(lambda: tcp_answers(port), f"Postfix on port {port}")
        return port

    def add_listener(self, milter, name=None, profile=None):
        return self.add_service(milter, *([f"milter_macro_daemon_name={name}"] if name else []),
                                *([f"{{ milter_macro_defaults = assay_profile={profile} }}"] if profile else []))

    def run(self, *command, check=True, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(command, check=check, capture_output=True, text=True, **options)

    def start(self):
        done = self.run("postfix", "-c", self.config, "start", check=False)
        if done.returncode != 0:
            raise RuntimeError("postfix start: " + done.stdout + done.stderr + self.log())
        self.running = True
        self.world.on_close(self.stop)
        for port in (self.plain, self.smtps, self.submission):
            wait_for(lambda p=port: tcp_answers(p), f"Postfix on port {port}")

    def stop(self):
        if self.running:
            self.run("postfix", "-c", self.config, "stop", check=False)
            self.running = False

    def set(self, **settings):
        """Changes main.cf and reloads."""
        self.run("postconf", "-c", self.config, "-e", *(f"{name}={value}" for name, value in settings.items()))
        self.run("postfix", "-c", self.config, "reload")

    @staticmethod
    def lax_tls(certificate, key):
        # medium: Postfix 3.10 knows no lower grade
        return ["smtpd_tls_protocols=>=TLSv1", "smtpd_tls_ciphers=medium", "tls_medium_cipherlist=ALL:eNULL:@SECLEVEL=0",
                "smtpd_tls_ask_ccert=no", f"smtpd_tls_cert_file={certificate}", f"smtpd_tls_key_file={key}",
                "smtpd_tls_eckey_file=", "smtpd_tls_eccert_file="]

    def log(self):
        try:
            with open(self.world.path("postfix/maillog"), encoding="utf-8", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def queue(self):
        """postqueue -j as text; the field "queue_name" tells deferred, active and hold."""
        return self.run("postqueue", "-c", self.config, "-j").stdout

    def held(self, recipient):
        return any(recipient in line and '"queue_name": "hold"' in line for line in self.queue().splitlines())

    def queued_message(self, queue_id):
        """The message as it lies in the queue."""
        return subprocess.run(["postcat", "-c", self.config, "-qbh", queue_id], check=True, capture_output=True,
                              stdin=subprocess.DEVNULL).stdout

    def queue_id_of(self, recipient):
        for line in self.queue().splitlines():
            if recipient in line:
                return re.search(r'"queue_id": "([^"]+)"', line).group(1)
        return None

    def release(self, queue_id):
        self.run("postsuper", "-c", self.config, "-H", queue_id)
        self.run("postqueue", "-c", self.config, "-i", queue_id)

    def sendmail_command(self):
        return ["/usr/sbin/sendmail", "-C", self.config]

    def submit_local(self, sender, recipient, data):
        """sendmail(1): through postdrop and pickup, judged by non_smtpd_milters."""
        subprocess.run([*self.sendmail_command(), "-i", "-f", sender, recipient], input=data.replace(b"\r\n", b"\n"),
                       check=True, capture_output=True)

    @contextlib.contextmanager
    def local_mail_through(self, milter, _port):
        before = self.run("postconf", "-c", self.config, "-h", "non_smtpd_milters").stdout.strip()
        self.set(non_smtpd_milters=milter)
        try:
            yield
        finally:
            self.set(non_smtpd_milters=before)

    @contextlib.contextmanager
    def long_fields(self):
        self.set(header_size_limit="60000000")
        try:
            yield
        finally:
            self.set(header_size_limit="102400")

    def allow_sessions(self, count):
        self.set(default_process_limit=str(count))

    @staticmethod
    def swaks_as(mail):
        return [], ["--xclient", f"ADDR={mail.client} NAME={mail.client_name or '[UNAVAILABLE]'}"]
