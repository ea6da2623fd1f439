"""What is particular to LlamaIndex: agents and workflows of events, whose steps run in tasks of their own."""

import asyncio
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, ReActAgent
from llama_index.core.base.response.schema import AsyncStreamingResponse
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.postprocessor import LongContextReorder
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.tools import FunctionTool
from llama_index.core.workflow import Context, Event, StartEvent, StopEvent, Workflow, step
from opentelemetry.trace import StatusCode
from workflows.errors import WorkflowCancelledByUser

from conformance.harness import decoded, traced
from groundwire_instrumentation import chroma, llama_index, openai
from providers.test_frameworks import ANSWER, QUESTION, StoredNodes, ask
from providers.test_langgraph import names

# LlamaIndex's own, whenever an agent is made or runs.
pytestmark = pytest.mark.filterwarnings(
    "ignore:The `__:pydantic.PydanticDeprecatedSince20", "ignore:is_running:DeprecationWarning"
)


class Reasoning(CustomLLM):
    """Wants to search first, and answers then."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="gpt-4o-mini")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        said = ask(prompt)
        if "Observation: Everest" in prompt:
            return CompletionResponse(text=f"Thought: I can answer.\nAnswer: {said}")
        return CompletionResponse(text='Thought: I search.\nAction: search\nAction Input: {"query": "Everest"}')

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        yield CompletionResponse(text=(said := ask(prompt)), delta=said)


def search(query: str) -> str:
    """Finds what is known."""
    return "\n\n".join(found.text for found in StoredNodes().retrieve(query))


def agent(**settings: Any) -> ReActAgent:
    return ReActAgent(tools=[FunctionTool.from_defaults(search)], llm=Reasoning(), streaming=False, **settings)


class Found(Event):
    texts: list[str]


class Flow(Workflow):
    """Finds, and answers; or breaks, or waits for ever."""

    @step
    async def find(self, ctx: Context, event: StartEvent) -> Found:
        if event.get("fails", False):
            raise ValueError("no index")
        found = await asyncio.to_thread(StoredNodes().retrieve, event.question)
        ctx.write_event_to_stream(Event())
        if event.get("waits", False):
            await asyncio.Event().wait()
        return Found(texts=[each.text for each in found])

    @step
    async def answer(self, event: Found) -> StopEvent:
        context = "\n\n".join(event.texts)
        return StopEvent(result=ask(f"Context:\n\n{context}\n\nQuestion: {QUESTION}"))


ALL = (llama_index.PROVIDER, openai.PROVIDER, chroma.PROVIDER)


async def test_a_workflow_holds_what_its_steps_do() -> None:
    with traced(*ALL) as tracing:
        handler = Flow().run(question=QUESTION)
        assert len([event async for event in handler.stream_events()]) == 2
        assert await handler == ANSWER
    told = names(tracing)
    assert told[-2:] == [("chat gpt-4o-mini", "invoke_workflow Flow"), ("invoke_workflow Flow", None)]
    assert [(name.partition(" ")[0], (parent or "").partition(" ")[0]) for name, parent in told[:2]] == [
        ("retrieval", "retrieval"),
        ("retrieval", "invoke_workflow"),
    ]
    attributes = decoded(tracing.spans[-1].attributes)
    assert (attributes["input.value"], attributes["output.value"]) == (f'{{"question":"{QUESTION}"}}', ANSWER)


class Streamed(Workflow):
    """Gives its answer before it is there."""

    @step
    async def answer(self, event: StartEvent) -> StopEvent:
        found = await asyncio.to_thread(StoredNodes().retrieve, event.question)
        engine = get_response_synthesizer(llm=Reasoning(), streaming=True, use_async=True)
        return StopEvent(result=await engine.asynthesize(event.question, nodes=found))


async def test_a_workflow_whose_answer_is_a_stream_ends_with_it() -> None:
    with traced(*ALL) as tracing:
        response = await Streamed().run(question=QUESTION)
        assert isinstance(response, AsyncStreamingResponse)
        assert [span.name.partition(" ")[0] for span in tracing.spans] == ["retrieval", "retrieval"]
        assert "".join([word async for word in response.async_response_gen()]) == ANSWER
    told = names(tracing)
    assert told[-2:] == [("chat gpt-4o-mini", "invoke_workflow Streamed"), ("invoke_workflow Streamed", None)]
    assert decoded(tracing.spans[-1].attributes)["output.value"] == ANSWER


async def test_workflows_at_the_same_time_are_trees_of_their_own() -> None:
    with traced(*ALL) as tracing:
        flow = Flow()
        await asyncio.gather(*(flow.run(question=QUESTION) for _ in range(4)))
    traces = [span.context.trace_id for span in tracing.spans]
    assert {traces.count(each) for each in traces} == {4}


async def test_a_step_that_breaks_is_an_error_of_the_workflow_and_one_that_is_stopped_is_none() -> None:
    with traced(*ALL) as tracing:
        with pytest.raises(ValueError, match="no index"):
            await Flow().run(question=QUESTION, fails=True)
        assert (tracing.span.status.status_code, tracing.span.name) == (StatusCode.ERROR, "invoke_workflow Flow")
        tracing.clear()
        handler = Flow().run(question=QUESTION, waits=True)
        async for _ in handler.stream_events():
            break
        await handler.cancel_run()
        with pytest.raises(WorkflowCancelledByUser):
            await handler
        root = tracing.spans[-1]
        assert (root.status.status_code, root.parent) == (StatusCode.UNSET, None)


@pytest.mark.parametrize("alone", [True, False], ids=["agent", "workflow"])
async def test_an_agent_is_one_tree_with_its_tools_and_its_answer(alone: bool) -> None:
    run = agent(name="guide") if alone else AgentWorkflow([agent(name="guide")])
    root = "invoke_agent guide" if alone else "invoke_workflow AgentWorkflow"
    with traced(*ALL) as tracing:
        assert str(await run.run(user_msg=QUESTION)) == ANSWER
    told = [(name, parent) for name, parent in names(tracing) if not name.startswith("retrieval")]
    assert told == [("chat gpt-4o-mini", root), ("execute_tool search", root), ("chat gpt-4o-mini", root), (root, None)]
    attributes = decoded(tracing.spans[-1].attributes)
    assert (attributes["input.value"], attributes["output.value"]) == (QUESTION, ANSWER)


class Distances(BaseRetriever):
    """Nodes with distances for scores, as some stores give them."""

    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text="Everest", id_=f"n{n}"), score=12.5 * n) for n in (1, 2, 3)]


class Better(BaseNodePostprocessor):
    """Gives scores of its own."""

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: Any = None) -> list[NodeWithScore]:
        return [NodeWithScore(node=each.node, score=1.0 / (n + 1)) for n, each in enumerate(reversed(nodes))]


def test_distances_are_not_taken_for_similarities() -> None:
    with traced(llama_index.PROVIDER) as tracing:
        found = Distances().retrieve(QUESTION)
        LongContextReorder().postprocess_nodes(list(found), query_str=QUESTION)
        Better().postprocess_nodes(found, query_str=QUESTION)
        told = [(span.attributes or {}).get("groundwire.retrieval.higher_is_better") for span in tracing.spans]
    assert told == [False, False, True]
