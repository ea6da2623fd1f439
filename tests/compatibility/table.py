"""The columns of docs/providers.md that are written by machine; every other cell stays as somebody wrote it."""

import re
from collections.abc import Mapping

LOWEST, NEWEST = "Lowest passed", "Newest passed"
_CELLS = re.compile(r"(?<!\\)\|")


def filled(page: str, versions: Mapping[str, tuple[str, str]]) -> str:
    """The page with (lowest, newest) of each provider in the table whose first column is `Provider`.

    A row that nothing is known of says `not run`. The two columns are added before the last one where they are missing.

    Raises:
        ValueError: the page has no such table.
    """
    lines = page.split("\n")
    start = next((n for n, line in enumerate(lines) if line.startswith("| Provider |")), None)
    if start is None:
        raise ValueError("no table whose first column is Provider")
    end = start
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    header = _cells(lines[start])
    old = [h for h in header if h not in (LOWEST, NEWEST)]
    new = [*old[:-1], LOWEST, NEWEST, old[-1]]
    rows = [_row(new), _row(["---"] * len(new))]
    for line in lines[start + 2 : end]:
        cells = _cells(line)
        row = dict(zip(header if len(cells) == len(header) else old, cells, strict=True))
        row[LOWEST], row[NEWEST] = versions.get(row["Provider"], ("not run", "not run"))
        rows.append(_row([row[h] for h in new]))
    return "\n".join([*lines[:start], *rows, *lines[end:]])


def told(page: str) -> dict[str, tuple[str, str]]:
    """(Lowest, newest) by provider, as the page has them; empty where it has no such columns."""
    rows = [_cells(line) for line in page.split("\n") if line.startswith("| ")]
    header = next((row for row in rows if row[0] == "Provider"), [])
    if LOWEST not in header:
        return {}
    low, new = header.index(LOWEST), header.index(NEWEST)
    return {row[0]: (row[low], row[new]) for row in rows if len(row) == len(header)}


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(line.strip())[1:-1]]


def _row(cells: list[str]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|"
