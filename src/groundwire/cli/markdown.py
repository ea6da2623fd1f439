"""Markdown in which text of others stays text: no link, no mention, no HTML, no image comes out of a trace."""

import re
from collections.abc import Iterable, Iterator, Sequence

from groundwire.terminal import inert

_LONGEST = 2000


def code(text: str, most: int = 200) -> str:
    r"""Foreign text as one code span, fit for a table's cell.

    >>> print(code("a|b `c`\n@team"))
    `a\|b 'c' @team`
    """
    shown = " ".join(inert(text[: most + 1]).split()).replace("`", "'")
    shown = f"{shown[:most]}…" if len(shown) > most else shown
    # GitHub splits cells before it reads code spans: a bar needs its backslash in there too.
    return f"`{shown}`".replace("|", "\\|") if shown else "(empty)"


def fenced(text: str) -> Iterator[str]:
    """Foreign text as a block of code, line by line."""
    shown = [inert(line) for line in text[:_LONGEST].splitlines()] or ["(empty)"]
    if len(text) > _LONGEST:
        shown.append(f"… {len(text) - _LONGEST} more characters")
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}text", *shown, fence)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> Iterator[str]:
    """A table; columns after the first `left` hold numbers. Foreign text goes through `code` before it comes here."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join([*[' --- '] * left, *[' ---: '] * (len(head) - left)])}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"
