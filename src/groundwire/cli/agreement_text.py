"""Agreement figures in a terminal of 80 columns."""

from collections.abc import Mapping

from groundwire.agreement import Agreement, Comparison, Confusion
from groundwire.agreement.correction import Corrected
from groundwire.agreement.figures import Interval
from groundwire.agreement.measured import Group
from groundwire.agreement.reliability import strips
from groundwire.figures import plural, price
from groundwire.terminal import inert

_MOST_GROUPS = 20
_NAME = 26
_TITLES = {
    "auc": "AUC", "f1": "F1 of the bad class", "balanced_accuracy": "balanced accuracy", "kappa": "Cohen's kappa",
    "span_f1": "F1 of bad spans", "map": "average precision",
}  # fmt: skip


def figure_lines(measured: Agreement) -> list[str]:
    """Everything about one evaluator."""
    return [
        *_head(measured), "", *_figures(measured),
        *(_table(measured.confusion) if measured.confusion else _no_verdicts(measured)),
        *(_correction(measured.correction) if measured.correction else []),
        *(line for key, found in measured.groups.items() for line in _groups(key, found)),
        *(["", *strips(measured.reliability)] if measured.reliability else []),
    ]  # fmt: skip


def _head(m: Agreement) -> list[str]:
    title = f"{m.evaluator} v{m.version}"
    lines = [f"{inert(title)} against {m.n} labelled rows: {m.n_good} good, {m.n - m.n_good} bad"]
    about = [f"{m.sources} {plural('source', m.sources)}"]
    if m.models:
        about.append("judged by " + ", ".join(f"{inert(name)} ({n})" for name, n in m.models.items()))
    if m.cost_usd is not None:
        about.append(f"judging cost {price(m.cost_usd)}")
    lines.append("; ".join(about))
    if set(m.labels) != {m.evaluator}:
        lines.append("compared with the label " + ", ".join(f"{inert(name)} ({n})" for name, n in m.labels.items()))
    if m.skipped:
        why = ", ".join(f"{count} {inert(reason.replace('_', ' '))}" for reason, count in m.skipped.items())
        lines.append(f"{sum(m.skipped.values())} not scored ({why}): they count as not flagged")
    if m.failed:
        why = ", ".join(f"{count} {inert(error)}" for error, count in m.failed.items())
        lines.append(f"{sum(m.failed.values())} broke ({why}): they count as not flagged")
        lines.append(f"first: {inert(m.first_error or '')[:73]}")
    if m.unlabelled:
        lines.append(f"{m.unlabelled} more rows have no label for it")
    return lines


def _figures(m: Agreement) -> list[str]:
    counts = m.confusion
    values = {
        "auc": m.auc["all"], "f1": m.f1, "balanced_accuracy": counts.balanced_accuracy if counts else None,
        "kappa": counts.kappa if counts else None, "span_f1": m.span_f1, "map": m.map,
    }  # fmt: skip
    beside = {"span_f1": f"  {m.spanned} rows", "map": f"  {m.questions} {plural('question', m.questions)}"}
    lines = [
        f"{title:<19}  {_number(values[name])}{_interval(m.intervals.get(name))}{beside.get(name, '')}"
        for name, title in _TITLES.items()
        if values[name] is not None or name in ("auc", "f1")
    ]
    lines.insert(1, f"{'AUC, scored rows':<19}  {_number(m.auc_scored)}")
    lines.append(f"{'calibration error':<19}  {_number(m.ece)}")
    lines.append(f"{'ms a chain':<19}  {m.ms['p50']:.1f} (p50), {m.ms['p95']:.1f} (p95)")
    return lines


def _table(c: Confusion) -> list[str]:
    flagged, passed = c.flagged, c.n - c.flagged
    return [
        "",
        f"{'people':<10} {'flagged':>8} {'passed':>8}",
        f"{'bad':<10} {c.caught:>8} {c.missed:>8}   flagged of the bad  (recall, TPR)  {_number(c.tpr)}",
        f"{'good':<10} {c.false_alarms:>8} {c.cleared:>8}   passed of the good         (TNR)  {_number(c.tnr)}",
        f"{'':<10} {flagged:>8} {passed:>8}   bad of the flagged   (precision)  {_number(c.precision)}",
    ]


def _no_verdicts(m: Agreement) -> list[str]:
    if not m.reliability:
        return ["", "Not one row got a score."]
    return ["", "It gives values and no verdicts, so nothing is flagged: --threshold sets one."]


def _correction(c: Corrected) -> list[str]:
    of = f" of {c.observed.n}" if c.observed.n is not None else ""
    seen = f"{c.observed.share:.1%} flagged{of}"
    if c.share is None:
        return ["", f"{seen}: not to be corrected, it flags good rows no less often than bad ones"]
    span = f"{c.interval[0]:.1%} to {c.interval[1]:.1%}" if c.interval else "not known: too few labels"
    lines = ["", f"{seen}: {c.share:.1%} are bad (95%: {span})"]
    if not c.possible:
        lines.append("No share of bad ones gives that with the errors above: they are others there.")
    return lines


def _groups(key: str, found: Mapping[str, Group]) -> list[str]:
    names = list(found)
    if len(names) > _MOST_GROUPS:
        names = sorted(names, key=lambda name: -(found[name]["n"] or 0))[:_MOST_GROUPS]
    shown = [inert(name) if len(name) <= _NAME else inert(name[: _NAME - 1]) + "…" for name in names]
    width = max(12, *map(len, shown), len(key))
    spans = any(found[name]["span_f1"] is not None for name in names)
    columns = ("auc", "f1", "balanced_accuracy", "tpr", "tnr", *(("span_f1",) if spans else ()))
    titles = "  ".join(f"{t:>5}" for t in ("AUC", "F1", "BA", "TPR", "TNR", *(("spans",) if spans else ())))
    lines = ["", f"{inert(key):<{width}} {'n':>5} {'bad':>5}  {titles}"]
    for name, label in zip(names, shown, strict=True):
        row = found[name]
        figures = "  ".join(_number(row[column]) for column in columns)
        lines.append(f"{label:<{width}} {row['n']:>5} {row['bad']:>5}  {figures}".rstrip())
    if len(found) > len(names):
        lines.append(f"{len(found) - len(names)} more, smaller (--json lists all)")
    return lines


def comparison_lines(c: Comparison) -> list[str]:
    """Two evaluators beside each other."""
    lines = [
        f"A {inert(c.one)}",
        f"B {inert(c.other)}",
        f"on the same {c.n} rows, {c.sources} {plural('source', c.sources)}; 95 % by paired bootstrap",
        "",
        f"{'':<19}  {'A':>5}  {'B':>5}   {'A - B':>6}  {'95 %':^18}",
    ]
    for name, d in c.differences.items():
        span = f"{d.interval[0]:+.3f} to {d.interval[1]:+.3f}" if d.interval else ""
        told = {None: "not known", True: "differ", False: "may be chance"}[d.excludes_zero]
        lines.append(
            f"{_TITLES[name]:<19}  {_number(d.one)}  {_number(d.other)}   {d.value or 0.0:+.3f}  {span:^18}  {told}"
        )
    if c.same_verdict is not None:
        lines += ["", f"the same verdict on {c.same_verdict:.1%} of the rows"]
    return lines


def _number(value: float | int | None) -> str:
    return "  n/a" if value is None else f"{value:.3f}" if value >= 0 else f"{value:.2f}"


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f"  (95%: {interval[0]:.3f} to {interval[1]:.3f})"
