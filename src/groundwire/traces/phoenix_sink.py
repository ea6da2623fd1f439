"""Scores as annotations in a running Phoenix: on the answer's span, on its trace, and on each document.

The requests are those of arize-phoenix 20.26 (`server/api/routers/v1`: spans, traces, documents), with `sync=true`:
without it Phoenix takes annotations of spans that it does not have, and never shows them. Sending again replaces: an
annotation is known by its name, its span and, for spans and traces, our identifier.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from groundwire.answers import Answer
from groundwire.budget import encodable
from groundwire.checks import Check
from groundwire.dialects.gen_ai import view
from groundwire.errors import SinkError
from groundwire.hosts import is_loopback
from groundwire.model import SpanRecord
from groundwire.prompt import words
from groundwire.traces.phoenix_api import headers

if TYPE_CHECKING:
    import httpx

FORM = "phoenix+http://host:6006"
_IDENTIFIER: Final = "groundwire"
_BATCH: Final = 100
_TIMEOUT_S: Final = 60.0
_SPAN_IDS = re.compile(r"\b[0-9a-f]{16}\b")
_TRACE_IDS = re.compile(r"\b[0-9a-f]{32}\b")
_OUT_OF_BOUNDS = re.compile(r"Document position (\d+) .*span ([0-9a-f]{16})")

Row = Mapping[str, Any]


class PhoenixAnnotations:
    """Annotations for the scores of traces that Phoenix has.

    Args:
        spec: `phoenix+http://host:6006`, also `phoenix+https`. `PHOENIX_API_KEY` is heeded.
        transport: for tests.
    """

    holds_traces = True

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        import httpx

        parts = urlsplit(spec.removeprefix("phoenix+"))
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SinkError(f"{spec}: no address of a Phoenix; use {FORM}")
        self.name = spec
        self.sent: dict[str, int] = {"span": 0, "trace": 0, "document": 0}
        """Annotations that Phoenix has taken, by what they are on."""
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._waiting: dict[str, list[Row]] = {"span": [], "trace": [], "document": []}
        self._missing: dict[str, str] = {}
        loopback = is_loopback(parts.hostname)  # a proxy cannot reach it
        self._client = httpx.Client(
            timeout=_TIMEOUT_S, trust_env=not loopback, transport=transport, headers=headers(), follow_redirects=True
        )

    def write(self, spans: Sequence[SpanRecord]) -> None:
        """Send the scores of whole traces."""
        self.write_linked(spans, ())

    def write_linked(self, spans: Sequence[SpanRecord], linked: Sequence[SpanRecord]) -> None:
        """Send the scores of whole traces, which rest on spans of others."""
        from groundwire.answers import answers

        own = {span.trace_id for span in spans}
        for answer in answers([*linked, *spans]):
            if answer.chain.trace_id in own:
                for check in answer.checks.values():
                    if check.value is not None:
                        self._waiting["span"].append({"span_id": answer.chain.span_id, **_annotation(check)})
                        self._waiting["trace"].append({"trace_id": answer.chain.trace_id, **_annotation(check)})
                        self._waiting["document"] += _documents(answer, check)
        for target, rows in self._waiting.items():
            while len(rows) >= _BATCH:
                batch, self._waiting[target] = rows[:_BATCH], rows[_BATCH:]
                rows = self._waiting[target]
                self._send(target, batch)

    def close(self) -> None:
        """Send the rest.

        Raises:
            SinkError: it cannot be sent, or Phoenix does not have all the spans. What it has is annotated.
        """
        try:
            for target, rows in self._waiting.items():
                self._waiting[target] = []
                for start in range(0, len(rows), _BATCH):
                    self._send(target, rows[start : start + _BATCH])
        finally:
            self._client.close()
        self.name += f" ({sum(self.sent.values())} annotations)"
        if self._missing:
            example, why = next(iter(self._missing.items()))
            raise SinkError(
                f"{self._base} has taken {sum(self.sent.values())} annotations, but not those on {len(self._missing)} "
                f"spans or traces, {example} for instance: {why}; send the traces there first"
            )

    def abandon(self) -> None:
        """Close the connection; what was sent is there."""
        self._client.close()

    def _send(self, target: str, rows: Sequence[Row]) -> None:
        rows = list({_key(row): row for row in rows}.values())
        while rows:
            answer = self._post(f"/v1/{target}_annotations", rows)
            if answer.is_success:
                self.sent[target] += len(rows)
                return
            said = _said(answer)
            left = _without(rows, answer.status_code, said)
            if len(left) == len(rows):
                raise SinkError(f"{self._base} refuses {target} annotations: HTTP {answer.status_code} {said}".rstrip())
            for row in rows:
                if row not in left:
                    why = "it is not there" if answer.status_code == 404 else said
                    self._missing.setdefault(str(row.get("span_id") or row.get("trace_id")), why)
            rows = left

    def _post(self, path: str, rows: Sequence[Row]) -> "httpx.Response":
        import httpx

        try:
            return self._client.post(self._base + path, params={"sync": "true"}, json={"data": list(rows)})
        except httpx.HTTPError as error:
            raise SinkError(f"no Phoenix at {self._base} ({error}); is it running? use {FORM}") from error


def _annotation(check: Check) -> dict[str, Any]:
    result: dict[str, Any] = {"score": check.value}
    if check.label:
        result["label"] = encodable(check.label)
    if check.explanation:
        result["explanation"] = encodable(check.explanation)
    metadata = {
        "version": check.version,
        "model": check.judged_by,
        "threshold": check.threshold,
        "passed": check.passed,
    }
    return {
        "name": check.name,
        "annotator_kind": "LLM" if check.model else "CODE",
        "result": result,
        "metadata": {key: value for key, value in metadata.items() if value not in (None, "")},
        "identifier": _IDENTIFIER,
    }


def _documents(answer: Answer, check: Check) -> Iterator[Row]:
    """What was found about single passages, on the documents of the retrieval that found them."""
    places = _places(answer)
    for entry in check.evidence:
        number, verdict = entry.get("passage"), entry.get("verdict")
        if verdict not in ("relevant", "irrelevant") or not isinstance(number, int) or number not in places:
            continue
        probability = entry.get("probability")
        result: dict[str, Any] = {"label": verdict}
        if isinstance(probability, int | float) and not isinstance(probability, bool):
            result["score"] = probability
        for span_id, position in places[number]:
            yield {
                "span_id": span_id,
                "document_position": position,
                "name": check.name,
                "annotator_kind": "LLM" if check.model else "CODE",
                "result": result,
                "metadata": {},
                "identifier": "",  # Phoenix takes no other for documents
            }


def _places(answer: Answer) -> dict[int, list[tuple[str, int]]]:
    """Where each passage of the answer stands: ids of retrieval spans, and positions there from 0."""
    by_text: dict[str, list[tuple[str, int]]] = {}
    for stage in answer.trace.stages:
        call = view(stage.span)
        if call is not None and call.kind == "retrieval":
            for position, document in enumerate(call.documents):
                if document.text:
                    by_text.setdefault(words(document.text), []).append((stage.span.span_id, position))
    found = {n: by_text.get(words(passage.text), []) for n, passage in enumerate(answer.chain.passages)}
    return {n: places for n, places in found.items() if places}


def _key(row: Row) -> tuple[Any, ...]:
    """What Phoenix keeps once: two answers of a trace have one annotation of a name on it, the last."""
    return row["name"], row.get("span_id") or row.get("trace_id"), row.get("document_position")


def _without(rows: Sequence[Row], status: int, said: str) -> list[Row]:
    """The rows without those that an error names."""
    if status == 404:
        gone = {*_SPAN_IDS.findall(said), *_TRACE_IDS.findall(said)}
        return [row for row in rows if (row.get("span_id") or row.get("trace_id")) not in gone]
    if status == 422 and (match := _OUT_OF_BOUNDS.search(said)):
        return [row for row in rows if (row.get("span_id"), row.get("document_position")) != (match[2], int(match[1]))]
    return list(rows)


def _said(answer: "httpx.Response") -> str:
    try:
        document = answer.json()
        detail = document.get("detail", document) if isinstance(document, Mapping) else document
        return " ".join(str(detail).split())
    except ValueError:
        return " ".join(answer.text.split())[:2000]
