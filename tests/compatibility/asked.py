"""What pyproject.toml asks for: the SDK of each provider, and what its cases need beside it."""

import re
import tomllib
from ctypes.util import find_library
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent

_PROVIDERS, _CASES = ROOT / "instrumentation" / "groundwire_instrumentation", ROOT / "tests" / "conformance"
_IMPORTS = re.compile(r"^from (conformance|groundwire_instrumentation)(?: import (.+)|\.(\w+) import)", re.MULTILINE)

# What an SDK leaves to the user to choose, or what is run in its place: a transport, a server in the process.
_BESIDE: dict[str, tuple[str, ...]] = {
    "azure_ai_inference": ("aiohttp>=3.10", "requests"),
    "azure_search": ("aiohttp>=3.10", "requests"),
    "elasticsearch": ("aiohttp>=3.10",),
    "lancedb": ("pandas",),
    "opensearch": ("aiohttp>=3.10",),
    "milvus": ("milvus-lite>=2.5",),
}
# psycopg without it wants a library of PostgreSQL's; its first versions have it for no Python of today
_WITH_EXTRA = {} if find_library("pq") else {"pgvector": "binary"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One provider, and the library that its extra asks for."""

    provider: str
    requirement: Requirement
    beside: tuple[str, ...] = ()
    """Further requirements: of the extra, and of the cases."""

    def pinned(self, version: Version | str) -> tuple[str, ...]:
        """Requirements of one environment."""
        extras = {*self.requirement.extras, *filter(None, [_WITH_EXTRA.get(self.provider)])}
        inside = f"[{','.join(sorted(extras))}]" if extras else ""
        return (f"{self.requirement.name}{inside}=={version}", *self.beside)

    @property
    def takes_previews(self) -> bool:
        """Whether the bound itself is a pre-release: there are no others."""
        return any(Version(s.version).is_prerelease for s in self.requirement.specifier)

    def digest(self) -> str:
        """Of the provider's file, of its cases, and of what they import of ours beside the core: a result is theirs."""
        waiting, seen = [_PROVIDERS / f"{self.provider}.py", _CASES / f"{self.provider}_cases.py"], list[Path]()
        while waiting:
            file = waiting.pop()
            if file not in seen and file.exists():
                seen.append(file)
                for package, names, module in _IMPORTS.findall(file.read_text()):
                    folder = _CASES if package == "conformance" else _PROVIDERS
                    waiting += [folder / f"{name.strip()}.py" for name in (module or names).split(",")]
        return sha256(b"".join(f.read_bytes() for f in sorted(seen))).hexdigest()[:16]


def project() -> dict[str, Any]:
    """pyproject.toml's table `project`."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def asked(known: dict[str, Any] | None = None) -> list[Asked]:
    """Every provider that has an extra of its name, sorted. The first requirement of the extra is the SDK."""
    known = known or project()
    extras = known["optional-dependencies"]
    found: list[Asked] = []
    for name in sorted(known["entry-points"]["groundwire.instrumentation"]):
        if name in extras:
            first, *others = extras[name]
            found.append(Asked(name, Requirement(first), (*others, *_BESIDE.get(name, ()))))
    return found
