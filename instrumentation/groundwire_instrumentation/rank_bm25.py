"""rank_bm25: `get_top_n` of every variant.

It returns texts and no scores. `get_scores` scores the whole corpus and finds nothing; it is not traced.
"""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

from groundwire.documents import as_documents
from groundwire.model import Document, Operation, Provider, Request, Response


def _request(index: Any, arguments: Mapping[str, Any]) -> Request:
    query = arguments["query"]
    return Request(query=query if isinstance(query, str) else _words(query), top_k=arguments.get("n", 5))


def _words(tokens: Iterable[Any]) -> str:
    return " ".join(map(str, tokens))


def _response(result: Any) -> Response:
    return Response(documents=[document for entry in result for document in _one(entry)])


def _one(entry: Any) -> Sequence[Document]:
    """One entry of the corpus: a text, its tokens, an object around it, or its number."""
    if isinstance(entry, list | tuple):
        return [Document(_words(entry))]
    if isinstance(entry, Integral):
        return [Document(id=str(entry))]
    return as_documents([entry])


PROVIDER = Provider(
    name="rank_bm25",
    module="rank_bm25",
    distribution="rank-bm25",
    operations=(Operation("retrieval", ("rank_bm25:BM25.get_top_n",), _request, _response, iterables=("query",)),),
)
