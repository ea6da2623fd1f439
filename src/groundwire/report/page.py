"""A run as one HTML file: our style and script, the run as data, and a policy that lets nothing else in."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from groundwire.comparing import Comparison
from groundwire.report.content import content
from groundwire.report.embedding import digest, embedded
from groundwire.report.entry import Entry, Listing
from groundwire.report.figures import evaluators, figures, slice_name
from groundwire.report.shown import line
from groundwire.report.versus import Versus
from groundwire.version import __version__

_STYLES = ("colours.css", "page.css", "answer.css", "figures.css")
_SCRIPTS = (
    "dom.js",
    "numbers.js",
    "sentences.js",
    "answer.js",
    "list.js",
    "charts.js",
    "figures.js",
    "comparison.js",
    "start.js",
)
"""In the order in which they are read."""
_CHUNK = 40
"""Answers whose texts are parsed at once: when one of them is opened."""
_LEAD = 240
MARK = "groundwire report"
"""In the head of every page: a file that has it may be replaced by another report."""


def page(
    run: Listing,
    *,
    by: Sequence[str] = (),
    limit: int = 1000,
    title: str | None = None,
    note: str = "",
    comparison: Comparison | None = None,
) -> str:
    """One self-contained HTML document, the worst answer first. Equal runs give equal pages.

    Args:
        run: to be told of.
        by: attributes by which figures and the list are told apart: `model`, or any attribute's name.
        limit: answers that are listed, the worst; figures are over all.
        title: of the page.
        note: one sentence about how the scores came about.
        comparison: of an earlier run with this one.
    """
    versus = None if comparison is None else Versus(comparison)
    listed = run.entries[:limit]
    names = evaluators(run.entries)
    data = {
        "version": __version__,
        "title": line(title or _name(run.source), 160),
        "source": line(run.source, 300),
        "note": line(note, 300),
        "requests": run.requests,
        "other": run.other,
        "spans": run.spans,
        "answers": len(run.entries),
        "chunk": _CHUNK,
        "figures": figures(run, by),
        "rows": [_row(entry, names, by, versus) for entry in listed],
        "comparison": None if versus is None else versus.figures(),
    }
    chunks = [listed[i : i + _CHUNK] for i in range(0, len(listed), _CHUNK)]
    style, script = _asset(_STYLES), f"(() => {{\n'use strict';\n{_asset(_SCRIPTS)}}})();\n"
    parts = {
        "policy": _policy(style, script),
        "mark": MARK,
        "title": html.escape(line(title or _name(run.source), 160)),
        "style": style,
        "data": embedded(data),
        "chunks": "\n".join(
            f'<script type="application/json" id="c{i}">{embedded([_whole(e, versus) for e in chunk])}</script>'
            for i, chunk in enumerate(chunks)
        ),
        "script": script,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset(("page.html",)))


def _policy(style: str, script: str) -> str:
    """Nothing is loaded from anywhere, and no other script or style runs, whatever a trace holds."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {digest(script)}",
            f"style-src {digest(style)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _name(source: str) -> str:
    """The last part of a path: where a file lies on somebody's machine is no title."""
    return source if "://" in source else source.rstrip("/").rpartition("/")[2] or source


@lru_cache
def _asset(names: tuple[str, ...]) -> str:
    folder = files("groundwire.report") / "assets"
    return "".join((folder / name).read_text(encoding="utf-8") for name in names)


def _whole(entry: Entry, versus: Versus | None) -> Mapping[str, Any]:
    return content(entry) if versus is None else {**content(entry), "before": versus.content(entry)}


def _row(entry: Entry, names: Sequence[str], by: Sequence[str], versus: Versus | None) -> Mapping[str, Any]:
    answer = entry.answer
    return {
        "key": entry.key,
        "kind": entry.kind,
        "verdict": entry.verdict,
        "question": line(answer.question or "", _LEAD),
        "lead": line(answer.chain.answer, _LEAD),
        "reason": line(entry.not_scored, 200).replace("_", " "),
        "model": line(answer.chain.model, 80) if answer.chain.model else None,
        "scores": list(_scores(entry, names)),
        "before": None if versus is None else [versus.before(entry, name) for name in names],
        "unsupported": max((len(c.unsupported) for c in entry.checks if c.value is not None), default=0),
        "ms": answer.duration_ms,
        "usd": entry.cost_usd,
        "tokens": entry.tokens,
        "estimated": answer.trace.estimated,
        "at": answer.span.start_ns / 1e6,
        "slices": [slice_name(entry.slice(name)) for name in by],
    }


def _scores(entry: Entry, names: Sequence[str]) -> Iterator[list[Any] | None]:
    """Value and whether it passed, by evaluator; None where that one has nothing to say of this answer."""
    for name in names:
        check = entry.answer.checks.get(name)
        yield None if check is None else [check.value, check.passed]
