# SPDX-License-Identifier: BSD-2-Clause
"""assay setup postfix: a real Postfix as an admin has it, led to assayd, proved by a probe, and put back to the octet."""
import os
import pwd
import stat
import subprocess

import pytest

from place import NUMBERS, Place
from world import Assayd
from world.processes import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.mta("postfix", reason="assay setup changes Postfix only; what it says of Sendmail: test_sendmail.py")]


@pytest.fixture(name="place")
def place_fixture(stack, request):
    # short: a unix socket's path has 107 octets
    place = Place(stack, f"s{next(NUMBERS)}", **getattr(request, "param", {}))
    yield place
    place.close()


CHROOT = pytest.mark.parametrize("place", [{"chroot": True}, {"chroot": False}], indirect=True, ids=["chroot", "no-chroot"])


@CHROOT
def test_apply_proves_itself_and_undo_puts_back(place):
    before = place.read(place.main_cf), place.read(place.conf)
    place.postfix.start()

    shown = place.assay()
    assert "nothing was changed" in shown and "smtpd_milters = unix:assay/assay.sock" in shown
    assert (place.read(place.main_cf), place.read(place.conf)) == before and not os.path.exists(place.queue + "/assay")

    done = place.assay("--apply")
    assert "ok: smtpd at 127.0.0.1 port" in done and "the probe arrived" in done
    status = os.stat(place.queue + "/assay")
    assert (pwd.getpwuid(status.st_uid).pw_name, stat.S_IMODE(status.st_mode)) == ("nobody", 0o2750)
    group = pwd.getpwnam("postfix").pw_gid
    assert status.st_gid == group and os.stat(place.queue + "/assay/assay.sock").st_gid == group
    main = place.postfix.run("postconf", "-c", place.postfix.config, "-n").stdout
    assert "smtpd_milters = unix:assay/assay.sock\n" in main and "milter_default_action = accept\n" in main
    assert "# mine\n" in place.read(place.conf) and place.pid()

    assert "ok: " in place.assay("--check")
    again = place.assay("--apply")
    assert "ok: " in again and "set " not in again

    place.assay("--undo")
    assert (place.read(place.main_cf), place.read(place.conf)) == before
    assert not os.path.exists(place.queue + "/assay") and not os.path.exists(place.directory + "/setup-postfix.json")
    wait_for(lambda: os.path.exists(place.socket), "assayd at its old place")
    assert "Postfix is not told of assayd" in place.assay("--check", ok=False)
    assert "nothing to undo" in place.assay("--undo", ok=False)


def milters(place):
    return place.postfix.run("postconf", "-c", place.postfix.config, "-h", "smtpd_milters").stdout.strip()


def test_undo_after_edits_takes_out_our_own(place):
    """Somebody has changed main.cf and assay.conf since: his changes stay, ours go."""
    place.postfix.run("postconf", "-c", place.postfix.config, "-e", "smtpd_milters=inet:127.0.0.1:9, { unix:x/y, command_timeout=5s }",
                      "milter_default_action=tempfail")
    place.postfix.start()
    out = place.assay("--apply")
    assert "beside assayd: inet:127.0.0.1:9" in out and "beside assayd: { unix:x/y" in out
    assert milters(place) == "unix:assay/assay.sock, inet:127.0.0.1:9, { unix:x/y, command_timeout=5s }"
    assert "milter_default_action = tempfail" in place.read(place.main_cf)

    place.postfix.set(smtpd_milters="inet:127.0.0.1:10, unix:assay/assay.sock", message_size_limit="50000000")
    place.edit("# mine\n", "# mine, too\n")
    place.assay("--undo")
    assert milters(place) == "inet:127.0.0.1:10"
    assert "message_size_limit = 50000000" in place.read(place.main_cf)
    assert f'# mine, too\nsocket = "unix:{place.socket}"' in place.read(place.conf)
    assert not os.path.exists(place.queue + "/assay")


def test_a_step_that_fails_is_taken_back(place):
    """assayd cannot start with this file: nothing of Postfix has changed, the file is as it was."""
    place.postfix.start()
    place.edit("dnssec = off", 'dnssec = validate trust-anchor-files = { "/nonexistent/root.key" }')
    before = place.read(place.main_cf), place.read(place.conf)
    out = place.assay("--apply", ok=False)
    assert "assayd does not start" in out and "/nonexistent/root.key" in out and "taking back" in out
    assert (place.read(place.main_cf), place.read(place.conf)) == before
    assert not os.path.exists(place.queue + "/assay") and not os.path.exists(place.directory + "/setup-postfix.json")


def test_a_socket_that_cannot_be_edited_is_told(place):
    """A value on a line of its own: the file is left alone, the admin is told which line to write."""
    place.postfix.start()
    place.edit(f'socket = "unix:{place.socket}" # where\n', f'socket =\n  "unix:{place.socket}"\n')
    before = place.read(place.conf)
    out = place.assay("--apply", ok=False)
    assert "by hand" in out and f'socket = "unix:{place.queue}/assay/assay.sock"' in out
    assert place.read(place.conf) == before and milters(place) == ""


def test_a_service_with_milters_of_its_own_is_named(place):
    place.postfix.add_service("unix:other/sock")
    place.postfix.start()
    out = place.assay("--apply")
    assert 'has smtpd_milters of its own in master.cf ("unix:other/sock")' in out and "ok: " in out


def test_check_names_what_is_wrong(place):
    """One sentence each, from Postfix that was never told to a daemon that is gone."""
    place.postfix.start()
    assert "assayd does not run" in place.assay("--check", ok=False)
    place.start_daemon()
    assert 'Postfix is not told of assayd: smtpd_milters = ""' in place.assay("--check", ok=False)
    place.postfix.set(smtpd_milters="unix:assay/assay.sock")
    out = place.assay("--check", ok=False)
    assert f"smtpd_milters leads to {place.queue}/assay/assay.sock" in out and place.socket in out
    place.assay("--apply")
    place.postfix.stop()
    assert "Postfix does not run" in place.assay("--check", ok=False)


def test_apply_before_postfix_runs_is_made_good_by_a_start(place):
    out = place.assay("--apply", ok=False)
    assert "Postfix does not run" in out and milters(place) == "unix:assay/assay.sock"
    place.postfix.start()
    assert "ok: " in place.assay("--check")


def test_apply_needs_root(place):
    os.chmod(place.postfix.config, 0o755)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", Assayd.program("assay"), "setup",
                           "postfix", "--config", place.conf, "--postfix-config", place.postfix.config, "--apply"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 77 and "must run as root" in done.stderr


def test_the_first_service_with_milters_of_its_own(place):
    """What main.cf says does not count for it: --apply cannot help, and says what does."""
    master = place.postfix.config + "/master.cf"
    place.write(master, place.read(master).replace("smtpd\n", "smtpd -o smtpd_milters=unix:other/sock\n", 1))
    place.postfix.start()
    out = place.assay("--apply", ok=False)
    assert 'of master.cf has smtpd_milters of its own, without assayd: "unix:other/sock"' in out
    assert "take that option out of master.cf" in out


def test_who_closes_our_output_does_not_stop_us_half_way(place):
    """assay setup postfix --apply | true: all is done, and that it could not be told is the exit status."""
    place.postfix.start()
    environment = dict(os.environ, PATH=os.path.dirname(Assayd.program()) + ":" + os.environ["PATH"])
    status = os.path.join(place.directory, "status")

    def unheard(word):
        """Into a file, for assayd, which it starts, would hold a pipe."""
        subprocess.run(["/bin/sh", "-c", '{ "$@"; echo $? >"$0"; } 2>/dev/null | true', status, Assayd.program("assay"), "setup", "postfix", word,
                        "--config", place.conf, "--postfix-config", place.postfix.config], env=environment, stdin=subprocess.DEVNULL,
                       timeout=120, check=False)
        return place.read(status)

    assert unheard("--apply") == "74\n"
    assert milters(place) == "unix:assay/assay.sock" and "ok: " in place.assay("--check")
    assert unheard("--undo") == "74\n"
    assert milters(place) == ""
