"""The documents build into a site without a broken link, and one that is broken fails the build."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.repo.sources import ROOT

LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"?(https?:[^\" >]+)")
BUILD = (
    "import sys; sys.path.insert(0, 'tools'); import build_site; from pathlib import Path; "
    "build_site.DOCS = Path(sys.argv[1]); sys.exit(build_site.main([sys.argv[2]]))"
)


def _build(docs: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BUILD, str(docs), str(target)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_site_builds_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    built = _build(ROOT / "docs", tmp_path)

    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list((ROOT / "docs").rglob("*.md")))
    assert {each for page in pages for each in LOADED.findall(page.read_text())} == set()
    assert (tmp_path / "api" / "openapi.json").is_file()


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", docs)
    (docs / "broken.md").write_text("# Broken\n\n[there](nowhere.md)\n")

    built = _build(docs, tmp_path / "site")

    assert built.returncode != 0 and "nowhere.md" in built.stderr
