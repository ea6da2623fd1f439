"""One span in the shape of OTLP/JSON without a resource around it: Phoenix' `spans/otlpv1`, and log pipelines."""

from collections.abc import Iterator, Mapping
from typing import Any

from groundwire.model import SpanRecord
from groundwire.traces.otlp_json import span_of
from groundwire.traces.otlp_values import Complaint, attributes_of, first, part, text


def decode(document: Mapping[str, Any], complain: Complaint) -> Iterator[SpanRecord]:
    """The span; a resource or a scope may stand inside it."""
    try:
        resource = attributes_of(part(document.get("resource"), "the resource").get("attributes"))
        scope = first(document, "scope", "instrumentationScope", "instrumentation_scope")
        if isinstance(scope, Mapping):
            span = span_of(document, resource, text(scope.get("name")), text(scope.get("version")))
        else:
            span = span_of(document, resource, text(scope))
    except (ValueError, TypeError) as error:
        complain(f"span {text(document.get('name'))[:60]!r} left out: {error}")
        return
    yield span
