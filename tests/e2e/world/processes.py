# SPDX-License-Identifier: BSD-2-Clause
"""Temporary directory and child processes: what is started here is stopped here, by process id."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from house.waiting import wait_for  # noqa: F401  pylint: disable=unused-import


def tcp_answers(port, host="127.0.0.1"):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def unix_answers(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


class Processes:
    """Children with a log file each; stopped in reverse order."""

    def __init__(self, directory):
        self.directory = directory
        self.children = []

    def start(self, name, argv, **options):
        log = open(os.path.join(self.directory, name + ".log"), "ab")
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", log)
        child = subprocess.Popen(argv, stderr=log, **options)
        log.close()
        child.name = name
        self.children.append(child)
        return child

    def log(self, name):
        with open(os.path.join(self.directory, name + ".log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def alive(self, child):
        if child.poll() is not None:
            raise RuntimeError(f"{child.name} ended with {child.returncode}:\n{self.log(child.name)[-3000:]}")
        return True

    def stop(self, child, sign=signal.SIGTERM, seconds=10):
        """@return the exit status (negative: killed by that signal)."""
        if child in self.children:
            self.children.remove(child)
        if child.poll() is None:
            child.send_signal(sign)
            try:
                child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        return child.returncode

    def stop_all(self):
        for child in reversed(list(self.children)):
            self.stop(child)


class World:
    """
    The temporary directory and everything started in it; parts register what ends them with on_close(). With ASSAY_KEEP set the
    directory stays.
    """

    def __init__(self):
        self.keep = bool(os.environ.get("ASSAY_KEEP"))
        self.directory = tempfile.mkdtemp(prefix="assay-e2e.")
        os.chmod(self.directory, 0o755)
        self.processes = Processes(self.directory)
        self.closers = []

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def on_close(self, closer):
        self.closers.append(closer)

    def close(self):
        """Closers run last to first, all of them; the first failure is raised at the end."""
        errors = []
        for closer in reversed([self.processes.stop_all] + self.closers):
            try:
                closer()
            except Exception as error:  # pylint: disable=broad-except
                errors.append(error)
        self.closers = []
        if not self.keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        if errors:
            raise errors[0]

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
