"""Real database servers for tests and benchmarks, from Debian packages, as an unprivileged user.

    python scripts/servers.py run postgresql     # prints how to connect as one line of JSON, serves until stdin ends
    python scripts/servers.py install            # the packages that are missing; needs root

The server listens on a free port of the loopback address only, keeps its files in a temporary directory and forces nothing
to the disk. Lines on stdin are commands: ``stop`` ends it in order, ``crash`` as a power cut would, ``start`` brings it back on
the same port with the same data; each is answered by one line of JSON. When stdin ends, the server is stopped and its files
are removed: whoever started it, and however they ended, nothing stays behind.

Uses the standard library alone, so that every environment can start it.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
STOP_SECONDS = 30.0
USER = "dovetail"
UNPRIVILEGED = "nobody"
NOT_HERE = 3
"""Exit code where the server is not installed and cannot be."""


class ServerError(Exception):
    """Something to tell in one line."""


class Server:
    """A server in a directory of its own. Subclasses say how it is made, started, and seen to be ready."""

    name = ""
    package = ""
    """The Debian package that holds the server, without any service that starts with the machine."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.password = secrets.token_urlsafe(18)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def binaries(cls) -> Path | None:
        """Directory of the server's programs; None where they are not installed."""
        raise NotImplementedError

    def make(self) -> None:
        """Make an empty database with a user and a password."""
        raise NotImplementedError

    def command(self) -> list[str]:
        """What runs in the foreground until it is told to end."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        """Looks once."""
        raise NotImplementedError

    def parts(self) -> dict[str, object]:
        """How to connect, as the keys of a connection in dovetail's configuration."""
        raise NotImplementedError

    def start(self) -> None:
        """Start, and wait until it answers."""
        if self.process is not None:
            raise ServerError(f"{self.name} runs already")
        with (self.home / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **drop_rights()
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                raise ServerError(f"{self.name} did not start:\n{self.log_tail()}")
            time.sleep(0.02)

    def end(self, number: signal.Signals) -> None:
        """Send a signal, and wait until the process is gone."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop(self) -> None:
        """End it in order."""
        raise NotImplementedError

    def crash(self) -> None:
        """End it as a power cut would."""
        raise NotImplementedError

    def log_tail(self) -> str:
        """What it said last."""
        return (self.home / "server.log").read_text(errors="replace")[-2000:]

    def run(self, arguments: Sequence[str | Path]) -> None:
        """One of its tools, as the unprivileged user."""
        done = subprocess.run(
            [str(word) for word in arguments],
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **drop_rights(),
        )
        if done.returncode:
            raise ServerError(f"{arguments[0]} failed:\n{done.stderr[-2000:] or done.stdout[-2000:]}")


class PostgreSql(Server):
    """PostgreSQL 15 or newer."""

    name = "postgresql"
    package = "postgresql"

    @classmethod
    def binaries(cls) -> Path | None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: float(path.parts[4]))
        return found[-1].parent if found else None

    def make(self) -> None:
        secret = self.home / "password"
        secret.write_text(self.password)
        give(secret)
        words = ["-D", "data", "-U", USER, "-E", "UTF8", "--locale=C.UTF-8", "-A", "scram-sha-256", "--no-sync"]
        self.run([tool(self, "initdb"), *words, f"--pwfile={secret}"])

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.home),
            "fsync": "off",
            "full_page_writes": "off",
            "max_wal_size": "2GB",
            "shared_buffers": "256MB",
            "jit": "off",
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(tool(self, "postgres")), "-D", "data", "-p", str(self.port), *words]

    def is_ready(self) -> bool:
        try:
            lines = (self.home / "data" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        mine = self.process is not None and lines[:1] == [str(self.process.pid)]
        return mine and len(lines) > 7 and lines[7].strip() == "ready"

    def parts(self) -> dict[str, object]:
        return {"drivername": "postgresql+psycopg", "database": "postgres", **address(self)}

    def stop(self) -> None:
        self.end(signal.SIGINT)  # does not wait for clients

    def crash(self) -> None:
        self.end(signal.SIGQUIT)  # no shutdown checkpoint: the next start recovers


class MariaDb(Server):
    """MariaDB 10.11 or newer."""

    name = "mariadb"
    package = "mariadb-server-core"

    @classmethod
    def binaries(cls) -> Path | None:
        return next((path for path in map(Path, ("/usr/sbin", "/usr/bin")) if (path / "mariadbd").exists()), None)

    def make(self) -> None:
        words = ["--datadir=" + str(self.home / "data"), "--auth-root-authentication-method=normal", "--skip-test-db"]
        self.run(["mariadb-install-db", "--no-defaults", *words])
        first = self.home / "first.sql"
        first.write_text(
            "create database if not exists dovetail character set utf8mb4 collate utf8mb4_nopad_bin;\n"
            f"create user if not exists '{USER}'@'%' identified by '{self.password}';\n"
            f"grant all on *.* to '{USER}'@'%' with grant option;\n"
            "drop user if exists 'root'@'localhost';\n"
        )
        give(first)

    def command(self) -> list[str]:
        settings = {
            "datadir": self.home / "data",
            "port": self.port,
            "bind-address": "127.0.0.1",
            "socket": self.home / "mariadb.sock",
            "init-file": self.home / "first.sql",
            "innodb-flush-log-at-trx-commit": 0,
            "innodb-flush-method": "nosync",
            "innodb-buffer-pool-size": "128M",
            "innodb-lock-wait-timeout": 5,
            "character-set-server": "utf8mb4",
            "local-infile": 0,
        }
        words = [f"--{key}={value}" for key, value in settings.items()]
        return [str(tool(self, "mariadbd")), "--no-defaults", *words, "--skip-log-bin", "--skip-name-resolve"]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as opened:
                return bool(opened.recv(1))  # its greeting
        except OSError:
            return False

    def parts(self) -> dict[str, object]:
        return {"drivername": "mariadb+pymysql", "database": "dovetail", **address(self)}

    def stop(self) -> None:
        self.end(signal.SIGTERM)

    def crash(self) -> None:
        self.end(signal.SIGKILL)


SERVERS: dict[str, type[Server]] = {kind.name: kind for kind in (PostgreSql, MariaDb)}


def address(server: Server) -> dict[str, object]:
    """The parts of a URL that are alike for all servers."""
    return {"username": USER, "password": server.password, "host": "127.0.0.1", "port": server.port}


def tool(server: Server, name: str) -> Path:
    """A program of the server."""
    folder = server.binaries()
    assert folder is not None
    return folder / name


def free_port() -> int:
    """A port of the loopback address that nobody listens on at this moment."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def drop_rights() -> dict[str, Any]:
    """For root: the arguments of Popen that make another user of the child. Servers refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def give(path: Path) -> None:
    """Hand a file or directory to the user that the server runs as; nobody else may read it."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(UNPRIVILEGED)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def install(kinds: Sequence[type[Server]]) -> None:
    """Install the Debian packages of the servers that are missing.

    Raises:
        ServerError: They cannot be installed from here; tells what to type.
    """
    missing = [kind.package for kind in kinds if kind.binaries() is None]
    if not missing:
        return
    by_hand = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ServerError(f"{' and '.join(missing)} not installed; as root: {by_hand}")
    common = Path("/etc/postgresql-common")
    if "postgresql" in missing and not common.exists():
        common.mkdir()  # the package would make a cluster, and start it with the machine
        (common / "createcluster.conf").write_text("create_main_cluster = false\n")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = [
        "-y",
        "--no-install-recommends",
        "-o",
        "Dpkg::Options::=--force-confold",
        "-o",
        "DPkg::Lock::Timeout=300",
    ]
    for words in (["apt-get", "update", "-qq"], ["apt-get", "install", "-qq", *options, *missing]):
        done = subprocess.run(words, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ServerError(f"{' '.join(words[:2])} failed; by hand: {by_hand}\n{done.stderr[-1000:]}")


def serve(kind: type[Server]) -> None:
    """Run one server until stdin ends."""
    # Ctrl-C reaches the whole process group: whoever started us ends stdin, and then we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    home = Path(tempfile.mkdtemp(prefix=f"dovetail-{kind.name}-"))
    give(home)
    server = kind(home)
    try:
        server.make()
        server.start()
        say({"parts": server.parts(), "pid": server.process.pid if server.process else 0, "home": str(home)})
        for line in sys.stdin:
            command = line.strip()
            if command not in ("start", "stop", "crash"):
                say({"error": f"no command {command!r}"})
                continue
            getattr(server, command)()
            say({"done": command})
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def say(answer: dict[str, object]) -> None:
    """One line of JSON."""
    print(json.dumps(answer), flush=True)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description="Database servers for tests and benchmarks.")
    parser.add_argument("command", choices=["run", "install"])
    parser.add_argument("server", nargs="*", choices=[*SERVERS, []], help="default for install: all")
    options = parser.parse_args()
    kinds = [SERVERS[name] for name in options.server or SERVERS]
    if options.command == "run" and len(kinds) != 1:
        parser.error("name one server")
    try:
        install(kinds)
    except ServerError as error:
        print(error, file=sys.stderr)
        return NOT_HERE
    try:
        if options.command == "run":
            serve(kinds[0])
    except ServerError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
