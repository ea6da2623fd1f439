"""LlamaIndex in the conformance suite: components of the application's own, which is how the library is extended."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from llama_index.core.base.response.schema import AsyncStreamingResponse, Response, StreamingResponse
from llama_index.core.chat_engine.types import AgentChatResponse, BaseChatEngine
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import CustomQueryEngine
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import FunctionTool

from conformance.cases import ANY, Case, Mode
from conformance.runnable_steps import ANSWER, PARTIAL, Step
from groundwire_instrumentation.llama_index import PROVIDER

QUERY = "How high is it?"


def nodes(*scores: float) -> list[NodeWithScore]:
    texts = ("Everest is 8,849 m high.", "Fuji is 3,776 m high.")
    found = [TextNode(id_=t[0].lower(), text=t, metadata={"page": 1} if t[0] == "E" else {}) for t in texts]
    return [NodeWithScore(node=node, score=score) for node, score in zip(found, scores, strict=True)]


class Mountains(BaseRetriever):
    def __init__(self, step: Step) -> None:
        super().__init__()
        self._step = step
        self._similarity_top_k = 2

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        self._step.answer(query_bundle)
        return nodes(0.5, 0.25)

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        await self._step.answer_later(query_bundle)
        return nodes(0.5, 0.25)


class Turned(BaseNodePostprocessor):
    step: Any
    top_n: int = 2

    def _postprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> list[NodeWithScore]:
        self.step.answer(query_bundle)
        for node, score in zip(nodes, (0.125, 0.75), strict=True):
            node.score = score  # in place, as the library's own do
        return nodes[::-1]

    async def _apostprocess_nodes(self, nodes: Any, query_bundle: Any = None) -> list[NodeWithScore]:
        await self.step.answer_later(query_bundle)
        return self._postprocess_nodes(nodes, query_bundle)


class Asked(CustomQueryEngine):
    step: Any

    def custom_query(self, query_str: str) -> Any:
        return Response(self.step.answer(query_str))

    async def acustom_query(self, query_str: str) -> Any:
        return Response(await self.step.answer_later(query_str))


class Words(CustomQueryEngine):
    step: Any

    def custom_query(self, query_str: str) -> Any:
        return StreamingResponse(self.step.words([query_str]))

    async def acustom_query(self, query_str: str) -> Any:
        async def question() -> AsyncIterator[str]:
            yield query_str

        return AsyncStreamingResponse(self.step.words_later(question()))


class Talk(BaseChatEngine):
    def __init__(self, step: Step) -> None:
        self._step = step

    def chat(self, message: str, chat_history: Any = None) -> Any:
        return AgentChatResponse(self._step.answer(message))

    async def achat(self, message: str, chat_history: Any = None) -> Any:
        return AgentChatResponse(await self._step.answer_later(message))

    def stream_chat(self, message: str, chat_history: Any = None) -> Any:
        raise NotImplementedError

    async def astream_chat(self, message: str, chat_history: Any = None) -> Any:
        raise NotImplementedError

    def reset(self) -> None:
        raise NotImplementedError

    @property
    def chat_history(self) -> Any:
        return []


def opener(make: Callable[[Step], Any]) -> Callable[[Mode, Callable[[], None]], Any]:
    return lambda mode, served: make(Step(mode, served))


def open_tool(step: Step) -> FunctionTool:
    def height(mountain: str) -> str:
        return step.answer(mountain)

    async def height_later(mountain: str) -> str:
        return await step.answer_later(mountain)

    return FunctionTool.from_defaults(height, async_fn=height_later, description="How high a mountain is.")


def asked(operation: str, **more: Any) -> dict[str, Any]:
    names = {"kind": "openinference.span.kind", "name": "gen_ai.agent.name", "tool": "gen_ai.tool.name"}
    names |= {"query": "gen_ai.retrieval.query.text", "top_k": "gen_ai.retrieval.top_k", "given": "input.value"}
    common = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "llama_index"}
    return common | {names.get(key, key): value for key, value in more.items()}


EVEREST = {"id": "e", "content": "Everest is 8,849 m high.", "metadata": {"page": 1}}
FUJI = {"id": "f", "content": "Fuji is 3,776 m high."}
SCORED = {"groundwire.retrieval.higher_is_better": True}
BEFORE = [EVEREST | {"score": 0.5}, FUJI | {"score": 0.25}]
AFTER = [FUJI | {"score": 0.75}, EVEREST | {"score": 0.125}]
RETRIEVAL = asked("retrieval", query=QUERY, top_k=2)
RERANK = asked("rerank", query=QUERY, top_k=2) | {"groundwire.rerank.input_documents": BEFORE}
TOOL = asked("execute_tool", tool="height", kind="TOOL") | {
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": "How high a mountain is.",
    "gen_ai.tool.call.arguments": '{"mountain":"Everest"}',
}


def engine(name: str) -> dict[str, Any]:
    return asked("invoke_workflow", name=name, kind="CHAIN", given=QUERY)


SAID = {"output.value": ANSWER}
CALLS: list[tuple[str, Any, Any, Any, str, dict[str, Any], dict[str, Any]]] = [
    ("retrieve", Mountains, lambda c: c.retrieve(QUERY), lambda c: c.aretrieve(QueryBundle(QUERY)),
     "retrieval Mountains", RETRIEVAL, {"gen_ai.retrieval.documents": BEFORE} | SCORED),
    ("postprocess", lambda s: Turned(step=s), lambda c: c.postprocess_nodes(nodes(0.5, 0.25), query_str=QUERY),
     lambda c: c.apostprocess_nodes(nodes(0.5, 0.25), QueryBundle(QUERY)),
     "rerank Turned", RERANK, {"gen_ai.retrieval.documents": AFTER} | SCORED),
    ("query", lambda s: Asked(step=s), lambda c: c.query(QUERY), lambda c: c.aquery(QueryBundle(QUERY)),
     "invoke_workflow Asked", engine("Asked"), SAID),
    ("chat", Talk, lambda c: c.chat(QUERY), lambda c: c.achat(QUERY), "invoke_workflow Talk", engine("Talk"), SAID),
    ("tool", open_tool, lambda c: c.call(mountain="Everest"), lambda c: c.acall(mountain="Everest"),
     "execute_tool height", TOOL, {"gen_ai.tool.call.result": ANSWER}),
]  # fmt: skip


async def later(response: Any) -> Any:
    return (await response).response_gen


CASES = [
    Case(
        f"async {name}" if asynchronous else name,
        PROVIDER,
        opener(make),
        call,
        span,
        request,
        response,
        {"answer", "error"} | ({"hang"} if asynchronous else {"interrupt"}),
        asynchronous=asynchronous,
    )
    for name, make, sync_call, async_call, span, request, response in CALLS
    for asynchronous, call in ((False, sync_call), (True, async_call))
] + [
    Case(
        name,
        PROVIDER,
        opener(lambda step: Words(step=step)),
        call,
        "invoke_workflow Words",
        engine("Words"),
        SAID | {"gen_ai.response.time_to_first_chunk": ANY},
        {"answer", "error", "break"} | ({"stall"} if asynchronous else set()),
        asynchronous=asynchronous,
        streams=True,
        bare=True,
        partial={"output.value": PARTIAL, "gen_ai.response.time_to_first_chunk": ANY},
    )
    for name, asynchronous, call in (
        ("streamed query", False, lambda c: c.query(QUERY).response_gen),
        ("async streamed query", True, lambda c: later(c.aquery(QUERY))),
    )
]
