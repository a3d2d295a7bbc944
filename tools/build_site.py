"""Build the documents into a static site: guides, protocol, reference, decisions, the API page.

Usage: build_site.py [DIRECTORY]; `site/` when absent. Every link is checked, and a broken one
fails the build. Search, fonts and scripts are the site's own; no page asks for another network.
"""

import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import swagger_ui
from durable_contracts import bundle
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
TEMPLATES = Path(__file__).resolve().parent / "site_parts"
# Pages in the order in which a newcomer reads them; a page that is not listed is put at the end.
START: dict[str, str] = {
    "Home": "index.md",
    "A first worker": "readme.md",
    "Quickstart": "quickstart.md",
    "Architecture": "architecture.md",
}
GUIDES = {
    "Writing workers and SDKs": ["workers.md", "validate-your-sdk.md", "validate-your-server.md"],
    "Using workflows": [
        *("cli.md", "schedules.md", "visibility.md", "bulk-operations.md"),
        *("bridge-adapters.md", "payload-storage.md"),
    ],
    "Running a server": [
        *("deployment.md", "configuration.md", "namespaces.md", "task-queues.md"),
        *("operations.md", "metrics.md", "tracing.md", "performance.md"),
    ],
    "Changing the project": [
        *("contributing.md", "conformance.md", "write-a-scenario.md", "change-the-contract.md"),
    ],
}
REFERENCE = ["api/index.html"]
# Pages that stand outside of `docs/`, and their names in the site.
OUTSIDE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "contracts/CHANGELOG.md": "contract-changes.md",
}
_LINK = re.compile(r"\[([^\]]*)\]\(((?!https?:|#|mailto:)[^)\s]+)\)")
_ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js")


def main(arguments: list[str]) -> int:
    """Build; the exit status."""
    target = Path(arguments[0] if arguments else ROOT / "site").resolve()
    with tempfile.TemporaryDirectory() as directory:
        staged = Path(directory) / "docs"
        _stage(staged)
        logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
        config = load_config(config_file=_settings(Path(directory), staged, target))
        build(config)
    print(f"built {target}; look at it with: python3 -m http.server --directory {target}")
    return 0


def _stage(staged: Path) -> None:
    shutil.copytree(DOCS, staged)
    for outside, name in OUTSIDE.items():
        text = (ROOT / outside).read_text(encoding="utf-8")
        (staged / name).write_text(text, encoding="utf-8")
    names = {ROOT / source: staged / name for source, name in OUTSIDE.items()}
    names |= {path: staged / path.relative_to(DOCS) for path in DOCS.rglob("*") if path.is_file()}
    for source, page in names.items():
        if page.suffix == ".md":
            text = page.read_text(encoding="utf-8")
            page.write_text(_relinked(text, source, page, names), encoding="utf-8")
    shutil.copytree(TEMPLATES / "assets", staged / "assets", dirs_exist_ok=True)
    _stage_api(staged / "api")


def _relinked(text: str, source: Path, page: Path, names: dict[Path, Path]) -> str:
    """The text with links to where pages stand in the site; other files are named, not linked."""

    def moved(match: re.Match[str]) -> str:
        words, (target, mark, anchor) = match[1], match[2].partition("#")
        path = (source.parent / target).resolve()
        path = next(iter(sorted(path.glob("*.md"))), path) if path.is_dir() else path
        if path in names:
            return f"[{words}]({_relative(names[path], page.parent)}{mark}{anchor})"
        # A file of the repository is named; what is not there at all stays, and fails the build.
        inside = path.is_relative_to(ROOT) and path.exists()
        return f"{words} (`{path.relative_to(ROOT)}`)" if inside else match[0]

    return _LINK.sub(moved, text)


def _relative(path: Path, start: Path) -> str:
    return Path(*_steps(path, start)).as_posix()


def _steps(path: Path, start: Path) -> Iterator[str]:
    common = start
    while not path.is_relative_to(common):
        yield ".."
        common = common.parent
    yield from path.relative_to(common).parts


def _stage_api(folder: Path) -> None:
    folder.mkdir()
    static = Path(swagger_ui.__file__).parent / "static"
    for name in _ASSETS:
        shutil.copy(static / name, folder / name)
    shutil.copy(TEMPLATES / "api.html", folder / "index.html")
    document = bundle.published()
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    (folder / "openapi.json").write_text(text, encoding="utf-8")
    # A page that is opened from a disk may not fetch a file, but may load a script.
    (folder / "openapi.js").write_text(f"window.contract = {text};\n", encoding="utf-8")


def _settings(directory: Path, staged: Path, target: Path) -> str:
    settings = {
        "site_name": "Durable Workflow Server",
        "docs_dir": str(staged),
        "site_dir": str(target),
        "strict": True,
        "use_directory_urls": False,
        "validation": dict.fromkeys(("omitted_files", "absolute_links"), "warn")
        | {"unrecognized_links": "warn", "anchors": "warn"},
        "theme": {
            "name": "material",
            "font": False,
            "features": [
                *("navigation.tabs", "navigation.top", "navigation.footer", "toc.follow"),
                *("search.highlight", "search.share", "content.code.copy"),
            ],
            "palette": [
                _palette("default", "brightness-7", "slate", "(prefers-color-scheme: light)"),
                _palette("slate", "brightness-4", "default", "(prefers-color-scheme: dark)"),
            ],
            "icon": {"logo": "material/timer-sync-outline"},
        },
        "extra": {"generator": False},
        "extra_css": ["assets/site.css"],
        "plugins": ["search"],
        "markdown_extensions": [
            "admonition",
            {"toc": {"permalink": True}},
            "tables",
            "pymdownx.highlight",
            "pymdownx.superfences",
        ],
        "nav": _nav(staged),
    }
    path = directory / "mkdocs.yml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return str(path)


def _palette(scheme: str, icon: str, other: str, media: str) -> dict[str, Any]:
    name = "dark" if other == "slate" else "light"
    return {
        "media": media,
        "scheme": scheme,
        "primary": "teal",
        "accent": "teal",
        "toggle": {"icon": f"material/{icon}", "name": f"Switch to {name} mode"},
    }


def _nav(staged: Path) -> list[dict[str, Any]]:
    pages = [path.relative_to(staged).as_posix() for path in sorted(staged.rglob("*.md"))]
    listed = {*START.values(), *(name for names in GUIDES.values() for name in names)}
    changes = ["changes.md", "contract-changes.md"]
    rest = [name for name in pages if "/" not in name and name not in {*listed, *changes}]
    guides = {
        title: [name for name in names if name in pages]
        for title, names in (*GUIDES.items(), ("More", rest))
    }
    reference: list[Any] = [{"API": name} for name in REFERENCE]
    reference.append({"Protocol": _below("protocol", pages)})
    reference.append({"Lists": _below("reference", pages)})
    reference.append({"Changes": changes})
    return [
        {"Start": [{title: name} for title, name in START.items()]},
        {"Guides": [{title: names} for title, names in guides.items() if names]},
        {"Reference": reference},
        {"Decisions": _below("decisions", pages)},
    ]


def _below(folder: str, pages: list[str]) -> list[str]:
    return [name for name in pages if name.startswith(f"{folder}/")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
