# SPDX-License-Identifier: BSD-2-Clause
"""The tests as a house: every unit program can be asked for one case, a missing build is said in a sentence, nobody but
tests/house/build.py knows where the build is, and what tests/README.md tells a newcomer is true."""
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from house import ports
from house.build import TOP
from house.waiting import wait_for

README = (TOP / "tests" / "README.md").read_text()
UNIT_PROGRAMS = sorted(path.stem for path in (TOP / "tests" / "unit").glob("test_*.c"))
NO_SUCH_CASE = 64
# Compares two builds, so it has to name each in turn.
KNOWS_BUILDS = {"tests/house/build.py", "tests/bench/run-compare"}


def run(*words, **environment):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120, check=False, cwd=TOP,
                          env=dict(os.environ, **environment))


# ---- the checkout -----------------------------------------------------------------------------------------------------

TOP_LEVEL = {".ci", ".gitignore", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile.am", "README.md", "bootstrap", "completions",
             "conf", "configure.ac", "debian", "findings", "lib", "man", "milter", "scripts", "tests", "tools"}


def test_nothing_was_committed_by_mistake():
    """What a run by hand leaves at the top of the tree is in no tarball, and packages are not made of it."""
    listed = run("git", "ls-files") if (TOP / ".git").exists() else None
    if listed is None or listed.returncode != 0:
        pytest.skip("this is no checkout")
    files = listed.stdout.split()
    assert {name.split("/")[0] for name in files} == TOP_LEVEL
    assert [name for name in files if name.endswith((".db", ".db-wal", ".orig", ".rej", ".core"))] == []


# ---- one case of a unit program ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNIT_PROGRAMS)
def test_unit_program_lists_its_cases_and_refuses_others(build_dir, name):
    program = build_dir / "tests/unit" / name
    listed = run(program, "--list")
    cases = listed.stdout.split()
    assert listed.returncode == 0 and cases, listed.stderr
    source = (TOP / "tests/unit" / f"{name}.c").read_text()
    # PLACE_TESTS() lists a case a second time, for the other backend
    assert [case for case in cases if not re.search(rf"\b({case}|{case.removesuffix('_postgresql')})\b", source)] == []
    wrong = run(program, cases[0], "no_such_case")
    assert wrong.returncode == NO_SUCH_CASE and "no case is named 'no_such_case'" in wrong.stderr
    assert cases[0] not in wrong.stdout


def test_unit_program_runs_the_named_cases_only(build_dir):
    program = build_dir / "tests/unit/test_dmarc_record"
    cases = run(program, "--list").stdout.split()
    one = run(program, "test_dmarc_record_parse_version", CMOCKA_MESSAGE_OUTPUT="TAP")
    assert re.findall(r"^ok \d+ - (\S+)", one.stdout + one.stderr, re.MULTILINE) == ["test_dmarc_record_parse_version"]
    some = run(program, "*_limits", "*_version", CMOCKA_MESSAGE_OUTPUT="TAP")
    wanted = [case for case in cases if case.endswith(("_limits", "_version"))]
    assert re.findall(r"^ok \d+ - (\S+)", some.stdout + some.stderr, re.MULTILINE) == wanted
    assert 1 < len(wanted) < len(cases)


# ---- the build --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    ["-m", "pytest", "-q", "tests/flow/test_layers.py"], ["-m", "pytest", "-q", "tests/e2e/test_tls_hybrid.py"],
    ["tests/e2e/demo.py"], ["tests/bench/run-store"], ["tests/bench/run-dkim"], ["tests/bench/run-domains"],
    ["tests/bench/run-starve"],
    ["tests/bench/validate_unbound.py"]], ids=lambda words: words[-1])
def test_missing_build_is_said_in_one_sentence(workdir, words):
    done = run(sys.executable, *words, ASSAY_BUILD=str(workdir))
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert done.returncode != 0
    assert len(lines) == 1 and f"there is no build of Assay in {workdir}: run `./bootstrap" in lines[0], lines


def test_program_that_is_not_built_is_named_with_its_command(workdir):
    (workdir / "Makefile").write_text("all:\n")
    done = run(sys.executable, "-m", "pytest", "-q", "tests/flow/test_layers.py", ASSAY_BUILD=str(workdir))
    lines = (done.stdout + done.stderr).strip().splitlines()
    assert len(lines) == 1 and f"{workdir}/assay is not built: run `make -C {workdir}" in lines[0], lines


def scripts():
    for directory in ("tests/flow", "tests/e2e", "tests/bench", "tests/house"):
        for path in sorted((TOP / directory).rglob("*")):
            if path.is_file() and (path.suffix == ".py" or path.read_bytes().startswith(b"#!/usr/bin/python3")):
                yield str(path.relative_to(TOP))


def test_nobody_else_knows_where_the_build_is():
    wrong = []
    for name in scripts():
        if name in KNOWS_BUILDS or name == "tests/flow/test_house.py":
            continue
        for number, line in enumerate((TOP / name).read_text().splitlines(), 1):
            if re.search(r"environ\W.*ASSAY_BUILD|[\"'](\.\./)*build/|(/ |\"\.\.\", )\"build\"", line):
                wrong.append(f"{name}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_every_script_of_the_tests_is_distributed():
    named = "".join(path.read_text() for path in (TOP / "tests").glob("*/Makefile.inc"))
    assert [name for name in scripts() if not re.search(rf"\b{re.escape(name)}\b", named)] == []


# ---- what is left behind ----------------------------------------------------------------------------------------------

LEAVES = """
import pathlib, subprocess, tempfile
def test_leaves():
    pathlib.Path(tempfile.mkdtemp(prefix="forgotten-"), "file").touch()
    subprocess.Popen(["sleep", "{secs}"])
"""
TIDY = """
import pathlib, tempfile
def test_is_tidy(tmp_path):
    tmp_path.joinpath("file").touch()
    with tempfile.TemporaryDirectory() as directory:
        pathlib.Path(directory, "file").touch()
"""


WAITS = """
import pathlib, subprocess, tempfile, time, pytest
@pytest.fixture
def child():
    with tempfile.TemporaryDirectory() as directory:
        with subprocess.Popen(["sleep", "60"]) as process:
            yield pathlib.Path(directory)
            process.kill()
def test_waits(child):
    child.joinpath("begun").touch()
    time.sleep(60)
"""


# What another run must not be told: where this one keeps its files, and collects what sanitizers report.
OF_THIS_RUN = "ASSAY_KEEP", "ASSAY_REPORTS", "PYTEST_ADDOPTS"


def place_of(workdir, text, monkeypatch):
    """@return (command, temporary directory) of a run of tests that are these alone, in the house's conftest.py."""
    place, temporary = workdir / "tests", workdir / "tmp"
    for path in (place, temporary):
        path.mkdir()
    for name in ("conftest.py", "house"):
        (place / name).symlink_to(TOP / "tests" / name)
    (place / "test_this.py").write_text(text)
    (place / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    for name in OF_THIS_RUN:
        monkeypatch.delenv(name, raising=False)
    return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(place)], temporary


def run_of(workdir, text, monkeypatch, *words):
    command, temporary = place_of(workdir, text, monkeypatch)
    return run(*command, *words, TMPDIR=str(temporary)), temporary


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_run_that_leaves_something_behind_fails_and_names_it(build_dir, workdir, monkeypatch, words):
    monkeypatch.setenv("ASSAY_BUILD", str(build_dir))
    done, temporary = run_of(workdir, LEAVES.format(secs=14), monkeypatch, *words)     # a little longer than it waits for the end of processes
    assert done.returncode == 1 and "1 passed" in done.stdout, done.stdout
    assert re.search(r"FAILED still running: process \d+: sleep 14$", done.stdout, re.MULTILINE), done.stdout
    assert re.search(r"FAILED left in the temporary directory: forgotten-\w+/ with file$", done.stdout, re.MULTILINE), done.stdout
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_run_that_leaves_nothing_behind_passes(build_dir, workdir, monkeypatch, words):
    monkeypatch.setenv("ASSAY_BUILD", str(build_dir))
    done, temporary = run_of(workdir, TIDY, monkeypatch, *words)
    assert done.returncode == 0 and list(temporary.iterdir()) == [], done.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("words", [(), ("-n", "2")])
def test_run_that_is_interrupted_leaves_nothing_behind(build_dir, workdir, monkeypatch, words, number):
    command, temporary = place_of(workdir, WAITS, monkeypatch)
    environment = dict(os.environ, ASSAY_BUILD=str(build_dir), TMPDIR=str(temporary))
    with open(workdir / "said", "wb") as said, subprocess.Popen([*command, *words], env=environment, stdout=said, stderr=said) as process:
        wait_for(lambda: list(temporary.glob("assay-run-*/*/begun")) or process.poll() is not None, "the test to begin", 60)
        process.send_signal(number)
        process.wait(60)
    said = (workdir / "said").read_text()
    assert list(temporary.iterdir()) == [] and process.returncode == pytest.ExitCode.INTERRUPTED, said
    assert "FAILED" not in said, said


def killed(program, temporary, number):
    """Ends a unit program when it has begun to write."""
    process = subprocess.Popen([program], env=dict(os.environ, TMPDIR=str(temporary)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: list(temporary.glob("assay-unit-*/*")) or process.poll() is not None, "a file of the program")
        process.send_signal(number)
    finally:
        process.wait(60)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, 0])
def test_unit_program_leaves_nothing_however_it_ends(build_dir, workdir, number):
    temporary = workdir / "tmp"
    temporary.mkdir()
    killed(build_dir / "tests/unit/test_dns_zonefile", temporary, number)
    wait_for(lambda: list(temporary.iterdir()) == [], lambda: f"left: {list(temporary.rglob('*'))}")


# ---- ports ------------------------------------------------------------------------------------------------------------


def test_free_port_is_given_to_one_process_only():
    ours = ports.free_port()
    take = f"import sys; sys.path.insert(0, {str(TOP / 'tests')!r}); from house import ports; print(ports.claim({ours}))"
    assert run(sys.executable, "-c", take).stdout == "None\n"
    assert len({ports.free_port() for _ in range(50)} | {ours}) == 51


def test_bound_pair_holds_one_port_for_both_protocols():
    udp, tcp = ports.bound_pair()
    with udp, tcp:
        assert udp.getsockname() == tcp.getsockname()
        assert ports.bind_both(udp.getsockname()[1]) is None


# ---- tests/README.md --------------------------------------------------------------------------------------------------


def commands():
    """The commands of the page: lines indented by four spaces, without the comment behind."""
    for line in README.splitlines():
        if line.startswith("    "):
            for command in re.split(r" && ", re.split(r"\s{2,}# ?", line.strip())[0]):
                yield shlex.split(command)


def words_of_code():
    for command in commands():
        yield from command
    for code in re.findall(r"`([^`\n]+)`", README):
        yield from code.split()


def test_readme_names_files_that_are_there(build_dir):
    made = re.compile(r"^(build|build-asan|build-fuzz)/(tests/\S+)$")
    wrong = []
    for word in set(words_of_code()):
        word = word.split("::")[0].rstrip(",;:")
        built = made.match(word)
        if built and re.search(r"NAME|\*", word):
            continue
        if built:
            there = (build_dir / built.group(2)).exists()
        elif re.match(r"(tests|scripts|lib)/", word) and "NAME" not in word:
            there = (TOP / word).exists() or (build_dir / word).exists()
        else:
            continue
        if not there:
            wrong.append(word)
    assert not wrong


def test_readme_names_options_and_variables_that_are_there():
    text = (TOP / "scripts/test").read_text()
    told = [word for command in commands() if command[0] == "scripts/test" for word in command if word.startswith("--")]
    assert len(told) >= 5 and [option for option in told if not re.search(rf"{option}\b", text)] == []
    used = "".join((TOP / name).read_text() for name in scripts() if name != "tests/flow/test_house.py")
    used += "".join(path.read_text() for path in (TOP / "tests/unit").glob("*.c"))
    assert [name for name in re.findall(r"\bASSAY_[A-Z_]+", README) if not re.search(rf"\b{name}\b", used)] == []


def test_readme_unit_commands_work(build_dir):
    ran = 0
    for command in commands():
        if not command[0].startswith("build/tests/unit/"):
            continue
        done = run(build_dir / command[0].removeprefix("build/"), *command[1:])
        assert done.returncode == 0, (command, done.stderr)
        ran += 1
    assert ran >= 3


def test_readme_pytest_commands_find_tests():
    seen = 0
    for command in commands():
        if "pytest" not in command:
            continue
        words = command[command.index("pytest") + 1:]
        if "-n" in words:   # needs no second look: the same directories
            continue
        done = run(sys.executable, "-m", "pytest", "--collect-only", *words)
        assert done.returncode == 0 and "::test_" in done.stdout, (command, done.stdout + done.stderr)
        seen += 1
    assert seen >= 5


def test_readme_make_targets_are_there(build_dir):
    rules = (build_dir / "Makefile").read_text()
    told = {word for command in commands() if command[0] == "make" for word in command[1:]
            if re.fullmatch(r"[a-z][a-z-]*", word) and word != "build"}
    assert {"check", "fuzz"} <= told
    assert [target for target in told if not re.search(rf"^{target}:", rules, re.MULTILINE)] == []
