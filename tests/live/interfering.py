# SPDX-License-Identifier: MIT
"""Acting between two round trips of the daemon: a proxy holds its command back meanwhile."""

import threading

from harness import DEADLINE


class Asked(threading.Thread):
    """A request that goes on while the test does other things."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.reply = ask, None
        self.start()

    def run(self):
        self.reply = self.ask()

    def answer(self):
        self.join(DEADLINE)
        assert self.reply is not None, "no answer"
        return self.reply


def interfere(proxy, needle, ask, act, skip=0):
    """Asks; when the command with `needle` is on its way, acts; the answer."""
    proxy.hold(needle, skip)
    asked = Asked(ask)
    assert proxy.held.wait(DEADLINE), f"{needle!r} was not sent"
    act()
    proxy.release()
    return asked.answer()
