"""The application on LlamaIndex: an index, a query engine, and Cohere's reranker."""

import os
from collections.abc import Callable

from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from llama_index.postprocessor.cohere_rerank import CohereRerank

from recordings import truth


class FirstOnes(BaseNodePostprocessor):
    """Leaves the best nodes only."""

    count: int

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[: self.count]


def application() -> Callable[[truth.Request], str]:
    """The application, ready to be asked."""
    base = os.environ["OPENAI_BASE_URL"]
    model = OpenAI(model=truth.MODEL, api_base=base)
    nodes = [TextNode(id_=name, text=text) for name, text in truth.CORPUS.items()]
    index = VectorStoreIndex(nodes, embed_model=OpenAIEmbedding(model=truth.EMBEDDING_MODEL, api_base=base))

    def answer(request: truth.Request) -> str:
        query = request.question
        if request.query is not None:
            query = model.complete(truth.rewrite_prompt(request.question)).text
        if not request.retrieved:
            return model.complete(request.question).text
        last: BaseNodePostprocessor = FirstOnes(count=len(request.prompt))
        if request.reranked:
            last = CohereRerank(
                top_n=len(request.reranked),
                model=truth.RERANK_MODEL,
                api_key="recording",
                base_url=os.environ["RERANK_URL"],
            )
        engine = RetrieverQueryEngine.from_args(
            index.as_retriever(similarity_top_k=len(request.retrieved)),
            llm=model,
            node_postprocessors=[last],
            streaming=request.streamed,
        )
        # The engine searches for `custom_embedding_strs` and asks the model `query_str`.
        return str(engine.query(QueryBundle(query_str=request.question, custom_embedding_strs=[query])))

    return answer
