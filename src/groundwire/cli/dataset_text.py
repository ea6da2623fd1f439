"""`groundwire dataset show` and `validate`: files of cases, as text and as JSON."""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from groundwire.datasets.case import Case
from groundwire.datasets.file import dataset as read_dataset
from groundwire.errors import SourceError
from groundwire.figures import plural
from groundwire.terminal import Line, Page, inert, json_line, page_of, wrapped

LISTED = 20


def show(*, file: str, case: str | None, everything: bool, as_json: bool) -> int:
    """Print cases; the exit code."""
    found = read_dataset(file)
    cases = [c for c in found if case is None or c.id.startswith(case)]
    if not cases:
        raise SourceError(f"{file}: no case {case}; groundwire dataset show {file} --all lists them")
    page = page_of(sys.stdout)
    if as_json:
        for one in cases:
            print(json_line(one.as_json()))
    elif case is not None:
        print("\n\n".join("\n".join(_in_full(one.as_json(), page)) for one in cases))
    else:
        shown = cases if everything else cases[:LISTED]
        for one in shown:
            reference = "ref" if one.reference is not None else ""
            lead = f"{page.cut(one.id, 8):<8}  {reference:<3}  "
            print(page.draw(Line.of((lead, "dim"), (page.cut(one.question, page.width - len(lead)), ""))))
        print(f"\n{_counts(found.cases)}")
        if len(shown) < len(cases):
            print(f"{len(cases) - len(shown)} more: groundwire dataset show {file} --all")
    _complain(file, found.problems, found.repeated)
    return 3 if found.problems else 0


def _counts(cases: Sequence[Case]) -> str:
    references = sum(c.reference is not None for c in cases)
    passages = sum(bool(c.passages) for c in cases)
    tags = Counter(tag for c in cases for tag in c.tags)
    told = f"{len(cases)} {plural('case', len(cases))}: {references} with a reference, {passages} with passages"
    return told + (f"; tags {', '.join(f'{inert(t)[:20]} {n}' for t, n in tags.most_common(5))}" if tags else "")


def _in_full(case: dict[str, Any], page: Page) -> list[str]:
    rows: list[str] = []
    for key, value in case.items():
        texts = [json_line(value)] if isinstance(value, dict) else value
        for text in texts if isinstance(texts, list) else [texts]:
            said = str(text.get("text", text)) if isinstance(text, dict) else str(text)
            rows += _wrapped(f"{inert(key)[:16]:<16}  ", inert(said), page)
    return rows


def _wrapped(lead: str, text: str, page: Page) -> list[str]:
    rows = [text[start:end] for start, end in wrapped(text, page.width - len(lead))] or [""]
    return [page.draw(Line.of((lead if i == 0 else " " * len(lead), "dim"), (row, ""))) for i, row in enumerate(rows)]


def validate(*, file: str, as_json: bool) -> int:
    """Check a file of cases; the exit code."""
    found = read_dataset(file)
    if as_json:
        references = sum(c.reference is not None for c in found)
        print(
            json_line(
                {
                    "file": file,
                    "cases": len(found),
                    "references": references,
                    "hash": found.hash,
                    "problems": [{"line": line, "message": message} for line, message in found.problems],
                    "repeated": [{"line": line, "id": identity} for line, identity in found.repeated],
                },
            )
        )
    else:
        print(f"{_counts(found.cases)}; hash {found.hash}")
        _complain(file, found.problems, found.repeated)
    return 1 if found.problems else 0


def _complain(file: str, problems: Sequence[tuple[int, str]], repeated: Sequence[tuple[int, str]]) -> None:
    for line, message in problems[:LISTED]:
        print(f"{inert(file)}:{line}: {inert(message)}", file=sys.stderr)
    if len(problems) > LISTED:
        print(f"{len(problems) - LISTED} more lines are no cases", file=sys.stderr)
    if repeated:
        lines = ", ".join(str(line) for line, _ in repeated[:5])
        more = ", ..." if len(repeated) > 5 else ""
        print(f"{len(repeated)} repeated (line {lines}{more}): the same case stands before", file=sys.stderr)
