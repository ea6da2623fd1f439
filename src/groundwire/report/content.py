"""One answer as the page's script reads it: texts, sentences with their support, passages, checks, stages."""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.checks import Check
from groundwire.finite import finite
from groundwire.model import RagChain
from groundwire.report.entry import Entry
from groundwire.report.shown import Shown, line, long
from groundwire.trace import Stage, Trace

_ANSWER, _PASSAGE, _QUESTION = 20_000, 8_000, 2_000
"""Characters of a text that stand in the page."""
_QUOTE = 700
_PASSAGES, _MARKS, _STAGES, _NOTES = 40, 400, 60, 40
_SENTENCE = frozenset({"supported", "unsupported", "contradicted", "not_checkable"})
_ABOUT_PASSAGE = frozenset({"relevant", "irrelevant", "used", "unused"})


def content(entry: Entry) -> dict[str, Any]:
    """All that the page shows of one entry, ready for JSON.

    Offsets are UTF-16 units of the texts beside them, end exclusive. What a stored trace says wrongly is left out.
    """
    chain, trace = entry.answer.chain, entry.answer.trace
    answer = long(chain.answer, _ANSWER)
    passages = [long(p.text, _PASSAGE) for p in chain.passages[:_PASSAGES]]
    return {
        "question": long(chain.question, _QUESTION).text if chain.question else None,
        "answer": _text(answer),
        "passages": [
            {
                **_text(text),
                "id": None if passage.id is None else line(passage.id, 80),
                "score": finite(passage.score),
                "in_prompt": passage.in_prompt,
                "source": passage.source,
                "retrieved_rank": passage.retrieved_rank,
            }
            for passage, text in zip(chain.passages, passages, strict=False)
        ],
        "more_passages": max(0, len(chain.passages) - _PASSAGES),
        "checks": [_check(check, chain, answer, passages) for check in entry.checks],
        "stages": list(_stages(trace)),
        "more_stages": max(0, len(trace.stages) - _STAGES),
        "error": line(_error(trace), 400) or None,
        "title": line(trace.title, 120),
    }


def _text(text: Shown) -> dict[str, Any]:
    return {"text": text.text, "more": text.more}


def _check(check: Check, chain: RagChain, answer: Shown, passages: list[Shown]) -> dict[str, Any]:
    marks, notes, about = _sorted_evidence(check, chain, answer, passages)
    return {
        "name": line(check.name, 80),
        "value": check.value,
        "label": line(check.label, 40),
        "passed": check.passed,
        "reason": line(check.reason, 300).replace("_", " "),
        "broke": check.broke,
        "explanation": line(check.explanation, 600),
        "threshold": finite(check.threshold),
        "version": line(check.version, 40),
        "judge": line(check.model, 80),
        "ms": finite(check.duration_ms),
        "marks": marks,
        "notes": notes,
        "about": about,
    }


def _sorted_evidence(
    check: Check, chain: RagChain, answer: Shown, passages: list[Shown]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Marks on the answer, in order and without overlap; other findings in words; verdicts on passages."""
    marks: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    about: list[dict[str, Any]] = []
    placed: list[tuple[int, int, Mapping[str, Any]]] = []
    for evidence in check.evidence:
        verdict = evidence.get("verdict") if isinstance(evidence.get("verdict"), str) else ""
        passage = _index(evidence.get("passage"))
        if verdict in _ABOUT_PASSAGE and passage is not None and passage < len(passages):
            about.append({"passage": passage, "verdict": verdict, "p": finite(evidence.get("probability"))})
        elif verdict in _SENTENCE:
            start, end = _index(evidence.get("start")), _index(evidence.get("end"))
            if start is not None and end is not None and _is_of(chain.answer, start, end, evidence.get("text")):
                placed.append((start, end, evidence))
            elif len(notes) < _NOTES:
                notes.append(_note(evidence))
    at = 0
    for start, end, evidence in sorted(placed, key=lambda row: row[:2]):
        if start < at or answer.place(start) >= answer.place(end) or len(marks) >= _MARKS:
            if len(notes) < _NOTES:
                notes.append(_note(evidence))
            continue
        marks.append(_mark(start, end, evidence, answer, chain, passages))
        at = end
    return marks, notes, about


def _is_of(answer: str, start: int, end: int, text: Any) -> bool:
    """Whether evidence speaks of these characters of the answer: some is about a reference, with offsets in that."""
    if not 0 <= start < end <= len(answer):
        return False
    return not isinstance(text, str) or not text or text.split() == answer[start:end].split()


def _mark(
    start: int, end: int, evidence: Mapping[str, Any], answer: Shown, chain: RagChain, passages: list[Shown]
) -> dict[str, Any]:
    mark: dict[str, Any] = {
        "start": answer.place(start),
        "end": answer.place(end),
        "verdict": evidence["verdict"],
        "p": finite(evidence.get("probability")),
        "flaws": [
            [answer.place(first), answer.place(last), line(reason, 40)] for first, last, reason in _flaws(evidence)
        ],
    }
    place = _index(evidence.get("passage"))
    if place is None or place >= len(passages):
        return mark
    mark["passage"] = place
    first, last = _index(evidence.get("passage_start")), _index(evidence.get("passage_end"))
    if first is not None and last is not None:
        text = passages[place]
        mark["from"], mark["to"] = text.place(first), text.place(last)
        if first < last and mark["from"] >= mark["to"]:  # beyond the part of the passage that the page has
            mark["quote"] = line(chain.passages[place].text[first:last], _QUOTE)
    return mark


def _flaws(evidence: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Those within the sentence, in order, not overlapping."""
    at, end = int(evidence["start"]), int(evidence["end"])
    rows = evidence.get("flaws")
    found: list[tuple[int, int, str]] = []
    for flaw in rows if isinstance(rows, list) else ():
        first, last = (
            (_index(flaw.get("start")), _index(flaw.get("end"))) if isinstance(flaw, Mapping) else (None, None)
        )
        if first is not None and last is not None:
            found.append((first, last, str(flaw.get("reason") or "")))
    for first, last, reason in sorted(found):
        if at <= first < last <= end:
            yield first, last, reason
            at = last


def _note(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """A finding without a place in the text that the page shows."""
    start, end = _index(evidence.get("start")), _index(evidence.get("end"))
    place = "" if start is None or end is None else f"characters {start} to {end}, text not recorded"
    return {"verdict": evidence.get("verdict"), "text": line(evidence.get("text") or place, 600)}


def _stages(trace: Trace) -> Iterator[dict[str, Any]]:
    """Linked retrievals one after the other, then the request itself: hours may lie between them in the trace."""
    own = min(s.span.start_ns for s in trace.stages if s.span.trace_id == trace.trace_id)
    waited = 0.0
    for stage in trace.stages[:_STAGES]:
        linked = stage.span.trace_id != trace.trace_id
        yield _stage(stage, waited if linked else waited + (stage.span.start_ns - own) / 1e6)
        waited += stage.duration_ms if linked else 0.0


def _stage(stage: Stage, start_ms: float) -> dict[str, Any]:
    call = stage.call
    usage = None if call is None else call.usage
    return {
        "name": line(stage.span.name, 120),
        "kind": None if call is None else call.kind,
        "model": None if call is None or call.model is None else line(call.model, 80),
        "depth": min(stage.depth, 12),
        "from": start_ms,
        "ms": stage.duration_ms,
        "tokens": None if usage is None else [usage.input_tokens, usage.output_tokens],
        "estimated": usage is not None and usage.estimated,
        "usd": finite(stage.cost_usd),
        "documents": len(call.documents) if call is not None and call.kind in ("retrieval", "rerank") else None,
        "error": line(stage.span.status_message or "error", 200) if stage.is_error else None,
    }


def _error(trace: Trace) -> str:
    broken = [s.span for s in trace.stages if s.is_error]
    told = [s.status_message or str(s.attributes.get("error.type") or "") for s in reversed(broken)]
    return next((text for text in told if text), "error" if trace.root.status == "error" else "")


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
