"""LangChain's chains of old in the conformance suite: a chain of two keys around a step."""

from collections.abc import Callable
from typing import Any

from langchain_classic.chains.base import Chain

from conformance.cases import Case, Mode
from conformance.runnable_steps import ANSWER, Step
from groundwire_instrumentation.langchain_classic import PROVIDER

QUERY = "How high is it?"


class Answering(Chain):
    """Answers a question by a step."""

    step: Any

    @property
    def input_keys(self) -> list[str]:
        """What it takes."""
        return ["query"]

    @property
    def output_keys(self) -> list[str]:
        """What it gives."""
        return ["result"]

    def _call(self, inputs: Any, run_manager: Any = None) -> dict[str, str]:
        return {"result": self.step.answer(inputs)}

    async def _acall(self, inputs: Any, run_manager: Any = None) -> dict[str, str]:
        return {"result": await self.step.answer_later(inputs)}


def opened(mode: Mode, served: Callable[[], None]) -> Any:
    """A chain whose step plays the mode."""
    return Answering(step=Step(mode, served))


CASES = [
    Case(
        name,
        PROVIDER,
        opened,
        call,
        "invoke_workflow Answering",
        {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.provider.name": "langchain_classic",
            "gen_ai.agent.name": "Answering",
            "openinference.span.kind": "CHAIN",
            "input.value": given,
        },
        {"output.value": f'{{"query":"{QUERY}","result":"{ANSWER}"}}'},
        {"answer", "error"} | ({"hang"} if asynchronous else {"interrupt"}),
        asynchronous=asynchronous,
        kind=dict,
    )
    for name, asynchronous, given, call in (
        ("invoke", False, f'{{"query":"{QUERY}"}}', lambda c: c.invoke({"query": QUERY})),
        ("async invoke", True, QUERY, lambda c: c.ainvoke(QUERY)),
    )
]
