"""faiss: every search of an index by its nearest or by a radius, of inverted lists chosen before too; binary ones too.

So is `knn` of vectors without an index. An index knows numbers and no texts: `groundwire.texts_for(index, texts)` says
what they stand for, as it does of the array that `knn` is given. Several queries in one call are one span. Scores are
distances or, of inner products, similarities, as faiss returns them.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.texts import MOST, document_at, listed, name_of

_NEAREST = (
    "faiss:Index+.search",
    "faiss:IndexBinary+.search",
    "faiss:Index+.search_and_reconstruct",
    # of inverted lists
    "faiss:IndexIVF+.search_and_return_codes",
    "faiss:IndexIVF+.search_preassigned",
    "faiss:IndexBinaryIVF+.search_preassigned",
)
_WITHIN = (
    "faiss:Index+.range_search",
    "faiss:IndexBinary+.range_search",
    "faiss:IndexIVF+.range_search_preassigned",
    "faiss:IndexBinaryIVF+.range_search_preassigned",
)
SIMILARITIES = (0, 23)
"""Metrics of which more is nearer: METRIC_INNER_PRODUCT and METRIC_Jaccard."""


def _nearest(index: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(top_k=int(arguments["k"]), data_source=name_of(index), read=partial(_rows, index))


def _within(index: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(data_source=name_of(index), read=partial(_ranges, index))


def _of_vectors(_: Any, arguments: Mapping[str, Any]) -> Request:
    metric = arguments.get("metric", 1)  # METRIC_L2
    return replace(_nearest(arguments["xb"], arguments), read=partial(_rows, arguments["xb"], metric=metric))


def _rows(index: Any, result: Any, metric: int | None = None) -> Response:
    """Of distances and numbers, a row of each for a query; -1 is no hit."""
    distances, numbers = result[0], result[1]
    rows = listed(numbers.shape[1])
    pairs = zip(numbers[:rows].tolist(), distances[:rows].tolist(), strict=True)
    return _answer(index, [_documents(index, *pair) for pair in pairs], metric)


def _ranges(index: Any, result: Any) -> Response:
    """Of where each query's hits begin and end, distances and numbers."""
    limits, distances, numbers = (part.tolist() for part in (result[0], result[1][:MOST], result[2][:MOST]))
    spans = pairwise(limits[: MOST + 1])
    return _answer(index, [_documents(index, numbers[a:b], distances[a:b]) for a, b in spans])


def _documents(index: Any, numbers: list[int], distances: list[float]) -> list[Document]:
    hits = zip(numbers, distances, strict=True)
    return [document_at(index, number, distance) for number, distance in hits if number >= 0]


def _answer(index: Any, documents: list[list[Document]], metric: int | None = None) -> Response:
    metric = getattr(index, "metric_type", metric)
    return Response(documents=documents, higher_is_better=None if metric is None else metric in SIMILARITIES)


PROVIDER = Provider(
    name="faiss",
    module="faiss",
    distribution="faiss-cpu",
    operations=(
        Operation("retrieval", _NEAREST, _nearest, partial(_rows, None)),
        Operation("retrieval", ("faiss:knn",), _of_vectors, partial(_rows, None)),
        Operation("retrieval", _WITHIN, _within, partial(_ranges, None)),
    ),
)
