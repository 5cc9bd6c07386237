# SPDX-License-Identifier: BSD-2-Clause
"""
A private Sendmail, run in the foreground from unpacked Debian packages (they conflict with Postfix, so scripts/setup only
unpacks them). It relays everything to a private Postfix without a milter, which delivers into its Maildir.
"""
import os
import subprocess

from house.ports import free_port

from .processes import tcp_answers, wait_for

HOSTNAME = "sendmail.assay.example"
PROGRAM = "usr/libexec/sendmail/sendmail"
UNPACKED = os.environ.get("ASSAY_SENDMAIL", "/var/cache/assay-tests/sendmail")

# Common to each: paths of its own, no limit by load, no look-ups but of the hosts file.
BASE_MC = r"""divert(-1)
include(`{cf}/m4/cf.m4')
divert(0)dnl
VERSIONID(`assay e2e')
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `{hostname}')dnl
define(`confLOG_LEVEL', `9')dnl
define(`confPID_FILE', `{directory}/{pid}')dnl
define(`QUEUE_DIR', `{directory}/queue')dnl
define(`STATUS_FILE', `{directory}/statistics')dnl
define(`HELP_FILE', `{directory}/helpfile')dnl
define(`ALIAS_FILE', `{directory}/aliases')dnl
define(`confSERVICE_SWITCH_FILE', `{directory}/service.switch')dnl
define(`confHOST_STATUS_DIRECTORY', `')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupReadableKeyFile,GroupWritableDirPathSafe,TrustStickyBit')dnl
define(`confTO_IDENT', `0')dnl
define(`confTO_RESOLVER_RETRANS', `1s')dnl
define(`confTO_RESOLVER_RETRY', `1')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
define(`confQUEUE_LA', `10000')dnl
define(`confREFUSE_LA', `10000')dnl
define(`confDELIVERY_MODE', `interactive')dnl
define(`confPRIVACY_FLAGS', `goaway')dnl
define(`confDEF_USER_ID', `65534:65534')dnl
define(`confCACERT_PATH', `{tls}')dnl
define(`confCACERT', `{ca}')dnl
define(`confSERVER_CERT', `{cert}')dnl
define(`confSERVER_KEY', `{key}')dnl
define(`confTLS_SRV_OPTIONS', `')dnl
"""

MC = BASE_MC + r"""define(`RELAY_MAILER_ARGS', `TCP $h {sink_port}')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
DAEMON_OPTIONS(`Name=MTA, Family=inet, Addr=127.0.0.1, Port={port}')dnl
{more}
{milter}
MAILER(`local')dnl
MAILER(`smtp')dnl
"""

MILTER = r"""INPUT_MAIL_FILTER(`assay', `S={socket}, F=T, T=C:1m;S:1m;R:2m;E:5m')dnl
"""


# A busy machine is no reason to refuse or to queue (confREFUSE_LA, confQUEUE_LA): tests must not depend on load.
# Sendmail looks its own name up before it reads its configuration and sleeps a minute when that fails: it gets a host
# name, a hosts file and an empty resolver of its own.
ISOLATED = """set -e
hostname {hostname}
mount --bind {directory}/hosts /etc/hosts
mount --bind {directory}/resolv.conf /etc/resolv.conf
exec "$@"
"""


def why_not():
    """@return why Sendmail cannot be run here, or None."""
    if not os.access(os.path.join(UNPACKED, PROGRAM), os.X_OK):
        return f"no Sendmail unpacked in {UNPACKED} (scripts/setup does it)"
    done = subprocess.run(["unshare", "--uts", "--mount", "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return "no namespaces here: " + done.stderr.strip()
    libraries = subprocess.run(["ldd", os.path.join(UNPACKED, PROGRAM)], capture_output=True, text=True, check=False)
    missing = [line.split()[0] for line in libraries.stdout.splitlines() if "not found" in line]
    if missing:
        return f"Sendmail lacks {', '.join(missing)} (scripts/setup installs them)"
    return None


class Sendmail:
    """
    sink_port: where it relays to. milter: as Sendmail names the socket ("unix:/path"), or "". name: of its directory,
    one for each Sendmail of a world. more: further lines of sendmail.mc.
    """

    def __init__(self, world, sink_port, authority, milter="", name="sendmail", more=""):
        self.world, self.port, self.name = world, free_port(), name
        self.directory = world.path(name)
        cf = os.path.join(UNPACKED, "usr/share/sendmail/cf")
        os.makedirs(os.path.join(self.directory, "queue"), mode=0o700)
        world.write(f"{name}/service.switch", "hosts files\naliases files\n")
        world.write(f"{name}/aliases", "")
        world.write(f"{name}/hosts", f"127.0.0.1 {HOSTNAME} localhost\n")
        world.write(f"{name}/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        cert, key = authority.issue(HOSTNAME, "rsa")
        os.chmod(key, 0o600)
        mc = MC.format(cf=cf, hostname=HOSTNAME, directory=self.directory, pid="sendmail.pid", tls=os.path.dirname(cert),
                       ca=authority.certificate, cert=cert, key=key, sink_port=sink_port, port=self.port,
                       more=more, milter=MILTER.format(socket=milter) if milter else "")
        self.mc = world.write(f"{name}/sendmail.mc", mc)
        made = subprocess.run(["m4", f"-D_CF_DIR_={cf}/", self.mc], check=True, capture_output=True, text=True)
        self.cf = world.write(f"{name}/sendmail.cf", made.stdout)
        self.child = None

    def start(self):
        script = ISOLATED.format(hostname=HOSTNAME, directory=self.directory)
        self.child = self.world.processes.start(
            self.name, ["unshare", "--uts", "--mount", "sh", "-c", script, "sh", os.path.join(UNPACKED, PROGRAM), "-bD",
                         "-C", self.cf, f"-X{self.directory}/traffic.log"], cwd=self.directory)
        wait_for(lambda: self.world.processes.alive(self.child) and tcp_answers(self.port), "Sendmail")

    def stop(self):
        return self.world.processes.stop(self.child)
