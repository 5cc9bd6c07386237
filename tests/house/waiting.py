# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for what must happen, however slow the machine is. The limit is there for errors only."""
import time


def wait_for(condition, what, seconds=15.0, step=0.02):
    """
    Polls until condition() is true. @return its value. Fails after that time with the name of what was waited for: a text, or a
    function that makes one then.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:g} s for {what() if callable(what) else what}")
        time.sleep(step)
