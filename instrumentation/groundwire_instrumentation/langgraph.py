"""LangGraph: a run of a graph as the workflow that holds what its nodes do.

A graph inside a graph is a part of it. Retrievers and tools are LangChain's; the model call is the client's.
"""

from collections.abc import Mapping
from typing import Any

from groundwire.model import Operation, Provider, Request
from groundwire_instrumentation._langchain_values import Pieces, name_of, outcome, pauses, told


def _request(graph: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(name=name_of(graph, arguments), input=told(arguments.get("input")))


PROVIDER = Provider(
    name="langgraph",
    module="langgraph.pregel",  # `langgraph` itself is only a name that several packages share
    distribution="langgraph",
    operations=(
        Operation(
            "workflow",
            tuple(f"langgraph.pregel.main:Pregel.{shape}" for shape in ("invoke", "ainvoke", "stream", "astream")),
            _request,
            outcome,
            Pieces,
            pauses=pauses,
        ),
    ),
    delegates_to=("langchain",),
)
