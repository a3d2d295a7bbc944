"""Where the contract files are: in a checkout beside this package, in a wheel inside it.

The only module that knows the difference.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Tree:
    """A directory that holds `openapi/` and `contracts/`."""

    root: Path

    @property
    def document(self) -> Path:
        """The entry file of the HTTP contract."""
        return self.root / "openapi" / "openapi.yaml"

    @property
    def contracts(self) -> Path:
        """Schemas, examples, refusals, profile and manifests."""
        return self.root / "contracts"

    @property
    def schemas(self) -> Path:
        """The body, command, event and shared schemas."""
        return self.contracts / "schemas"

    @property
    def examples(self) -> Path:
        """Documents that must pass and documents that must not."""
        return self.contracts / "examples"

    @property
    def manifests(self) -> Path:
        """Derived files, committed."""
        return self.contracts / "manifests"

    @property
    def published(self) -> Path:
        """Hand-written sources of the manifests that no schema can tell."""
        return self.contracts / "published"

    @property
    def refusals(self) -> Path:
        """The catalogue of reasons."""
        return self.contracts / "refusals.yaml"

    @property
    def profile(self) -> Path:
        """The JSON Schema keywords that we use."""
        return self.contracts / "profile.json"

    @property
    def changelog(self) -> Path:
        """What changed in the contract, for implementers."""
        return self.contracts / "CHANGELOG.md"

    def label(self, path: Path) -> str:
        """The path as a reader of the repository writes it."""
        try:
            return path.resolve().relative_to(self.root.resolve()).as_posix()
        except ValueError:
            return str(path)


@cache
def tree() -> Tree:
    """The contract files that belong to this installation."""
    shipped = _PACKAGE / "_shipped"
    return Tree(shipped if shipped.is_dir() else _PACKAGE.parents[1])
