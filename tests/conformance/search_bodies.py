"""What a cluster of Elasticsearch or OpenSearch answers, for the cases of both."""

import json
from typing import Any

QUERY = "How high is it?"
TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
EVEREST = {"id": "e", "score": 1.5, "content": TEXTS[0], "metadata": {"page": 1}}
FUJI = {"id": "f", "score": 0.5, "content": TEXTS[1], "metadata": {"page": 2}}
HIGHER = {"groundwire.retrieval.higher_is_better": True}
BOTH = {"gen_ai.retrieval.documents": [EVEREST, FUJI], **HIGHER}
EMPTY = {"took": 1, "timed_out": False, "hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}}

_SOURCES = [
    {"_id": "e", "_score": 1.5, "_source": {"text": TEXTS[0], "page": 1, "vector": [0.25, 0.5]}},
    {"_id": "f", "_score": 0.5, "_source": {"text": TEXTS[1], "page": 2, "vector": [0.5, 0.5]}},
]
_FIELDS = [
    {"_id": "e", "_score": 1.5, "fields": {"text": [TEXTS[0]], "page": [1]}},
    {"_id": "f", "_score": 0.5, "fields": {"text": [TEXTS[1]], "page": [2]}},
]
MISSING = json.dumps(
    {
        "error": {
            "root_cause": [{"type": "index_not_found_exception", "reason": "no such index [mountains]"}],
            "type": "index_not_found_exception",
            "reason": "no such index [mountains]",
        },
        "status": 404,
    }
)


def _page(hits: list[dict[str, Any]]) -> dict[str, Any]:
    total = {"value": len(hits), "relation": "eq"}
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    hits = [{"_index": "mountains", **hit} for hit in hits]
    return {"took": 2, "timed_out": False, "_shards": shards, "hits": {"total": total, "max_score": 1.5, "hits": hits}}


def answer(path: str, body: str) -> str:
    """The body of the answer to a request."""
    if "_msearch" in path:
        lines = [json.loads(line) for line in body.splitlines() if line][1::2]
        failed = {"error": {"type": "parsing_exception", "reason": "unknown query [oops]"}, "status": 400}
        answers = [failed if "oops" in line.get("query", ()) else _page(_SOURCES) | {"status": 200} for line in lines]
        return json.dumps({"took": 2, "responses": answers})
    asked = json.loads(body) if body else {}
    if "sort" in asked:
        return json.dumps(_page([{**hit, "_score": None, "sort": [1]} for hit in _SOURCES]))
    if "inner_hits" in asked.get("knn", ()):
        told = [{"_source": {"text": TEXTS[0], "v": [0.5]}}, {"fields": {"parts": [{"text": [TEXTS[1]], "n": [2]}]}}]
        inner = {"parts": {"hits": {"hits": [{"_nested": {"field": "parts", "offset": 0}, **part} for part in told]}}}
        return json.dumps(_page([{"_id": "e", "_score": 1.5, "_source": {"page": 1}, "inner_hits": inner}]))
    if "highlight" in asked:
        shown = [TEXTS[0][:8], TEXTS[0][11:]]
        return json.dumps(_page([{"_id": "e", "_score": 1.5, "fields": {"page": [1]}, "highlight": {"text": shown}}]))
    return json.dumps(_page(_FIELDS if asked.get("_source") is False else _SOURCES))
