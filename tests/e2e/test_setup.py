# SPDX-License-Identifier: BSD-2-Clause
"""assay setup postfix: a real Postfix as an admin has it, led to assayd, proved by a probe, and put back to the octet."""
import os
import pwd
import stat

import pytest

from place import NUMBERS, Place
from world.processes import wait_for


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
