"""Environments with one official SDK release each, made once and kept under `.sdk/<version>`.

Run as a program it makes all of them; a test asks for one and waits for it.
"""

import fcntl
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distributions
from pathlib import Path

RELEASES = (
    *("0.2.0", "0.3.1", "0.4.14", "0.4.15", "0.4.50", "0.4.106"),
    *("2.0.0", "2.3.9", "2.5.6", "2.5.7", "2.9.1", "2.12.0"),
)
# The oldest, the last of its family and the newest stand for all where time is short.
LEADING = ("0.2.0", "0.4.106", "2.12.0")
ROOT = Path(__file__).resolve().parents[2] / ".sdk"
INSTALL_SECONDS_MAX = 600


class InstallError(Exception):
    """An environment could not be made; the text holds what pip said."""


def python_for(release: str) -> Path:
    """The interpreter of an environment that holds exactly this release; made when absent."""
    folder = ROOT / release
    python = folder / "bin" / "python"
    ready = folder / "ready"
    ROOT.mkdir(exist_ok=True)
    with open(ROOT / f"{release}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            _make(folder, python, release)
            ready.write_text(release)
    return python


def make_all() -> None:
    """Make every environment, side by side."""
    with ThreadPoolExecutor(len(RELEASES)) as pool:
        list(pool.map(python_for, RELEASES))


def _make(folder: Path, python: Path, release: str) -> None:
    # Without its own pip an environment is made in a tenth of the time; ours can serve it.
    _run(sys.executable, "-m", "venv", "--clear", "--without-pip", str(folder))
    wanted = f"durable-workflow=={release}"
    try:
        _install(python, wanted)
    except InstallError:
        # A release may ask for a newer certificate bundle than the registry at hand holds, which
        # it never imports. The release itself stays exactly what was published.
        _install(python, "--no-deps", wanted)
        _install(python, *_dependency_names(folder))


def _install(python: Path, *wanted: str) -> None:
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install")
    _run(*pip, "--quiet", "--disable-pip-version-check", *wanted)


def _dependency_names(folder: Path) -> list[str]:
    [site_packages] = folder.glob("lib/python*/site-packages")
    [installed] = distributions(name="durable-workflow", path=[str(site_packages)])
    required = [line for line in installed.requires or [] if "extra ==" not in line]
    return [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in required]


def _run(*command: str) -> None:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=INSTALL_SECONDS_MAX,
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
    )
    if done.returncode != 0:
        raise InstallError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    make_all()
