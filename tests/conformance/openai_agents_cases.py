"""OpenAI Agents in the conformance suite: its own runner, tools and guardrails, around a model that plays."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mcp_types as types
from agents import (
    Agent,
    FunctionTool,
    GuardrailFunctionOutput,
    InputGuardrail,
    ModelResponse,
    OutputGuardrail,
    RunContextWrapper,
    Runner,
    Usage,
    function_tool,
    set_tracing_disabled,
)
from agents.mcp import MCPServer
from agents.models.interface import Model
from agents.testing import ScriptedModel, assistant_message
from agents.tool import invoke_function_tool
from agents.tool_context import ToolContext
from opentelemetry.trace import SpanKind

from conformance.cases import Case, Mode
from conformance.runnable_steps import ANSWER, Step
from groundwire_instrumentation.openai_agents import PROVIDER

set_tracing_disabled(True)  # it would send what the tests do to OpenAI

QUERY = "How high is it?"
EVEREST = '{"mountain":"Everest"}'


class Asked(Model):
    """A model that plays."""

    def __init__(self, step: Step) -> None:
        self._step = step

    async def get_response(self, *_: Any, **__: Any) -> ModelResponse:
        said = await self._step.answer_later(QUERY)
        return ModelResponse(output=[assistant_message(said)], usage=Usage(), response_id=None)

    async def stream_response(self, *args: Any, **rest: Any) -> AsyncIterator[Any]:
        said = await self._step.answer_later(QUERY)
        async for event in ScriptedModel([[assistant_message(said)]]).stream_response(*args, **rest):
            yield event


class Library(MCPServer):
    """A server of the application's own."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self._step = step

    name = "library"

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(text=await self._step.answer_later(arguments))])

    async def connect(self) -> None: ...

    async def cleanup(self) -> None: ...

    async def list_tools(self, *_: Any) -> list[Any]:
        return []

    async def list_prompts(self) -> Any: ...

    async def get_prompt(self, *_: Any) -> Any: ...


def opener(make: Callable[[Step], Any]) -> Callable[[Mode, Callable[[], None]], Any]:
    return lambda mode, served: make(Step(mode, served))


def open_agent(step: Step) -> Agent[Any]:
    return Agent("guide", model=Asked(step))


def open_tool(step: Step) -> FunctionTool:
    async def height(mountain: str) -> str:
        """How high a mountain is."""
        return await step.answer_later(mountain)

    return function_tool(height, failure_error_function=None)


def open_guardrail(kind: Any) -> Callable[[Step], Any]:
    def make(step: Step) -> Any:
        async def polite(*_: Any) -> GuardrailFunctionOutput:
            return GuardrailFunctionOutput(await step.answer_later(QUERY), tripwire_triggered=True)

        return kind(polite)

    return make


async def run(agent: Agent[Any]) -> list[Any]:
    result = await Runner.run(agent, QUERY, conversation_id="c1")
    return [result.final_output, result.to_input_list()]


def run_sync(agent: Agent[Any]) -> list[Any]:
    def there() -> list[Any]:
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            result = Runner.run_sync(agent, [{"role": "user", "content": QUERY}])
        finally:
            loop.close()
        return [result.final_output, result.to_input_list()]

    with ThreadPoolExecutor(1) as pool:  # it refuses to work where a loop runs
        return pool.submit(contextvars.copy_context().run, there).result()


async def run_streamed(agent: Agent[Any]) -> list[Any]:
    result = Runner.run_streamed(agent, QUERY)
    events = [event.type async for event in result.stream_events()]
    return [*events, result.final_output]


async def call_tool(tool: FunctionTool) -> Any:
    context = ToolContext(None, tool_name="height", tool_call_id="c1", tool_arguments=EVEREST)
    return await invoke_function_tool(function_tool=tool, context=context, arguments=EVEREST)


async def check_input(guardrail: InputGuardrail[Any]) -> Any:
    return (await guardrail.run(Agent("guide"), QUERY, RunContextWrapper(None))).output


async def check_output(guardrail: OutputGuardrail[Any]) -> Any:
    return (await guardrail.run(RunContextWrapper(None), Agent("guide"), QUERY)).output


def asked(operation: str, kind: str, **more: Any) -> dict[str, Any]:
    names = {"name": "gen_ai.agent.name", "tool": "gen_ai.tool.name", "given": "input.value"}
    common = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "openai_agents"}
    return common | {"openinference.span.kind": kind} | {names.get(k, k): v for k, v in more.items()}


TOOL = asked("execute_tool", "TOOL", tool="height") | {
    "gen_ai.tool.type": "function",
    "gen_ai.tool.call.arguments": EVEREST,
}
OWN_TOOL = TOOL | {"gen_ai.tool.description": "How high a mountain is.", "gen_ai.tool.call.id": "c1"}
AGENT = asked("invoke_agent", "AGENT", name="guide", given=QUERY)
GUARDRAIL = asked("invoke_workflow", "GUARDRAIL", name="polite", given=QUERY)
SAID = {"output.value": ANSWER}
TRIGGERED = SAID | {"groundwire.guardrail.triggered": True}
GIVEN = {"gen_ai.tool.call.result": ANSWER}


def case(name: str, make: Any, call: Any, span: str, request: Any, response: Any, **rest: Any) -> Case:
    modes: set[Mode] = {"answer", "error", "hang"}
    return Case(name, PROVIDER, opener(make), call, span, request, response, modes, asynchronous=True, **rest)


CASES = [
    case("run", open_agent, run, "invoke_agent guide", AGENT | {"gen_ai.conversation.id": "c1"}, SAID),
    Case(
        "run sync",
        PROVIDER,
        opener(open_agent),
        run_sync,
        "invoke_agent guide",
        AGENT | {"input.value": f'[{{"role":"user","content":"{QUERY}"}}]'},
        SAID,
    ),
    case("run streamed", open_agent, run_streamed, "invoke_agent guide", AGENT, SAID),
    case("tool", open_tool, call_tool, "execute_tool height", OWN_TOOL, GIVEN, kind=str),
    case(
        "tool of a server",
        Library,
        lambda server: server.call_tool("height", {"mountain": "Everest"}),
        "execute_tool height",
        TOOL | {"mcp.method.name": "tools/call"},
        GIVEN,
        side=SpanKind.CLIENT,
    ),
    case(
        "input guardrail",
        open_guardrail(InputGuardrail),
        check_input,
        "invoke_workflow polite",
        GUARDRAIL,
        TRIGGERED,
    ),
    case(
        "output guardrail",
        open_guardrail(OutputGuardrail),
        check_output,
        "invoke_workflow polite",
        GUARDRAIL,
        TRIGGERED,
    ),
]
