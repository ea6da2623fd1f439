"""Haystack in the conformance suite: components of the application's own, which is how the library is extended."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.agents import Agent
from haystack.dataclasses import ChatMessage
from haystack.tools import Tool

from conformance.cases import ANY, Case, Mode
from conformance.runnable_steps import ANSWER, WORDS, Lost, Step
from groundwire_instrumentation.haystack import PROVIDER

QUERY = "How high is it?"


def documents(*scores: float) -> list[Document]:
    texts = ("Everest is 8,849 m high.", "Fuji is 3,776 m high.")
    pages: tuple[dict[str, Any], ...] = ({"page": 1}, {})
    found = zip(texts, pages, scores, strict=True)
    return [Document(id=text[0].lower(), content=text, meta=page, score=score) for text, page, score in found]


class Stepping:
    """Not a component itself."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.top_k = 2


@component
class Mountains(Stepping):
    """A retriever by what it takes and gives."""

    @component.output_types(documents=list[Document])
    def run(self, query: str, top_k: int | None = None) -> dict[str, Any]:
        self._step.answer(query)
        return {"documents": documents(0.5, 0.25)}

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, top_k: int | None = None) -> dict[str, Any]:
        await self._step.answer_later(query)
        return {"documents": documents(0.5, 0.25)}


@component
class MountainRanker(Stepping):
    """A ranker by what it takes and gives, and by its name."""

    model = "by-height"

    @component.output_types(documents=list[Document])
    def run(self, query: str, documents: list[Document]) -> dict[str, Any]:
        self._step.answer(query)
        scored = zip(documents, (0.125, 0.75), strict=True)
        return {"documents": [replace(document, score=score) for document, score in scored][::-1]}

    @component.output_types(documents=list[Document])
    async def run_async(self, query: str, documents: list[Document]) -> dict[str, Any]:
        await self._step.answer_later(query)
        return self.run(query, documents)


@component
class Generator(Stepping):
    """A model that is nobody's."""

    @component.output_types(replies=list[ChatMessage])
    def run(self, messages: list[ChatMessage], tools: Any = None) -> dict[str, Any]:
        return {"replies": [ChatMessage.from_assistant(self._step.answer(messages))]}

    @component.output_types(replies=list[ChatMessage])
    async def run_async(self, messages: list[ChatMessage], tools: Any = None) -> dict[str, Any]:
        return {"replies": [ChatMessage.from_assistant(await self._step.answer_later(messages))]}


@component
class Word:
    """Says one word, when it has been given those before."""

    def __init__(self, step: Step, mode: Mode, number: int) -> None:
        self._step = step
        self._mode = mode
        self._number = number

    @component.output_types(said=str)
    def run(self, said: str) -> dict[str, Any]:
        raise NotImplementedError

    @component.output_types(said=str)
    async def run_async(self, said: str) -> dict[str, Any]:
        if self._number == 2 and self._mode == "stall":
            self._mode = "hang"
            self._step = Step("hang", lambda: None)
        if self._number == 2 and self._mode == "break":
            raise Lost("in the middle")
        await self._step.answer_later(said)
        return {"said": said + WORDS[self._number]}


def pipeline(step: Step) -> Pipeline:
    made = Pipeline()
    made.add_component("llm", Generator(step))
    return made


def words(mode: Mode, served: Callable[[], None]) -> Pipeline:
    made = Pipeline()
    for number in range(4):
        made.add_component(f"n{number}", Word(Step(mode, served), mode, number))
        if number:
            made.connect(f"n{number - 1}", f"n{number}")
    return made


def tool(step: Step) -> Tool:
    def height(mountain: str) -> str:
        return step.answer(mountain)

    async def height_later(mountain: str) -> str:
        return await step.answer_later(mountain)

    properties = {"mountain": {"type": "string"}}
    return Tool(
        name="height",
        description="How high a mountain is.",
        parameters={"type": "object", "properties": properties},
        function=height,
        async_function=height_later,
    )


def opener(make: Callable[[Step], Any]) -> Callable[[Mode, Callable[[], None]], Any]:
    return lambda mode, served: make(Step(mode, served))


def asked(operation: str, **more: Any) -> dict[str, Any]:
    names = {"kind": "openinference.span.kind", "name": "gen_ai.agent.name", "tool": "gen_ai.tool.name"}
    names |= {"query": "gen_ai.retrieval.query.text", "top_k": "gen_ai.retrieval.top_k", "given": "input.value"}
    common = {"gen_ai.operation.name": operation, "gen_ai.provider.name": "haystack"}
    return common | {names.get(key, key): value for key, value in more.items()}


def workflow(name: str, given: str) -> dict[str, Any]:
    return asked("invoke_workflow", name=name, kind="CHAIN", given=given)


EVEREST = {"id": "e", "content": "Everest is 8,849 m high.", "metadata": {"page": 1}}
FUJI = {"id": "f", "content": "Fuji is 3,776 m high."}
SCORED = {"groundwire.retrieval.higher_is_better": True}
BEFORE = [EVEREST | {"score": 0.5}, FUJI | {"score": 0.25}]
AFTER = [FUJI | {"score": 0.75}, EVEREST | {"score": 0.125}]
RERANK = asked("rerank", query=QUERY, top_k=2) | {
    "gen_ai.request.model": "by-height",
    "groundwire.rerank.input_documents": BEFORE,
}
TOOL = asked("execute_tool", tool="height", kind="TOOL") | {
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": "How high a mountain is.",
    "gen_ai.tool.call.arguments": '{"mountain":"Everest"}',
}
AGENT = asked("invoke_agent", name="Agent", kind="AGENT", given=f'["{QUERY}"]')
MESSAGES = [ChatMessage.from_user(QUERY)]
DATA = {"llm": {"messages": MESSAGES}}
GIVEN = f'{{"llm":{{"messages":["{QUERY}"]}}}}'
SAID = {"output.value": f'{{"llm":{{"replies":["{ANSWER}"]}}}}'}
CALLS: list[tuple[str, Any, Any, Any, str, dict[str, Any], dict[str, Any]]] = [
    ("retriever", Mountains, lambda c: c.run(query=QUERY), lambda c: c.run_async(QUERY),
     "retrieval Mountains", asked("retrieval", query=QUERY, top_k=2), {"gen_ai.retrieval.documents": BEFORE} | SCORED),
    ("ranker", MountainRanker, lambda c: c.run(query=QUERY, documents=documents(0.5, 0.25)),
     lambda c: c.run_async(query=QUERY, documents=documents(0.5, 0.25)),
     "rerank by-height", RERANK, {"gen_ai.retrieval.documents": AFTER} | SCORED),
    ("pipeline", pipeline, lambda c: c.run(DATA), lambda c: c.run_async(DATA),
     "invoke_workflow Pipeline", workflow("Pipeline", GIVEN), SAID),
    ("agent", lambda s: Agent(chat_generator=Generator(s)), lambda c: c.run(messages=MESSAGES),
     lambda c: c.run_async(MESSAGES), "invoke_agent Agent", AGENT, {"output.value": ANSWER}),
    ("tool", tool, lambda c: c.invoke(mountain="Everest"), lambda c: c.invoke_async(mountain="Everest"),
     "execute_tool height", TOOL, {"gen_ai.tool.call.result": ANSWER}),
]  # fmt: skip


def upto(number: int) -> str:
    return f'{{"n{number}":{{"said":"{"".join(WORDS[: number + 1])}"}}}}'


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
        "generator of a pipeline's outputs",
        PROVIDER,
        words,
        lambda c: c.run_async_generator({"n0": {"said": ""}}, include_outputs_from={"n0", "n1", "n2"}),
        "invoke_workflow Pipeline",
        workflow("Pipeline", '{"n0":{"said":""}}'),
        {
            "output.value": "{" + ",".join(upto(number)[1:-1] for number in range(4)) + "}",
            "gen_ai.response.time_to_first_chunk": ANY,
        },
        {"answer", "error", "break", "stall"},
        asynchronous=True,
        streams=True,
        bare=True,
        partial={"output.value": upto(1), "gen_ai.response.time_to_first_chunk": ANY},
    )
]
