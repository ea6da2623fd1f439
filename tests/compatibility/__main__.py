"""Which versions of each SDK pass the conformance suite: `make compatibility`.

For every provider the lowest version that its extra allows, and the newest one that there is, each in an environment of
its own. Where the lowest fails, the lowest that passes is looked for. Results stand in results.json beside this file,
from which the columns of docs/providers.md are written; what was tried with the same provider and the same cases is not
tried again.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from packaging.version import Version

from compatibility import ancient
from compatibility.asked import ROOT, Asked, asked
from compatibility.environments import Outcome, common, tried
from compatibility.table import filled
from compatibility.versions import lowest, offered, steps, within

RESULTS = Path(__file__).with_name("results.json")
_RECENT = 3
_FIRST = 12
PAGE = ROOT / "docs" / "providers.md"


class Book:
    """Results by provider, kept in a file after each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.results = self._read()

    def _read(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return found

    def known(self, one: Asked, version: str) -> Outcome | None:
        """What this version gave with the provider and the cases as they are now."""
        entry = self.results.get(one.provider, {})
        found = entry.get("tried", {}).get(version) if entry.get("digest") == one.digest() else None
        return None if found is None else Outcome(version, **found)

    def keep(self, one: Asked, outcome: Outcome) -> None:
        """Add one outcome; those of an earlier provider or of earlier cases go."""
        entry = self.results.setdefault(one.provider, {})
        if entry.get("digest") != one.digest():
            entry["digest"], entry["tried"] = one.digest(), {}
        told = asdict(outcome)
        told["seconds"] = round(outcome.seconds)
        entry["tried"][told.pop("version")] = told
        self.conclude(one)

    def conclude(self, one: Asked, **columns: str | None) -> None:
        """Set columns, and write the file."""
        entry = self.results.setdefault(one.provider, {})
        entry["library"] = str(one.requirement)
        entry.update(columns)
        self.results = self._read() | {one.provider: entry}  # another run may have added others since
        self._path.write_text(json.dumps(dict(sorted(self.results.items())), indent=1) + "\n")

    def columns(self) -> dict[str, tuple[str, str]]:
        """(Lowest, newest) that passed, as the table has them."""
        return {
            name: (entry.get("lowest") or "not run", entry.get("newest") or "not run")
            for name, entry in self.results.items()
        }


def measured(book: Book, python: Path, one: Asked, ends: str, again: bool) -> bool:
    """Try one provider at the ends that are asked for; whether what its extra promises holds."""

    def outcome(version: Version) -> Outcome:
        found = None if again else book.known(one, str(version))
        if found is None:
            found = tried(python, one, str(version))
            book.keep(one, found)
        state = f"{found.passed} passed" if found.good else f"{found.failed} failed, {found.reason}"
        if not found.whole:
            state += f"; {found.calls} of {found.of_calls} calls, without {found.without[:200]}"
        print(f"{one.provider:24} {version!s:12} {state} ({found.seconds:.0f} s)", flush=True)
        return found

    try:
        allowed = within(offered(python, one.requirement.name, one.takes_previews), one.requirement.specifier)
    except LookupError as error:
        print(f"{one.provider:24} not run: {error}", flush=True)
        return False
    if not allowed:
        print(f"{one.provider:24} not run: no version of {one.requirement} for this Python", flush=True)
        return False
    newest_good = lowest_good = True
    if ends in ("newest", "both"):
        newest = outcome(allowed[-1])
        for version in reversed(allowed[-_RECENT:-1]):
            if newest.installs:
                break
            newest = outcome(version)  # one that came out before what it needs
        newest_good = newest.whole
        book.conclude(one, newest=str(newest) if newest.good else "none", on=datetime.now(UTC).date().isoformat())
    if ends in ("lowest", "both"):
        for first in allowed[:_FIRST]:
            at_first = outcome(first)
            if at_first.installs:
                break  # the others came out before this Python, and do not go with it
        lowest_good = at_first.good
        later = [v for v in steps(allowed) if v > first]
        found = first if lowest_good else lowest(later, lambda v: outcome(v).good)
        good = None if found is None else book.known(one, str(found))
        book.conclude(one, lowest=str(good) if good else "none", on=datetime.now(UTC).date().isoformat())
        if not lowest_good:
            print(
                f"{one.provider:24} the extra asks for {one.requirement}, the lowest that passes is {found}", flush=True
            )
    return newest_good and lowest_good


def main() -> int:
    """Run what the command line asks for; 1 where a promise does not hold."""
    parser = argparse.ArgumentParser(prog="compatibility", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these providers; else all that have an extra")
    parser.add_argument("--at", choices=("lowest", "newest", "both"), default="both", help="which end of the versions")
    parser.add_argument("--again", action="store_true", help="try also what was tried")
    parser.add_argument("--oldest", action="store_true", help="import the oldest version of all while instrumented")
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE", help="where results stand (JSON)")
    parser.add_argument("--table", action="store_true", help="write the table from known results, and try nothing")
    options = parser.parse_args()
    every = {one.provider: one for one in asked()}
    if unknown := sorted(set(options.only or ()) - set(every)):
        parser.error(f"no provider with an extra is called {', '.join(unknown)}; there are {', '.join(every)}")
    chosen = [every[name] for name in options.only or every]
    if not options.results.parent.is_dir():
        parser.error(f"there is no folder {options.results.parent}")
    try:
        book, good = Book(options.results), True
    except ValueError as error:
        parser.error(f"{options.results} holds no results ({error}): delete it, or name another")
    if not options.table:
        try:
            python = common()
        except subprocess.CalledProcessError as error:
            parser.error(f"the common environment cannot be installed: {error.stderr.strip()[-300:]}")
        if options.oldest:
            for one in chosen:
                good = ancient.told(python, one) and good
            return 0 if good else 1
        for one in chosen:
            good = measured(book, python, one, options.at, options.again) and good
            _written(book, options.results)
    _written(book, options.results)
    return 0 if good else 1


def _written(book: Book, results: Path) -> None:
    if results == RESULTS:
        PAGE.write_text(filled(PAGE.read_text(), book.columns()))


if __name__ == "__main__":
    sys.exit(main())
