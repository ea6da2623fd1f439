"""The worst regressions side by side: left the answer that was, right the one that took its place."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TypeAlias

from groundwire.cli.compare_text import folded
from groundwire.comparing import Regression
from groundwire.comparing.regressions import Change, Sentence
from groundwire.model import Passage
from groundwire.terminal import Line, Mark, Page, Segment, Style, columns, inert, wrapped

_MOST_LINES = 14
_MOST_CHANGES = 4
_MOST_PASSAGES = 3
_CHANGED: dict[Change, str] = {
    "lost": "became unsupported", "new": "new, unsupported", "still": "unsupported as before",
}  # fmt: skip
_Cell: TypeAlias = tuple[Segment, str]
"""A mark, and a line of one of the two answers."""
_NO_MARK: Segment = ("", "")
_MARKS: dict[str, Mark] = {"supported": "good", "unsupported": "bad", "contradicted": "bad"}


def regression_lines(found: Sequence[Regression], page: Page) -> Iterator[str]:
    """A block for each."""
    if found:
        yield from ("", page.draw(Line.of((f"worst regressions of {inert(found[0].measure)}", "strong"))))
    for number, one in enumerate(found, 1):
        lead = f"{number}. -{one.drop:.3f}  "
        yield page.draw(Line.of((lead, "bad"), (page.cut(one.question, page.width - len(lead)), "")))
        yield from _side_by_side(one, page)
        yield from _changes(one, page)
        yield from _passages("no longer in the prompt", one.passages_gone, page)
        yield from _passages("new in the prompt", one.passages_come, page)


def _side_by_side(one: Regression, page: Page) -> Iterator[str]:
    bar = " │ " if page.unicode else " | "
    width = (page.width - 2 - len(bar)) // 2
    titles = [
        f"{title} {mean:.3f}" + (f" (mean of {n})" if (n := one.repeats[side]) > 1 else "")
        for side, (title, mean) in enumerate(zip(("BASE", "CAND"), one.means, strict=True))
    ]
    left, right = (
        list(_answer(sentences, answer.chain.answer, width, page))
        for sentences, answer in zip(one.sentences, (one.base, one.candidate), strict=True)
    )
    rows: list[tuple[_Cell, _Cell]] = [((_NO_MARK, titles[0]), (_NO_MARK, titles[1]))]
    rows += zip_longest(left[:_MOST_LINES], right[:_MOST_LINES], fillvalue=(_NO_MARK, ""))
    if max(len(left), len(right)) > _MOST_LINES:
        ends = [f"{page.ellipsis} {n} more lines" if (n := len(s) - _MOST_LINES) > 0 else "" for s in (left, right)]
        rows.append(((_NO_MARK, ends[0]), (_NO_MARK, ends[1])))
    for (mark, text), (other_mark, other) in rows:
        blank = " " * max(0, width - columns(mark[0]) - columns(text))
        yield page.draw(Line.of(("  ", ""), mark, (text, ""), (blank, ""), (bar, "dim"), other_mark, (other, "")))


def _answer(sentences: Sequence[Sentence], answer: str, width: int, page: Page) -> Iterator[_Cell]:
    """Lines of one answer: sentence by sentence with its verdict, or as it is where no evidence is stored."""
    for sentence in sentences or (Sentence(answer, ""),):
        mark = page.mark(_MARKS.get(sentence.verdict, "none"))
        text = inert(sentence.text[:4000]).strip() or "(empty)"
        for number, (start, end) in enumerate(wrapped(text, width - 2)):
            yield (("  ", "") if number else (f"{mark[0]} ", mark[1])), text[start:end]


def _changes(one: Regression, page: Page) -> Iterator[str]:
    shown = [c for c in one.changed if c.change != "still"] or list(one.changed)
    for changed in shown[:_MOST_CHANGES]:
        lead = f"  {_CHANGED[changed.change]}: "
        yield from _styled(f'{lead}"{changed.after.text[:400]}"', page, "bad")
        if changed.change == "lost" and changed.before is not None:
            source = f", by {changed.before.passage}" if changed.before.passage else ""
            yield from _styled(f'    was supported{source}: "{changed.before.text[:400]}"', page, "dim")
    if len(shown) > _MOST_CHANGES:
        yield f"  {page.ellipsis} {len(shown) - _MOST_CHANGES} more sentences (--json lists all)"


def _passages(title: str, passages: Sequence[Passage], page: Page) -> Iterator[str]:
    for passage in passages[:_MOST_PASSAGES]:
        name = f"{passage.id}: " if passage.id else ""
        yield page.draw(Line.of((f"  {title}: ", "dim"), (page.cut(f"{name}{passage.text.strip()}", page.width), "")))
    if len(passages) > _MOST_PASSAGES:
        yield f"  {page.ellipsis} {len(passages) - _MOST_PASSAGES} more {title}"


def _styled(text: str, page: Page, style: Style) -> Iterator[str]:
    yield from (page.draw(Line.of((line, style))) for line in folded(text, page, "", "    "))
