"""The application as an agent of LangChain, which searches by a tool: all that it finds reaches the prompt."""

from collections.abc import Callable
from typing import Any

from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.tools import tool
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from recordings import truth


def application(**config: Any) -> Callable[[truth.Request], str]:
    """The application, ready to be asked.

    Args:
        config: of every call, for instance `callbacks`.
    """
    embeddings = OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False)
    store = InMemoryVectorStore(embeddings)
    store.add_documents(
        [Document(id=name, page_content=text, metadata={"source": f"{name}.md"}) for name, text in truth.CORPUS.items()]
    )

    @tool
    def search(query: str) -> str:
        """Search the handbook."""
        request = next(r for r in truth.REQUESTS if query in (r.question, r.search))
        found = store.as_retriever(search_kwargs={"k": len(request.retrieved)}).invoke(query)
        return "\n\n".join(d.page_content for d in found)

    agent = create_agent(ChatOpenAI(model=truth.MODEL, stream_usage=True), [search], system_prompt=truth.SYSTEM)

    def answer(request: truth.Request) -> str:
        said = agent.invoke({"messages": [{"role": "user", "content": request.question}]}, config=config)
        return str(said["messages"][-1].content)

    return answer
