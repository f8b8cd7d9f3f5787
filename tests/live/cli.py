# SPDX-License-Identifier: MIT
"""The command line as its tests run it: in pipes, and on a terminal of their own."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import BINARY, DEADLINE, SANITIZED

PROGRAM = os.path.join(os.path.dirname(BINARY), "cachewarden")
# What a developer's shell may have set.
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith("CACHEWARDEN_") and name not in ("NO_COLOR", "TERM", "COLUMNS")}


def environment(more=None):
    return {**CLEAN, "TERM": "xterm", "LC_ALL": "C.UTF-8", **(more or {})}


def run(*args, env=None, expect=0, stdin=None, text=True, timeout=DEADLINE * (3 if SANITIZED else 1)):
    """One command in pipes; its output. `expect` is the exit status."""
    done = subprocess.run([PROGRAM, *args], env=environment(env), input=stdin, capture_output=True, text=text,
                          timeout=timeout, check=False, **({"errors": "surrogateescape"} if text else {}))
    assert done.returncode == expect, (args, done)
    return done


def where(daemon, unix=False):
    """The options that lead to a daemon."""
    if unix:
        return ("--socket", next(a for a in daemon.addresses if a.startswith("unix:")).removeprefix("unix:"))
    return ("--url", next(a for a in daemon.addresses if a.startswith("http")))


def set_size(fd, columns, lines):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


class Terminal:
    """A command on a terminal of so many columns; what it writes is read as it comes."""

    def __init__(self, *command, columns=80, lines=24, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                set_size(0, columns, lines)  # here, for the command may ask before the parent does anything
                signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored where the suite runs in the background
                os.execve(command[0], list(command), environment(env))
            finally:
                os._exit(127)
        self.raw = b""

    def resize(self, columns, lines):
        set_size(self.fd, columns, lines)

    def send(self, keys):
        os.write(self.fd, keys if isinstance(keys, bytes) else keys.encode())

    def read(self, seconds):
        """What has come within this time; False at the end."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return True
        try:
            part = os.read(self.fd, 65536)
        except OSError:  # the other side has ended
            return False
        self.raw += part
        return bool(part)

    @property
    def text(self):
        """Without escape sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode(errors="replace")).replace("\r", "")

    @property
    def frame(self):
        """The last whole screen of `top`, line by line."""
        frames = self.raw.decode(errors="replace").split("\x1b[H")
        whole = [frame for frame in frames[1:] if frame.endswith("\x1b[J") or "\x1b[J" in frame]
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", whole[-1]).replace("\r", "").split("\n") if whole else []

    def wait(self, condition, what):
        """Reads until the condition holds; returns what it gives."""
        end = time.monotonic() + DEADLINE
        alive = True
        while True:
            value = condition()
            if value:
                return value
            assert alive and time.monotonic() < end, f"waited in vain for {what}:\n{self.text[-3000:]}"
            alive = self.read(0.2)

    def wait_for(self, text):
        return self.wait(lambda: text in self.text, repr(text))

    def end(self, expect=0):
        """Reads to the end; the exit status."""
        while self.read(DEADLINE):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        os.close(self.fd)
        code = os.waitstatus_to_exitcode(status)
        assert code == expect, f"exit status {code}:\n{self.text[-3000:]}"
        return self.text

    def kill(self):
        if self.pid:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
            os.close(self.fd)
