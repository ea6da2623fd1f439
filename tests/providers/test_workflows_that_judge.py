"""Workflows that route, grade, rewrite and check: of all that they ask a model, the answer alone is scored."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Literal

import pytest
from haystack import Document as Found
from haystack import Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.components.routers import ConditionalRouter
from haystack.dataclasses import ChatMessage
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, StateGraph
from llama_index.core.evaluation import RelevancyEvaluator
from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata
from llama_index.core.query_engine import RetrieverQueryEngine, RetryQueryEngine, RouterQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.retrievers import BaseRetriever as NodeRetriever
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.core.selectors import LLMSingleSelector
from llama_index.core.tools import QueryEngineTool
from pydantic import BaseModel

from built import ANSWER, LOUVRE, QUESTION, TOWER
from conformance.harness import traced
from conformance.openai_wire import Wire, answering, document, http
from dialects.recorded import live_chains
from groundwire import Provider
from groundwire.chain import chains
from groundwire.model import RagChain
from groundwire.records import from_readable
from groundwire_instrumentation import haystack, langchain, langgraph, llama_index, openai

BETTER = "What is the height of the Eiffel Tower in metres?"


def reply(prompt: str) -> str:
    """What a model says to the prompts below."""
    if "expert at routing" in prompt:
        return '{"datasource": "towers"}'
    if "Some choices are given" in prompt:
        return '[{"choice": 1, "reason": "It asks about a tower."}]'
    if "assessing relevance" in prompt:
        return json.dumps({"binary_score": "yes" if TOWER in prompt else "no"})
    if "Rewrite the question" in prompt:
        return BETTER
    if "grounded in" in prompt or "in line with the context" in prompt:
        return "Yes."
    return ANSWER


def respond(request: Any) -> Any:
    messages = json.loads(request.content)["messages"]
    said = {"role": "assistant", "content": reply("\n".join(str(m["content"]) for m in messages))}
    return document(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o-mini",
            "choices": [{"index": 0, "finish_reason": "stop", "message": said}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 5, "total_tokens": 55},
        }
    )


# --- corrective and self-checking, adaptive: LangGraph --------------------------------------------------------------


class Route(BaseModel):
    datasource: Literal["towers", "web"]


class Grade(BaseModel):
    binary_score: Literal["yes", "no"]


class Towers(BaseRetriever):
    """Finds the right passage for the better question alone."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(TOWER if query == BETTER else LOUVRE)]


def graph() -> Any:
    def model() -> ChatOpenAI:
        return ChatOpenAI(
            model="gpt-4o-mini",
            api_key="sk-none",  # type: ignore[arg-type]
            http_client=http.Client(transport=Wire(respond)),
            http_async_client=http.AsyncClient(transport=Wire(respond)),
        )

    def route(state: dict[str, Any]) -> str:
        prompt = "You are an expert at routing a user question to a vectorstore of documents about towers, or the web."
        made: Any = model().with_structured_output(Route).invoke([("system", prompt), ("human", state["question"])])
        return "retrieve" if made.datasource == "towers" else END

    def retrieve(state: dict[str, Any]) -> dict[str, Any]:
        return state | {"texts": [d.page_content for d in Towers().invoke(state.get("better", state["question"]))]}

    def grade(state: dict[str, Any]) -> str:
        prompt = (
            "You are a grader assessing relevance of a retrieved document to a user question. Give a binary score "
            f"'yes' or 'no'.\nRetrieved document:\n\n{state['texts'][0]}\n\nUser question: {state['question']}"
        )
        made: Any = model().with_structured_output(Grade, method="json_schema").invoke(prompt)
        return "generate" if made.binary_score == "yes" else "rewrite"

    def rewrite(state: dict[str, Any]) -> dict[str, Any]:
        prompt = (
            "Rewrite the question so that a search finds better documents than this.\n\n"
            f"Document: {state['texts'][0]}\n\nQuestion: {state['question']}\n\nBetter question:"
        )
        return state | {"better": str(model().invoke(prompt).content)}

    async def generate(state: dict[str, Any]) -> dict[str, Any]:
        prompt = f"Answer from the context.\n\nContext:\n{state['texts'][0]}\n\nQuestion: {state['question']}"
        return state | {"answer": str((await model().ainvoke(prompt)).content)}

    def check(state: dict[str, Any]) -> dict[str, Any]:
        prompt = (
            "Assess whether an answer is grounded in a set of facts. Say yes or no.\n\n"
            f"Set of facts:\n\n{state['texts'][0]}\n\nAnswer: {state['answer']}"
        )
        return state | {"grounded": model().invoke(prompt).content}

    made = StateGraph(dict)  # type: ignore[type-var]
    for node in (retrieve, rewrite, generate, check):
        made.add_node(node.__name__, node)  # type: ignore[type-var]
    made.add_conditional_edges(START, route, ["retrieve", END])
    made.add_conditional_edges("retrieve", grade, ["generate", "rewrite"])
    made.add_edge("rewrite", "retrieve")
    made.add_edge("generate", "check")
    return made.compile()


def by_graph() -> str:
    return str(asyncio.run(graph().ainvoke({"question": QUESTION}))["answer"])


# --- routed and tried again: LlamaIndex -----------------------------------------------------------------------------


class Asking(CustomLLM):
    """A model of LlamaIndex that asks OpenAI's client."""

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(model_name="gpt-4o-mini")

    def complete(self, prompt: str, formatted: bool = False, **_: Any) -> CompletionResponse:
        client = answering(respond)
        said = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": prompt}])
        return CompletionResponse(text=said.choices[0].message.content)

    def stream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
        raise NotImplementedError


class TowerNodes(NodeRetriever):
    def _retrieve(self, query_bundle: Any) -> list[NodeWithScore]:
        return [NodeWithScore(node=TextNode(text=TOWER), score=0.9)]


def by_router() -> str:
    engine: Any = RetrieverQueryEngine(TowerNodes(), get_response_synthesizer(llm=Asking()))
    engine = RetryQueryEngine(engine, RelevancyEvaluator(llm=Asking()))
    tools = [
        QueryEngineTool.from_defaults(engine, name=name, description=f"Documents with knowledge about {name}: all.")
        for name in ("towers", "museums")
    ]
    router = RouterQueryEngine(LLMSingleSelector.from_defaults(llm=Asking()), tools, llm=Asking())
    return str(router.query(QUESTION))


# --- a loop: Haystack -----------------------------------------------------------------------------------------------


def by_loop() -> str:
    store = InMemoryDocumentStore()
    store.write_documents([Found(content=TOWER)])

    def generator() -> OpenAIChatGenerator:
        made = OpenAIChatGenerator(api_key=Secret.from_token("sk-none"), model="gpt-4o-mini")
        made.client = answering(respond)
        return made

    def builder(template: str) -> ChatPromptBuilder:
        return ChatPromptBuilder([ChatMessage.from_user(template)], required_variables="*")

    documents = "Documents:\n{% for d in documents %}{{ d.content }}\n\n{% endfor %}Question: {{ question }}"
    routes: Any = [
        {"condition": "{{ 'yes' in verdict[0].text }}", "output": "{{ question }}", "output_name": "on"} | _TEXT,
        {"condition": "{{ 'no' in verdict[0].text }}", "output": "{{ question }}", "output_name": "off"} | _TEXT,
    ]
    made = Pipeline()
    components: dict[str, Any] = {
        "retriever": InMemoryBM25Retriever(store),
        "grading": builder(f"You are a grader assessing relevance. Return JSON with a `binary_score`.\n\n{documents}"),
        "grader": generator(),
        "router": ConditionalRouter(routes),
        "prompt": builder(f"Answer from the documents.\n\n{documents}"),
        "llm": generator(),
    }
    for name, each in components.items():
        made.add_component(name, each)
    for one, other in (
        *(("retriever.documents", "grading.documents"), ("grading.prompt", "grader.messages")),
        *(("grader.replies", "router.verdict"), ("router.on", "prompt.question")),
        *(("retriever.documents", "prompt.documents"), ("prompt.prompt", "llm.messages")),
    ):
        made.connect(one, other)
    given = {"retriever": {"query": QUESTION}, "grading": {"question": QUESTION}, "router": {"question": QUESTION}}
    return str(made.run(given)["llm"]["replies"][0].text)


_TEXT = {"output_type": str}
WORKFLOWS: dict[str, tuple[Callable[[], str], tuple[Provider, ...], int]] = {
    "langgraph": (by_graph, (langchain.PROVIDER, langgraph.PROVIDER), 6),
    "llama_index": (by_router, (llama_index.PROVIDER,), 3),
    "haystack": (by_loop, (haystack.PROVIDER,), 2),
}


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_the_answer_alone_is_scored(workflow: str) -> None:
    ask, frameworks, calls = WORKFLOWS[workflow]
    with traced(*frameworks, openai.PROVIDER) as tracing:
        assert ask() == ANSWER
    records = [from_readable(span) for span in tracing.spans]
    assert [span.parent_id for span in records].count(None) == 1
    assert [span.attributes["gen_ai.operation.name"] for span in records].count("chat") == calls

    def told(found: list[RagChain]) -> list[tuple[Any, ...]]:
        return [(c.question, [p.text for p in c.context], c.answer) for c in found]

    assert told(live_chains(records)) == told(list(chains(records).chains)) == [(QUESTION, [TOWER], ANSWER)]
