"""A trace as a block of text: the verdict, what was asked and answered, every stage, what speaks against the answer.

What passes folds to one line, what fails unfolds. Pure: spans in, text out.
"""

from collections.abc import Iterable, Mapping, Sequence

from groundwire.figures import count, milliseconds, plural, price
from groundwire.findings import Findings
from groundwire.model import RagChain, SpanRecord
from groundwire.terminal import Line, Mark, Page, Segment, Style, columns, inert, wrapped
from groundwire.trace import Stage, Trace, Verdict, read_trace

_MOST_STAGES = 14
_DEEPEST = 8
_ALL_PASSED = "all checks passed"
_VERDICT_MARKS: Mapping[Verdict, Mark] = {
    "error": "bad", "failed": "bad", "doubtful": "doubt", "passed": "good", "not_scored": "none", "unchecked": "none",
}  # fmt: skip


def render(
    spans: Sequence[SpanRecord],
    *,
    width: int = 80,
    color: bool = False,
    unicode: bool = True,
    full: bool = False,
    next_step: str | None = None,
) -> str:
    """The block of one trace, without a line break at its end; empty where there is nothing to tell.

    Args:
        spans: of the trace, and of retrievals in other traces that it links to.
        width: columns; no line is wider.
        color: whether to use ANSI colours.
        unicode: whether the terminal can show more than ASCII; content is left as it is.
        full: unfold whatever the verdict, show all of it, and nothing cut.
        next_step: a command to suggest below a block that is unfolded.
    """
    trace = read_trace(spans)
    return "" if trace is None else render_trace(trace, Page(width, color, unicode), full=full, next_step=next_step)


def render_trace(
    trace: Trace,
    page: Page,
    *,
    full: bool = False,
    fold: bool = False,
    identify: bool = False,
    next_step: str | None = None,
) -> str:
    """The block of a trace that has been read already.

    Args:
        trace: to be told.
        page: what it is told on.
        full: as for `render`.
        fold: one line, whatever the verdict.
        identify: put the beginning of the trace id before the title.
        next_step: as for `render`.
    """
    unfolded = full or (not fold and trace.verdict in ("error", "failed", "doubtful"))
    lines = list(_Block(trace, page, full, identify).lines(unfolded))
    if unfolded and next_step:
        lines.append(Line.of(("  next: ", "dim"), (inert(next_step), "")))
    return "\n".join(page.draw(line) for line in lines)


class _Block:
    def __init__(self, trace: Trace, page: Page, full: bool, identify: bool) -> None:
        self._trace = trace
        self._id = f" {inert(trace.trace_id[:8])}" if identify else ""
        self._page = page
        self._full = full
        self._findings = Findings(trace, page, full)
        self._stages = self._shown()
        tokens = trace.tokens
        rows = [
            (milliseconds(trace.duration_ms), self._tokens(tokens, estimated=trace.estimated), price(trace.cost_usd)),
            *(self._figures(stage) for stage in self._stages),
        ]
        self._header = rows[0]
        self._widths = [max(columns(row[i]) for row in rows) for i in range(3)]

    def _shown(self) -> list[Stage]:
        """Calls and errors; the root only where it is one of them, since the header tells of it."""
        root = self._trace.root
        if self._full:
            rest = [s for s in self._trace.stages if s.span is not root or s.call is not None]
        else:
            rest = [s for s in self._trace.stages if s.call is not None or (s.is_error and s.span is not root)]
            if len(rest) > _MOST_STAGES:
                notable = [s for s in rest if s.checks or s.is_error][:_MOST_STAGES]
                kept = {id(s) for s in [*notable, *rest][:_MOST_STAGES]}
                rest = [s for s in rest if id(s) in kept]
        return rest

    def lines(self, unfolded: bool) -> Iterable[Line]:
        """All lines of the block."""
        if not unfolded:
            yield self._folded()
            return
        yield self._head()
        yield from self._conversation()
        if self._trace.root.status == "error":
            yield self._error(self._trace.root, "  ")
        for stage, (lead, inner) in zip(self._stages, self._branches(), strict=True):
            yield from self._stage(stage, lead, inner)
        left_out = sum(s.call is not None for s in self._trace.stages) - sum(s.call is not None for s in self._stages)
        if left_out > 0:
            yield Line.of((f"  {self._page.ellipsis} {left_out} more calls", "dim"))
        scored = self._scored_by()
        for start, end in wrapped(scored, self._page.width - 2):
            yield Line.of((f"  {scored[start:end]}", "dim"))

    # --- the header ---------------------------------------------------------------------------------------------

    def _head(self) -> Line:
        said, style = self._said()
        right: list[Segment] = [(f"{said}  ", style), *self._right(self._header)]
        room = self._page.width - sum(columns(text) for text, _ in right) - 4 - len(self._id)
        title = self._page.cut(self._trace.title, room)
        mark = self._page.mark(_VERDICT_MARKS[self._trace.verdict])
        return Line.of(mark, (self._id, "dim"), (f" {title}", "strong"), right=right)

    def _folded(self) -> Line:
        """All in one line. The figures stand in the same columns whatever the trace: there will be many such lines."""
        trace = self._trace
        said, style = self._said()
        if said == _ALL_PASSED:  # the sign says as much: the figure is what one came for
            first = trace.answers[0].checks[0]
            more = ", all passed" if len(trace.checks) > 1 else ""
            said = f"{self._page.cut(first.name, 20)} {first.value:.2f}{more}"
        right: list[Segment] = [(said, style), (f"{self._header[0]:>9}{self._header[2]:>11}", "dim")]
        room = self._page.width - sum(columns(text) for text, _ in right) - 4 - len(self._id)
        question = inert(trace.question or "").strip()
        title = "" if question and self._id else self._page.cut(trace.title, min(room, 16))
        broke = trace.verdict == "passed" and any(c.broke for c in trace.checks)
        mark = self._page.mark("doubt" if broke else _VERDICT_MARKS[trace.verdict])
        line = Line.of(mark, (self._id, "dim"), (f" {title}" if title else "", "strong"), right=right)
        left = room - columns(title) - 2
        if question and left >= 8:
            line.segments.append((f"  {self._page.cut(question, left)}", "dim"))
        return line

    def _said(self) -> Segment:
        trace = self._trace
        scored = [c for c in trace.checks if c.value is not None]
        failed = [c for c in scored if c.failed]
        missing = len(trace.checks) - len(scored)
        broke = sum(c.broke for c in trace.checks)
        match trace.verdict:
            case "failed":
                return f"{len(failed)} of {len(scored)} {plural('check', len(scored))} failed", "bad"
            case "error":
                return "error", "bad"
            case "doubtful":
                sentences = sum(len(c.unsupported) for c in scored)
                return f"passed, {sentences} {plural('sentence', sentences)} unsupported", "doubt"
            case "passed" if broke:
                return f"{len(scored)} passed, {broke} broke", "doubt"
            case "passed" if missing:
                return f"{len(scored)} passed, {missing} not scored", "good"
            case "passed":
                return _ALL_PASSED, "good"
            case "not_scored":
                return self._page.cut(f"not scored: {(trace.not_scored or '').replace('_', ' ')}", 36), "doubt"
            case "unchecked":
                return "no checks", "dim"

    def _conversation(self) -> Iterable[Line]:
        trace = self._trace
        for letter, text in (("Q", trace.question), ("A", trace.answer)):
            if not text:
                continue
            if self._full:
                yield from self._paragraph(letter, text)
            else:
                yield Line.of((f"  {letter} ", "dim"), (self._page.cut(text, self._page.width - 4), ""))

    def _paragraph(self, letter: str, text: str) -> Iterable[Line]:
        shown = inert(text)
        for i, (start, end) in enumerate(wrapped(shown, self._page.width - 4)):
            yield Line.of((f"  {letter if i == 0 else ' '} ", "dim"), (shown[start:end], ""))

    def _scored_by(self) -> str:
        found = [c for c in self._trace.checks if c.value is not None]
        if not found:
            return ""
        durations = [c.duration_ms for c in self._trace.checks if c.duration_ms is not None]
        took = f" in {milliseconds(sum(durations))}" if durations else ""
        judges = sorted({inert(c.model) for c in found if c.model})
        if judges:
            return f"scored by {', '.join(judges)}{took}"
        if not all(c.version for c in found):  # somebody else's scores: they do not say how they were made
            return ""
        which = f" by {', '.join(f'{c.name} v{c.version}' for c in found)}" if self._full else ""
        return inert(f"scored locally{which}{took}, no key")

    # --- stages -------------------------------------------------------------------------------------------------

    def _branches(self) -> Iterable[tuple[str, str]]:
        """What stands before each stage, and before the lines below it: a call inside a call that is told is inside."""
        fork, end, bar = ("├─ ", "└─ ", "│  ") if self._page.unicode else ("|- ", "`- ", "|  ")
        told = {id(stage) for stage in self._stages}
        around: list[tuple[int, bool]] = []  # stages that are still open, and whether they are told
        depths: list[int] = []
        for stage in self._trace.stages:
            while around and around[-1][0] >= stage.depth:
                around.pop()
            if id(stage) in told:
                depths.append(min(sum(shown for _, shown in around), _DEEPEST))
            around.append((stage.depth, id(stage) in told))
        # Going backwards: at which depths a stage still follows, as far as none further out comes between.
        follows: set[int] = set()
        drawn: list[tuple[str, str]] = []
        for depth in reversed(depths):
            before = "  " + "".join(bar if level in follows else "   " for level in range(depth))
            own = depth in follows
            drawn.append((before + (fork if own else end), before + (bar if own else "   ")))
            follows = {level for level in follows if level < depth} | {depth}
        return reversed(drawn)

    def _stage(self, stage: Stage, lead: str, inner: str) -> Iterable[Line]:
        title = inert(stage.span.name)
        if stage.call is not None and stage.call.model and stage.call.model not in title:
            title += f" {inert(stage.call.model)}"
        style: Style = "bad" if stage.is_error else "" if stage.call is not None else "dim"
        yield Line.of((lead, "dim"), (title, style), right=self._right(self._figures(stage)))
        if stage.is_error:
            yield self._error(stage.span, inner + "  ")
        if stage.call is not None and (stage.call.kind in ("retrieval", "rerank")):
            yield from self._findings.passages(stage, inner + "  ")
        chain = self._trace.chains.get(stage.span.span_id) if stage.checks else None
        if chain is not None and len(self._trace.answers) > 1:
            yield from self._said_here(chain, inner + "  ")
        yield from self._findings.checks(stage, inner + "  ")

    def _said_here(self, chain: RagChain, inner: str) -> Iterable[Line]:
        for letter, text in (("Q", chain.question), ("A", chain.answer)):
            if text:
                room = self._page.width - columns(inner) - 2
                yield Line.of((f"{inner}{letter} ", "dim"), (self._page.cut(text, room), ""))

    def _error(self, span: SpanRecord, inner: str) -> Line:
        kind = str(span.attributes.get("error.type") or "")
        message = span.status_message or "failed"
        text = message if not kind or message.startswith(kind) else f"{kind}: {message}"
        return Line.of((inner, "dim"), (self._page.cut(text, self._page.width - columns(inner)), "bad"))

    def _figures(self, stage: Stage) -> tuple[str, str, str]:
        call, amount = stage.call, ""
        if call is not None and call.usage is not None:
            used = call.usage
            amount = self._tokens((used.input_tokens or 0, used.output_tokens), estimated=used.estimated)
        elif call is not None and call.kind in ("retrieval", "rerank") and call.documents:
            amount = f"{len(call.documents)} {plural('doc', len(call.documents))}"
        return milliseconds(stage.duration_ms), amount, price(stage.cost_usd)

    def _tokens(self, counts: tuple[int, int | None] | None, *, estimated: bool) -> str:
        if counts is None:
            return ""
        about = "~" if estimated else ""
        if not counts[1]:
            return f"{about}{count(counts[0])} tok"
        return f"{about}{count(counts[0])}{'→' if self._page.unicode else '>'}{count(counts[1])} tok"

    def _right(self, figures: Sequence[str]) -> list[Segment]:
        """Figures in columns that are as wide as the widest of the block, and absent where all are empty."""
        aligned = [
            " " * (width - columns(text)) + text for text, width in zip(figures, self._widths, strict=True) if width
        ]
        return [("  ".join(aligned), "dim")]
