"""MCP: tools that a client calls and resources that it reads, and both where a server answers them.

The SDK makes spans of its own for every message, which say no more than that there was one; inside a call that is told
here they are silent. The trace context goes along in `params._meta`, put there by the SDK, as the conventions for MCP
have it: client and server are one tree, whatever is between them. A call for which the server asks back is one call.
A framework's tool of the same name around a call is that tool, and tells it.
"""

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.trace import SpanKind, get_current_span

from groundwire.media import blob_part
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire.semconv import OPERATION, TOOL_NAME
from groundwire.wire import fields

_METHOD = "mcp.method.name"
_SERVED = "mcp.server._otel:OpenTelemetryMiddleware.__call__"
_EXECUTED = "tool_error"
"""What the conventions call the failure of a tool that its result tells of."""


def _common(method: str, version: Any, **more: Any) -> dict[str, Any]:
    known = {_METHOD: method, "mcp.protocol.version": version, **more}
    return {key: value for key, value in known.items() if isinstance(value, str)}


def _call(session: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(
        name=arguments["name"],
        arguments=arguments.get("arguments"),
        attributes=_common("tools/call", getattr(session, "protocol_version", None)),
    )


def _untold(arguments: Mapping[str, Any]) -> bool:
    # A server that passes a call on to another one (a gateway) makes a call of its own.
    around: Any = get_current_span()
    known = (getattr(around, "attributes", None) or {}) if getattr(around, "kind", None) is SpanKind.INTERNAL else {}
    return known.get(OPERATION) != "execute_tool" or known.get(TOOL_NAME) != arguments["name"]


def _read(session: Any, arguments: Mapping[str, Any]) -> Request:
    version, server = (getattr(session, name, None) for name in ("protocol_version", "server_info"))
    found = _common("resources/read", version, **{"mcp.resource.uri": str(arguments["uri"])})
    return Request(name=getattr(server, "name", None), attributes=found)


def _served_call(_: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments["ctx"].params or {}
    attributes = _common("tools/call", arguments["ctx"].protocol_version)
    return Request(name=asked.get("name"), arguments=asked.get("arguments"), attributes=attributes)


def _served_read(_: Any, arguments: Mapping[str, Any]) -> Request:
    asked, version = arguments["ctx"].params or {}, arguments["ctx"].protocol_version
    return Request(attributes=_common("resources/read", version, **{"mcp.resource.uri": asked.get("uri")}))


def tool_response(result: Any) -> Response:
    """Of a tool, as the client gets it or as the server sends it."""
    result = fields(result) if isinstance(result, Mapping) else result
    said = [_told(block) for block in getattr(result, "content", None) or ()]
    failed = _named(result, "is_error", "isError")
    given = said or _named(result, "structured_content", "structuredContent")
    return Response(result=said[0] if len(said) == 1 else given, error=_EXECUTED if failed is True else None)


def _named(value: Any, name: str, camel: str) -> Any:
    """A field, which SDKs before 2 and the wire write in camel case: FastMCP warns of who asks for that in vain."""
    if isinstance(value, Mapping):
        return value.get(camel, value.get(name))
    return getattr(value, name) if hasattr(value, name) else getattr(value, camel, None)


def _told(block: Any) -> Any:
    if block.type == "text":
        return block.text
    if block.type in ("image", "audio"):
        return blob_part(block.type, _named(block, "mime_type", "mimeType"), block.data)
    if block.type == "resource":
        return getattr(block.resource, "text", None) or {"uri": str(block.resource.uri)}
    return {"type": block.type, "uri": str(getattr(block, "uri", ""))}


def _resources(result: Any) -> Response:
    result = fields(result) if isinstance(result, Mapping) else result
    contents = getattr(result, "contents", None) or ()
    return Response(documents=[Document(getattr(one, "text", None), str(one.uri)) for one in contents])


def _asked(method: str) -> tuple[str, str]:
    return f"mcp.client.session:ClientSession.{method}", f"mcp.client.client:Client.{method}"


def _asks(method: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda arguments: bool(arguments["ctx"].method == method)


def _sent_along(arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    headers: Mapping[str, Any] | None = arguments["ctx"].meta
    return headers


PROVIDER = Provider(
    name="mcp",
    module="mcp",
    distribution="mcp",
    operations=(
        Operation("tool", _asked("call_tool"), _call, tool_response, applies=_untold, side="client"),
        Operation("retrieval", _asked("read_resource"), _read, _resources),
        Operation(
            "tool",
            (_SERVED,),
            _served_call,
            tool_response,
            applies=_asks("tools/call"),
            side="server",
            carrier=_sent_along,
        ),
        Operation(
            "retrieval",
            (_SERVED,),
            _served_read,
            _resources,
            applies=_asks("resources/read"),
            side="server",
            carrier=_sent_along,
        ),
    ),
    tracers=("mcp.shared._otel:_tracer",),
)
