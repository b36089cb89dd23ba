"""Waiting for what another thread or process will bring about: for a condition, never for a time."""

import time


def until(condition, seconds=30):
    """Wait until ``condition()`` is true, and return what it gave; fail after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.005)
    return answer
