"""A comparison of two runs as Markdown, for a pull request."""

from collections.abc import Iterator, Sequence

from groundwire.cli.compare_text import gate_figures, notes
from groundwire.cli.markdown import code, fenced, table
from groundwire.cli.quantities import chance, changed, level, quantity
from groundwire.comparing import Comparison, Difference, Regression
from groundwire.comparing.gates import Outcome

_SIGNS: dict[Outcome, str] = {
    "holds": "✅ holds", "unproven": "⚠️ not shown to fail", "failed": "❌ failed", "unknown": "⚠️ not decided",
}  # fmt: skip
_TRENDS = {"worse": "❌", "better": "✅", "unclear": "", "same": ""}


def comparison_markdown(found: Comparison, worst: Sequence[Regression]) -> Iterator[str]:
    """Verdict first, then figures, slices and the worst regressions."""
    yield f"## groundwire compare: {_verdict(found)}"
    yield ""
    yield from _runs(found)
    if found.gates:
        yield ""
        rows = [
            [
                code(g.text),
                _SIGNS[g.outcome],
                f"{gate_figures(g, found)} {code(g.told, 400) if g.name in found.refused else g.told}".strip(),
            ]
            for g in found.gates
        ]
        yield from table(["gate", "outcome", "why"], rows, left=3)
    yield ""
    yield from _figures(found.differences, found)
    yield ""
    yield from (f"- {note}" for note in notes(found, code))
    for attribute, slices in found.slices.items():
        yield from ("", f"<details><summary>by <code>{_html(attribute)}</code></summary>")
        for part in slices:
            yield from ("", f"{code(part.value)}: {part.questions[0]} and {part.questions[1]} questions", "")
            yield from _figures(part.differences, found)
        yield from ("", "</details>")
    if worst:
        yield from ("", f"<details><summary>worst regressions of <code>{_html(worst[0].measure)}</code></summary>")
        for one in worst:
            yield from _regression(one)
        yield from ("", "</details>")


def _verdict(found: Comparison) -> str:
    if found.failed:
        return "❌ a gate failed"
    if found.incomplete:
        return "⚠️ not all could be decided"
    if not found.gates:
        return "no gate asked for"
    return "✅ the gates hold"


def _runs(found: Comparison) -> Iterator[str]:
    pairing = found.pairing
    for title, run, groups in (
        ("BASE", found.base, pairing.base), ("CAND", found.candidate, pairing.candidate),
    ):  # fmt: skip
        errors = f", {len(run.errors)} requests ended in an error" if run.errors else ""
        now = ", ".join(f"{code(name)} ({n})" for name, n in run.scored_now.items())
        scored = f"; scored now: {now}" if now else ""
        yield f"- **{title}** {code(run.name)}: {len(run.answers)} answers to {len(groups)} questions{errors}{scored}"
    if found.paired:
        only = f"only in BASE {len(pairing.only_base)}, only in CAND {len(pairing.only_candidate)}"
        yield f"- paired by {code(pairing.by)}: {len(pairing.paired)}; {only}"
    else:
        yield "- **not paired**: two sets of questions are compared, as if drawn at random from the same kind"


def _figures(differences: Sequence[Difference], found: Comparison) -> Iterator[str]:
    rows: list[list[str]] = []
    for d in differences:
        told, interval = changed(d)
        counts = " / ".join(map(str, d.counts)) if d.counts else ""
        n = str(d.n[0]) if d.n[0] == d.n[1] else f"{d.n[0]}, {d.n[1]}"
        values = [quantity(mean, d.unit) for mean in d.means]
        rows.append([code(d.name), n, *values, told, interval, chance(d.p_holm), counts, _TRENDS[d.trend]])
    yield from table(
        ["", "n", "BASE", "CAND", "change", level(found.alpha), "p (Holm)", "worse / better / equal", ""], rows
    )


def _regression(one: Regression) -> Iterator[str]:
    yield from ("", f"**−{one.drop:.3f}** {code(one.question)}", "")
    for title, answer, mean in (("BASE", one.base, one.means[0]), ("CAND", one.candidate, one.means[1])):
        yield from ("", f"{title} {mean:.3f}", "", *fenced(answer.chain.answer))
    said = {"lost": "became unsupported", "new": "new, unsupported", "still": "unsupported as before"}
    yield ""
    for change in one.changed:
        yield f"- {said[change.change]}: {code(change.after.text, 400)}"
    for title, passages in (
        ("no longer in the prompt", one.passages_gone), ("new in the prompt", one.passages_come),
    ):  # fmt: skip
        for passage in passages:
            yield f"- {title}: {code(f'{passage.id}: ' if passage.id else '')} {code(passage.text)}"


def _html(text: str) -> str:
    from html import escape

    return escape(text[:100])
