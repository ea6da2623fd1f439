"""MongoDB (pymongo): `aggregate` with a searching stage (`$vectorSearch`, `$search`, `$rankFusion`), sync and async.

The stage comes first, here or in a pipeline that is joined to this one; other pipelines are no retrieval. Of the answer
its first batch is read, without taking it from the cursor: as many documents as a search returns. A score is there
where the pipeline projects `$meta` into a field.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.documents import from_row
from groundwire.model import Operation, Provider, Request, Response
from groundwire_instrumentation._mongo_pipelines import asking, score_field, stages_of, texts

_TARGETS = (
    "pymongo.collection:Collection.aggregate",
    "pymongo.asynchronous.collection:AsyncCollection.aggregate",
)


def _searches(arguments: Mapping[str, Any]) -> bool:
    return bool(asking(stages_of(arguments.get("pipeline"))))


def _request(collection: Any, arguments: Mapping[str, Any]) -> Request:
    stages = stages_of(arguments["pipeline"])
    search = stages[0].get("$vectorSearch") or {}
    limits = [n for n in (search.get("limit"), *(s.get("$limit") for s in stages)) if isinstance(n, int)]
    address = collection.database.client._topology_settings.seeds
    host, port = next(iter(address)) if len(address) == 1 else (None, None)
    return Request(
        query=list(dict.fromkeys(texts(asking(stages)))) or None,
        top_k=min(limits, default=None),
        data_source=collection.name,
        server_address=host,
        server_port=port,
        read=partial(_read, score_field(stages)),
    )


def _read(field: str, cursor: Any) -> Response:
    if not cursor._data and cursor.cursor_id:  # the first batch was to be empty
        return Response()
    rows = [row for row in cursor._data if isinstance(row, Mapping)]
    documents = [
        from_row({k: v for k, v in row.items() if k not in ("_id", field)}, row.get("_id"), row.get(field))
        for row in rows
    ]
    return Response(documents=documents, higher_is_better=True if any(field in row for row in rows) else None)


PROVIDER = Provider(
    name="mongodb",
    module="pymongo",
    distribution="pymongo",
    operations=(Operation("retrieval", _TARGETS, _request, partial(_read, "score"), applies=_searches),),
)
