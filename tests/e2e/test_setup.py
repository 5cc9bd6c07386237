# SPDX-License-Identifier: BSD-2-Clause
"""assay setup postfix: a real Postfix as an admin has it, led to assayd, proved by a probe, and put back to the octet."""
import contextlib
import itertools
import json
import os
import pwd
import re
import stat
import subprocess

import pytest

from world import Assayd, Postfix
from world.processes import wait_for


NUMBERS = itertools.count()


class Place:
    """A Postfix without milters and an assay.conf, both in a directory of their own."""

    def __init__(self, stack, name, chroot=True, **settings):
        self.stack = stack
        self.world = stack.world
        self.directory = self.world.path(name)
        os.makedirs(self.directory)
        self.postfix = Postfix(Sub(self.world, name), "", stack.authority, dict(non_smtpd_milters="", **settings))
        self.main_cf = os.path.join(self.postfix.config, "main.cf")
        self.queue = self.world.path(name, "postfix/queue")
        text = self.read(self.main_cf)
        # as installed: nothing about milters
        self.write(self.main_cf, re.sub(r"(?m)^(smtpd_milters|non_smtpd_milters|milter_default_action|milter_protocol) =.*\n", "", text))
        if chroot:
            master = os.path.join(self.postfix.config, "master.cf")
            self.write(master, re.sub(r"(?m)^(127\S+ inet n - )n( - - smtpd)", r"\1y\2", self.read(master)))
        self.conf = os.path.join(self.directory, "assay.conf")
        self.status = os.path.join(self.directory, "status.sock")
        os.makedirs(os.path.join(self.directory, "run"))
        os.chown(os.path.join(self.directory, "run"), pwd.getpwnam("nobody").pw_uid, -1)
        os.chmod(self.directory, 0o755)
        self.socket = os.path.join(self.directory, "run", "assay.sock")
        self.log = os.path.join(self.directory, "log")
        self.write(self.conf, f'# mine\nsocket = "unix:{self.socket}" # where\nuser = "nobody"\nlog-target = syslog\n'
                              f'status-socket = "{self.status}"\ndns {{ servers = {{ "127.0.0.1@{stack.dns.port}" }} dnssec = off }}\n')

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def assay(self, *words, ok=True):
        environment = dict(os.environ, PATH=os.path.dirname(Assayd.program()) + ":" + os.environ["PATH"])
        done = subprocess.run([Assayd.program("assay"), "setup", "postfix", "--config", self.conf, "--postfix-config",
                               self.postfix.config, *words], capture_output=True, text=True, env=environment,
                              stdin=subprocess.DEVNULL, timeout=120, check=False)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pid(self):
        """Of the assayd that answers at the status socket; None."""
        import socket
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(self.status)
            text = b""
            while block := client.recv(65536):
                text += block
            return json.loads(text)["pid"]
        return None

    def stop_daemon(self):
        pid = self.pid()
        if pid:
            os.kill(pid, 15)
            wait_for(lambda: self.pid() is None, "assayd to end")

    def close(self):
        self.stop_daemon()
        self.postfix.stop()


class Sub:
    """A world whose paths begin below a directory of another one."""

    def __init__(self, world, name):
        self._world, self._name = world, name

    def path(self, *parts):
        return self._world.path(self._name, *parts)

    def write(self, name, text):
        return self._world.write(os.path.join(self._name, name), text)

    def __getattr__(self, name):
        return getattr(self._world, name)


@pytest.fixture(name="place")
def place_fixture(stack, request):
    # short: a unix socket's path has 107 octets
    place = Place(stack, f"s{next(NUMBERS)}", **getattr(request, "param", {}))
    yield place
    place.close()


CHROOT = pytest.mark.parametrize("place", [{"chroot": True}, {"chroot": False}], indirect=True, ids=["chroot", "no-chroot"])


@CHROOT
def test_apply_proves_itself_and_undo_puts_back(place):
    before = place.read(place.main_cf), place.read(place.conf)
    place.postfix.start()

    shown = place.assay()
    assert "nothing was changed" in shown and "smtpd_milters = unix:assay/assay.sock" in shown
    assert (place.read(place.main_cf), place.read(place.conf)) == before and not os.path.exists(place.queue + "/assay")

    done = place.assay("--apply")
    assert "ok: smtpd at 127.0.0.1 port" in done and "the probe arrived" in done
    status = os.stat(place.queue + "/assay")
    assert (pwd.getpwuid(status.st_uid).pw_name, stat.S_IMODE(status.st_mode)) == ("nobody", 0o2750)
    group = pwd.getpwnam("postfix").pw_gid
    assert status.st_gid == group and os.stat(place.queue + "/assay/assay.sock").st_gid == group
    main = place.postfix.run("postconf", "-c", place.postfix.config, "-n").stdout
    assert "smtpd_milters = unix:assay/assay.sock\n" in main and "milter_default_action = accept\n" in main
    assert "# mine\n" in place.read(place.conf) and place.pid()

    assert "ok: " in place.assay("--check")
    again = place.assay("--apply")
    assert "ok: " in again and "set " not in again

    place.assay("--undo")
    assert (place.read(place.main_cf), place.read(place.conf)) == before
    assert not os.path.exists(place.queue + "/assay") and not os.path.exists(place.directory + "/setup-postfix.json")
    wait_for(lambda: os.path.exists(place.socket), "assayd at its old place")
    assert "Postfix is not told of assayd" in place.assay("--check", ok=False)
    assert "nothing to undo" in place.assay("--undo", ok=False)
