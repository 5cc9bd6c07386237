# SPDX-License-Identifier: BSD-2-Clause
"""
A PostgreSQL server of a test's own on 127.0.0.1, in a directory of its own, as an unprivileged user: it ends with the test.

    with Postgres(directory) as server:
        server.connection()      # what stands in the configuration
        server.query("SELECT 1")
"""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from house import ports, waiting


def programs():
    """@return the directory of the newest server's programs; None when there is no server."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: float(path.split("/")[4]))
    return pathlib.Path(found[-1]).parent if found else None


def unprivileged():
    """@return whom the server runs as, for it refuses to run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise RuntimeError("there is no user to run PostgreSQL as")


class Postgres:
    """settings: lines of postgresql.conf. standby_of: another one, of which this becomes a streaming standby."""

    def __init__(self, settings=(), standby_of=None):
        if programs() is None:
            from house import needs     # pylint: disable=import-outside-toplevel   # tests/bench has no pytest
            needs.skip("the PostgreSQL server is not installed (scripts/setup installs it)")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="assay-pg-"))
        self.port = ports.free_port()
        self.process = None
        self.settings = ["listen_addresses = '127.0.0.1'", f"port = {self.port}", f"unix_socket_directories = '{self.directory}'",
                         "fsync = off", "shared_buffers = 32MB", "max_connections = 200", *settings]
        self.user = {}
        if os.getuid() == 0:
            user = unprivileged()
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            self.user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        try:
            if standby_of is None:
                self.run("initdb", "-D", self.data, "-U", "assay", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
            else:
                self.copy(standby_of)
            with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
                conf.write("".join(line + "\n" for line in self.settings))
            self.start()
        except BaseException:
            self.close()
            raise

    data = property(lambda self: self.directory / "data")

    def run(self, name, *words):
        with open(self.directory / "log", "a", encoding="utf-8") as log:
            subprocess.run([programs() / name, *words], check=True, cwd=self.directory, stdout=log, stderr=log, **self.user)

    def copy(self, primary):
        if not (programs() / "pg_basebackup").exists():
            from house import needs     # pylint: disable=import-outside-toplevel
            needs.skip("pg_basebackup is not installed (it comes with the PostgreSQL server or its client)")
        self.run("pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d",
                 primary.connection(more="application_name=standby"))

    def promote(self):
        """A standby takes writes from now on."""
        self.run("pg_ctl", "promote", "-D", self.data, "-w")

    def start(self):
        """Starts the server, and waits until it takes connections."""
        with open(self.directory / "log", "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([programs() / "postgres", "-D", self.data], cwd=self.directory, stdout=log, stderr=log,
                                            **self.user)
        waiting.wait_for(self.answers, lambda: f"PostgreSQL: {self.log()}", 60)

    def answers(self):
        assert self.process.poll() is None, self.log()
        return subprocess.run([programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode == 0

    def stop(self, how=signal.SIGINT):
        """Ends it as an admin does who does not wait for clients; SIGQUIT: at once, as a crash would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(60)
        self.process = None

    def log(self):
        return (self.directory / "log").read_text(encoding="utf-8", errors="replace")[-4000:]

    def connection(self, port=None, more=""):
        """A connection string; port: of a proxy in front of it."""
        return f"host=127.0.0.1 port={port or self.port} user=assay dbname=postgres {more}".strip()

    def query(self, sql):
        """@return the answer as text, a line a row, columns between tabs."""
        return self.query_in("postgres", sql)

    def query_in(self, database, sql):
        words = [programs() / "psql", "-XAtqF", "\t", "-c", sql, f"{self.connection()} dbname={database}"]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.rstrip("\n")

    def close(self):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
