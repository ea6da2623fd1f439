"""LangGraph in the conformance suite: a graph of four nodes that say a word each."""

import operator
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph

from conformance.cases import ANY, Case, Mode
from conformance.runnable_steps import WORDS, Lost, Step
from groundwire_instrumentation.langgraph import PROVIDER

QUERY = "How high is it?"


class Said(TypedDict):
    question: str
    words: Annotated[list[str], operator.add]


def opener(asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def opened(mode: Mode, served: Callable[[], None]) -> Any:
        step = Step(mode, served)

        def node(number: int) -> Any:
            def say(state: Said) -> dict[str, Any]:
                step.answer(state)
                if number == 2 and mode == "break":
                    raise Lost("in the middle")
                return {"words": [WORDS[number]]}

            async def say_later(state: Said) -> dict[str, Any]:
                await step.answer_later(state)
                return say(state)

            return say_later if asynchronous else say

        graph = StateGraph(Said)
        for number in range(4):
            graph.add_node(f"n{number}", node(number))
            graph.add_edge(f"n{number - 1}" if number else START, f"n{number}")
        return graph.compile(name="rag")

    return opened


def updates(count: int) -> str:
    return "[" + ",".join(f'{{"n{n}":{{"words":["{WORDS[n]}"]}}}}' for n in range(count)) + "]"


QUESTION = {"question": QUERY, "words": []}
ASKED = {
    "gen_ai.operation.name": "invoke_workflow",
    "gen_ai.provider.name": "langgraph",
    "gen_ai.agent.name": "rag",
    "openinference.span.kind": "CHAIN",
    "input.value": f'{{"question":"{QUERY}","words":[]}}',
}
STATE = f'{{"question":"{QUERY}","words":["Everest ","is ","8,849 m ","high."]}}'
CASES = [
    Case(
        name,
        PROVIDER,
        opener(asynchronous),
        call,
        "invoke_workflow rag",
        ASKED,
        {"output.value": STATE},
        {"answer", "error"} | ({"hang"} if asynchronous else {"interrupt"}),
        asynchronous=asynchronous,
        kind=dict,
    )
    for name, asynchronous, call in (
        ("invoke", False, lambda g: g.invoke(QUESTION)),
        ("async invoke", True, lambda g: g.ainvoke(QUESTION)),
    )
] + [
    Case(
        name,
        PROVIDER,
        opener(asynchronous),
        call,
        "invoke_workflow rag",
        ASKED,
        {"output.value": updates(4), "gen_ai.response.time_to_first_chunk": ANY},
        {"answer", "error", "break"},
        asynchronous=asynchronous,
        streams=True,
        bare=True,
        partial={"output.value": updates(2), "gen_ai.response.time_to_first_chunk": ANY},
    )
    for name, asynchronous, call in (
        ("stream", False, lambda g: g.stream(QUESTION, stream_mode="updates")),
        ("async stream", True, lambda g: g.astream(QUESTION, stream_mode="updates")),
    )
]
