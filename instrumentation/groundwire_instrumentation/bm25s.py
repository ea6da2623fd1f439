"""bm25s: `retrieve`, by tokens, of one query or several; with a corpus or by number.

An index without its corpus finds numbers: `groundwire.texts_for` says what they stand for. The query is written down
as the words that it was split into, which is all that the index is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from groundwire.documents import as_documents, passage
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.texts import document_at, listed, name_of


def _request(index: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(
        query=_queries(arguments["query_tokens"]),
        top_k=arguments.get("k", 10),
        data_source=name_of(index),
        read=partial(_found, index),
    )


def _queries(tokens: Any) -> list[str] | None:
    """The words of each query; None where only the index can read them: numbers, or what can be read but once."""
    if isinstance(tokens, tuple) and len(tokens) == 2 and isinstance(tokens[1], Mapping):
        if isinstance(tokens[0], Iterator):
            return None
        words = {number: word for word, number in tokens[1].items()}
        return [" ".join(words[number] for number in query if number in words) for query in tokens[0]]
    if all(isinstance(word, str) for query in tokens for word in query):
        return [" ".join(query) for query in tokens]
    return None


def _response(result: Any) -> Response:
    return _found(None, result)


def _found(index: Any, result: Any) -> Response:
    documents, scores = getattr(result, "documents", result), getattr(result, "scores", None)
    rows = listed(documents.shape[1])
    values = None if scores is None else scores[:rows].tolist()
    return Response(
        documents=[
            [_document(index, entry, values and values[i][j]) for j, entry in enumerate(row)]
            for i, row in enumerate(documents[:rows].tolist())
        ],
        higher_is_better=None if scores is None else True,
    )


def _document(index: Any, entry: Any, score: float | None) -> Document:
    if isinstance(entry, int):
        return document_at(index, entry, score)
    if isinstance(entry, Mapping):
        text, rest = passage({key: value for key, value in entry.items() if key != "id"})
        return Document(text, str(entry["id"]) if "id" in entry else None, score, rest)
    found: Sequence[Document] = as_documents([entry])
    one = found[0] if found else Document()
    return Document(one.text, one.id, score, one.metadata)


PROVIDER = Provider(
    name="bm25s",
    module="bm25s",
    distribution="bm25s",
    operations=(Operation("retrieval", ("bm25s:BM25.retrieve",), _request, _response),),
)
