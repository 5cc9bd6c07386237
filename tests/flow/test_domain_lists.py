# SPDX-License-Identifier: BSD-2-Clause
"""Lists of domains from files, through assayd: 100,000 customers of a policy, a reload with others, a broken line."""
import os
import pwd
import signal
import stat
import subprocess

import pytest

from milterclient import Client

ENTRIES = 100_000
CONFIG_ERROR = 78
SECTIONS = """
findings {{ dmarc-reject = none }}
policy "customers" {{
    recipient-domains = {{ "own.example", "@{path}" }}
    mode = enforce
    actions {{ dmarc-reject = reject }}
}}
"""


def write_list(path, lines):
    """As the manual says: a finished file takes the place of the old one."""
    fresh = path.with_suffix(".new")
    fresh.write_text("# customers\n" + "".join(f"{line}\n" for line in lines))
    os.replace(fresh, path)


def customers(count=ENTRIES):
    """Each tenth with all below it."""
    return [f"{'.' if i % 10 == 0 else ''}customer{i}.example" for i in range(count)]


@pytest.fixture
def listed(workdir):
    path = workdir / "customers"
    write_list(path, customers())
    return path


def replies(daemon, *domains):
    """What a forged message to each of the domains gets, "y" (refused) or "c"."""
    found = ""
    for domain in domains:
        client = Client(daemon.socket_spec)
        client.connect("bad.example", "203.0.113.5")
        client.helo("bad.example")
        found += client.message(recipients=(f"<ann@{domain}>",)).reply
        client.quit()
    return found


def reload(daemon, words, count=1):
    daemon.signal(signal.SIGHUP)
    daemon.wait_for_log(words, count)


def test_policy_of_100000_recipient_domains(assayd, listed, build_dir):
    daemon = assayd(sections=SECTIONS.format(path=listed)).start()
    assert f"policy customers recipient-domains: {ENTRIES} domains in {listed}" in daemon.log()
    assert replies(daemon, "own.example", "customer1.example", "Customer99999.Example", "customer10.example",
                   "mail.customer10.example", "a.b.customer99990.example") == "y" * 6
    assert replies(daemon, "example", "other.example", "mail.customer1.example", "customer100000.example",
                   "xcustomer1.example") == "c" * 5

    # one goes, one comes
    write_list(listed, [line for line in customers() if line != "customer1.example"] + ["new.example", "newer.example"])
    assert replies(daemon, "customer1.example", "new.example") == "yc"
    reload(daemon, "new configuration from")
    assert f"policy customers recipient-domains: other domains in its files: {ENTRIES + 1} -> {ENTRIES + 2}" in daemon.log()
    assert replies(daemon, "customer1.example", "new.example", "customer2.example") == "cyy"

    # the same once more
    reload(daemon, "no option changed")

    # a broken line keeps what is there
    write_list(listed, customers(5) + ["gone wrong"])
    reload(daemon, "the configuration in force stays")
    assert f"assay.conf:{line_of(daemon, '@')}: {listed}:7: 'gone wrong': one domain stands in a line" in daemon.log()
    assert replies(daemon, "new.example", "customer99999.example") == "yy"

    # and so does a list that is not there, or has nothing in it yet
    listed.write_text("")
    reload(daemon, "the configuration in force stays", 2)
    assert "lists no domain; is it being written?" in daemon.log()
    listed.unlink()
    reload(daemon, "the configuration in force stays", 3)
    assert f"recipient-domains = '@{listed}': No such file or directory" in daemon.log()
    assert replies(daemon, "new.example", "other.example") == "yc"


def line_of(daemon, text):
    lines = daemon.config_path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_broken_list_is_78_at_start(assayd, listed, build_dir):
    daemon = assayd(sections=SECTIONS.format(path=listed))
    listed.write_text("one.example\n*.two.example\n")
    done = subprocess.run([build_dir / "assayd", "-f", "-c", daemon.config_path], capture_output=True, timeout=60, check=False)
    assert done.returncode == CONFIG_ERROR
    assert f"{listed}:2: '*.two.example': not a domain name" in done.stderr.decode()


def test_check_option_prints_the_name_of_the_file_and_loads_again(assayd, listed, build_dir, workdir):
    daemon = assayd(sections=SECTIONS.format(path=listed))
    printed = [subprocess.run([build_dir / "assayd", "-n", "-c", daemon.config_path], capture_output=True, timeout=60, check=False)]
    again = workdir / "printed.conf"
    again.write_bytes(printed[0].stdout)
    printed.append(subprocess.run([build_dir / "assayd", "-n", "-c", again], capture_output=True, timeout=60, check=False))
    assert [done.returncode for done in printed] == [0, 0]
    assert printed[0].stdout == printed[1].stdout
    assert f'recipient-domains = {{ "own.example", "@{listed}" }}'.encode() in printed[0].stdout
    assert len(printed[0].stdout) < 20000
    assert f"policy customers recipient-domains: {ENTRIES} domains in {listed}".encode() in printed[0].stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_list_that_only_root_can_read_is_told_before_a_reload_fails(assayd, listed, workdir):
    nobody = pwd.getpwnam("nobody")
    for path in (workdir, listed):
        os.chown(path, 0, 0)
    workdir.chmod(0o755)
    listed.chmod(stat.S_IRUSR)
    daemon = assayd(sections=SECTIONS.format(path=listed))
    text = daemon.config_path.read_text().replace('user = ""', 'user = "nobody"')
    daemon.config_path.write_text(text)
    os.chown(daemon.directory, nobody.pw_uid, nobody.pw_gid)
    daemon.start()
    assert f"policy customers recipient-domains: file {listed} belongs to root, and user nobody cannot read it" in daemon.log()
    assert replies(daemon, "customer1.example") == "y"
    reload(daemon, "the configuration in force stays")
    assert f"recipient-domains = '@{listed}': Permission denied" in daemon.log()
    assert replies(daemon, "customer1.example") == "y"
