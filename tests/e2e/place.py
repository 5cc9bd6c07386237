# SPDX-License-Identifier: BSD-2-Clause
"""A machine as an admin has it before `assay setup`: a Postfix without milters and an assay.conf, in a directory of their own."""
import contextlib
import itertools
import json
import os
import pwd
import re
import socket
import subprocess

from world import Assayd, Postfix
from world.processes import wait_for

NUMBERS = itertools.count()


class Place:
    """A Postfix without milters and an assay.conf, both in a directory of their own."""

    def __init__(self, stack, name, chroot=True, dns=None, **settings):
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
        self.write(self.conf, f'# mine\nsocket = "unix:{self.socket}" # where\nuser = "nobody"\nlog-target = stderr\n'
                              f'status-socket = "{self.status}"\n{dns or self.plain_dns()}')

    def plain_dns(self):
        return f'dns {{ servers = {{ "127.0.0.1@{self.stack.dns.port}" }} dnssec = off }}\n'

    @staticmethod
    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words):
        """assay, with this configuration and this Postfix."""
        environment = dict(os.environ, PATH=os.path.dirname(Assayd.program()) + ":" + os.environ["PATH"])
        return subprocess.run([Assayd.program("assay"), *words, "--config", self.conf, "--postfix-config", self.postfix.config],
                              capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=120, check=False)

    def assay(self, *words, ok=True):
        done = self.run("setup", "postfix", *words)
        assert (done.returncode == 0) == ok, done.stdout + done.stderr
        return done.stdout + done.stderr

    def start_daemon(self, *arguments):
        """By hand, into the background; returns when it serves."""
        subprocess.run([Assayd.program(), "-c", self.conf, *arguments], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)

    def edit(self, old, new):
        text = self.read(self.conf)
        assert old in text, text
        self.write(self.conf, text.replace(old, new))

    def pid(self):
        """Of the assayd that answers at the status socket; None."""
        with contextlib.suppress(OSError, ValueError), socket.socket(socket.AF_UNIX) as client:   # ValueError: it is stopping
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
