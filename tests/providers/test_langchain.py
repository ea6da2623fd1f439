"""What is particular to chains: whatever holds them, first tries and second ones, is one workflow."""

from collections.abc import AsyncIterator, Callable
from operator import itemgetter
from typing import Annotated, Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableBranch, RunnableGenerator, RunnableLambda, RunnablePassthrough
from langchain_core.tools import InjectedToolArg, StructuredTool, ToolException
from opentelemetry.trace import StatusCode

from conformance.harness import Tracing, traced
from groundwire_instrumentation import langchain
from providers.test_langgraph import names


class Found(BaseRetriever):
    def _get_relevant_documents(self, query: str, *, run_manager: Any) -> list[Document]:
        return [Document(query)]


def chain(failures: int = 0) -> Runnable[Any, str]:
    """A chain that finds, and then fails so many times."""
    left = [failures]

    def answer(found: list[Document]) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise ValueError("busy")
        return found[0].page_content

    return RunnablePassthrough() | Found() | RunnableLambda(answer)


async def through(questions: AsyncIterator[str]) -> AsyncIterator[str]:
    async for question in questions:
        yield await chain().ainvoke(question)


HOLDERS: dict[str, tuple[Callable[[], Runnable[Any, Any]], int]] = {
    "RunnableWithFallbacks": (lambda: chain(9).with_fallbacks([chain()]), 2),
    "RunnableBranch": (lambda: RunnableBranch((RunnableLambda(lambda q: "?" in q), chain()), chain()), 1),
    "RunnableAssign": (lambda: RunnablePassthrough.assign(answer=itemgetter("q") | chain()), 1),
    "RunnableGenerator": (lambda: RunnableGenerator(through), 1),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("holder", HOLDERS)
async def test_a_chain_is_inside_whatever_holds_it(holder: str, streamed: bool) -> None:
    make, searches = HOLDERS[holder]
    given: Any = {"q": "Everest?"} if holder == "RunnableAssign" else "Everest?"
    with traced(langchain.PROVIDER) as tracing:
        if streamed:
            assert [_ async for _ in make().astream(given)]
        else:
            assert await make().ainvoke(given)
    inside_one_root(tracing, searches)


def test_what_is_tried_again_is_one_request() -> None:
    with traced(langchain.PROVIDER) as tracing:
        assert chain(2).with_retry(wait_exponential_jitter=False).invoke("Everest?") == "Everest?"
    inside_one_root(tracing, 3)
    assert tracing.spans[-1].status.status_code is StatusCode.UNSET


def test_a_tool_is_given_what_the_model_asked_and_its_error_is_one_though_the_model_hears_of_it() -> None:
    def height(mountain: str, state: Annotated[dict[str, Any], InjectedToolArg]) -> str:
        """How high it is."""
        raise ToolException("no such mountain")

    tool = StructuredTool.from_function(height, handle_tool_error=True)
    given = {"mountain": "Everest", "state": {"messages": ["never"]}}
    with traced(langchain.PROVIDER) as tracing:
        tool.invoke({"name": "height", "args": given, "id": "c1", "type": "tool_call"})
    attributes = dict(tracing.span.attributes or {})
    assert attributes["gen_ai.tool.call.arguments"] == '{"mountain":"Everest"}'
    assert (attributes["error.type"], tracing.span.status.status_code) == ("tool_error", StatusCode.ERROR)
    assert attributes["gen_ai.tool.call.result"] == "no such mountain"


def inside_one_root(tracing: Tracing, searches: int) -> None:
    (root,) = [name for name, parent in names(tracing) if parent is None]
    assert len([span for span in tracing.spans if span.name == "retrieval Found"]) == searches
    assert {parent for _, parent in names(tracing)} == {None, root}
