# SPDX-License-Identifier: BSD-2-Clause
"""
What a run of tests leaves behind. Temporary files of the tests and of all that they start stand in one directory, which TMPDIR names;
when the run is over nothing may be in it, and no process may live that has it in its environment. So other runs on the same machine
are not mistaken for this one.
"""
import os
import pathlib
import shutil
import tempfile
import time

# A program that was told to end may take so long.
END_SECS = 10


class Run:
    """Begins one: from now on temporary files of this process and of its children are made in `directory`."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="assay-run-"))
        self.directory.chmod(0o1777)    # PostgreSQL and assayd make files without root's rights too
        self.pytests = self.directory / "pytest"    # for tmp_path, which pytest does not remove
        self.before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.directory)

    def end(self):
        """@return what was left, a line each. The directory goes; a process is named, and not ended, since nobody knows whose it is."""
        if not self.directory.exists():
            return []       # it has ended
        left = self._processes() + self._files()
        shutil.rmtree(self.directory, ignore_errors=True)
        tempfile.tempdir = None
        del os.environ["TMPDIR"]
        if self.before is not None:
            os.environ["TMPDIR"] = self.before
        return left

    def _files(self):
        return [f"left in the temporary directory: {path.name}{self._example(path)}" for path in sorted(self.directory.iterdir())
                if path != self.pytests]

    @staticmethod
    def _example(path):
        if not path.is_dir():
            return ""
        return "/ with " + (", ".join(sorted(os.listdir(path))[:5]) or "nothing in it")

    def _processes(self):
        end = time.monotonic() + END_SECS
        while self._alive() and time.monotonic() < end:
            time.sleep(0.1)
        return [f"still running: process {pid}: {words}" for pid, words in self._alive()]

    def _alive(self):
        mark = b"TMPDIR=" + os.fsencode(self.directory)
        found = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if place.name != str(os.getpid()) and mark in (place / "environ").read_bytes().split(b"\0"):
                    found.append((int(place.name), (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()))
            except OSError:
                pass    # it has just ended, or is another user's
        return found
