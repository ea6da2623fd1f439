"""MongoDB (pymongo): `aggregate` with a searching stage (`$vectorSearch`, `$search`, `$rankFusion`), sync and async.

The stage comes first, here or in a pipeline that is joined to this one; other pipelines are no retrieval. Of the answer
its first batch is read, without taking it from the cursor: as many documents as a search returns. A score is there
where the pipeline projects `$meta` into a field.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from groundwire.documents import from_row
from groundwire.model import Operation, Provider, Request, Response

_TARGETS = (
    "pymongo.collection:Collection.aggregate",
    "pymongo.asynchronous.collection:AsyncCollection.aggregate",
)
_SEARCHES = ("$vectorSearch", "$search", "$rankFusion", "$scoreFusion")
_METAS = ("vectorSearchScore", "searchScore", "score")


def _stages(pipeline: Any) -> list[Mapping[str, Any]]:
    return [stage for stage in pipeline if isinstance(stage, Mapping)] if isinstance(pipeline, list | tuple) else []


def _asking(stages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The searching stages: the first, and that of any pipeline that is joined to this one."""
    asking = [stage for stage in stages[:1] if any(name in stage for name in _SEARCHES)]
    for stage in stages:
        for joined in (stage.get("$unionWith"), stage.get("$lookup")):
            if isinstance(joined, Mapping):
                asking += _asking(_stages(joined.get("pipeline")))
    return asking


def _searches(arguments: Mapping[str, Any]) -> bool:
    return bool(_asking(_stages(arguments.get("pipeline"))))


def _request(collection: Any, arguments: Mapping[str, Any]) -> Request:
    stages = _stages(arguments["pipeline"])
    search = stages[0].get("$vectorSearch") or {}
    asking = _asking(stages)
    limits = [n for n in (search.get("limit"), *(s.get("$limit") for s in stages)) if isinstance(n, int)]
    address = collection.database.client._topology_settings.seeds
    host, port = next(iter(address)) if len(address) == 1 else (None, None)
    return Request(
        query=list(dict.fromkeys(_texts(asking))) or None,
        top_k=min(limits, default=None),
        data_source=collection.name,
        server_address=host,
        server_port=port,
        read=partial(_read, _score_field(stages)),
    )


def _texts(part: Any) -> Iterator[str]:
    """Texts that operators search for; not what they filter by."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "query" and isinstance(value, str):
                yield value
            elif key not in ("filter", "mustNot", "queryVector"):
                yield from _texts(value)
    elif isinstance(part, list) and not (part and isinstance(part[0], int | float)):
        for entry in part:
            yield from _texts(entry)


def _score_field(stages: list[Mapping[str, Any]]) -> str:
    """The field into which the pipeline puts the score."""
    for stage in stages:
        for field, value in {
            **stage.get("$project", {}),
            **stage.get("$addFields", {}),
            **stage.get("$set", {}),
        }.items():
            if isinstance(value, Mapping) and value.get("$meta") in _METAS:
                return str(field)
    return "score"


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
