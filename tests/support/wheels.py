"""Building this checkout's wheels and installing one alone, as users of it do."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str | Path, folder: Path) -> str:
    """What a program says, run with nothing of this checkout in its environment."""
    return subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", str(folder))},
        check=True,
        text=True,
        capture_output=True,
    ).stdout


def build(source: Path, folder: Path, *options: str) -> None:
    """Build what `source` describes into `folder`: sdist and wheel, or as `options` want."""
    run(
        *(sys.executable, "-m", "build", "--no-isolation", *options, "--outdir", folder, source),
        folder=folder,
    )


def install_alone(wheel: Path, folder: Path) -> Path:
    """The programs of a new environment that holds the wheel and what it asks for, no more."""
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, folder=folder)
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin" / "python", "install")
    quiet = ("--quiet", "--disable-pip-version-check")
    run(*pip, *quiet, "--constraint", ROOT / "requirements.lock", wheel, folder=folder)
    return environment / "bin"
