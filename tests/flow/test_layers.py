# SPDX-License-Identifier: BSD-2-Clause
"""The layout that DESIGN.md promises: a stage includes only earlier stages and dns, config, util; lib/ knows no libmilter."""
import re
import subprocess

import pytest

BASE = {"util": 0, "dns": 1, "config": 2}
STAGES = {"message": 3, "check": 4, "policy": 5, "action": 6, "record": 7, "pipeline": 8, "report": 9}
ORDER = {**BASE, **STAGES}

# Which of the base a base directory may use besides itself: util nothing, dns util, config both (and the findings table).
INCLUDE = re.compile(r'^\s*#\s*include\s*"([a-z_0-9]+)/[^"]+"', re.M)


def sources(top_dir, *directories):
    for directory in directories:
        yield from sorted((top_dir / directory).glob("**/*.[ch]"))


def test_every_directory_of_lib_has_its_place(top_dir):
    found = {path.parent.name for path in sources(top_dir, "lib")}
    assert found <= set(ORDER), f"add to the order in this test: {found - set(ORDER)}"


def test_a_stage_includes_only_earlier_ones(top_dir):
    wrong = []
    for path in sources(top_dir, "lib"):
        own = path.parent.name
        for used in INCLUDE.findall(path.read_text()):
            if used in ORDER and ORDER[used] > ORDER[own]:
                wrong.append(f"{path.relative_to(top_dir)} includes {used}/")
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
    text = subprocess.run(["grep", "-hoE", "^(UV|CONFUSE|OPENDKIM)_CFLAGS = .*", str(build_dir / "Makefile")],
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
