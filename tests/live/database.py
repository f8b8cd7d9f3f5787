# SPDX-License-Identifier: MIT
"""A PostgreSQL of the tests' own: an unprivileged cluster in a temporary folder, one for each process
of pytest; and a database in it for each test."""

import glob
import os
import shutil
import subprocess
import tempfile
import threading

from harness import DEADLINE, free_port, until

# Passwords are asked for over TCP only.
ACCESS = """
local all all trust
host all all all scram-sha-256
"""
SETTINGS = ["fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=40",
            "wal_level=logical", "log_min_messages=log", "lc_messages=C"]


def programs():
    """The folder of the newest version that is installed."""
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    if folders:
        return max(folders, key=lambda path: int(path.split("/")[-2]))
    return os.path.dirname(shutil.which("initdb"))


class Cluster:
    def __init__(self):
        self.bin = programs()
        self.folder = tempfile.mkdtemp(prefix="cw-pg-")
        self.data = os.path.join(self.folder, "data")
        self.port = free_port()
        self.count = 0
        # PostgreSQL refuses to run as root.
        self.before = []
        if os.getuid() == 0:
            shutil.chown(self.folder, "nobody", "nogroup")
            self.before = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
        subprocess.run(
            [*self.before, self.bin + "/initdb", "-D", self.data, "-U", "cw", "-A", "trust", "-N",
             "-E", "UTF8", "--locale=C.UTF-8"], check=True, stdout=subprocess.DEVNULL,
            cwd=self.folder)
        with open(self.data + "/pg_hba.conf", "w", encoding="ascii") as file:
            file.write(ACCESS)
        self.start()

    def start(self):
        """Returns once it accepts connections."""
        arguments = [f"--{setting}" for setting in SETTINGS]
        self.process = subprocess.Popen(
            [*(self.before or ["setpriv"]), "--pdeathsig", "INT", self.bin + "/postgres", "-D",
             self.data, "-k", self.folder, "-p", str(self.port), "-c", "listen_addresses=127.0.0.1",
             *arguments], stderr=subprocess.PIPE, text=True, cwd=self.folder)
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if "ready to accept connections" in line:
                break
        else:
            raise AssertionError("PostgreSQL did not start: " + "".join(lines))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def stop(self, mode="immediate"):
        subprocess.run([*self.before, self.bin + "/pg_ctl", "-D", self.data, "-w", "-m", mode,
                        "stop"], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        self.process.wait(DEADLINE)
        self.process.stderr.close()

    def sql(self, text, database="postgres", check=True):
        """What psql prints: a line a row, cells separated by |."""
        done = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port),
             "-U", "cw", "-d", database], input=text, capture_output=True, text=True, check=False,
            env={"PATH": os.environ["PATH"]})
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.splitlines()

    def use_tls(self, certificate):
        """New TCP connections may use TLS with this (certificate, key)."""
        for source, name in zip(certificate, ("server.crt", "server.key")):
            path = os.path.join(self.data, name)
            shutil.copyfile(source, path)
            os.chmod(path, 0o600)
            if self.before:
                shutil.chown(path, "nobody", "nogroup")
        self.sql("ALTER SYSTEM SET ssl = on")
        self.sql("SELECT pg_reload_conf()")
        until(lambda: self.sql("SHOW ssl") == ["on"], "TLS to be on")

    def database(self, options=""):
        self.count += 1
        name = f"test{self.count}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
        return Database(self, name)

    def close(self):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Database:
    def __init__(self, cluster, name):
        self.cluster, self.name = cluster, name

    @property
    def dsn(self):
        """Over the Unix socket, where nobody is asked for a password."""
        return f"host={self.cluster.folder} port={self.cluster.port} user=cw dbname={self.name}"

    def dsn_tcp(self, user="cw", host="127.0.0.1", port=None):
        return f"host={host} port={port or self.cluster.port} user={user} dbname={self.name}"

    def sql(self, text, check=True):
        return self.cluster.sql(text, self.name, check)

    def one(self, text):
        return self.sql(text)[0]

    def sessions(self, where="true"):
        """How many connections cachewarden has to it."""
        return int(self.one("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
                            f"AND application_name = 'cachewarden' AND {where}"))

    def close(self):
        if self.cluster.process.poll() is None:
            self.cluster.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
