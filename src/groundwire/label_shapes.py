"""From one object of a label file to labelled rows, by the keys that it has: our own format, and published sets'.

What is read, in this order:

- pairs: `knowledge`, `right_answer`, `hallucinated_answer` (two rows)
- three labels: `context_relevance`, `answer_faithfulness`, `answer_relevance`, each yes or no
- relevance: `question` with `passage`, `sentence` or `passages`, and `relevant` or `answerable`; where `relevant` is a
  list, one row a passage; `relevant_passages` are all relevant. An `answer` with labels of its own is one more row
- evidence that is labelled piece by piece: `claim`, `evidence: [{"text", "label"}]` (one row a piece)
- sentences: `sentences` with `votes` or `supported`
- answers and claims: `answer` or `claim` with `context`, `passages` or `evidence`, and `labels`, `spans`,
  `annotations`, `non_supported`, `faithful`, `label` or `votes`
"""

import json
import re
from collections.abc import Iterator, Mapping

from groundwire.label_files import Object
from groundwire.label_verdicts import by_sentence, judged, marked_tokens, verdict
from groundwire.labelled_row import Labelled, Spans

_NUMBERED = re.compile(r"(?:^|\n)[ \t]*passage[ \t]+\d{1,3}[ \t]*:", re.IGNORECASE)
_ROLE = re.compile(r"^(?:user|agent):\s*")
_TEXTS = ("context", "knowledge", "passage", "sentence")
_OF_ANSWERS = frozenset({"label", "labels", "faithful", "spans", "annotations"})
_GROUNDS = frozenset({*_TEXTS, "passages", "relevant_passages", "evidence"})
_LONGEST_COLUMN = 80
_THREE = (
    ("context_relevance", "context_relevance"),
    ("faithfulness", "answer_faithfulness"),
    ("answer_relevance", "answer_relevance"),
)


def rows(item: Object, line: int, file: str) -> Iterator[Labelled | str]:
    """The rows of one object, and what could not be used of it. At least one of either.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: a value is not what its key promises.
    """
    if not _GROUNDS & item.keys():
        yield f"nothing to judge by: no {', '.join(sorted(_GROUNDS))}"
        return
    if "right_answer" in item and "hallucinated_answer" in item:
        for key in ("right_answer", "hallucinated_answer"):
            yield _row(item, line, file, str(item[key]), {"faithfulness": key == "right_answer"})
    elif "context_relevance" in item:
        yield _of_three(item, line, file)
    elif "relevant_passages" in item:
        if item["relevant_passages"]:
            yield _row(item, line, file, str(item.get("answer") or ""), {"context_relevance": True})
        else:
            yield "relevant_passages is empty: there is nothing to rank"
    elif ("relevant" in item or "answerable" in item) and "claim" not in item:
        yield from _relevance(item, line, file)
        if isinstance(item.get("answer"), str) and _OF_ANSWERS & item.keys():
            yield _of_answer(item, line, file)
    elif isinstance(item.get("evidence"), list) and any(isinstance(e, Mapping) for e in item["evidence"]):
        for number, piece in enumerate(item["evidence"], 1):
            good = verdict(piece.get("label"))
            if good is None:
                yield f"evidence {number}: label {piece.get('label')!r} is neither good nor bad"
                continue
            text = piece.get("text") or piece.get("evidence") or piece.get("sentence")
            yield _row({**item, "context": text}, line, file, str(item["claim"]), {"faithfulness": good})
    elif isinstance(item.get("sentences"), list) and ("votes" in item or "supported" in item):
        whole, unsupported = by_sentence(item)
        yield _row(item, line, file, whole, {"faithfulness": not unsupported}, unsupported)
    else:
        yield _of_answer(item, line, file)


def _of_answer(item: Object, line: int, file: str) -> Labelled | str:
    answer = item.get("answer", item.get("claim", "" if "labels" in item else None))
    if not isinstance(answer, str):
        return "no answer, claim, sentences, relevant or answerable in it"
    if "non_supported" in item and "claim_tokens" in item:
        item = {**item, "spans": marked_tokens(answer, item["claim_tokens"], item["non_supported"])}
    good, spans = judged(item, answer)
    return _row(item, line, file, answer, good, spans) if good else _no_label(item)


def _of_three(item: Object, line: int, file: str) -> Labelled | str:
    said = {name: verdict(item[column]) for name, column in _THREE if item.get(column) is not None}
    labels = {name: good for name, good in said.items() if good is not None}
    if labels:
        return _row(item, line, file, str(item.get("answer") or ""), labels)
    return "none of context_relevance, answer_faithfulness and answer_relevance says yes or no"


def _relevance(item: Object, line: int, file: str) -> Iterator[Labelled | str]:
    told = item["relevant"] if "relevant" in item else item["answerable"]
    if not isinstance(told, list):
        good = verdict(told)
        if good is None:
            yield f"{'relevant' if 'relevant' in item else 'answerable'} {told!r} is neither good nor bad"
        else:
            yield _row(item, line, file, "", {"context_relevance": good})
        return
    passages = _passages(item)
    if len(told) != len(passages):
        yield f"relevant has {len(told)} entries, passages {len(passages)}"
        return
    for number, (passage, mark) in enumerate(zip(passages, told, strict=True), 1):
        good = verdict(mark)
        if good is None:
            yield f"relevant, entry {number}: {mark!r} is neither good nor bad"
        else:
            yield _row({**item, "passages": [passage]}, line, file, "", {"context_relevance": good})


def _no_label(item: Object) -> str:
    for key in ("faithful", "label"):
        if key in item:
            return f"{key} {item[key]!r} is neither good nor bad"
    return "no label in it: labels, label, faithful, spans, annotations or votes"


def _row(
    item: Object, line: int, file: str, answer: str, good: Mapping[str, bool], spans: Spans | None = None
) -> Labelled:
    columns = {
        str(key): str(value) for key, value in item.items()
        if isinstance(value, (str, int, float)) and len(str(value)) <= _LONGEST_COLUMN
    }  # fmt: skip
    task = next((item[k] for k in ("task", "set", "data", "dataset", "domain") if item.get(k)), "")
    reference = item.get("reference")
    return Labelled(
        _question(item), _passages(item), answer, good, spans, _source(item, line, file), str(task),
        str(item.get("generator") or ""), line, reference if isinstance(reference, str) else None, file, columns,
    )  # fmt: skip


def _source(item: Object, line: int, file: str) -> str:
    """What a row shares with others: its article, table or page. Splits and resamples keep the rows of one together.

    What an earlier version read as the source of a set must stay so: rows that weights have seen are told by it.
    """
    for key in ("source_id", "title"):
        if item.get(key) not in (None, ""):
            return str(item[key])
    if "sentence" in item and "title" not in item and isinstance(item.get("question"), str):
        return str(item["question"])[:80]  # candidates for one question; each sentence is another text
    evidence = item.get("evidence")
    listed = "\n".join(map(str, evidence)) if isinstance(evidence, list) else ""
    return _context(item)[:80] or listed[:80] or str(item.get("id") or f"{file}:{line}")


def _question(item: Object) -> str | None:
    for key in ("question", "message"):
        if isinstance(item.get(key), str):
            return str(item[key])
    for key in ("conversation", "history"):
        turns = item.get(key)
        if isinstance(turns, list) and turns:
            return _ROLE.sub("", str(turns[-1]))
        if isinstance(turns, str) and turns:
            return turns
    return None


def _context(item: Object) -> str:
    return next((str(item[key]) for key in _TEXTS if isinstance(item.get(key), str)), "")


def _passages(item: Object) -> tuple[str, ...]:
    listed = item.get("passages") or item.get("relevant_passages")
    if isinstance(listed, list):
        return tuple(str(p["text"] if isinstance(p, Mapping) else p) for p in listed)
    if listed:
        raise ValueError(f"passages must be a list of texts, found {type(listed).__name__}")
    evidence = item.get("evidence")
    if isinstance(evidence, str) and "context" not in item:
        return (evidence,)
    if isinstance(evidence, list) and "context" not in item:
        apart = item.get("distractors") or []
        return tuple(p for p in ("\n".join(map(str, evidence)), "\n".join(map(str, apart))) if p)
    context = _context(item)
    if not context and isinstance(item.get("context"), (Mapping, list)):
        context = json.dumps(item["context"], ensure_ascii=False)
    if not context.lstrip().startswith(("{", "[")):
        parts = [p.strip() for p in _NUMBERED.split(context)]
        if len(parts) > 2:
            return tuple(p for p in parts if p)
    return (context,) if context else ()
