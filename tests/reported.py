"""Runs to report on: many requests made of the one in `stored`, with verdicts and contents as a test wants them."""

import hashlib
import html.parser
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from groundwire.comparing import run_of
from groundwire.model import SpanRecord
from groundwire.report import Listing, listing, page
from groundwire.trace import read_traces
from stored import (
    ANSWER,
    CHAT,
    DOCUMENTS,
    FAITHFUL,
    QUESTION,
    RELEVANT,
    ROOT,
    UNFAITHFUL,
    judged,
    messages,
    request,
)

SECOND = 1_000_000_000
NOT_SCORED = judged("faithfulness", None, status="skipped: refusal")


def one(
    number: int = 0,
    *judgements: SpanRecord,
    question: str = QUESTION,
    answer: str = ANSWER,
    documents: Sequence[tuple[str, float, str]] = DOCUMENTS,
    spans: Iterable[SpanRecord] | None = None,
    **attributes: Any,
) -> list[SpanRecord]:
    """One request with its judgements; `number` tells it from others. Attributes go onto its root."""
    trace_id = hashlib.md5(str(number).encode()).hexdigest()
    context = "\n".join(text for _, _, text in documents)
    made: list[SpanRecord] = []
    for span in [*(request(answer) if spans is None else spans), *judgements]:
        found = dict(span.attributes)
        if span.span_id == ROOT:
            found |= {"input.value": question, **attributes}
        if "gen_ai.retrieval.documents" in found:
            rows = [{"id": i, "score": s, "content": t} for i, s, t in documents]
            found |= {"gen_ai.retrieval.documents": json.dumps(rows), "gen_ai.retrieval.query.text": question}
        if span.span_id == CHAT and "gen_ai.input.messages" in found:
            found["gen_ai.input.messages"] = messages("user", f"Context:\n{context}\n\nQuestion: {question}")
        span_id = span.span_id
        made.append(
            replace(
                span, trace_id=trace_id, span_id=span_id, attributes=found,
                start_ns=span.start_ns + number * SECOND, end_ns=span.end_ns + number * SECOND,
            )
        )  # fmt: skip
    return made


def mixed() -> list[SpanRecord]:
    """Two that failed, one that passed, one that could not be scored; the worst is the one about Paris."""
    worst = replace(UNFAITHFUL, attributes={**UNFAITHFUL.attributes, "gen_ai.evaluation.score.value": 0.05})
    return [
        *one(1, FAITHFUL, RELEVANT, question="Is it tall?", **{"app.version": "1.0"}),
        *one(2, UNFAITHFUL, RELEVANT, question="Who was born where?", **{"app.version": "1.0"}),
        *one(3, worst, RELEVANT, question="Where was Eiffel born?", **{"app.version": "2.0"}),
        *one(4, NOT_SCORED, question="What is forbidden?", **{"app.version": "2.0"}),
    ]


def listed(spans: Iterable[SpanRecord], source: str = "run.jsonl") -> Listing:
    """As the command reads them."""
    spans = list(spans)
    return listing(source, read_traces(spans), run_of(source, spans).answers)


@dataclass
class Document(html.parser.HTMLParser):
    """A page as a parser of HTML sees it."""

    text: str
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list[tuple[str, dict[str, str | None]]])
    blocks: dict[str, str] = field(default_factory=dict[str, str])
    """Contents of `style` and `script` elements by id; `style` and `script` for those without."""
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._in = ""
        self.feed(self.text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self._in = ""

    def handle_data(self, data: str) -> None:
        if self._in == "title":
            self.title += data
        elif self._in:
            self.blocks[self._in] = self.blocks.get(self._in, "") + data

    @property
    def data(self) -> Any:
        """What the page knows, less the texts."""
        return json.loads(self.blocks["data"])

    @property
    def details(self) -> list[Any]:
        """The texts of all listed answers, in their order."""
        chunks = [key for key in self.blocks if key[0] == "c" and key[1:].isdigit()]
        return [entry for key in chunks for entry in json.loads(self.blocks[key])]


def opened(spans: Iterable[SpanRecord], **options: Any) -> Document:
    """The page about these spans."""
    return Document(page(listed(spans), **options))
