"""Writers that are killed at whatever they are about."""

import os
import signal
import subprocess
import sys

from tests.conftest import ROOT
from tests.waiting import until


def kill_while_writing(program, path):
    """Run a program that writes a file over and over, and kill it when it has replaced the file.

    :param program: is given the file's path; it prints a line when it begins.
    """
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT,
                          start_new_session=True) as writer:
        try:
            writer.stdout.readline()
            until(path.exists)
            first = path.stat().st_ino
            until(lambda: path.stat().st_ino != first)
        finally:
            os.killpg(writer.pid, signal.SIGKILL)
