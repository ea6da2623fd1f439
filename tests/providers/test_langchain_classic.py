"""LangChain's chains of old: one tree, whose root is the outermost chain."""

import asyncio
from typing import Any

from langchain_classic.chains import RetrievalQA
from langchain_core.documents import Document
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.retrievers import BaseRetriever

from conformance.harness import Tracing, traced
from groundwire_instrumentation import langchain, langchain_classic


class Notes(BaseRetriever):
    """One note for all questions."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> list[Document]:
        return [Document("The tower is 330 m tall.", id="n1")]


def tree(tracing: Tracing) -> list[tuple[str, str | None]]:
    by_id = {span.context.span_id: span.name for span in tracing.spans}
    return [(span.name, by_id[span.parent.span_id] if span.parent else None) for span in tracing.spans]


def test_a_chain_of_chains_is_one_workflow_around_its_retrieval() -> None:
    chain = RetrievalQA.from_chain_type(FakeListLLM(responses=["330 m."]), retriever=Notes())
    calls = (
        lambda: chain.invoke("How tall?"),
        lambda: asyncio.run(chain.ainvoke({"query": "How tall?"})),
        lambda: chain.batch(["How tall?"]),
    )
    for call in calls:
        with traced(langchain.PROVIDER, langchain_classic.PROVIDER) as tracing:
            assert "330 m." in str(call())
            assert tree(tracing) == [
                ("retrieval Notes", "invoke_workflow RetrievalQA"),
                ("invoke_workflow RetrievalQA", None),
            ]
            assert "330 m." in str((tracing.spans[-1].attributes or {})["output.value"])
