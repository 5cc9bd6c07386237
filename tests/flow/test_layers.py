# SPDX-License-Identifier: BSD-2-Clause
"""The layout that ARCHITECTURE.md describes: a folder of lib/ includes only what stands before it; lib/ knows no libmilter."""
import re
import subprocess

import pytest

# What each folder may include besides itself: the folders before it. Those of check/ have an order of their own, below.
ORDER = ["util", "dns", "dnssec", "resolver", "config", "message", "check", "policy", "action", "record", "pipeline", "report"]

# A protocol's folder knows the small checks' headers (results, the table) and these folders, never another protocol: what one
# check needs of another it reads from the results.
CHECKS = {"signature": set(), "dkim": {"signature"}, "arc": {"signature"}, "spf": set(), "dmarc": set(), "adsp": set(), "tls": set()}

# Later folders that do not need everything before them.
NEVER = {"record": {"dns", "dnssec", "resolver", "config", "message", "check", "policy", "action"},
         "dns": {"dnssec"}, "dnssec": {"resolver"}, "report": {"pipeline", "action", "resolver", "dnssec"}}

INCLUDE = re.compile(r'^\s*#\s*include\s*"([a-z_0-9/]+)/[^"/]+"', re.M)


def sources(top_dir, *directories):
    for directory in directories:
        yield from sorted((top_dir / directory).glob("**/*.[ch]"))


def includes(top_dir):
    """(file, its folder below lib/, folder that it includes), each as a path like "check/dkim"."""
    for path in sources(top_dir, "lib"):
        own = str(path.parent.relative_to(top_dir / "lib"))
        for used in INCLUDE.findall(path.read_text()):
            yield path.relative_to(top_dir), own, used


def test_every_directory_of_lib_has_its_place(top_dir):
    found = {str(path.parent.relative_to(top_dir / "lib")) for path in sources(top_dir, "lib")}
    known = set(ORDER) | {f"check/{name}" for name in CHECKS}
    assert found == known, "mend the order in this test"


def test_every_include_says_where_it_is(top_dir):
    """An include without a folder would be seen by none of these tests."""
    wrong = [str(path.relative_to(top_dir)) for path in sources(top_dir, "lib")
             if re.search(r'^\s*#\s*include\s*"[^/"]+"', path.read_text(), re.M)]
    assert wrong == []


def test_a_stage_includes_only_earlier_ones(top_dir):
    wrong = []
    for path, own, used in includes(top_dir):
        stage, other = own.split("/")[0], used.split("/")[0]
        if other not in ORDER:
            wrong.append(f"{path} includes {used}/, which is no folder of lib/")
        elif ORDER.index(other) > ORDER.index(stage) or other in NEVER.get(stage, ()):
            wrong.append(f"{path} includes {used}/")
    assert wrong == []


def test_a_check_knows_no_other(top_dir):
    wrong = []
    for path, own, used in includes(top_dir):
        if not own.startswith("check/") or not used.startswith("check/"):
            continue
        name, other = own.split("/")[1], used.split("/")[1]
        if other != name and other not in CHECKS[name]:
            wrong.append(f"{path} includes {used}/")
    assert wrong == []


def test_insides_stay_inside(top_dir):
    """internal.h is for the files of its own folder."""
    wrong = [str(path.relative_to(top_dir)) for path in sources(top_dir, "lib", "milter", "tools")
             for folder in re.findall(r'#\s*include\s*"([a-z_0-9/]+)/internal\.h"', path.read_text())
             if path.parent != top_dir / "lib" / folder]
    assert wrong == []


def test_lib_includes_neither_milter_nor_tools(top_dir):
    wrong = [str(path) for path in sources(top_dir, "lib")
             if re.search(r"#\s*include\s*[<\"](libmilter|milter|tools)/|jansson", path.read_text())]
    assert wrong == []


def test_macros_are_read_in_one_file(top_dir):
    readers = {path.name for path in sources(top_dir, "lib", "milter", "tools") if "smfi_getsymval" in path.read_text()}
    assert readers == {"macros.c"}


def test_no_symbol_of_libmilter_in_lib(build_dir):
    archives = sorted((build_dir / "lib").glob(".libs/*.a"))
    if not archives:
        pytest.skip("nothing is built")
    for archive in archives:
        symbols = subprocess.run(["nm", str(archive)], capture_output=True, text=True, check=True).stdout
        assert "smfi_" not in symbols, archive


def test_headers_compile_alone(top_dir, build_dir):
    headers = [path for path in sources(top_dir, "lib") if path.suffix == ".h"]
    assert headers
    text = subprocess.run(["grep", "-hoE", "^(UV|CONFUSE|LIBPQ|OPENDKIM)_CFLAGS = .*", str(build_dir / "Makefile")],
                          capture_output=True, text=True, check=False).stdout
    flags = [flag for line in text.splitlines() for flag in line.split("=", 1)[1].split()]
    broken = []
    for header in headers:
        done = subprocess.run(["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-fsyntax-only", "-Wall", "-Werror", "-x", "c", *flags,
                               f"-I{top_dir}/lib", str(header)], capture_output=True, text=True, check=False)
        errors = [line for line in done.stderr.splitlines() if "error:" in line and "unused" not in line]
        if errors:
            broken.append((header.name, errors[0]))
    assert broken == []
