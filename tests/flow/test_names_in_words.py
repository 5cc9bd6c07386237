# SPDX-License-Identifier: BSD-2-Clause
"""What comments, documents and manuals name is there: files of this repository, and the globals that ARCHITECTURE.md lists."""
import os
import re
import subprocess

import pytest

from house import build

TOP = str(build.TOP)
ELSEWHERE = {"libmilter/mfdef.h"}     # of others; their headers that some file includes need not stand here
INCLUDE = re.compile(r"^\s*#\s*include\s*<([^>]+)>", re.M)
WORD = re.compile(r"(?<![\w./-])((?:[\w-]+/)*[\w-]+\.(?:c|h|py|sh|md|inc|lua))(?![\w.-]*[\w(])")
FOLDERS = ("lib/", "milter/", "tools/", "tests/", "scripts/", "conf/", "man/", "debian/", "findings/", "completions/")
PATH = re.compile(r"(?<![\w./%-])((?:" + "|".join(FOLDERS) + r")[\w./-]*\w)")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
PYTHON = re.compile(r'"""(.*?)"""|#[^\n]*', re.S)


def files():
    for folder, folders, names in os.walk(TOP):
        folders[:] = [f for f in folders if f not in (".git", "corpus", "autom4te.cache", "build-aux", "m4", "__pycache__") and
                      not os.path.exists(os.path.join(folder, f, "config.status"))]
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), TOP)


def included():
    for path in FILES:
        if path.endswith((".c", ".h", ".sh")):
            with open(os.path.join(TOP, path), encoding="utf-8") as file:
                yield from INCLUDE.findall(file.read())


FILES = set(files())
HEADERS = set(included())
ENDS = {path[i:] for path in FILES for i in [0] + [j + 1 for j, char in enumerate(path) if char == "/"]}


def words_of(path):
    """The part of a file that is written for people."""
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as file:
        text = file.read()
    if path.endswith((".c", ".h")):
        return "\n".join(COMMENT.findall(text))
    if path.endswith(".py"):
        return "\n".join(match.group(0) for match in PYTHON.finditer(text))
    if path.endswith(".inc") or path.startswith(("scripts/", "findings/", "completions/")):
        return "\n".join(line for line in text.splitlines() if line.lstrip().startswith("#"))
    return text


def readable():
    kinds = (".c", ".h", ".py", ".md", ".inc", ".1", ".5", ".7", ".8", ".sample", ".snippet", ".sh", ".in")
    return sorted(path for path in FILES if path not in ("Makefile.in", "build-config.h.in", "build-config.h") and
                  (path.endswith(kinds) or path.startswith(("scripts/", "debian/README"))))


def is_there(word, path):
    if word in ELSEWHERE or word in HEADERS or "NAME" in word or re.search(r"_x\.(py|c)$", word):
        return True
    if word in ENDS or any(end.startswith(word + ".") or end == word for end in ENDS if end.startswith(word)):
        return True
    if os.path.isdir(os.path.join(TOP, word)) or os.path.exists(os.path.join(TOP, os.path.dirname(path), word)):
        return True
    return False


def test_files_that_are_named_are_there():
    missing = []
    for path in readable():
        text = words_of(path)
        for pattern in (WORD, PATH):
            missing += [f"{path}: {word}" for word in sorted(set(pattern.findall(text))) if not is_there(word, path)]
    assert not missing, "\n".join(missing)


def writable(directory_of_build):
    """{file: names} of what may be written while the programs run."""
    found = {}
    for folder in ("lib", "milter", "tools"):
        for directory, folders, names in os.walk(os.path.join(directory_of_build, folder)):
            folders[:] = [f for f in folders if f != ".libs"]
            for name in names:
                if not name.endswith(".o") or name.startswith("tests_"):
                    continue
                table = subprocess.run(["objdump", "-t", os.path.join(directory, name)], capture_output=True, text=True, check=True)
                for line in table.stdout.splitlines():
                    match = re.search(r" O (\.bss|\.data|\.tbss|\.tdata|\.data\.rel|\.data\.rel\.local|\*COM\*)\s+\S+\s+(\S+)$", line)
                    if match:
                        source = os.path.relpath(os.path.join(directory, name), directory_of_build).removesuffix(".o") + ".c"
                        found.setdefault(source, set()).add(match.group(2))
    return found


@pytest.mark.skipif(bool(os.environ.get("ASSAY_SANITIZED")), reason="the sanitizers have globals of their own")
def test_globals_are_those_of_the_architecture():
    """Each file with something that can be written stands in the paragraph on globals, and no other does."""
    with open(os.path.join(TOP, "ARCHITECTURE.md"), encoding="utf-8") as file:
        paragraph = re.search(r"^- \*\*Globals\*\*.*?(?=^- \*\*|^#)", file.read(), re.S | re.M).group(0)
    named = set(re.findall(r"`((?:lib|milter|tools)/[\w/]+\.c)`", paragraph))
    if not build.has_read_ahead():
        named.discard("milter/readahead_slot.c")
    found = writable(str(build.directory()))
    assert found, "nothing is built there"
    assert set(found) == named, found
