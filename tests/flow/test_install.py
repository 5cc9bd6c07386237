# SPDX-License-Identifier: BSD-2-Clause
"""What `make install` and the targets beside it leave behind: the unit as installed, user, configuration, and nothing after
`make uninstall`. Everything goes into a temporary directory."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

import pytest

from house.waiting import wait_for
from milterclient import Client

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
needs_systemd_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def make(build_dir, *arguments):
    if not (build_dir / "Makefile").exists():
        pytest.skip("not a build directory")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", "-C", str(build_dir), *map(str, arguments)], capture_output=True, text=True, timeout=300,
                          check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def below(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir())


def directives(unit):
    """[(name, value)] of a unit, in order."""
    return [tuple(line.split("=", 1)) for line in unit.read_text().splitlines() if re.match(r"[A-Z]\w*=", line)]


def value(unit, name):
    return [text for key, text in directives(unit) if key == name][-1]


@pytest.fixture(scope="module")
def staged(build_dir):
    """The tree as a package gets it."""
    with tempfile.TemporaryDirectory(prefix="assay-") as stage:
        make(build_dir, "install", f"DESTDIR={stage}", "prefix=/usr")
        yield pathlib.Path(stage)


@pytest.fixture(scope="module")
def placed(build_dir):
    """An installation below a prefix of its own, that could run from there."""
    with tempfile.TemporaryDirectory(prefix="assay-") as prefix:
        os.chmod(prefix, 0o755)
        make(build_dir, "install", f"prefix={prefix}")
        yield pathlib.Path(prefix)


def installed_unit(prefix):
    return prefix / "lib/systemd/system/assayd.service"


def test_unit_names_the_installed_program(staged, placed):
    assert value(installed_unit(staged / "usr"), "ExecStart") == "/usr/sbin/assayd -f"
    assert (staged / "usr/sbin/assayd").exists()
    assert value(installed_unit(placed), "ExecStart") == f"{placed}/sbin/assayd -f"
    assert os.access(placed / "sbin/assayd", os.X_OK)
    assert not re.search(r"@\w+@", installed_unit(placed).read_text())


@needs_systemd_analyze
def test_unit_is_what_systemd_understands(placed):
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(installed_unit(placed))], capture_output=True, text=True,
                          timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "assayd" in line]
    assert done.returncode == 0 and not ours, done.stderr


# What timers run.
TIMED = {"dmarc-reports": "dmarc-reports --send", "failure-reports": "failure-reports --send", "morning": "report --mail"}


@needs_systemd_analyze
@pytest.mark.parametrize("name", [f"assay-{name}.{kind}" for name in [*TIMED, "report"] for kind in ("service", "timer")])
def test_units_of_reports_are_what_systemd_understands(placed, name):
    unit = installed_unit(placed).with_name(name)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "assay" not in done.stderr, done.stderr


@pytest.mark.parametrize("name", TIMED)
def test_reports_run_as_the_daemons_user_without_what_keeps_set_gid_programs_from_working(placed, name):
    unit = installed_unit(placed).with_name(f"assay-{name}.service")
    names = {name for name, _ in directives(unit)}
    assert value(unit, "ExecStart") == f"{placed}/bin/assay {TIMED[name]}"
    assert value(unit, "User") == value(installed_unit(placed), "User")
    # each of them implies NoNewPrivileges for a unit with User= (systemd.exec(5)), or takes the group away
    assert not names & {"NoNewPrivileges", "SystemCallFilter", "SystemCallArchitectures", "RestrictAddressFamilies", "RestrictNamespaces",
                        "PrivateDevices", "PrivateUsers", "ProtectKernelTunables", "ProtectKernelModules", "ProtectKernelLogs",
                        "ProtectClock", "ProtectHostname", "MemoryDenyWriteExecute", "RestrictRealtime", "RestrictSUIDSGID",
                        "DynamicUser", "LockPersonality"}


@pytest.mark.parametrize("name", ["assayd", "assay-report", "assay-morning", "assay-dmarc-reports", "assay-failure-reports"])
def test_unit_reaches_a_record_on_a_server(placed, name):
    """record { backend = postgresql }: each of them opens it, over a unix socket or the network."""
    found = dict(directives(installed_unit(placed).with_name(f"{name}.service")))
    assert found.get("PrivateNetwork", "no") == "no" and not {"IPAddressDeny", "InaccessiblePaths", "TemporaryFileSystem"} & set(found)
    if "RestrictAddressFamilies" in found:
        assert set(found["RestrictAddressFamilies"].split()) == {"AF_UNIX", "AF_INET", "AF_INET6"}


@needs_systemd_analyze
@pytest.mark.parametrize("name", ["assayd.service", "assay-report.service"])
def test_unit_exposes_little(placed, name):
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=15", "--no-pager",
                           str(installed_unit(placed).with_name(name))], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


def test_unit_and_tmpfiles_make_the_same_directories(staged):
    unit = installed_unit(staged / "usr")
    wanted = {("/run/" + value(unit, "RuntimeDirectory"), value(unit, "RuntimeDirectoryMode")),
              ("/var/lib/" + value(unit, "StateDirectory"), value(unit, "StateDirectoryMode"))}
    lines = (staged / "usr/lib/tmpfiles.d/assay.conf").read_text().splitlines()
    made = [line.split() for line in lines if not line.startswith("#")]
    assert {(fields[1], fields[2]) for fields in made} == wanted
    assert {(fields[3], fields[4]) for fields in made} == {(value(unit, "User"), value(unit, "Group"))}


def test_sysusers_makes_the_units_user(staged):
    user = value(installed_unit(staged / "usr"), "User")
    lines = (staged / "usr/lib/sysusers.d/assay.conf").read_text().splitlines()
    assert [line.split()[:2] for line in lines if not line.startswith("#")] == [["u", user]]


# ---- the exact line of ExecStart, as the unit's user, with the unit's directories and nothing else to write to ----------

# An own mount namespace: an /etc with the user in it, all else read-only, then the directories that systemd would make.
CONFINED = r"""
set -e
mount --make-rprivate /
mount --bind "$1/etc" /etc
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount --bind "$1/run" /run
awk '$5 !~ "^/(proc|sys|dev|run)(/|$)" { print $5 }' /proc/self/mountinfo | sort -u | while read -r place; do
    mount -o remount,bind,ro "$place" || exit 1
done
mount -t tmpfs -o mode=755 tmpfs /var/lib
mkdir -m "$4" /var/lib/assay
chown "$2:$2" /var/lib/assay
! setpriv --reuid "$2" --regid "$2" --clear-groups touch "$1/run/here" /etc/here /var/lib/here 2>/dev/null || exit 99
shift 4
exec "$@"
"""
USER_ID = 64999


@root_only
def test_exec_start_runs_as_the_units_user_in_the_units_directories(placed, workdir):
    trial = subprocess.run(["unshare", "--mount", "setpriv", "--no-new-privs", "true"], capture_output=True, check=False)
    if trial.returncode != 0:
        pytest.skip("no mount namespaces here")
    unit = installed_unit(placed)
    workdir.chmod(0o755)
    (workdir / "etc/assay").mkdir(parents=True)
    run = workdir / "run"
    (run / "assay").mkdir(parents=True)
    run.chmod(0o755)
    (run / "assay").chmod(int(value(unit, "RuntimeDirectoryMode"), 8))
    os.chown(run / "assay", USER_ID, USER_ID)
    (workdir / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n"
                                        f"assay:x:{USER_ID}:{USER_ID}::/nonexistent:/usr/sbin/nologin\n")
    (workdir / "etc/group").write_text(f"root:x:0:\nassay:x:{USER_ID}:\n")
    (workdir / "etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    (workdir / "etc/assay/assay.conf").write_text('log-target = stderr\ndns { dnssec = off }\n'
                                                  'record { path = "/var/lib/assay/assay.db" }\n')
    shutil.copy("/etc/ld.so.cache", workdir / "etc/ld.so.cache")
    arguments = ["unshare", "--mount", "--", "sh", "-c", CONFINED, "sh", workdir, USER_ID, 0,
                 value(unit, "StateDirectoryMode"), "setpriv", "--reuid", USER_ID, "--regid", USER_ID, "--clear-groups",
                 "--no-new-privs", "--bounding-set=-all", "--", *value(unit, "ExecStart").split()]
    with open(workdir / "log", "wb") as log:
        process = subprocess.Popen([str(word) for word in arguments], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        def serves():
            text = (workdir / "log").read_text()
            assert process.poll() is None, text
            return "store: /var/lib/assay/assay.db" in text and "serving at unix:/run/assay/assay.sock" in text
        wait_for(serves, (workdir / "log").read_text, 60, 0.05)
        client = Client(f"unix:{run}/assay/assay.sock")
        client.connect()
        client.helo()
        assert client.message().reply == "c"
        client.quit()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)  # unshare, sh and setpriv have become assayd
        code = process.wait(60)
    assert code == 0, (workdir / "log").read_text()


# ---- the targets beside install -----------------------------------------------------------------------------------------


def test_install_config_makes_one_that_remembers_and_keeps_it(build_dir, workdir):
    make(build_dir, "install-config", f"DESTDIR={workdir}")
    config = next(workdir.rglob("assay.conf"))
    done = subprocess.run([str(build_dir / "assayd"), "-n", "-c", str(config)], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    assert 'path = "/var/lib/assay/assay.db"' in done.stdout
    config.write_text("# mine\n")
    assert "stays as it is" in make(build_dir, "install-config", f"DESTDIR={workdir}")
    assert config.read_text() == "# mine\n"
    assert below(workdir) == [str(config.relative_to(workdir))]


@root_only
@pytest.mark.skipif(not shutil.which("systemd-sysusers") and not shutil.which("useradd"), reason="nothing here makes users")
def test_install_user_makes_user_and_directories(build_dir, workdir):
    (workdir / "etc").mkdir()
    for name, text in (("passwd", "root:x:0:0::/root:/bin/sh\n"), ("group", "root:x:0:\n"), ("shadow", ""), ("gshadow", "")):
        (workdir / "etc" / name).write_text(text)
    make(build_dir, "install-user", f"DESTDIR={workdir}")
    before = (workdir / "etc/passwd").read_text()
    user = [line.split(":") for line in before.splitlines() if line.startswith("assay:")]
    assert len(user) == 1 and user[0][2] != "0" and user[0][6].endswith("/nologin")
    for directory in ("run/assay", "var/lib/assay"):
        status = (workdir / directory).stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o7777) == (int(user[0][2]), int(user[0][3]), 0o750)
    make(build_dir, "install-user", f"DESTDIR={workdir}")
    assert (workdir / "etc/passwd").read_text() == before


def test_install_says_what_is_missing(build_dir, workdir, top_dir):
    config = workdir / "none.conf"

    def missing():
        return subprocess.run(["sh", str(top_dir / "scripts/install-user"), "--missing", str(config)], capture_output=True,
                              text=True, timeout=60, check=True).stdout

    assert f"the configuration {config}" in missing() and "install-config" in missing()
    config.write_text("")
    assert "configuration" not in missing()
    assert make(build_dir, "install", f"DESTDIR={workdir}/staged").count("still lacks") == 0


def test_uninstall_leaves_nothing_but_the_configuration(build_dir, workdir):
    make(build_dir, "install", "install-config", f"DESTDIR={workdir}")
    assert len(below(workdir)) > 10
    make(build_dir, "uninstall", f"DESTDIR={workdir}")
    assert [pathlib.Path(path).name for path in below(workdir)] == ["assay.conf"]
    assert not list(workdir.rglob("doc/assay"))


# ---- what must agree ----------------------------------------------------------------------------------------------------


def test_versions_agree(top_dir):
    configured = re.search(r"AC_INIT\(\[assay\], \[([^]]+)\]", (top_dir / "configure.ac").read_text()).group(1)
    packaged = re.match(r"assay \(([^)]+)\)", (top_dir / "debian/changelog").read_text()).group(1)
    told = re.search(r"^## (\S+)", (top_dir / "CHANGELOG.md").read_text(), re.MULTILINE).group(1)
    assert configured == packaged == told
