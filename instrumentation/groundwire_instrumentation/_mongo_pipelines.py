"""Pipelines of MongoDB: which of their stages search, for which words, and where they put the score."""

from collections.abc import Iterator, Mapping
from typing import Any

_SEARCHES = ("$vectorSearch", "$search", "$rankFusion", "$scoreFusion")
_METAS = ("vectorSearchScore", "searchScore", "score")


def stages_of(pipeline: Any) -> list[Mapping[str, Any]]:
    """The stages of a pipeline; none of what is no list."""
    return [stage for stage in pipeline if isinstance(stage, Mapping)] if isinstance(pipeline, list | tuple) else []


def asking(stages: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The searching stages: the first, and that of any pipeline that is joined to this one."""
    found = [stage for stage in stages[:1] if any(name in stage for name in _SEARCHES)]
    for stage in stages:
        for joined in (stage.get("$unionWith"), stage.get("$lookup")):
            if isinstance(joined, Mapping):
                found += asking(stages_of(joined.get("pipeline")))
    return found


def texts(part: Any) -> Iterator[str]:
    """Texts that operators search for; not what they filter by."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == "query" and isinstance(value, str):
                yield value
            elif key not in ("filter", "mustNot", "queryVector"):
                yield from texts(value)
    elif isinstance(part, list) and not (part and isinstance(part[0], int | float)):
        for entry in part:
            yield from texts(entry)


def score_field(stages: list[Mapping[str, Any]]) -> str:
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
