"""MCP in the conformance suite: the SDK's client in front of a peer that plays, and its server behind one."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import mcp_types as types
from mcp import ClientSession, MCPError
from mcp.server import Server
from mcp.server.connection import Connection
from mcp.server.runner import serve_one
from mcp.shared.direct_dispatcher import create_direct_dispatcher_pair
from opentelemetry.trace import SpanKind

from conformance.cases import Case, Mode
from conformance.playing import play
from groundwire_instrumentation.mcp import PROVIDER

VERSION = "2025-11-25"
URI = "docs://everest"
ANSWER = "Everest is 8,849 m high."
REFUSED = MCPError(types.INVALID_PARAMS, "no such thing")
INITIALIZED = types.InitializeResult(
    protocol_version=VERSION,
    capabilities=types.ServerCapabilities(),
    server_info=types.Implementation(name="library", version="1"),
)


class Playing:
    """What a server does in a mode."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    async def __call__(self) -> None:
        if self._mode == "hang":
            self._served()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        play(self._mode, self._served, REFUSED)


# --- the client -----------------------------------------------------------------------------------------------------


class Peer:
    """The other end of a client: what it gets is what came over the wire."""

    def __init__(self, playing: Playing) -> None:
        self._playing = playing

    async def send_raw_request(self, method: str, params: Mapping[str, Any], opts: Any = None) -> dict[str, Any]:
        if method == "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in ("find", "table")]}
        await self._playing()
        if method == "resources/read":
            image = {"uri": "docs://photo", "mimeType": "image/png", "blob": "aGk="}
            return {"contents": [{"uri": params["uri"], "text": ANSWER}, image]}
        if params["name"] == "height":
            return {"content": [{"type": "text", "text": ANSWER}], "structuredContent": {"result": 8849}}
        if params["name"] == "table":
            return {"content": [], "structuredContent": {"height": 8849}}
        return {
            "content": [
                {"type": "text", "text": "Two found."},
                {"type": "resource", "resource": {"uri": URI, "text": ANSWER}},
                {"type": "resource_link", "uri": "docs://fuji", "name": "fuji"},
                {"type": "image", "data": "aGk=", "mimeType": "image/png"},
            ]
        }


def open_session(mode: Mode, served: Callable[[], None]) -> ClientSession:
    session = ClientSession(dispatcher=Peer(Playing(mode, served)))  # type: ignore[arg-type]
    session.adopt(INITIALIZED)
    return session


# --- the server -----------------------------------------------------------------------------------------------------


def open_server(mode: Mode, served: Callable[[], None]) -> Server[Any]:
    playing = Playing(mode, served)

    async def call(_: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        await playing()
        return types.CallToolResult(content=[types.TextContent(text=ANSWER)])

    async def read(_: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        await playing()
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=params.uri, text=ANSWER)])

    return Server("library", on_call_tool=call, on_read_resource=read)


async def ask(server: Server[Any], method: str, params: dict[str, Any]) -> dict[str, Any]:
    """What the server answers to one request of a client that nobody traces."""
    client, served = create_direct_dispatcher_pair()

    async def ignore(*_: Any) -> Any:
        pass

    async def handle(request: Any, asked: str, given: Any) -> dict[str, Any]:
        connection = Connection.from_envelope(VERSION, None, None)
        return await serve_one(server, request, asked, given, connection=connection, lifespan_state={})

    handlers = ((client, ignore), (served, handle))
    running = [asyncio.create_task(end.run(handler, ignore)) for end, handler in handlers]
    try:
        await asyncio.sleep(0)
        return await client.send_raw_request(method, params)
    finally:
        for task in running:
            task.cancel()


def asked(operation: str, method: str, **more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": "mcp",
        "mcp.method.name": method,
        "mcp.protocol.version": VERSION,
    } | more


def tool(name: str) -> dict[str, Any]:
    arguments = {"gen_ai.tool.call.arguments": '{"mountain":"Everest"}', "openinference.span.kind": "TOOL"}
    return asked("execute_tool", "tools/call") | {"gen_ai.tool.name": name} | arguments


EVEREST = {"mountain": "Everest"}
READ = {"mcp.resource.uri": URI}
PHOTO = '{"type":"blob","mime_type":"image/png","modality":"image","size":2,"sha256":' + (
    '"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}'
)
SAID = {"gen_ai.tool.call.result": ANSWER}


def case(name: str, client: Any, call: Any, span: str, request: Any, response: Any, side: SpanKind) -> Case:
    modes: set[Mode] = {"answer", "error", "hang"}
    return Case(name, PROVIDER, client, call, span, request, response, modes, asynchronous=True, side=side)


CASES = [
    case("call a tool", open_session, lambda s: s.call_tool("height", EVEREST), "execute_tool height",
         tool("height"), SAID, SpanKind.CLIENT),
    case("call a tool that gives more than text", open_session, lambda s: s.call_tool("find", arguments=EVEREST),
         "execute_tool find", tool("find"),
         {"gen_ai.tool.call.result": f'["Two found.","{ANSWER}",{{"type":"resource_link","uri":"docs://fuji"}},{PHOTO}]'},
         SpanKind.CLIENT),
    case("call a tool that gives no text", open_session, lambda s: s.call_tool("table", EVEREST), "execute_tool table",
         tool("table"), {"gen_ai.tool.call.result": '{"height":8849}'}, SpanKind.CLIENT),
    case("read a resource", open_session, lambda s: s.read_resource(URI), "retrieval library",
         asked("retrieval", "resources/read", **READ),
         {"gen_ai.retrieval.documents": [{"id": URI, "content": ANSWER}, {"id": "docs://photo"}]}, SpanKind.CLIENT),
    case("answer a call", open_server, lambda s: ask(s, "tools/call", {"name": "height", "arguments": EVEREST}),
         "execute_tool height", tool("height"), SAID, SpanKind.SERVER),
    case("answer a read", open_server, lambda s: ask(s, "resources/read", {"uri": URI}), "retrieval",
         asked("retrieval", "resources/read", **READ),
         {"gen_ai.retrieval.documents": [{"id": URI, "content": ANSWER}]}, SpanKind.SERVER),
]  # fmt: skip
