"""The engine where a library answers calls as well as making them, and makes spans of its own for both."""

import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.propagate import inject
from opentelemetry.trace import SpanKind, StatusCode

from conformance.harness import Tracing, traced
from groundwire import Operation, Provider, Request, Response

MODULE = "groundwire_serving"
SOURCE = """
from opentelemetry.propagate import inject

def call(name):
    with tracer.start_as_current_span("its own call") as span:
        span.set_attribute("mine", True)
        headers = {}
        inject(headers)
    return serve(name, headers)

def serve(name, headers):
    with tracer.start_as_current_span("its own answer"):
        return {"failed": name == "broken"}

def ping():
    with tracer.start_as_current_span("its own ping"):
        pass
    tracer.start_span("another").end()
"""


@pytest.fixture
def library() -> Iterator[Any]:
    module = types.ModuleType(MODULE)
    exec(SOURCE, vars(module))
    sys.modules[MODULE] = module
    yield module
    del sys.modules[MODULE]


def _request(_: Any, arguments: Any) -> Request:
    return Request(name=arguments["name"])


def _response(result: Any) -> Response:
    return Response(error="tool_error" if result["failed"] else None)


CALL = Operation("tool", (f"{MODULE}:call",), _request, _response, side="client")
SERVE = Operation(
    "tool", (f"{MODULE}:serve",), _request, _response, side="server", carrier=lambda arguments: arguments["headers"]
)
PROVIDER = Provider("serving", MODULE, "pytest", (CALL, SERVE), tracers=(f"{MODULE}:tracer",))


def _told(library: Any, tracing: Tracing) -> None:
    # `tracer` must be there before the engine looks at it.
    library.tracer = tracing.tracer_provider.get_tracer("its own")
    tracing.engine.instrument(PROVIDER)


def test_client_and_server_are_spans_of_those_kinds_and_the_library_s_own_are_silent(library: Any) -> None:
    with traced() as tracing:
        _told(library, tracing)
        library.call("find")
        served, called = tracing.spans
        assert (served.name, served.kind) == ("execute_tool find", SpanKind.SERVER)
        assert (called.name, called.kind) == ("execute_tool find", SpanKind.CLIENT)
        assert served.parent is not None
        assert served.parent.span_id == called.context.span_id


def test_outside_a_told_call_the_library_s_own_spans_stay(library: Any) -> None:
    with traced() as tracing:
        _told(library, tracing)
        library.ping()
        assert [span.name for span in tracing.spans] == ["its own ping", "another"]
        own = library.tracer
        tracing.engine.uninstrument()
        assert library.tracer is not own
        tracing.clear()
        library.call("find")
        assert [span.name for span in tracing.spans] == ["its own call", "its own answer"]


def test_a_server_s_span_is_a_child_of_the_caller_s_wherever_that_is(library: Any) -> None:
    with traced() as tracing:
        _told(library, tracing)
        with tracing.tracer.start_as_current_span("far away") as far:
            headers: dict[str, Any] = {}
            inject(headers)
        with tracing.tracer.start_as_current_span("loop of the server"):
            library.serve("find", headers)
        served = next(span for span in tracing.spans if span.kind is SpanKind.SERVER)
        assert served.parent is not None
        assert served.parent.span_id == far.get_span_context().span_id
        assert served.context.trace_id == far.get_span_context().trace_id


@pytest.mark.parametrize(
    "headers", [{}, None, {"traceparent": "nonsense"}, {"traceparent": 5}, {"traceparent": None}, 7]
)
def test_trace_context_that_cannot_be_read_leaves_the_span_where_it_is(library: Any, headers: Any) -> None:
    with traced() as tracing:
        _told(library, tracing)
        with tracing.tracer.start_as_current_span("loop of the server") as loop:
            library.serve("find", headers)
        served, _ = tracing.spans
        assert served.parent is not None
        assert served.parent.span_id == loop.get_span_context().span_id


def test_a_result_that_tells_of_a_failure_is_an_error(library: Any) -> None:
    with traced() as tracing:
        _told(library, tracing)
        library.call("broken")
        for span in tracing.spans:
            assert span.status.status_code is StatusCode.ERROR
            assert (span.attributes or {})["error.type"] == "tool_error"


def test_an_operation_covers_another_provider_and_its_own_spans(library: Any) -> None:
    library.outer = lambda name: library.call(name)
    covering = replace(CALL, targets=(f"{MODULE}:outer",), side=None, covers=("serving",))
    with traced() as tracing:
        _told(library, tracing)
        tracing.engine.instrument(Provider("outer", MODULE, "pytest", (covering,)))
        library.outer("find")
        assert tracing.span.kind is SpanKind.INTERNAL
        assert tracing.span.name == "execute_tool find"


def test_a_library_without_the_tracer_is_traced_all_the_same(library: Any) -> None:
    with traced(replace(PROVIDER, tracers=(f"{MODULE}:absent", "groundwire_no_such:tracer"))) as tracing:
        library.tracer = tracing.tracer_provider.get_tracer("its own")
        library.call("find")
        assert len([span for span in tracing.spans if span.name == "execute_tool find"]) == 2
