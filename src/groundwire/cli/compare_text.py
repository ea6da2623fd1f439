"""A comparison of two runs as lines of text, 80 columns wide."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from groundwire import semconv
from groundwire.answers import Answer
from groundwire.cli.quantities import chance, change, changed, level, percent, quantity
from groundwire.comparing import Comparison, Difference, Gate, Run
from groundwire.comparing.gates import Outcome
from groundwire.comparing.measures import Unit
from groundwire.figures import plural
from groundwire.terminal import Line, Mark, Page, Style, columns, inert, wrapped

_NAME = 17
_MOST_UNPAIRED = 3
_MOST_SLICES = 6
_MARKS: dict[str, Mark] = {"worse": "bad", "better": "good", "unclear": "none", "same": "none"}
OUTCOMES: dict[Outcome, tuple[Mark, str]] = {
    "holds": ("good", "holds"), "unproven": ("doubt", "not shown to fail"), "failed": ("bad", "failed"),
    "unknown": ("doubt", "not decided"),
}  # fmt: skip


def comparison_lines(found: Comparison, page: Page) -> Iterator[str]:
    """All but the regressions: runs, pairing, figures, slices, gates."""
    yield from _head(found, page)
    yield ""
    yield from _table(found.differences, found, page)
    yield ""
    yield from _counts(found, page)
    yield from (page.draw(Line.of((text, "dim"))) for note in notes(found, inert) for text in folded(note, page, "  "))
    for attribute, slices in found.slices.items():
        yield from ("", page.draw(Line.of((f"by {inert(attribute)}", "strong"))))
        for one in slices[:_MOST_SLICES]:
            n = _questions(one.questions, found.paired)
            yield page.draw(Line.of((page.cut(one.value, page.width - 2 - len(n)), "strong"), (f"  {n}", "dim")))
            yield from _table(one.differences, found, page, head=False)
        if len(slices) > _MOST_SLICES:
            yield f"{len(slices) - _MOST_SLICES} more, smaller (--json lists all)"


def gate_lines(gates: Sequence[Gate], found: Comparison, page: Page) -> Iterator[str]:
    """What became of each gate."""
    if gates:
        yield from ("", page.draw(Line.of(("gates", "strong"))))
    for gate in gates:
        mark, said = OUTCOMES[gate.outcome]
        style: Style = "bad" if gate.outcome == "failed" else "doubt" if mark == "doubt" else ""
        figures = gate_figures(gate, found)
        yield page.draw(
            Line.of(page.mark(mark), (f" {inert(gate.text)}  ", ""), (said, style), (figures and f": {figures}", ""))
        )
        yield from (page.draw(Line.of((text, "dim"))) for text in folded(gate.told, page, "    ", "    "))


def gate_figures(gate: Gate, found: Comparison) -> str:
    """The change that a gate is about, in the unit of its limit; empty where it is not known."""
    difference = found.difference(gate.name)
    if difference is None or difference.value is None:
        return ""
    if gate.relative:
        value, interval = difference.relative, difference.relative_interval
        told, ends = "n/a" if value is None else percent(value), [percent(end) for end in interval or ()]
    else:
        told, ends = (
            change(difference.value, difference.unit),
            [change(end, difference.unit) for end in difference.interval or ()],
        )
    return f"{told} ({level(found.alpha)}: {ends[0]} to {ends[1]})" if ends else told


def _head(found: Comparison, page: Page) -> Iterator[str]:
    for title, run, side in (("BASE", found.base, 0), ("CAND", found.candidate, 1)):
        groups = (found.pairing.base, found.pairing.candidate)[side]
        answers, keys = len(run.answers), len(groups)
        what = _keys(found, keys)
        about = f"{answers} {plural('answer', answers)} to {keys} {what}"
        if run.errors:
            about += f", {len(run.errors)} {plural('request', len(run.errors))} ended in an error"
        yield page.draw(Line.of((f"{title}  ", "strong"), (page.cut(run.name, 40), ""), (f"  {about}", "")))
        if without := found.pairing.without_key[side]:
            lacking = "have no question" if found.pairing.by == "question" else f"lack {inert(found.pairing.by)}"
            yield f"      {without} {plural('answer', without)} {lacking}"
        yield from scored_now(run, page)
    yield from _pairing(found, page)


def scored_now(run: Run, page: Page) -> Iterator[str]:
    """Which scores were made for this comparison, and are not stored."""
    if run.scored_now:
        told = ", ".join(f"{inert(name)} ({count})" for name, count in run.scored_now.items())
        yield from folded(f"scored now: {told}; groundwire score -o keeps scores", page, "      ", "        ")
    for name, count in run.broke.items():
        yield page.draw(Line.of((f"      {inert(name)} broke on {count} {plural('answer', count)}", "bad")))


def _keys(found: Comparison, n: int) -> str:
    return plural("question", n) if found.pairing.by == "question" else f"values of {inert(found.pairing.by)}"


def _questions(n: tuple[int, int], paired: bool) -> str:
    return f"{n[0]} {plural('question', n[0])}" if paired else f"{n[0]} and {n[1]} questions"


def _pairing(found: Comparison, page: Page) -> Iterator[str]:
    pairing = found.pairing
    pairs = len(pairing.paired)
    if not found.paired:
        why = "as asked" if pairs else f"not one {inert(pairing.by)} is in both runs"
        told = f"NOT PAIRED, {why}: two sets of questions are compared, as if drawn at random from the same kind."
        yield from (page.draw(Line.of((text, "doubt"))) for text in folded(told, page))
        return
    only = (len(pairing.only_base), len(pairing.only_candidate))
    yield f"paired by {inert(pairing.by)}: {pairs}; only in BASE {only[0]}, only in CAND {only[1]}"
    for title, keys, groups in (
        ("BASE", pairing.only_base, pairing.base), ("CAND", pairing.only_candidate, pairing.candidate),
    ):  # fmt: skip
        for key in keys[:_MOST_UNPAIRED]:
            yield page.draw(Line.of((f"  only in {title}: ", "dim"), (page.cut(groups[key].title, 60), "dim")))
        if len(keys) > _MOST_UNPAIRED:
            yield f"  {len(keys) - _MOST_UNPAIRED} more only in {title} (--json lists all)"


def _table(differences: Iterable[Difference], found: Comparison, page: Page, head: bool = True) -> Iterator[str]:
    if head:
        title = f"{'':<{_NAME}} {'n':>4} {'BASE':>9} {'CAND':>9} {'change':>8}  {level(found.alpha):<16} {'p':>5}"
        yield page.draw(Line.of((title, "strong")))
    for d in differences:
        told, interval = changed(d)
        name = page.cut(d.name, _NAME)
        row = (
            f"{name}{' ' * (_NAME - columns(name))} {min(d.n):>4} {_mean(d.means[0], d.unit):>9} "
            f"{_mean(d.means[1], d.unit):>9} {told:>8}  {interval or _why_none(d, found):<16} {chance(d.p_holm):>5} "
        )
        colour: Style = "bad" if d.trend == "worse" else ""
        yield page.draw(Line.of((row, colour), page.mark(_MARKS[d.trend])))


def _mean(value: float | None, unit: Unit) -> str:
    return quantity(value, unit)


def _why_none(difference: Difference, found: Comparison) -> str:
    n = min(difference.n)
    return "no data" if not n else f"n < {found.min_n}" if n < found.min_n else ""


def _counts(found: Comparison, page: Page) -> Iterator[str]:
    """For how many questions each figure moved, and for how many it is not known."""
    title = f"{'questions':<{_NAME}} {'worse':>6} {'better':>6} {'equal':>6}   {'not known: BASE':>15} {'CAND':>5}"
    if not found.paired:
        title = f"{'questions':<{_NAME}} {'BASE':>6} {'CAND':>6}   {'not known: BASE':>15} {'CAND':>5}"
    yield page.draw(Line.of((title, "strong")))
    for d in found.differences:
        name = page.cut(d.name, _NAME)
        cells = d.counts or ((0, 0, 0) if found.paired else d.n)
        row = " ".join(f"{cell:>6}" for cell in cells)
        lead = f"{name}{' ' * (_NAME - columns(name))} {row}"
        yield page.draw(Line.of((f"{lead}   {d.missing[0]:>15} {d.missing[1]:>5}", "")))


def notes(found: Comparison, quoted: Callable[[str], str]) -> Iterator[str]:
    """What must be known to read the figures. `quoted` makes text of others fit for where the notes go."""
    corrected = sum(d.p is not None for d in found.differences)
    how = "sign flips" if found.paired else "drawing who belongs to which run"
    told = "Means over questions, repeats of one averaged first"
    if corrected:
        told += f"; {level(found.alpha)} by {'paired ' if found.paired else ''}bootstrap; p by {how}"
    else:
        told += f"; no interval and no p from fewer than {found.min_n} questions"
    if corrected > 1:
        told += f", corrected for {corrected} figures (Holm)"
    yield f"{told}."
    for name, why in found.refused.items():
        yield f"{quoted(name)} NOT COMPARED: {quoted(why)}; {quoted(f'-e {name}')} scores both again."
    if found.unversioned:
        yield f"No version recorded, so not known to compare: {', '.join(map(quoted, found.unversioned))}."
    for side, (title, run) in enumerate((("BASE", found.base), ("CAND", found.candidate))):
        reasons: dict[str, list[str]] = {}
        for d in found.differences:
            if d.missing[side]:
                reasons.setdefault(why_missing(d, run), []).append(quoted(d.name))
        for why, names in reasons.items():
            yield f"{title} lacks {', '.join(names)}: {quoted(why)}."
    for d in found.differences:
        if d.constant and d.value:
            yield f"{quoted(d.name)}: the same change for every question, so the interval is a point."


def why_missing(difference: Difference, run: Run) -> str:
    """Why answers of a run lack a figure, with counts."""
    if difference.unit != "score":
        return "no price for a call" if difference.name == "cost" else "not on the spans"
    name = difference.name.removeprefix("score.") if difference.name.startswith("score.") else difference.name
    reasons = Counter(_reason(answer, name) for answer in run.answers if answer.score(name) is None)
    return ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(4))


def _reason(answer: Answer, name: str) -> str:
    """The evaluator's own, else what kept the answer from being judged at all: a full queue, a deadline."""
    status = answer.span.attributes.get(semconv.EVALUATION_STATUS)
    if name in answer.checks:
        why = answer.checks[name].reason
    elif isinstance(status, str) and status not in ("", "scored"):
        why = status.removeprefix("skipped: ")
    else:
        why = "not judged"
    return " ".join(why.partition(":")[0].replace("_", " ").split())[:40]


def folded(text: str, page: Page, first: str = "", later: str | None = None) -> Iterator[str]:
    """Foreign or own text, made inert and broken into lines of the page."""
    shown = inert(text)
    later = first if later is None else later
    for number, (start, end) in enumerate(wrapped(shown, page.width - max(len(first), len(later)))):
        yield f"{later if number else first}{shown[start:end]}"
