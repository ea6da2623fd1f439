"""What is particular to MCP: two sides, maybe two processes, one tree; and spans of the SDK's own."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import mcp.shared._otel
import mcp_types as types
import pytest
from langchain_core.tools import StructuredTool
from llama_index.core.tools import FunctionTool
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.server import Server
from mcp.server.mcpserver import MCPServer
from opentelemetry.trace import SpanKind, StatusCode

from conformance.harness import Tracing, decoded, traced
from groundwire_instrumentation import langchain, llama_index
from groundwire_instrumentation.mcp import PROVIDER
from providers import library_server

SERVER = str(Path(__file__).with_name("library_server.py"))
ONE_TREE = [
    ("execute_tool search", SpanKind.CLIENT, None),
    ("execute_tool search", SpanKind.SERVER, "execute_tool search"),
]


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracing]:
    """The provider instrumented, and the SDK's own spans in the same place."""
    with traced() as tracing:
        own = tracing.tracer_provider.get_tracer("mcp-python-sdk")
        monkeypatch.setattr(mcp.shared._otel, "_tracer", own)
        tracing.engine.instrument(PROVIDER)
        yield tracing
        tracing.engine.uninstrument()  # before the tracer is put back


def ours(tracing: Tracing) -> list[Any]:
    """Spans that the SDK did not make itself, from the outside in."""
    return [s for s in reversed(tracing.spans) if s.instrumentation_scope.name == "groundwire"]


def tree(tracing: Tracing) -> list[tuple[str, SpanKind, str | None]]:
    """Spans with their parents, from the outside in."""
    names = {span.context.span_id: span.name for span in tracing.spans}
    return [(s.name, s.kind, names[s.parent.span_id] if s.parent else None) for s in ours(tracing)]


# --- one process ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_client_and_server_of_one_process_are_one_tree(tracing: Tracing, mode: str) -> None:
    async with Client(library_server.server, mode=mode) as client:
        tracing.clear()
        await client.call_tool("search", {"query": "Everest"})
    assert tree(tracing)[:2] == ONE_TREE
    assert len({span.context.trace_id for span in ours(tracing)}) == 1


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_sdk_is_silent_about_what_is_told_and_about_nothing_else(tracing: Tracing, mode: str) -> None:
    async with Client(library_server.server, mode=mode) as client:
        tracing.clear()
        await client.call_tool("search", {"query": "Everest"})
        await client.read_resource("docs://everest")
        await client.list_tools()
    told = [s.name for s in tracing.spans if s.instrumentation_scope.name == "mcp-python-sdk"]
    assert "tools/list" in told
    assert not [name for name in told if "tools/call" in name or "resources/read" in name]


async def test_names_of_before_version_2_are_not_asked_for(tracing: Tracing, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(_: Any) -> None:
        raise DeprecationWarning  # as FastMCP makes the SDK's models do, under `-W error`

    for old in ("isError", "structuredContent"):
        monkeypatch.setattr(types.CallToolResult, old, property(warn), raising=False)
    async with Client(library_server.server) as client:
        await client.call_tool("search", {"query": "Everest"})
    assert all("gen_ai.tool.call.result" in s.attributes for s in ours(tracing) if s.name == "execute_tool search")


async def test_a_resource_is_retrieved_once(tracing: Tracing) -> None:
    async with Client(library_server.server) as client:
        tracing.clear()
        await client.read_resource("docs://everest")
    assert tracing.span.name == "retrieval library"
    documents = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
    assert documents == [{"id": "docs://everest", "content": library_server.PASSAGE}]


async def test_a_call_for_which_the_server_asks_back_is_one_call(tracing: Tracing) -> None:
    async def call(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult | types.InputRequiredResult:
        if params.input_responses:
            return types.CallToolResult(content=[types.TextContent(text="8,849 m")])
        form = types.ElicitRequestFormParams(
            message="In what unit?", requested_schema={"type": "object", "properties": {}}
        )
        return types.InputRequiredResult(input_requests={"unit": types.ElicitRequest(params=form)})

    async def tools(*_: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool(name="height", input_schema={"type": "object"})])

    async def told(*_: Any) -> types.ElicitResult:
        return types.ElicitResult(action="accept", content={"unit": "m"})

    async with Client(Server("library", on_call_tool=call, on_list_tools=tools), elicitation_callback=told) as client:
        tracing.clear()
        await client.call_tool("height", {"mountain": "Everest"})
    (asked, *served) = ours(tracing)
    assert (asked.kind, asked.parent) == (SpanKind.CLIENT, None)
    assert (asked.attributes or {})["gen_ai.tool.call.result"] == "8,849 m"
    assert [(s.kind, s.parent.span_id) for s in served] == [(SpanKind.SERVER, asked.context.span_id)] * 2


async def test_a_resource_that_the_client_remembers_is_retrieved_all_the_same(tracing: Tracing) -> None:
    async def read(_: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        contents = [types.TextResourceContents(uri=params.uri, text=library_server.PASSAGE)]
        return types.ReadResourceResult(contents=contents, ttl_ms=60_000, cache_scope="private")

    async with Client(Server("library", on_read_resource=read)) as client:
        tracing.clear()
        await client.read_resource("docs://everest")
        await client.read_resource("docs://everest")
    first, second = ours(tracing)
    assert decoded(first.attributes) == decoded(second.attributes)


async def test_a_tool_that_fails_is_an_error_on_both_sides(tracing: Tracing) -> None:
    async with Client(library_server.server) as client:
        tracing.clear()
        assert (await client.call_tool("search", {"query": "impossible"})).is_error
    assert [(s.attributes or {})["error.type"] for s in ours(tracing)] == ["tool_error"] * 2
    assert {span.status.status_code for span in ours(tracing)} == {StatusCode.ERROR}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_call_that_takes_too_long_ends_on_both_sides(tracing: Tracing, mode: str) -> None:
    async with Client(library_server.server, mode=mode) as client:
        tracing.clear()
        with pytest.raises(MCPError):
            await client.call_tool("search", {"query": "slow"}, read_timeout_seconds=0.05)
        await asyncio.sleep(0.05)
    kinds = {span.kind: (span.attributes or {})["error.type"] for span in ours(tracing)}
    assert kinds == {SpanKind.CLIENT: "MCPError", SpanKind.SERVER: "CancelledError"}


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_cancelled_call_ends_on_both_sides(tracing: Tracing, mode: str) -> None:
    async with Client(library_server.server, mode=mode) as client:
        tracing.clear()
        task = asyncio.create_task(client.call_tool("search", {"query": "slow"}))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)
    assert [(s.kind, (s.attributes or {})["error.type"]) for s in ours(tracing)] in (
        [(SpanKind.CLIENT, "CancelledError"), (SpanKind.SERVER, "CancelledError")],
        [(SpanKind.SERVER, "CancelledError"), (SpanKind.CLIENT, "CancelledError")],
    )


async def test_calls_at_the_same_time_are_trees_of_their_own(tracing: Tracing) -> None:
    async with Client(library_server.server, mode="legacy") as client:
        tracing.clear()
        await asyncio.gather(*(client.call_tool("search", {"query": str(n)}) for n in range(8)))
    traces: dict[int, set[Any]] = {}
    for span in ours(tracing):
        traces.setdefault(span.context.trace_id, set()).add((span.attributes or {})["gen_ai.tool.call.arguments"])
    assert sorted(map(sorted, traces.values())) == [[f'{{"query":"{n}"}}'] for n in range(8)]


# --- frameworks around it -------------------------------------------------------------------------------------------


async def said(client: Client, query: str) -> str:
    (block,) = (await client.call_tool("search", {"query": query})).content
    assert isinstance(block, types.TextContent)
    return block.text


def of_langchain(client: Any) -> Any:
    async def search(query: str) -> str:
        """Finds what is known."""
        return await said(client, query)

    return StructuredTool.from_function(coroutine=search).ainvoke({"query": "Everest"})


def of_llama_index(client: Any) -> Any:
    async def search(query: str) -> str:
        """Finds what is known."""
        return await said(client, query)

    return FunctionTool.from_defaults(async_fn=search).acall(query="Everest")


@pytest.mark.parametrize("tool", [of_langchain, of_llama_index])
async def test_a_tool_that_is_one_of_a_server_is_told_once(tracing: Tracing, tool: Any) -> None:
    for framework in (langchain.PROVIDER, llama_index.PROVIDER):
        tracing.engine.instrument(framework)
    async with Client(library_server.server) as client:
        tracing.clear()
        assert library_server.PASSAGE in str(await tool(client))
    asked, *served = ours(tracing)
    assert (asked.name, asked.kind, asked.parent) == ("execute_tool search", SpanKind.INTERNAL, None)
    assert (asked.attributes or {})["gen_ai.tool.call.result"] == library_server.PASSAGE
    assert [span.kind for span in served if span.name == "execute_tool search"] == [SpanKind.SERVER]
    assert {span.context.trace_id for span in tracing.spans} == {asked.context.trace_id}


async def test_what_a_tool_or_a_server_asks_of_others_is_told(tracing: Tracing) -> None:
    tracing.engine.instrument(langchain.PROVIDER)
    gateway = MCPServer("gateway", log_level="ERROR")
    async with Client(library_server.server) as behind, Client(gateway) as client:

        @gateway.tool()
        async def search(query: str) -> str:
            return await said(behind, query)

        async def research(query: str) -> str:
            """Looks into it."""
            return await said(client, query)

        tracing.clear()
        await StructuredTool.from_function(coroutine=research).ainvoke({"query": "Everest"})
    told = [(span.name, span.kind) for span in ours(tracing)]
    assert told[:5] == [
        ("execute_tool research", SpanKind.INTERNAL),
        *[("execute_tool search", SpanKind.CLIENT), ("execute_tool search", SpanKind.SERVER)] * 2,
    ]


# --- two processes --------------------------------------------------------------------------------------------------


def spans_in(file: Path, count: int) -> list[dict[str, Any]]:
    """The spans that another process has written, once there are so many."""
    until = monotonic() + 20
    while monotonic() < until:
        lines = file.read_text().splitlines() if file.exists() else []
        found = [
            span
            for line in lines
            for resource in json.loads(line)["resourceSpans"]
            for scope in resource["scopeSpans"]
            for span in scope["spans"]
        ]
        if len(found) >= count:
            return found
        sleep(0.02)
    raise AssertionError(f"{count} spans were to come")


def one_tree_across(tracing: Tracing, told: list[dict[str, Any]]) -> None:
    """The client's span here, and the server's with its retrieval there."""
    (called,) = [span for span in tracing.spans if span.name == "execute_tool search"]
    (served,) = [span for span in told if span["name"] == "execute_tool search"]
    (found,) = [span for span in told if span["name"].startswith("retrieval")]
    assert served["parentSpanId"] == f"{called.context.span_id:016x}"
    assert found["parentSpanId"] == served["spanId"]
    assert {served["traceId"], found["traceId"]} == {f"{called.context.trace_id:032x}"}


async def test_a_server_behind_stdio_is_in_the_caller_s_tree(tracing: Tracing, tmp_path: Path) -> None:
    file = tmp_path / "server.jsonl"
    parameters = StdioServerParameters(command=sys.executable, args=[SERVER, str(file)])
    async with Client(stdio_client(parameters)) as client:
        await client.call_tool("search", {"query": "Everest"})
    one_tree_across(tracing, spans_in(file, 2))


async def test_a_server_behind_http_is_in_the_caller_s_tree(tracing: Tracing, tmp_path: Path) -> None:
    file = tmp_path / "server.jsonl"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, SERVER, str(file), str(port)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                await asyncio.sleep(0.05)
        async with Client(f"http://127.0.0.1:{port}/mcp") as client:
            await client.call_tool("search", {"query": "Everest"})
    finally:
        process.terminate()
        process.wait(10)
    one_tree_across(tracing, spans_in(file, 2))
