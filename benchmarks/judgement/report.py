"""The tables, within 80 columns."""

from typing import Any

_FEW = 10
_FIGURES = {
    "auc": "AUC", "f1": "F1", "balanced_accuracy": "BA", "span_f1": "span F1", "ece": "ECE", "map": "MAP",
}  # fmt: skip


def target_lines(found: dict[str, Any]) -> list[str]:
    """What was to be reached, what is, and what word overlap gives on the same rows."""
    judged = ", ".join(found["evaluators"].values())
    lines = [f"Judges: {judged}", "Rows whose sources their weights have not seen; words: that of word overlap"]
    if "-local" in judged:
        lines += [
            "What joins words and model, some 40 numbers, was fitted on the held-out rows of",
            "the sets trained on: their figures are up to .03 too high, the cross-fitted",
            "ones are in training/MODEL_CARD.md. Sets measured whole are not touched by it.",
        ]
    if found["quick"]:
        lines.append("--quick: a part of the rows; no figure here is to be quoted")
    lines += ["", f"{'':<23} {'n':>4} {'bad':>4} figure  value 95 %        words goal"]
    for t in found["targets"]:
        span = f"{t['interval'][0]:.3f}-{t['interval'][1]:.3f}" if t["interval"] else ""
        goal = "" if t["goal"] is None else f"{t['goal']:.2f}"
        title, figure = t["title"], _FIGURES[t["figure"]]
        lines.append(
            f"{title:<23.23} {t['n']:>4} {t['bad']:>4} {figure:<7} {_number(t['value'])} {span:<11} "
            f"{_number(t['overlap'])} {goal:<4} {t['verdict']}".rstrip()
        )
    few = {
        t["set"]: t["sources"]
        for t in found["targets"]
        if t["sources"] < _FEW and t["n"] and not t["title"].startswith("  ")
    }
    lines += ["", *(f"{name}: {n} sources only, its interval says little" for name, n in few.items())] if few else []
    seen = {t["set"]: t["why"] for t in found["targets"] if t["split"] == "seen"}
    if seen:
        lines += ["", "seen: weights say that they were fitted on these rows, so nothing is claimed:"]
        lines += [f"  {name}: {why}" for name, why in seen.items()]
    if found["missing"]:
        lines += ["", *(f"not there: {name}" for name in found["missing"])]
    return lines


def set_lines(found: dict[str, Any]) -> list[str]:
    """Every set: ranking beside the three baselines, classes, spans, calibration."""
    lines = [
        "Every set. AUC beside that of word overlap (ov), of novel words (nov) and of",
        "the answer alone, learned on the set (bli); part: all rows, dev, or seen",
        "",
        f"{'':<24} {'n':>4} {'bad':>4} part  AUC   ov  nov  bli   F1   BA span  ECE",
    ]
    for s in found["sets"]:
        figures = ("auc", "overlap", "novelty", "blind", "f1", "balanced_accuracy", "span_f1", "ece")
        cells = " ".join(_short(s[name]) for name in figures)
        lines.append(f"{s['set']:<24} {s['n']:>4} {s['bad']:>4} {s['split']:<4} {cells}".rstrip())
    broken = [f"{s['set']}: {s['failed']}" for s in found["sets"] if s["failed"]]
    return [*lines, *(f"broke on {line}" for line in broken)]


def cost_lines(found: dict[str, Any]) -> list[str]:
    """Time, memory and repeatability of each tier; empty where they were not measured."""
    if not found["costs"]:
        return []
    lines = ["One answer of the RAGTruth sample, on one core of this machine", ""]
    lines.append(f"{'judged by':<12} {'p50 ms':>7} {'p95 ms':>7} {'goal':>9}   {'RSS +MB':>7} {'goal':>5}   same score")
    for tier in found["costs"]:
        p50, p95 = tier["goal_ms"]
        goal = f"{p50:g} / {p95:g}" if p50 is not None else ""
        memory = "" if tier["rss_added_mb"] is None else f"{tier['rss_added_mb']:.0f}"
        held = [tier["largest_difference"] <= tier["goal_difference"]]
        held += [tier["p50_ms"] <= p50, tier["p95_ms"] <= p95] if p50 is not None else []
        held += [tier["rss_added_mb"] <= tier["goal_rss_mb"]] if memory and tier["goal_rss_mb"] else []
        verdict = "reached" if all(held) else "missed"
        lines.append(
            f"{tier['model'] or 'lexical':<12} {tier['p50_ms']:>7.1f} {tier['p95_ms']:>7.1f} {goal:>9}   {memory:>7} "
            f"{tier['goal_rss_mb'] or '':>5}   to {tier['largest_difference']:.0e}  {verdict}"
        )
    return lines


def _number(value: float | None) -> str:
    return "  n/a" if value is None else f"{value:.3f}"


def _short(value: float | None) -> str:
    return "   -" if value is None else f"{f'{value:.2f}'.removeprefix('0'):>4}"
