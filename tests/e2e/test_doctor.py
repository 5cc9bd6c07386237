# SPDX-License-Identifier: BSD-2-Clause
"""assay doctor: a set-up where all is well, and those that users get wrong, each with the sentence that helps."""
import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import threading

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from house.ports import free_port
from place import NUMBERS, Place
from world import Assayd
from world.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mta("postfix", reason="assay doctor looks at Postfix")]


def dns_section(tree, port=None, address="127.0.0.1"):
    return (f'dns {{ servers = {{ "{address}@{port or tree.port}" }} timeout = 500ms '
            f'trust-anchor-files = {{ "{tree.anchor}" }} }}\n')


@pytest.fixture(name="place")
def place_fixture(stack, tree):
    place = Place(stack, f"d{next(NUMBERS)}", dns=dns_section(tree))
    yield place
    place.close()


@pytest.fixture(name="applied")
def applied_fixture(place):
    """All is well: Postfix runs, assayd behind it."""
    place.postfix.start()
    place.assay("--apply")
    return place


def doctor(place, status):
    """@return {check: [(level, text, remedy)]} after both forms have said the same."""
    told = place.run("doctor", "--json")
    assert told.returncode == status, told.stdout + told.stderr
    told = json.loads(told.stdout)
    assert told["status"] == ["ok", "warning", "error"][status]
    lines = {}
    for line in told["checks"]:
        lines.setdefault(line["check"], []).append((line["level"], line["text"], line["remedy"]))
    text = place.run("doctor")
    assert text.returncode == status
    for line in told["checks"]:
        assert line["check"] in text.stdout and (line["remedy"] or "") in text.stdout
    return lines


def bad(lines, level):
    return [(check, text) for check, each in lines.items() for (found, text, _) in each if found == level]


def the_only(lines, level, check):
    """The text of the only line that is no better than a warning; it has this level and belongs to this check."""
    found = [(kind, *each) for kind in ("warning", "error") for each in bad(lines, kind)]
    assert [each[:2] for each in found] == [(level, check)], lines
    return found[0][2]


def test_all_is_well(applied):
    lines = doctor(applied, 0)
    assert not bad(lines, "warning") and not bad(lines, "error")
    assert any("the probe arrived" in text for _, text, _ in lines["mta"])
    assert any("root, delegation, proof of absence" in text for _, text, _ in lines["resolver"])
    assert lines["anchor"][0][0] == "ok" and "leads to the root's keys" in lines["anchor"][0][1]
    assert "mode dry-run" in lines["daemon"][0][1]


def test_nothing_runs(place):
    lines = doctor(place, 2)
    assert any(check == "daemon" and "assayd is not running" in text for check, text in bad(lines, "error"))


def test_socket_outside_of_the_chroot(place):
    place.postfix.start()
    place.start_daemon()
    place.postfix.set(smtpd_milters="unix:" + place.socket)
    text = the_only(doctor(place, 2), "error", "mta")
    assert "smtpd is chrooted" in text and place.queue + place.socket in text and "unix:" + place.socket in text


def test_wrong_group(applied):
    directory = applied.queue + "/assay"
    nobody = pwd.getpwnam("nobody")
    os.chown(directory, nobody.pw_uid, nobody.pw_gid)
    os.chmod(directory, 0o2750)
    text = the_only(doctor(applied, 2), "error", "mta")
    assert "as user postfix" in text and "permission denied" in text
    assert applied.assay("--apply").count("made ") == 1     # the remedy that it names
    doctor(applied, 0)


def test_no_user(place):
    place.postfix.start()
    place.edit('"nobody"', '"no-such-user"')
    lines = doctor(place, 2)
    assert any(check == "config" and "no-such-user" in text for check, text in bad(lines, "warning"))
    assert any(check == "daemon" and "assayd is not running" in text for check, text in bad(lines, "error"))
    assert "no-such-user" in place.assay("--apply", ok=False)
    assert "smtpd_milters" not in place.read(place.main_cf) and not os.path.exists(place.directory + "/setup-postfix.json")


def test_dead_resolver(applied, tree):
    applied.edit(f"@{tree.port}", f"@{free_port()}")
    lines = doctor(applied, 2)
    assert [check for check, _ in bad(lines, "error")] == ["resolver"]
    assert "does not answer" in bad(lines, "error")[0][1]


class Relay:
    """Hands questions on to the tree's resolver, from another address."""

    def __init__(self, upstream, address, family=socket.AF_INET):
        self.upstream, self.stopping = upstream, False
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.bind((address, 0))
        self.udp.settimeout(0.2)
        self.port = self.udp.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def answer(self, question):
        return dns.query.udp(question, "127.0.0.1", port=self.upstream, timeout=3)

    def run(self):
        while not self.stopping:
            with contextlib.suppress(OSError, dns.exception.DNSException):
                wire, client = self.udp.recvfrom(65535)
                self.udp.sendto(self.answer(dns.message.from_wire(wire)).to_wire(), client)

    def close(self):
        self.stopping = True
        self.thread.join(5)
        self.udp.close()


class ResolvedStub(Relay):
    """Answers as systemd-resolved's stub at 127.0.0.53 does with LLMNR on: DS and DNSKEY of single labels are refused."""

    def answer(self, question):
        name, kind = question.question[0].name, question.question[0].rdtype
        if len(name) != 2 or kind not in (dns.rdatatype.DS, dns.rdatatype.DNSKEY):
            return super().answer(question)
        answer = dns.message.make_response(question)
        answer.set_rcode(dns.rcode.REFUSED)
        return answer


def test_systemd_resolved(applied, tree):
    with contextlib.closing(ResolvedStub(tree.port, "127.0.0.53")) as stub:
        applied.edit(f"127.0.0.1@{tree.port}", f"127.0.0.53@{stub.port}")
        lines = doctor(applied, 1)
    text = the_only(lines, "warning", "resolver")
    assert "DS records of top-level domains do not come" in text
    assert any("systemd-resolved" in (remedy or "") for _, _, remedy in lines["resolver"])


def test_second_assayd_in_the_chain(applied):
    applied.postfix.set(smtpd_milters="unix:assay/assay.sock, unix:assay-two/assay.sock")
    assert "names assayd 2 times" in the_only(doctor(applied, 1), "warning", "mta")


def test_policy_that_holds_under_one_name_only(applied):
    text = applied.read(applied.conf)
    policy = 'policy "mine" {{\n\trecipient-domains = {}\n}}\n'
    applied.postfix.set(mydestination="here.example, HERE.example., hash:/nowhere, host.example, localhost")
    applied.write(applied.conf, text + policy.format("here.example"))
    warning = the_only(doctor(applied, 1), "warning", "mta")
    assert "policy mine" in warning and "at here.example," in warning and "at host.example " in warning
    assert "local-domains = { here.example, host.example }" in applied.run("doctor").stdout
    for good in ("local-domains = { here.example, host.example }\n" + text + policy.format("here.example"),
                 text + policy.format("{ here.example, host.example }"), text + policy.format("elsewhere.example")):
        applied.write(applied.conf, good)
        doctor(applied, 0)


NAMESAKE = """set -e
mkdir upper work
mount -t overlay overlay -o "lowerdir=/etc,upperdir=$PWD/upper,workdir=$PWD/work" /etc 2>/dev/null || exit 77
printf 'Mode sv\\nAuthservID "%s"\\n' "$1" >/etc/opendkim.conf
shift
exec "$@"
"""


def test_second_milter_with_the_same_id(applied):
    """OpenDKIM behind us, writing Authentication-Results in our name: its file says so, in an /etc of the test's own."""
    applied.edit("# mine\n", 'authserv-id = "mx.assay.example"\n')
    applied.postfix.set(smtpd_milters="unix:assay/assay.sock, unix:opendkim/opendkim.sock")
    told = {}
    for name in ("MX.assay.example", "other.example"):
        directory = applied.directory + "/" + name
        os.makedirs(directory)
        done = subprocess.run(["unshare", "--mount", "sh", "-c", NAMESAKE, "sh", name, Assayd.program("assay"), "doctor", "--json", "--config",
                               applied.conf, "--postfix-config", applied.postfix.config], cwd=directory, check=False,
                              capture_output=True, text=True)
        if done.returncode == 77 and not done.stdout:
            pytest.skip("no overlay can be mounted here")
        told[name] = [each["text"] for each in json.loads(done.stdout)["checks"] if each["level"] == "warning"]
    assert [text for text in told["MX.assay.example"] if 'opendkim calls itself "MX.assay.example"' in text]
    assert not told["other.example"]


def test_full_disk(applied):
    directory = applied.directory + "/small"
    os.makedirs(directory)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0777", "tmpfs", directory], check=False,
                      capture_output=True).returncode != 0:
        pytest.skip("a file system cannot be mounted here")
    try:
        with contextlib.suppress(OSError), open(directory + "/ballast", "wb") as file:
            while True:
                file.write(b"x" * 65536)
        applied.edit("# mine\n", f'record {{ path = "{directory}/assay.db" }}\n')
        lines = doctor(applied, 2)
        assert any(check == "disk" and "is full" in text for check, text in bad(lines, "error"))
        assert all(remedy for level, _, remedy in lines["disk"] if level == "error")
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def test_old_config(applied):
    """A name that was never valid, or is so no more: file, line and what would be right; the daemon goes on."""
    applied.edit("# mine\n", "log-levle = info\n")
    text = the_only(doctor(applied, 2), "error", "config")
    assert text.startswith(f"{applied.conf}:1: ") and "log-levle" in text and "log-level" in text


def test_two_daemons(applied):
    second = applied.directory + "/run/second.sock"
    process = subprocess.Popen([Assayd.program(), "-f", "-c", applied.conf, "-p", "unix:" + second], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(second), "the second assayd")
        assert "2 processes of assayd" in the_only(doctor(applied, 1), "warning", "daemon")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def test_ipv6_only(place, tree):
    """Postfix and resolver on ::1 alone."""
    master = place.postfix.config + "/master.cf"
    place.write(master, place.read(master).replace("127.0.0.1:", "[::1]:"))
    try:
        relay = Relay(tree.port, "::1", socket.AF_INET6)
    except OSError:
        pytest.skip("there is no ::1 here")
    with contextlib.closing(relay):
        place.edit(f"127.0.0.1@{tree.port}", f"::1@{relay.port}")
        place.postfix.run("postconf", "-c", place.postfix.config, "-e", "inet_protocols=ipv6", "inet_interfaces=all",
                          "smtpd_sasl_auth_enable=no")
        place.postfix.run("postfix", "-c", place.postfix.config, "start")
        place.postfix.running = True
        wait_for(lambda: answers_on_v6(place.postfix.plain), "Postfix on ::1")
        assert "ok: smtpd at ::1 port" in place.assay("--apply")
        lines = doctor(place, 0)
    assert any("smtpd at ::1 port" in text for _, text, _ in lines["mta"])
    assert any(text.startswith("::1 port") for _, text, _ in lines["resolver"])


def answers_on_v6(port):
    with contextlib.suppress(OSError), socket.create_connection(("::1", port), 1):
        return True
    return False
