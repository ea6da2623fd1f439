"""OpenAI Agents: runs of agents, their turns where they hand over to each other, tools, guardrails.

A run is an agent; one whose agent can hand over to others is a workflow, and each turn of an agent is a span under it.
The model call is told by the client underneath. A tool of an MCP server is told as the server's answer came. The SDK's
own tracing is left alone, whether it is on or off.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from groundwire.model import Operation, Provider, Request, Response
from groundwire.semconv import GUARDRAIL_TRIGGERED, SPAN_KIND, TOOL_CALL_ID, TOOL_DESCRIPTION, TOOL_TYPE
from groundwire_instrumentation.mcp import tool_response

_RUNS = ("agents.run:AgentRunner.run", "agents.run:start_streaming")
_LOOP = "agents.run_internal.run_loop"
_TURNS = (
    "agents.run:run_single_turn",
    f"{_LOOP}:run_single_turn_streamed",
    "agents.run:resolve_interrupted_turn",
    f"{_LOOP}:resolve_interrupted_turn",
)
_EXECUTION = "agents.run_internal.tool_execution"
_INVOKE = "_invoke_function_tool_with_metadata"
_CONVERSATION = "gen_ai.conversation.id"
_UNNAMED = "Agent workflow"
"""What the SDK calls a workflow that the application gave no name."""


def _known(**attributes: Any) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value is not None}


def _run_request(_: Any, arguments: Mapping[str, Any]) -> Request:
    streamed = arguments.get("streamed_result")
    given = arguments["starting_input" if streamed is not None else "input"]
    session = arguments.get("session")
    workflow = getattr(arguments.get("run_config"), "workflow_name", _UNNAMED)
    named = _hands_over(arguments) and workflow != _UNNAMED
    return Request(
        name=workflow if named else arguments["starting_agent"].name,
        input=getattr(given, "_original_input", given),  # of a run that goes on
        attributes=_known(**{_CONVERSATION: arguments.get("conversation_id") or _conversation(session)}),
        read=lambda result: replace(
            _run_response(result) if streamed is None else _streamed_response(streamed),
            attributes=_known(**{_CONVERSATION: _conversation(session)}),
        ),
    )


def _conversation(session: Any) -> str | None:
    try:
        return getattr(session, "session_id", None)
    except Exception:  # OpenAI's conversations have no id before their first turn
        return None


def _hands_over(arguments: Mapping[str, Any]) -> bool:
    return "starting_agent" in arguments and bool(arguments["starting_agent"].handoffs)


def _run_response(result: Any) -> Response:
    return Response(output=result.final_output)


def _streamed_response(result: Any) -> Response:
    # These two are kept for whoever reads the stream: the run itself does not fail.
    stopped = any(found.output.tripwire_triggered for found in result.input_guardrail_results)
    endless = result.max_turns is not None and result.current_turn > result.max_turns and result.final_output is None
    error = "InputGuardrailTripwireTriggered" if stopped else "MaxTurnsExceeded" if endless else None
    return Response(output=result.final_output, error=error)


def _agent_request(runner: Any, arguments: Mapping[str, Any]) -> Request:
    if "bindings" not in arguments:
        return _run_request(runner, arguments)
    streamed = arguments.get("streamed_result")
    given = arguments["original_input"] if streamed is None else streamed.input
    return Request(name=arguments["bindings"].public_agent.name, input=given, read=_turn_response)


def _turn_response(result: Any) -> Response:
    step = result.next_step
    agent = getattr(step, "new_agent", None)
    return Response(output=getattr(step, "output", None) if agent is None else {"handoff": agent.name})


def _tool_request(_: Any, arguments: Mapping[str, Any]) -> Request:
    tool, call = arguments["function_tool"], arguments["context"]
    known = {TOOL_DESCRIPTION: tool.description or None, TOOL_CALL_ID: getattr(call, "tool_call_id", None)}
    return Request(
        name=tool.name, arguments=arguments["arguments"], attributes=_known(**{TOOL_TYPE: "function"}, **known)
    )


def _of_the_application(arguments: Mapping[str, Any]) -> bool:
    origin = getattr(arguments["function_tool"], "_tool_origin", None)
    return getattr(getattr(origin, "type", None), "value", None) != "mcp"


def _tool_response(result: Any) -> Response:
    failed = getattr(result, "is_sdk_generated_error", None)  # older ones give the output alone
    return Response(result=result if failed is None else result.output, error="tool_error" if failed else None)


def _served_request(_: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(
        name=arguments["tool_name"],
        arguments=arguments.get("arguments"),
        attributes={TOOL_TYPE: "function", "mcp.method.name": "tools/call"},
    )


def _guardrail_request(guardrail: Any, arguments: Mapping[str, Any]) -> Request:
    given = arguments.get("input", arguments.get("agent_output"))
    return Request(name=guardrail.get_name(), input=given, attributes={SPAN_KIND: "GUARDRAIL"})


def _guardrail_response(result: Any) -> Response:
    found = result.output
    return Response(output=found.output_info, attributes={GUARDRAIL_TRIGGERED: bool(found.tripwire_triggered)})


PROVIDER = Provider(
    name="openai_agents",
    module="agents.run",  # `agents` may well be a package of the application
    distribution="openai-agents",
    operations=(
        Operation("workflow", _RUNS, _run_request, _run_response, applies=_hands_over),
        Operation("agent", (*_RUNS, *_TURNS), _agent_request, _run_response),
        Operation(
            "tool",
            (f"{_EXECUTION}:{_INVOKE}", f"agents.tool:{_INVOKE}", f"{_EXECUTION}:invoke_function_tool"),
            _tool_request,
            _tool_response,
            applies=_of_the_application,
        ),
        Operation(
            "tool",
            ("agents.mcp.server:MCPServer+.call_tool",),
            _served_request,
            tool_response,
            side="client",
            covers=("mcp",),
        ),
        Operation(
            "workflow",
            ("agents.guardrail:InputGuardrail.run", "agents.guardrail:OutputGuardrail.run"),
            _guardrail_request,
            _guardrail_response,
        ),
    ),
    delegates_to=("openai", "litellm"),
)
