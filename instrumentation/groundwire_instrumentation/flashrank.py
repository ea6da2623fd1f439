"""FlashRank: `rerank` of a ranker, pairwise or listwise.

It sorts the list that it was given, in place: the order before is written down when the call begins. A listwise
ranker gives no scores.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from groundwire.model import Document, Operation, Provider, Request, Response


def _request(ranker: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments["request"]
    before = [_document(passage, scored=False) for passage in asked.passages]
    return Request(model=ranker.model_dir.name, query=asked.query, documents=before)


def _document(passage: Mapping[str, Any], *, scored: bool) -> Document:
    identity, score = passage.get("id"), passage.get("score") if scored else None
    rest = {k: v for k, v in passage.items() if v is not None and k not in ("id", "text", "score")}
    inner = next((rest[key] for key in ("meta", "metadata") if len(rest) == 1 and key in rest), rest)
    return Document(
        passage.get("text"),
        None if identity is None else str(identity),
        None if score is None else float(score),
        (inner if isinstance(inner, Mapping) else rest) or None,
    )


def _response(result: Sequence[Mapping[str, Any]]) -> Response:
    documents = [_document(passage, scored=True) for passage in result]
    known = any(document.score is not None for document in documents)
    return Response(documents=documents, higher_is_better=True if known else None)


PROVIDER = Provider(
    name="flashrank",
    module="flashrank",
    distribution="FlashRank",
    operations=(Operation("rerank", ("flashrank:Ranker.rerank",), _request, _response),),
)
