"""Drift as lines of text, 80 columns wide, and as Markdown."""

from collections.abc import Callable, Iterator

from groundwire.cli.compare_text import folded, scored_now
from groundwire.cli.markdown import code, table
from groundwire.cli.quantities import chance, change, level, quantity, span
from groundwire.comparing import Run
from groundwire.drifting import Drift, Limit, Shift
from groundwire.figures import plural
from groundwire.terminal import Line, Mark, Page, Style, columns, inert

_NAME = 25
_SAID: dict[str, tuple[Mark, str]] = {
    "worse": ("bad", "worse"), "changed": ("doubt", "drift"), "better": ("good", "better"),
    "stable": ("none", "stable"), "too_few": ("none", "too few"), "no_data": ("none", "no data"),
    "gone": ("bad", "gone"),
}  # fmt: skip
_MARKS: dict[str, Mark] = {"holds": "good", "failed": "bad", "unknown": "doubt"}
_SIGNS = {"holds": "✅ holds", "failed": "❌ failed", "unknown": "⚠️ not decided"}


def drift_lines(found: Drift, page: Page) -> Iterator[str]:
    """Windows, distributions, means, limits and gates."""
    for title, run in (("REF", found.reference), ("CUR", found.current)):
        yield page.draw(Line.of((f"{title}  ", "strong"), (page.cut(run.name, 44), ""), (f"  {_about(run)}", "")))
        yield from scored_now(run, page)
    yield ""
    columns_told = f"{'REF':>5} {'CUR':>5} {'PSI':>5} {level(found.alpha):^12} {'KS':>4} {'p':>5}"
    yield page.draw(Line.of((f"{'n, distributions':<{_NAME}} {columns_told}", "strong")))
    for s in found.shifts:
        mark, said = _SAID[s.verdict]
        style: Style = "bad" if mark == "bad" else "doubt" if mark == "doubt" else ""
        row = f"{_name(s.name, page)} {s.n[0]:>5} {s.n[1]:>5} {_index(s):<18} {_ks(s):>4} {chance(s.p_holm):>5} "
        yield page.draw(Line.of((row, ""), page.mark(mark), (f" {said}", style)))
    yield ""
    head = f"{'means':<{_NAME}} {'REF':>9} {'CUR':>9} {'change':>9}  {level(found.alpha)}"
    yield page.draw(Line.of((head, "strong")))
    for s in found.shifts:
        if any(s.n):
            values = " ".join(f"{quantity(mean, s.unit):>9}" for mean in s.means)
            moved = change(s.value, s.unit) if s.value is not None else ""
            yield page.draw(Line.of((f"{_name(s.name, page)} {values} {moved:>9}  {span(s.interval, s.unit)}", "")))
    yield from (page.draw(Line.of((text, "dim"))) for note in _notes(found, inert) for text in folded(note, page, "  "))
    if found.limits or found.gates:
        yield ""
    for one in found.limits:
        yield from _outcome(f"--{one.kind} {one.text}", one.outcome, limit_told(one, found), page)
    for gate in found.gates:
        yield from _outcome(f"--fail-on {gate.text}", gate.outcome, gate.told, page)


def _outcome(asked: str, outcome: str, told: str, page: Page) -> Iterator[str]:
    said = {"holds": "holds", "failed": "failed", "unknown": "not decided"}[outcome]
    style: Style = "bad" if outcome == "failed" else "doubt" if outcome == "unknown" else ""
    yield page.draw(Line.of(page.mark(_MARKS[outcome]), (f" {page.cut(asked, 60)}  ", ""), (said, style)))
    yield from (page.draw(Line.of((text, "dim"))) for text in folded(told, page, "    "))


def limit_told(one: Limit, found: Drift) -> str:
    """The figure that a limit is about, or why there is none."""
    if one.found is None:
        return one.told
    shift = next((s for s in found.shifts if s.name == one.name), None)
    unit = shift.unit if shift is not None else "score"
    interval = shift.current_interval if shift is not None and one.statistic == "mean" else None
    ends = f" ({level(found.alpha)}: {' to '.join(quantity(e, unit) for e in interval)})" if interval else ""
    return f"{one.statistic} of {one.n}: {quantity(one.found, unit)}{ends}"


def signal_told(s: Shift) -> str:
    """One signal in a line."""
    return f"{_SAID[s.verdict][1]}; PSI {_index(s) or 'n/a'}; p {chance(s.p_holm) or 'n/a'}"


def _about(run: Run) -> str:
    errors = f", {len(run.errors)} without an answer" if run.errors else ""
    return f"{run.requests} {plural('request', run.requests)}{errors}"


def _name(name: str, page: Page) -> str:
    shown = page.cut(name, _NAME)
    return f"{shown}{' ' * (_NAME - columns(shown))}"


def _index(s: Shift) -> str:
    if s.psi is None:
        return ""
    low, high = s.psi.interval
    return f"{s.psi.value:>5.2f} {low:>5.2f} to {high:.2f}" if high < 99.995 else f"{s.psi.value:>5.2f}"


def _ks(s: Shift) -> str:
    return "" if s.ks is None else f"{s.ks:.2f}"


def _notes(found: Drift, quoted: Callable[[str], str]) -> Iterator[str]:
    tested = sum(s.p is not None for s in found.shifts)
    expected = max((s.psi.expected for s in found.shifts if s.psi is not None), default=None)
    chances = "" if expected is None else f", up to {expected:.2f} here"
    many = f", corrected for {tested} signals (Holm)" if tested > 1 else ""
    how = (
        f"PSI is less what chance alone gives{chances}; p by Kolmogorov-Smirnov{many}."
        if tested
        else "Too few values for PSI and p (--min-n)."
    )
    yield (f"One value a request. {how} Drift: p < {found.alpha:g} and PSI >= {found.threshold:g}; of shares 2 points.")
    for name, why in found.refused.items():
        yield f"{quoted(name)} NOT COMPARED: {quoted(why)}; {quoted(f'-e {name}')} scores both again."
    for s in found.shifts:
        if s.verdict == "gone":
            yield f"{quoted(s.name)} is no longer known: {s.missing[1]} requests of CUR are without it."


def drift_markdown(found: Drift) -> Iterator[str]:
    """Verdict first."""
    verdict = "❌ failed" if found.failed else "⚠️ not all could be decided" if found.incomplete else (
        "✅ all holds" if found.gates or found.limits else "no gate asked for"
    )  # fmt: skip
    yield f"## groundwire drift: {verdict}"
    yield ""
    for title, run in (("REF", found.reference), ("CUR", found.current)):
        now = ", ".join(f"{code(name)} ({n})" for name, n in run.scored_now.items())
        yield f"- **{title}** {code(run.name)}: {_about(run)}{f'; scored now: {now}' if now else ''}"
    rows = [[code(f"--{one.kind} {one.text}"), _SIGNS[one.outcome], limit_told(one, found)] for one in found.limits]
    rows += [[code(f"--fail-on {g.text}"), _SIGNS[g.outcome], code(g.told, 400)] for g in found.gates]
    if rows:
        yield ""
        yield from table(["asked", "outcome", "why"], rows, left=3)
    yield ""
    signs = {"worse": "❌ drift, worse", "changed": "⚠️ drift", "better": "✅ better", "gone": "❌ no longer known"}
    yield from table(
        ["", "n", "REF", "CUR", f"change, {level(found.alpha)}", f"PSI, {level(found.alpha)}", "KS", "p (Holm)", ""],
        [
            [
                code(s.name), f"{s.n[0]}, {s.n[1]}", *(quantity(mean, s.unit) for mean in s.means),
                f"{change(s.value, s.unit)}{f' ({span(s.interval, s.unit)})' if s.interval else ''}",
                f"{s.psi.value:.2f} ({s.psi.interval[0]:.2f} to {s.psi.interval[1]:.2f})" if s.psi else "",
                _ks(s), chance(s.p_holm), signs.get(s.verdict, _SAID[s.verdict][1]),
            ]
            for s in found.shifts
        ],
    )  # fmt: skip
    yield ""
    yield from (f"- {note}" for note in _notes(found, code))
