# SPDX-License-Identifier: BSD-2-Clause
"""
Which build is tested: ASSAY_BUILD, else build/ in the source tree, else the tree itself where somebody ran ./configure in it.
Nothing is built here. What is missing is said in one sentence with the command that makes it.
"""
import os
import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parents[2]

# What flow and end-to-end tests start, beside what they install: `make` and `make check TESTS=` build these.
PROGRAMS = ("assay", "assayd", "tests/unit/dkim_driver", "tests/unit/resolver_driver", "tests/unit/spf_driver",
            "tests/unit/validate_driver")


class Missing(Exception):
    """Says what is not there and what to run."""


def directory():
    """Where the build is, or would be: nothing is looked at but which of the places has a Makefile."""
    named = os.environ.get("ASSAY_BUILD")
    if named:
        return pathlib.Path(named).resolve()
    places = [TOP / "build", TOP]
    return next((place for place in places if (place / "Makefile").exists()), places[0])


def program(name):
    """The path of a program of the build, by its name below the build directory. Raises Missing."""
    path = directory() / name
    if os.access(path, os.X_OK):
        return path
    if (directory() / "Makefile").exists():
        raise Missing(f"{path} is not built: run `make -C {directory()} && make -C {directory()} check TESTS=`")
    raise Missing(f"there is no build of Assay in {directory()}: run `./bootstrap && mkdir -p build && cd build && ../configure && "
                  f"make && make check TESTS=` in {TOP}, or set ASSAY_BUILD to a build directory")


def has_read_ahead():
    """@return whether it was configured without --disable-read-ahead (milter/readahead.h)."""
    return re.search(r"^READAHEAD = milter/readahead\.c", (directory() / "Makefile").read_text(encoding="utf-8"), re.M) is not None


def check(names=PROGRAMS):
    """Raises Missing for the first that is not there."""
    for name in names:
        program(name)


def of_argument(argument=None):
    """
    For scripts with a build directory as an argument that may be left out: makes it the one that directory() gives from now on,
    to children too. @return it. Ends the process when nothing was configured there.
    """
    if argument:
        os.environ["ASSAY_BUILD"] = os.path.abspath(argument)
    os.environ["ASSAY_BUILD"] = str(directory())
    if not (directory() / "Makefile").exists():
        try:
            program("assayd")
        except Missing as missing:
            raise SystemExit(str(missing)) from None
    return str(directory())
