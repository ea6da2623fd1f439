"""What is particular to agents: they hand over, call each other as tools, are guarded, and reach for MCP servers."""

import asyncio
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import agents.tracing
import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrailTripwireTriggered,
    MaxTurnsExceeded,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SQLiteSession,
    ToolOutputText,
    function_tool,
    input_guardrail,
    output_guardrail,
    set_tracing_disabled,
)
from agents.mcp import MCPServerStdio
from agents.testing import ScriptedModel, assistant_message, function_call
from opentelemetry.trace import NoOpTracer, SpanKind, StatusCode

from conformance import openai_wire as wire
from conformance.chroma_cases import Lengths, mountains
from conformance.harness import Tracing, decoded, traced
from dialects.recorded import live_chains
from groundwire.records import from_readable
from groundwire_instrumentation import chroma, mcp, openai, openai_agents
from providers.library_server import PASSAGE
from providers.test_mcp import spans_in

QUESTION = "How high is Everest?"
SERVER = Path(__file__).with_name("library_server.py")
_ids = itertools.count()

set_tracing_disabled(True)


def said(text: str) -> list[Any]:
    """A model's answer."""
    return [assistant_message(text)]


def calls(name: str, **arguments: Any) -> list[Any]:
    """A model's call of a tool."""
    return [function_call(name, arguments, call_id=f"call_{next(_ids)}")]


def agent(name: str, *steps: list[Any], **rest: Any) -> Agent[Any]:
    return Agent(name, model=ScriptedModel(list(steps)), **rest)


def tree(tracing: Tracing) -> list[tuple[str, str | None]]:
    """Spans with their parents, in the order in which they began."""
    names = {span.context.span_id: span.name for span in tracing.spans}
    begun = sorted(tracing.spans, key=lambda span: span.context.span_id)
    return [(s.name, names[s.parent.span_id] if s.parent else None) for s in begun]


async def run(starting: Agent[Any], streamed: bool, given: Any = QUESTION, **rest: Any) -> Any:
    if not streamed:
        return await Runner.run(starting, given, **rest)
    result = Runner.run_streamed(starting, given, **rest)
    async for _ in result.stream_events():
        pass
    return result


@function_tool
def height(mountain: str) -> str:
    """How high a mountain is."""
    if mountain == "none":
        raise ValueError("no such mountain")
    return "8,849 m"


either_way = pytest.mark.parametrize("streamed", [False, True], ids=["run", "streamed"])


# --- agents among each other ----------------------------------------------------------------------------------------


@either_way
async def test_each_turn_of_agents_that_hand_over_is_a_span_under_the_workflow(streamed: bool) -> None:
    guide = agent("guide", calls("height", mountain="Everest"), said("8,849 m"), tools=[height])
    desk = agent("desk", calls("transfer_to_guide"), handoffs=[guide])
    with traced(openai_agents.PROVIDER) as tracing:
        assert (await run(desk, streamed)).final_output == "8,849 m"
    assert tree(tracing) == [
        ("invoke_workflow desk", None),
        ("invoke_agent desk", "invoke_workflow desk"),
        ("invoke_agent guide", "invoke_workflow desk"),
        ("execute_tool height", "invoke_agent guide"),
        ("invoke_agent guide", "invoke_workflow desk"),
    ]
    outputs = [(s.attributes or {}).get("output.value") for s in tracing.spans if s.name.startswith("invoke_")]
    assert outputs == ['{"handoff":"guide"}', None, "8,849 m", "8,849 m"]


@either_way
async def test_a_turn_that_waited_for_a_person_goes_on_as_its_agent_s(streamed: bool) -> None:
    @function_tool(needs_approval=True)
    def call_a_taxi() -> str:
        return "on its way"

    guide = agent("guide", calls("call_a_taxi"), said("done"), tools=[call_a_taxi])
    desk = agent("desk", calls("transfer_to_guide"), handoffs=[guide])
    with traced(openai_agents.PROVIDER) as tracing:
        waiting = await run(desk, streamed)
        assert {span.status.status_code for span in tracing.spans} == {StatusCode.UNSET}
        tracing.clear()
        state = waiting.to_state()
        state.approve(waiting.interruptions[0])
        assert (await run(desk, streamed, given=state)).final_output == "done"
    assert tree(tracing) == [
        ("invoke_workflow desk", None),
        ("invoke_agent guide", "invoke_workflow desk"),
        ("execute_tool call_a_taxi", "invoke_agent guide"),
        ("invoke_agent guide", "invoke_workflow desk"),
    ]
    assert {(s.attributes or {}).get("input.value") for s in tracing.spans if s.name != "execute_tool call_a_taxi"} == {
        QUESTION
    }


@either_way
async def test_a_workflow_has_the_name_that_the_application_gave_it(streamed: bool) -> None:
    desk = agent("desk", said("closed"), handoffs=[agent("guide")])
    with traced(openai_agents.PROVIDER) as tracing:
        await run(desk, streamed, run_config=RunConfig(workflow_name="visit"))
    assert tree(tracing)[0] == ("invoke_workflow visit", None)


@either_way
async def test_an_agent_that_is_a_tool_is_inside_the_tool(streamed: bool) -> None:
    guide = agent("guide", said("8,849 m"))
    desk = agent("desk", calls("ask", input=QUESTION), said("done"), tools=[guide.as_tool("ask", "Asks the guide.")])
    with traced(openai_agents.PROVIDER) as tracing:
        await run(desk, streamed)
    assert tree(tracing) == [
        ("invoke_agent desk", None),
        ("execute_tool ask", "invoke_agent desk"),
        ("invoke_agent guide", "execute_tool ask"),
    ]


async def test_runs_at_the_same_time_are_trees_of_their_own() -> None:
    with traced(openai_agents.PROVIDER) as tracing:
        made = [agent(str(n), calls("height", mountain=str(n)), said("high"), tools=[height]) for n in range(8)]
        await asyncio.gather(*(run(each, n % 2 == 0) for n, each in enumerate(made)))
    roots = {span.context.span_id for span in tracing.spans if span.parent is None}
    assert len(roots) == 8
    assert len(tracing.spans) == 16
    assert {span.parent.span_id for span in tracing.spans if span.parent} == roots


async def test_a_session_is_the_conversation() -> None:
    with traced(openai_agents.PROVIDER) as tracing:
        await Runner.run(agent("guide", said("hello")), QUESTION, session=SQLiteSession("visitor 7"))
    assert (tracing.span.attributes or {})["gen_ai.conversation.id"] == "visitor 7"


class Late(SQLiteSession):
    """Has an id when something was said, as OpenAI's conversations have."""

    said = False

    @property
    def session_id(self) -> str:
        if not self.said:
            raise ValueError("not yet")
        return "visitor 8"

    @session_id.setter
    def session_id(self, value: str) -> None: ...

    async def get_items(self, *_: Any, **__: Any) -> list[Any]:
        self.said = True
        return []

    async def add_items(self, items: list[Any]) -> None: ...


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_session_without_an_id_so_far_is_a_conversation_too(streamed: bool) -> None:
    with traced(openai_agents.PROVIDER) as tracing:
        guide, session = agent("guide", said("hello")), Late("none")
        if streamed:
            result = Runner.run_streamed(guide, QUESTION, session=session)
            assert [event async for event in result.stream_events()]
        else:
            await Runner.run(guide, QUESTION, session=session)
    told = tracing.span.attributes or {}
    assert (tracing.span.name, told["input.value"], told["output.value"]) == ("invoke_agent guide", QUESTION, "hello")
    assert told["gen_ai.conversation.id"] == "visitor 8"


# --- guardrails -----------------------------------------------------------------------------------------------------


def judging(triggered: bool) -> Any:
    judge = agent("judge", said("no"))

    @input_guardrail
    async def polite(*_: Any) -> GuardrailFunctionOutput:
        found = await Runner.run(judge, QUESTION)
        return GuardrailFunctionOutput(found.final_output, tripwire_triggered=triggered)

    return polite


@either_way
async def test_a_guardrail_is_a_span_and_an_agent_that_it_asks_is_inside(streamed: bool) -> None:
    @output_guardrail
    def short(*_: Any) -> GuardrailFunctionOutput:
        return GuardrailFunctionOutput("short", tripwire_triggered=False)

    guide = agent("guide", said("8,849 m"), input_guardrails=[judging(False)], output_guardrails=[short])
    with traced(openai_agents.PROVIDER) as tracing:
        await run(guide, streamed)
    assert sorted(tree(tracing), key=str) == [
        ("invoke_agent guide", None),
        ("invoke_agent judge", "invoke_workflow polite"),
        ("invoke_workflow polite", "invoke_agent guide"),
        ("invoke_workflow short", "invoke_agent guide"),
    ]


@either_way
async def test_a_guardrail_that_stops_a_run_is_an_error_of_the_run(streamed: bool) -> None:
    with traced(openai_agents.PROVIDER) as tracing:
        with pytest.raises(InputGuardrailTripwireTriggered):
            await run(agent("guide", said("8,849 m"), input_guardrails=[judging(True)]), streamed)
        await asyncio.sleep(0)
    told = {span.name: span for span in tracing.spans}
    assert (told["invoke_workflow polite"].attributes or {})["groundwire.guardrail.triggered"] is True
    assert told["invoke_workflow polite"].status.status_code is StatusCode.UNSET
    assert told["invoke_agent guide"].status.status_code is StatusCode.ERROR
    assert (told["invoke_agent guide"].attributes or {})["error.type"] == "InputGuardrailTripwireTriggered"


@either_way
async def test_a_run_that_comes_to_no_end_is_an_error(streamed: bool) -> None:
    guide = agent("guide", calls("height", mountain="Everest"), calls("height", mountain="Fuji"), tools=[height])
    with traced(openai_agents.PROVIDER) as tracing:
        with pytest.raises(MaxTurnsExceeded):
            await run(guide, streamed, max_turns=1)
        await asyncio.sleep(0)
    assert [(s.attributes or {}).get("error.type") for s in tracing.spans] == [None, "MaxTurnsExceeded"]


# --- tools ----------------------------------------------------------------------------------------------------------


@either_way
async def test_an_error_that_the_sdk_makes_a_result_of_is_one_of_the_tool(streamed: bool) -> None:
    guide = agent("guide", calls("height", mountain="none"), said("unknown"), tools=[height])
    with traced(openai_agents.PROVIDER) as tracing:
        await run(guide, streamed)
    tool, whole = tracing.spans
    assert (tool.status.status_code, whole.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)
    assert (tool.attributes or {})["error.type"] == "tool_error"


async def test_a_tool_that_takes_too_long_is_an_error() -> None:
    @function_tool(timeout=0.02)
    async def slow() -> str:
        await asyncio.sleep(10)
        return "late"

    with traced(openai_agents.PROVIDER) as tracing:
        await Runner.run(agent("guide", calls("slow"), said("unknown"), tools=[slow]), QUESTION)
    assert (tracing.spans[0].attributes or {})["error.type"] == "tool_error"


@pytest.mark.parametrize(("by", "streamed", "api"), [("agents", False, "completions"), ("both", True, "responses")])
async def test_a_tool_of_a_server_is_counted_once_and_gives_the_answer_its_passages(
    by: str, streamed: bool, api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The SDK of MCP makes a span of its own where anybody in this process has set up OpenTelemetry's global provider.
    monkeypatch.setattr("mcp.shared._otel._tracer", NoOpTracer())
    providers = (openai_agents.PROVIDER, openai.PROVIDER, *((mcp.PROVIDER,) if by == "both" else ()))
    file = tmp_path / "server.jsonl"
    with traced(*providers) as tracing:
        params: Any = {"command": sys.executable, "args": [str(SERVER), str(file)]}
        async with MCPServerStdio(params, client_session_timeout_seconds=60) as server:  # it may start slowly
            guide = asking(*APIS[api])
            guide.tools, guide.mcp_servers = [], [server]
            await run(guide, streamed)
    assert tree(tracing) == [
        ("invoke_agent guide", None),
        ("chat gpt-4o-mini", "invoke_agent guide"),
        ("execute_tool search", "invoke_agent guide"),
        ("chat gpt-4o-mini", "invoke_agent guide"),
    ]
    (tool,) = [span for span in tracing.spans if span.name == "execute_tool search"]
    assert tool.kind is SpanKind.CLIENT
    (served,) = [span for span in spans_in(file, 2) if span["name"] == "execute_tool search"]
    assert (served["traceId"], served["parentSpanId"]) == (
        f"{tool.context.trace_id:032x}",
        f"{tool.context.span_id:016x}",
    )
    (chain,) = live_chains([from_readable(span) for span in tracing.spans])
    assert [passage.text for passage in chain.passages] == [PASSAGE]


async def test_what_a_tool_gives_in_several_pieces_are_several_passages() -> None:
    @function_tool
    def search(query: str) -> list[ToolOutputText]:
        """Finds passages."""
        return [ToolOutputText(text=text) for text in FOUND]

    with traced(openai_agents.PROVIDER, openai.PROVIDER) as tracing:
        guide = asking(*APIS["responses"])
        guide.tools = [search]
        await run(guide, streamed=False)
    (chain,) = live_chains([from_readable(span) for span in tracing.spans])
    assert [passage.text for passage in chain.passages] == FOUND


# --- streams that are not read to their end -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["immediate", "after_turn"])
async def test_a_streamed_run_that_is_cancelled_ends_its_spans(mode: Any) -> None:
    guide = agent("guide", calls("height", mountain="Everest"), said("8,849 m"), tools=[height])
    with traced(openai_agents.PROVIDER) as tracing:
        result = Runner.run_streamed(guide, QUESTION)
        async for _ in result.stream_events():
            result.cancel(mode=mode)
        await asyncio.sleep(0.01)
    assert [span.name for span in tracing.spans][-1] == "invoke_agent guide"


async def test_a_streamed_run_that_is_left_early_ends_its_spans() -> None:
    guide = agent("guide", calls("height", mountain="Everest"), said("8,849 m"), tools=[height])
    with traced(openai_agents.PROVIDER) as tracing:
        events = Runner.run_streamed(guide, QUESTION).stream_events()
        async for _ in events:
            break
        await events.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.01)
    assert [span.name for span in tracing.spans][-1] == "invoke_agent guide"


# --- the SDK's own tracing ------------------------------------------------------------------------------------------


class Listening(agents.tracing.TracingProcessor):
    """The application's own processor of the SDK's traces."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def on_trace_start(self, trace: Any) -> None:
        self.heard.append("trace")

    def on_trace_end(self, trace: Any) -> None: ...

    def on_span_start(self, span: Any) -> None: ...

    def on_span_end(self, span: Any) -> None:
        self.heard.append(span.span_data.type)

    def shutdown(self) -> None: ...

    def force_flush(self) -> None: ...


@pytest.mark.parametrize("on", [True, False])
async def test_the_sdk_s_own_tracing_is_what_it_was(on: bool) -> None:
    def guide() -> Agent[Any]:
        return agent("guide", calls("height", mountain="Everest"), said("8,849 m"), tools=[height])

    listening = Listening()
    agents.tracing.set_trace_processors([listening])
    set_tracing_disabled(not on)
    try:
        await Runner.run(guide(), QUESTION)
        alone, listening.heard = listening.heard, []
        with traced(openai_agents.PROVIDER) as tracing:
            await Runner.run(guide(), QUESTION)
        assert (listening.heard, bool(alone)) == (alone, on)
        assert len(tracing.spans) == 2
    finally:
        set_tracing_disabled(True)
        agents.tracing.set_trace_processors([])


# --- the matrix: agents, the model's client, a store inside a tool --------------------------------------------------

COST = 2 * (20 * 0.15e-6 + 100 * 0.075e-6 + 34 * 0.60e-6)
"""Of two calls of gpt-4o-mini with the usage that the wire tells, by OpenAI's price list."""
FOUND = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
CALL = {"id": "c1", "type": "function", "function": {"name": "search", "arguments": json.dumps({"query": QUESTION})}}
ITEM = {"type": "function_call", "id": "f1", "call_id": "c1", "name": "search", "status": "completed"}
ITEM |= {"arguments": CALL["function"]["arguments"]}  # type: ignore[index]


def completions(body: dict[str, Any]) -> Any:
    if any(message["role"] == "tool" for message in body["messages"]):
        return wire.stream(wire.CHUNKS_WITH_USAGE) if body.get("stream") else wire.document(wire.COMPLETION)
    if body.get("stream"):
        called = wire.chunk({"role": "assistant", "tool_calls": [CALL | {"index": 0}]})
        return wire.stream([called, wire.chunk({}, finish="tool_calls"), wire.chunk(usage=wire.USAGE)])
    message = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    return wire.document(
        wire.COMPLETION | {"choices": [{"index": 0, "finish_reason": "tool_calls", "message": message}]}
    )


def responses(body: dict[str, Any]) -> Any:
    if any(item.get("type") == "function_call_output" for item in body["input"]):
        return wire.stream(wire.EVENTS) if body.get("stream") else wire.document(wire.response())
    whole = wire.response(output=[ITEM])
    if not body.get("stream"):
        return wire.document(whole)
    done = {"type": "response.output_item.done", "output_index": 0, "item": ITEM, "sequence_number": 0}
    return wire.stream([done, {"type": "response.completed", "response": whole, "sequence_number": 1}])


@function_tool
def search(query: str) -> str:
    """Finds passages about mountains."""
    collection: Any = mountains()
    named = type(collection)(collection._client, collection._model, Lengths())
    return "\n\n".join(named.query(query_texts=query, n_results=2)["documents"][0])


def asking(kind: Any, answer: Callable[[dict[str, Any]], Any]) -> Agent[Any]:
    client = wire.answering(lambda request: answer(json.loads(request.content)), asynchronous=True)
    return Agent("guide", model=kind(model="gpt-4o-mini", openai_client=client), tools=[search])


APIS = {
    "completions": (OpenAIChatCompletionsModel, completions),
    "responses": (OpenAIResponsesModel, responses),
}
ON_OFF = [which for which in itertools.product((True, False), repeat=3) if any(which)]
TOLD = ["+".join(n for n, on in zip(("agents", "client", "store"), which, strict=True) if on) for which in ON_OFF]


@pytest.mark.parametrize("which", ON_OFF, ids=TOLD)
@either_way
@pytest.mark.parametrize("api", APIS)
async def test_a_run_is_one_tree_and_has_one_cost_and_one_answer(
    api: str, streamed: bool, which: tuple[bool, bool, bool]
) -> None:
    provided = (openai_agents.PROVIDER, openai.PROVIDER, chroma.PROVIDER)
    with traced(*itertools.compress(provided, which)) as tracing, tracing.tracer.start_as_current_span("app"):
        assert (await run(asking(*APIS[api]), streamed)).final_output == wire.ANSWER
    framework, client, store = which
    assert [span.name for span in tracing.spans if span.parent is None] == ["app"]
    ids = {span.context.span_id for span in tracing.spans}
    assert all(span.parent.span_id in ids for span in tracing.spans if span.parent)
    operations = [(span.attributes or {}).get("gen_ai.operation.name") for span in tracing.spans]
    assert [operations.count(name) for name in ("invoke_agent", "execute_tool", "chat", "retrieval")] == [
        framework,
        framework,
        2 * client,
        store,
    ]
    costs = [c for s in tracing.spans if (c := (s.attributes or {}).get("gen_ai.usage.cost")) is not None]
    assert sum(costs) == pytest.approx(COST if client else 0)
    if client:
        (chain,) = live_chains([from_readable(span) for span in tracing.spans])
        assert (chain.answer, chain.question) == (wire.ANSWER, QUESTION)
        assert [p.text for p in chain.passages] == FOUND
        assert [p.id for p in chain.passages] == (["e", "f"] if store else [None, None])


async def test_the_store_is_inside_the_tool_and_the_model_inside_the_agent() -> None:
    with traced(openai_agents.PROVIDER, openai.PROVIDER, chroma.PROVIDER) as tracing:
        await run(asking(*APIS["responses"]), streamed=False)
    assert tree(tracing) == [
        ("invoke_agent guide", None),
        ("chat gpt-4o-mini", "invoke_agent guide"),
        ("execute_tool search", "invoke_agent guide"),
        ("retrieval conformance-mountains", "execute_tool search"),
        ("chat gpt-4o-mini", "invoke_agent guide"),
    ]
    (tool,) = [span for span in tracing.spans if span.name == "execute_tool search"]
    assert decoded(tool.attributes)["gen_ai.tool.call.id"] == "c1"
