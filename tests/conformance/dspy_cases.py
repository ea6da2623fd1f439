"""DSPy in the conformance suite: programs, retrievers and tools of the application's own."""

from collections.abc import Callable
from typing import Any

import litellm  # noqa: F401 - or a thread of DSPy's imports it while litellm_cases does

# isort: split
import dspy

from conformance.cases import Case, Mode
from conformance.runnable_steps import ANSWER, Step
from groundwire_instrumentation.dspy import PROVIDER

QUERY = "How high is it?"
EVEREST, FUJI = "Everest is 8,849 m high.", "Fuji is 3,776 m high."


class Program(dspy.Module):
    """A program that asks another one, which is a part of it."""

    def __init__(self, step: Step, inner: Any = None) -> None:
        super().__init__()
        self.step = step
        self.inner = inner

    def forward(self, question: str) -> Any:
        return self.inner(question=question) if self.inner else dspy.Prediction(answer=self.step.answer(question))

    async def aforward(self, question: str) -> Any:
        if self.inner:
            return await self.inner.acall(question=question)
        return dspy.Prediction(answer=await self.step.answer_later(question))


class Mountains(dspy.Retrieve):
    def __init__(self, step: Step) -> None:
        super().__init__(k=2)
        self.step = step

    def forward(self, query: str, k: int | None = None, **_: Any) -> Any:
        self.step.answer(query)
        return dspy.Prediction(passages=[EVEREST, FUJI], indices=[0, 1], scores=[0.5, 0.25])


def program(step: Step) -> Any:
    return Program(step, Program(step))


def tool(step: Step) -> Any:
    def height(mountain: str) -> str:
        """How high a mountain is."""
        return step.answer(mountain)

    return dspy.Tool(height)


def later_tool(step: Step) -> Any:
    async def height(mountain: str) -> str:
        """How high a mountain is."""
        return await step.answer_later(mountain)

    return dspy.Tool(height)


def opener(make: Callable[[Step], Any]) -> Callable[[Mode, Callable[[], None]], Any]:
    return lambda mode, served: make(Step(mode, served))


COMMON = {"gen_ai.provider.name": "dspy"}
WORKFLOW = COMMON | {
    "gen_ai.operation.name": "invoke_workflow",
    "gen_ai.agent.name": "Program",
    "openinference.span.kind": "CHAIN",
    "input.value": f'{{"question":"{QUERY}"}}',
}
RETRIEVAL = COMMON | {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.retrieval.top_k": 2,
    "gen_ai.retrieval.query.text": QUERY,
}
FOUND = {
    "groundwire.retrieval.higher_is_better": True,
    "gen_ai.retrieval.documents": [
        {"id": "0", "score": 0.5, "content": EVEREST},
        {"id": "1", "score": 0.25, "content": FUJI},
    ],
}
TOOL = COMMON | {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "height",
    "openinference.span.kind": "TOOL",
    "gen_ai.tool.type": "function",
    "gen_ai.tool.description": "How high a mountain is.",
    "gen_ai.tool.call.arguments": '{"mountain":"Everest"}',
}
SAID = {"output.value": f'{{"answer":"{ANSWER}"}}'}
GAVE = {"gen_ai.tool.call.result": ANSWER}
CALLS: list[tuple[str, Any, Any, str, dict[str, Any], dict[str, Any]]] = [
    ("program", program, lambda c: c(question=QUERY), "invoke_workflow Program", WORKFLOW, SAID),
    ("async program", program, lambda c: c.acall(question=QUERY), "invoke_workflow Program", WORKFLOW, SAID),
    ("retriever", Mountains, lambda c: c(QUERY), "retrieval Mountains", RETRIEVAL, FOUND),
    ("tool", tool, lambda c: c(mountain="Everest"), "execute_tool height", TOOL, GAVE),
    ("async tool", later_tool, lambda c: c.acall(mountain="Everest"), "execute_tool height", TOOL, GAVE),
]
CASES = [
    Case(
        name,
        PROVIDER,
        opener(make),
        call,
        span,
        request,
        response,
        {"answer", "error"} | ({"hang"} if name.startswith("async") else {"interrupt"}),
        asynchronous=name.startswith("async"),
    )
    for name, make, call, span, request, response in CALLS
]
