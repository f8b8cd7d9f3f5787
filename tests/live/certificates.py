# SPDX-License-Identifier: MIT
"""Certificates for the tests, and a redis-server that shows them."""

import os
import subprocess

from harness import Redis, free_port


class Authority:
    """Signs certificates; all files are in its folder."""

    def __init__(self, folder, name="authority"):
        self.folder, self.name, self.count = folder, name, 0
        self.key = self._key(name)
        self.certificate = self._make(
            name, ["cn = " + name, "ca", "cert_signing_key", "expiration_days = 40"],
            "--generate-self-signed")

    def issue(self, *names, days=5, use=None):
        """(certificate, key) of a peer with these DNS names or addresses; days < 0: it has expired.
        It is good for servers and clients, or for `use` alone."""
        self.count += 1
        name = f"{self.name}-{self.count}"
        template = ["cn = " + (names[0] if names else name), "signing_key"]
        template += [use] if use else ["tls_www_server", "tls_www_client"]
        template += [("ip_address" if n[0].isdigit() else "dns_name") + f' = "{n}"' for n in names]
        if days < 0:
            template += ['activation_date = "2020-01-01 00:00:00"',
                         'expiration_date = "2021-01-01 00:00:00"']
        else:
            template.append(f"expiration_days = {days}")
        key = self._key(name)
        return self._make(name, template, "--generate-certificate", "--load-ca-certificate",
                          self.certificate, "--load-ca-privkey", self.key), key

    def encrypt(self, key, path):
        """Writes the key to `path` under a passphrase."""
        self._run("--to-p8", "--load-privkey", key, "--password", "secret", "--outfile", path)

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _run(self, *args):
        subprocess.run(["certtool", *args], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)

    def _key(self, name):
        path = self._path(name + ".key")
        self._run("--generate-privkey", "--key-type", "ecdsa", "--outfile", path)
        return path

    def _make(self, name, template, *how):
        with open(self._path(name + ".template"), "w", encoding="ascii") as file:
            file.write("\n".join(template) + "\n")
        path = self._path(name + ".crt")
        self._run(*how, "--load-privkey", self._path(name + ".key"), "--template", file.name,
                  "--outfile", path)
        return path


def authority_and_certificate(folder):
    """For servers on loopback."""
    authority = Authority(folder)
    return authority, authority.issue("localhost", "127.0.0.1")


class TlsRedis(Redis):
    """The daemon is to use its TLS port; the test itself uses its Unix socket."""

    def __init__(self, folder, authority, certificate, *options, clients="no", **more):
        self.port = free_port()
        self.shown = authority, certificate
        super().__init__(folder, "--tls-port", str(self.port), "--tls-ca-cert-file",
                         authority.certificate, "--tls-cert-file", certificate[0], "--tls-key-file",
                         certificate[1], "--tls-auth-clients", clients, *options, **more)

    @property
    def name(self):
        return f"localhost:{self.port}"

    @property
    def url(self):
        return f"rediss://localhost:{self.port}/0"

    def show(self, certificate):
        """From now on new connections see another certificate."""
        self("CONFIG", "SET", "tls-cert-file", certificate[0], "tls-key-file", certificate[1])
