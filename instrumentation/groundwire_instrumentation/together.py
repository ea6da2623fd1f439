"""Together: chat completions, plain, raw and streamed, with thoughts; embeddings; rerank. Sync and async.

All of the client's calls pass through one public method, as OpenAI's do. A rerank answers with places in the list that
it was given.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.documents import passage
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.wire import members
from groundwire_instrumentation import _openai_like, openai
from groundwire_instrumentation._openai_usage import usage_of, whole

_TARGETS = ("together:Together.request", "together:AsyncTogether.request")


def _rerank_request(client: Any, arguments: Mapping[str, Any]) -> Request:
    body, common = openai.request_parts(client, arguments)
    before = [_candidate(document, body.get("rank_fields")) for document in body["documents"]]

    def read(result: Any) -> Response:
        found = whole(result)
        rows = map(members, found["results"])
        return Response(
            model=found.get("model"),
            id=found.get("id"),
            documents=[replace(before[row["index"]], score=row["relevance_score"]) for row in rows],
            higher_is_better=True,
            usage=usage_of(found.get("usage")),
        )

    request = Request(query=body["query"], documents=before, top_k=body.get("top_n"), read=read, **common)
    return _openai_like.its_own(request, arguments)


def _candidate(document: Any, rank_fields: Any) -> Document:
    """A text, or a record of which some fields, or all of them, are ranked by."""
    if isinstance(document, str):
        return Document(document)
    named = {key: document[key] for key in rank_fields or () if key in document}
    text, _ = passage(named or {key: value for key, value in document.items() if key != "id"})
    identity = document.get("id")
    rest = {key: value for key, value in document.items() if key != "id" and value != text}
    return Document(text, None if identity is None else str(identity), metadata=rest or None)


def _rerank_response(_: Any) -> Response:
    return Response()  # the request says how its result is read


PROVIDER = Provider(
    name="together",
    module="together",
    distribution="together",
    operations=(
        *_openai_like.operations(_TARGETS),
        Operation(
            "rerank",
            _TARGETS,
            _rerank_request,
            _rerank_response,
            applies=openai.posted_to("/rerank"),
            iterables=("options.json_data.documents",),
        ),
    ),
)
