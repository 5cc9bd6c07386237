# SPDX-License-Identifier: BSD-2-Clause
"""Today's programs with private configurations: each writes into the world's directory only and is stopped by its id."""
import os
import shutil

from world.mail import AUTHSERV_ID
from world.processes import unix_answers, wait_for


def family(pid):
    """The process and all that it has forked."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *(each for child in file.read().split() for each in family(int(child)))]


class Link:
    program = None
    label = None

    def path(self):
        return shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin")

    def config(self, world, socket):
        raise NotImplementedError

    def arguments(self, config):
        raise NotImplementedError

    def start(self, world):
        """@return (socket path, child)."""
        directory = world.path(self.label)
        os.makedirs(directory, exist_ok=True)
        socket = os.path.join(directory, "milter.sock")
        config = world.write(f"{self.label}/{self.label}.conf", self.config(world, socket))
        child = world.processes.start(self.label, [self.path(), *self.arguments(config)])
        wait_for(lambda: world.processes.alive(child) and unix_answers(socket), self.label, 60)
        return socket, child


class OpenDkim(Link):
    program = label = "opendkim"

    def config(self, world, socket):
        return f"""\
Mode v
Socket local:{socket}
AuthservID {AUTHSERV_ID}
Background no
Syslog no
Nameservers 127.0.0.1
TrustAnchorFile /dev/null
InternalHosts {world.write("opendkim/hosts", "127.0.0.1")}
AlwaysAddARHeader yes
"""

    def arguments(self, config):
        return ["-f", "-x", config]


class OpenDmarc(Link):
    program = label = "opendmarc"

    def __init__(self, self_validate):
        self.self_validate = self_validate

    def config(self, world, socket):
        return f"""\
Socket local:{socket}
AuthservID {AUTHSERV_ID}
TrustedAuthservIDs {AUTHSERV_ID}
Background false
Syslog false
RejectFailures false
SPFIgnoreResults {'true' if self.self_validate else 'false'}
SPFSelfValidate {'true' if self.self_validate else 'false'}
PublicSuffixList /usr/share/publicsuffix/public_suffix_list.dat
IgnoreHosts {world.write("opendmarc/hosts", "127.0.0.1")}
"""

    def arguments(self, config):
        return ["-f", "-c", config]


class PySpf(Link):
    program = label = "pyspf-milter"

    def config(self, world, socket):
        return f"""\
debugLevel = 0
Socket = local:{socket}
PidFile = {world.path("pyspf-milter/pid")}
UserID = root
UMask = 0
HELO_reject = False
Mail_From_reject = False
PermError_reject = False
TempError_Defer = False
skip_addresses = 127.0.0.0/8
Header_Type = AR
Authserv_Id = {AUTHSERV_ID}
TestOnly = 1
"""

    def arguments(self, config):
        return [config]


class Rspamd(Link):
    """Only what judges senders: SPF, DKIM, DMARC and ARC."""
    program = label = "rspamd"
    workers = 2

    def start(self, world):
        """The sockets listen before the workers are forked, and only these cost anything."""
        socket, child = super().start(world)
        wait_for(lambda: len(family(child.pid)) > self.workers, "rspamd's workers", 60)
        return socket, child

    def config(self, world, socket):
        return f"""\
options {{
	pidfile = "{world.path("rspamd/pid")}";
	cache_file = "{world.path("rspamd/symbols.cache")}";
	hs_cache_dir = "{world.path("rspamd")}";
	filters = "dkim";
	local_addrs = [];
	control_socket = "{world.path("rspamd/control.sock")} mode=0600";
	dns {{
		nameserver = ["127.0.0.1:53:1"];
		timeout = 2s;
		retransmits = 2;
	}}
}}
logging {{
	type = "console";
	level = "error";
}}
modules {{
	path = "/usr/share/rspamd/plugins/";
}}
spf {{
	enabled = true;
}}
dkim {{
	enabled = true;
}}
dmarc {{
	enabled = true;
}}
arc {{
	enabled = true;
}}
milter_headers {{
	enabled = true;
	use = ["authentication-results"];
}}
actions {{
	reject = 1000;
}}
worker "rspamd_proxy" {{
	bind_socket = "{socket} mode=0666";
	milter = yes;
	timeout = 120s;
	count = {self.workers};
	upstream "local" {{
		default = yes;
		self_scan = yes;
	}}
}}
"""

    def arguments(self, config):
        return ["-f", "-i", "-c", config]
