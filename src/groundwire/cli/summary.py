"""What `groundwire score` did, as a table and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from groundwire.cli.reading import as_json as problems_json
from groundwire.figures import count, plural, price
from groundwire.pipeline.tally import Figures, Planned, Tally
from groundwire.terminal import inert
from groundwire.traces import Problem

_RULES = ("where", "sample", "since", "until", "limit")


@dataclass(slots=True)
class Summary:
    """What a run did."""

    source: str
    tally: Tally
    evaluators: Sequence[str]
    """Names, in the order in which they were asked for."""
    problems: Sequence[Problem]
    rejected_parts: int = 0
    """Everything in the source that could not be read, of which the problems tell."""
    written_to: str | None = None
    stopped: str | None = None
    """Why the run ended before its end."""
    asked: Sequence[str] = field(default=())

    @property
    def incomplete(self) -> bool:
        """Whether something could not be read or judged, or was not reached."""
        return bool(self.rejected_parts) or self.tally.broke > 0 or self.stopped is not None

    def lines(self) -> list[str]:
        """A table, and what became of the rest."""
        tally = self.tally
        lines = self._table()
        answers, traces = plural("answer", tally.answers), plural("trace", tally.traces)
        lines.append(f"\n{tally.answers:,} {answers} in {tally.traces:,} {traces}, {tally.spans:,} spans")
        lines += [f"{name} broke: {inert(f.first_error)[:200]}" for name, f in tally.evaluators.items() if f.failed]
        left = {reason: n for reason, n in tally.left.items() if reason in _RULES}
        if left:
            why = ", ".join(f"{n:,} by --{rule}" for rule, n in left.items())
            lines.append(f"{sum(left.values()):,} other RAG answers were left out: {why}")
        if self.stopped is not None:
            lines.append(f"stopped: {self.stopped}; {tally.left['stopped']:,} answers were not judged")
        if tally.rejected:
            why = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in tally.rejected.most_common())
            lines.append(f"{tally.rejected.total():,} other chat calls are no RAG answers: {why}")
        if tally.repeated or tally.unmatched:
            told = [f"{tally.repeated:,} spans came twice and count once"] if tally.repeated else []
            told += [f"{tally.unmatched:,} log records of no span were passed over"] if tally.unmatched else []
            lines.append("; ".join(told))
        if tally.usd:
            lines.append(f"judging cost {price(tally.usd)}")
        if tally.resumed:
            lines.append(f"{tally.resumed:,} judgements were kept from a run that was broken off")
        return lines + self._next()

    def _table(self) -> list[str]:
        tally = self.tally
        figures = {name: tally.evaluators.get(name, Figures()) for name in self.evaluators}
        width = max([len("evaluator"), *map(len, figures)])
        lines = [f"{'evaluator':<{width}}  {'scored':>6}  {'mean':>5}  {'failed':>6}  not scored"]
        for name, one in figures.items():
            mean = "" if one.mean is None else f"{one.mean:.2f}"
            missing = [f"{n} {reason.replace('_', ' ')}" for reason, n in one.skipped.most_common()]
            missing += [f"{n} broke ({error})" for error, n in one.failed.most_common()]
            row = f"{name:<{width}}  {one.scored:>6}  {mean:>5}  {one.below:>6}  {inert(', '.join(missing))}"
            lines.append(row.rstrip())
        return lines

    def _next(self) -> list[str]:
        if self.written_to is None:
            return [f"nothing was written; next: groundwire score {inert(self.source)} -o scored.jsonl"]
        kept = f", {self.tally.unchanged} were there already" if self.tally.unchanged else ""
        lines = [f"{self.tally.written} evaluate spans written to {inert(self.written_to)}{kept}"]
        if "://" not in self.written_to and self.written_to != "standard output":
            lines.append(f"next: groundwire show {inert(self.written_to)}")
        return lines

    def as_json(self) -> dict[str, Any]:
        """The same, ready for `json.dumps`."""
        tally = self.tally
        return {
            "source": self.source,
            "spans": tally.spans,
            "repeated_spans": tally.repeated,
            "unmatched_logs": tally.unmatched,
            "rejected": self.rejected_parts,
            "traces": tally.traces,
            "answers": tally.answers,
            "left_out": dict(tally.left),
            "not_answers": dict(tally.rejected),
            "evaluators": {name: _figures_json(tally.evaluators.get(name, Figures())) for name in self.evaluators},
            "cost_usd": tally.usd,
            "written": None
            if self.written_to is None
            else {"to": self.written_to, "evaluate_spans": tally.written, "unchanged": tally.unchanged},
            "resumed": tally.resumed,
            "stopped": self.stopped,
            "complete": not self.incomplete,
            "problems": problems_json(self.problems),
        }


def _figures_json(figures: Figures) -> dict[str, Any]:
    return {
        "version": figures.version,
        "scored": figures.scored,
        "mean": figures.mean,
        "below_threshold": figures.below,
        "skipped": dict(figures.skipped),
        "failed": dict(figures.failed),
        "first_error": figures.first_error or None,
    }


def plan_lines(source: str, tally: Tally) -> list[str]:
    """What would be done."""
    width = max([len("evaluator"), *map(len, tally.planned)])
    lines = [f"{'evaluator':<{width}}  to score   tokens in  tokens out  expected cost"]
    for name, plan in tally.planned.items():
        row = f"{name:<{width}}  {plan.answers:>8,}"
        if plan.asks_a_model:
            cost = "no price is known" if plan.usd is None else price(plan.usd)
            row += f"  {count(plan.input_tokens):>10}  {count(plan.output_tokens):>10}  {cost}"
        else:
            row += f"  {'':>10}  {'':>10}  none, it judges here"
        lines.append(row.rstrip())
    answers, traces = plural("answer", tally.answers), plural("trace", tally.traces)
    lines.append(
        f"\n{tally.answers:,} {answers} in {tally.traces:,} {traces}, {tally.spans:,} spans of {inert(source)}"
    )
    if tally.unchanged:
        lines.append(f"{tally.unchanged:,} judgements are there already")
    if tally.left:
        why = ", ".join(f"{n:,} by --{rule}" for rule, n in tally.left.items())
        lines.append(f"{tally.left.total():,} other RAG answers are left out: {why}")
    if tally.rejected:
        why = ", ".join(f"{n:,} {reason.replace('_', ' ')}" for reason, n in tally.rejected.most_common())
        lines.append(f"{tally.rejected.total():,} other chat calls are no RAG answers: {why}")
    if any(plan.asks_a_model for plan in tally.planned.values()):
        lines.append("tokens are estimated from the texts; replies in the cache are free")
    lines.append("nothing was scored (--dry-run)")
    return lines


def plan_json(source: str, tally: Tally) -> dict[str, Any]:
    """The same, ready for `json.dumps`."""

    def row(plan: Planned) -> dict[str, Any]:
        told: dict[str, Any] = {"answers": plan.answers}
        if plan.asks_a_model:
            told |= {"input_tokens": plan.input_tokens, "output_tokens": plan.output_tokens, "cost_usd": plan.usd}
        return told

    return {
        "source": source,
        "dry_run": True,
        "spans": tally.spans,
        "traces": tally.traces,
        "answers": tally.answers,
        "left_out": dict(tally.left),
        "not_answers": dict(tally.rejected),
        "unchanged": tally.unchanged,
        "evaluators": {name: row(plan) for name, plan in tally.planned.items()},
    }
