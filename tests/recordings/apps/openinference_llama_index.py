"""OpenInference: its instrumentors of LlamaIndex and of the openai client beneath it, both at once.

An index, a query engine, and Cohere's reranker.
"""

import os

from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from llama_index.postprocessor.cohere_rerank import CohereRerank
from openinference.instrumentation import TracerProvider
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import shop, truth

base = os.environ["OPENAI_BASE_URL"]
embedding = OpenAIEmbedding(model=truth.EMBEDDING_MODEL, api_base=base)
model = OpenAI(model=truth.MODEL, api_base=base)
nodes = [TextNode(id_=name, text=text) for name, text in truth.CORPUS.items()]
index = VectorStoreIndex(nodes, embed_model=embedding)

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
LlamaIndexInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("shop")


class FirstOnes(BaseNodePostprocessor):
    """Leaves the best nodes only."""

    count: int

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[: self.count]


@tracer.chain(name="answer")
def answer(question: str) -> str:
    request = next(r for r in truth.REQUESTS if r.question == question)
    query = question
    if request.query is not None:
        query = model.complete(truth.rewrite_prompt(question)).text
    if not request.retrieved:
        return model.complete(question).text
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
    return str(engine.query(QueryBundle(query_str=question, custom_embedding_strs=[query])))


shop.run(lambda request: answer(request.question))
provider.shutdown()
