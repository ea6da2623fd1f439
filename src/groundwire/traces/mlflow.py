"""Traces as MLflow writes them: `Trace.to_json` of mlflow 3.17, and its files of traces.

Spans stand there in the fields of OTLP, with ids in base64 and attributes as an object of JSON texts; those of MLflow 2
in fields of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import SpanRecord
from groundwire.traces import phoenix
from groundwire.traces.foreign import from_text
from groundwire.traces.otlp_json import span_of
from groundwire.traces.otlp_values import Complaint, objects, text


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The spans of one trace."""
    data = document["data"]
    for span in objects(from_text(data.get("spans")), "spans", complain):
        if isinstance(span.get("context"), Mapping):  # MLflow 2
            yield from phoenix.decode(span, complain)
            continue
        links = span.get("links")
        if isinstance(links, list):
            span = {**span, "links": [_link(link) for link in links]}
        try:
            yield span_of(span, {}, "mlflow")
        except (ValueError, TypeError) as error:
            complain(f"span {text(span.get('name'))[:60]!r} left out: {error}")


def _link(link: Any) -> Any:
    if isinstance(link, Mapping) and isinstance(link.get("trace_id"), str):
        return {**link, "trace_id": link["trace_id"].rpartition("/")[2].removeprefix("tr-")}
    return link
