"""Which versions there are, and the lowest of them that passes."""

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.version import Version

_FEW = 24


def offered(python: Path, distribution: str, previews: bool = False) -> list[Version]:
    """Versions that pip finds for this interpreter, lowest first.

    Raises:
        LookupError: there are none.
    """
    command = [str(python), "-m", "pip", "index", "versions", distribution, "--json", *(["--pre"] if previews else [])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise LookupError(f"pip knows no versions of {distribution}: {done.stderr.strip()[-200:]}")
    return sorted(map(Version, json.loads(done.stdout)["versions"]))


def within(versions: Sequence[Version], specifier: SpecifierSet) -> list[Version]:
    """Those that the specifier allows, in their order."""
    return [v for v in versions if specifier.contains(v, prereleases=True)]


def firsts(versions: Sequence[Version]) -> list[Version]:
    """The first version of each minor series: a lower bound names one of these."""
    found: dict[tuple[int, int], Version] = {}
    for version in sorted(versions):
        found.setdefault((version.major, version.minor), version)
    return sorted(found.values())


def steps(versions: Sequence[Version]) -> list[Version]:
    """Bounds worth a try, sorted: all versions where they are few, else the firsts of minor series, and the newest."""
    return sorted({*firsts(versions), versions[-1]}) if len(versions) > _FEW else sorted(versions)


def lowest(candidates: Sequence[Version], passes: Callable[[Version], bool]) -> Version | None:
    """The lowest candidate that passes, in as few tries as halving takes; None where the last one fails.

    Candidates are sorted, and what passes is taken to go on passing.
    """
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        if passes(candidates[middle]):
            high = middle
        else:
            low = middle + 1
    return candidates[low] if low < len(candidates) else None
