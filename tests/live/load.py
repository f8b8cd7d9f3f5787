# SPDX-License-Identifier: MIT
"""Clients that ask without pause while a test changes something."""

import http.client
import threading

from harness import until


class Load:
    """In a `with` block: clients over kept connections; `failures` has each wrong answer."""

    def __init__(self, daemon, path, status=200, clients=4):
        self.daemon, self.path, self.status = daemon, path, status
        self.stopping = threading.Event()
        self.answers, self.failures = 0, []
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._ask) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def more(self, count=1):
        """Awaits that many further answers."""
        before = self.answers
        until(lambda: self.answers >= before + count or self.failures, "further answers")

    def _ask(self):
        connection = self.daemon.client(timeout=20)
        while not self.stopping.is_set():
            try:
                connection.request("GET", self.path)
                answer = connection.getresponse()
                body = answer.read()
                with self.lock:
                    self.answers += 1
                    if answer.status != self.status:
                        self.failures.append((answer.status, body))
            except (ConnectionError, http.client.HTTPException, OSError) as error:
                # A kept connection may be closed between two requests; a new one must work.
                if not isinstance(error, http.client.RemoteDisconnected):
                    self.failures.append(repr(error))
                    return
                connection.close()
        connection.close()
