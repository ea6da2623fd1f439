"""Sentence Transformers: `rank` of a cross-encoder, and `predict` of pairs that have one query in common.

Applications that call `predict` sort by its scores themselves: the order after is the order of those scores. Pairs of
several queries are no reranking, nor is what a model with several labels is asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from groundwire.documents import as_documents
from groundwire.model import Document, Operation, Provider, Request, Response


def _targets(method: str) -> tuple[str, ...]:
    return (f"sentence_transformers:CrossEncoder.{method}",)


def _pairs(arguments: Mapping[str, Any]) -> Any:
    pairs = arguments.get("inputs", arguments.get("sentences"))  # its name before 6.0
    return pairs.tolist() if hasattr(pairs, "tolist") else pairs


def _one_query(arguments: Mapping[str, Any]) -> bool:
    """Whether all pairs are of two texts, the first of them always the same."""
    pairs = _pairs(arguments)
    if not isinstance(pairs, list | tuple) or not pairs:
        return False
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        return False
    query = pairs[0][0]
    return isinstance(query, str) and all(pair[0] == query and isinstance(pair[1], str) for pair in pairs)


def _scores(encoder: Any) -> bool:
    """Whether it gives one score for each pair: with several labels it classifies (entailed, contradicted ...)."""
    return bool(getattr(encoder, "num_labels", 1) == 1)


def _rank(encoder: Any, arguments: Mapping[str, Any]) -> Request:
    before = [_document(entry) for entry in arguments["documents"]]
    query = arguments["query"]
    return Request(
        model=_model(encoder),
        query=query if isinstance(query, str) else None,
        documents=before,
        top_k=arguments.get("top_k"),
        read=partial(_ranked, before),
    )


def _predict(encoder: Any, arguments: Mapping[str, Any]) -> Request:
    pairs = _pairs(arguments)
    before = [Document(text) for _, text in pairs]
    return Request(model=_model(encoder), query=pairs[0][0], documents=before, read=partial(_scored, before))


def _model(encoder: Any) -> str | None:
    return getattr(getattr(encoder, "config", None), "_name_or_path", None) or None


def _document(entry: Any) -> Document:
    return next(iter(as_documents([entry])), Document())


def _ranked(before: Sequence[Document], result: Any) -> Response:
    rows = [(before[row["corpus_id"]], float(row["score"])) for row in result]
    return Response(documents=[replace(document, score=score) for document, score in rows], higher_is_better=True)


def _scored(before: Sequence[Document], result: Any) -> Response:
    scores = [float(score) for score in result]
    rows = sorted(zip(before, scores, strict=True), key=lambda row: -row[1])
    return Response(documents=[replace(document, score=score) for document, score in rows], higher_is_better=True)


def _nothing(_: Any) -> Response:
    """Of a request that could not be read: places in a list that nobody knows."""
    return Response()


PROVIDER = Provider(
    name="sentence_transformers",
    module="sentence_transformers",
    distribution="sentence-transformers",
    operations=(
        Operation("rerank", _targets("rank"), _rank, _nothing, iterables=("documents",)),
        Operation("rerank", _targets("predict"), _predict, _nothing, applies=_one_query, on=_scores),
    ),
)
