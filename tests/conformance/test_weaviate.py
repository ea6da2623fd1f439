"""Weaviate: every method that finds something, its start-up, and the answers that its server has a model give."""
# ruff: noqa: E402

import base64
from typing import Any

import pytest

weaviate = pytest.importorskip("weaviate", reason="it holds grpcio and protobuf back: make test-weaviate")

from weaviate.classes.generate import GenerativeConfig, GenerativeParameters
from weaviate.classes.query import Filter, GroupBy, NearMediaType
from weaviate.proto.v1 import generative_pb2

from conformance.cases import decoded, finish
from conformance.harness import traced
from conformance.weaviate_wire import ANSWER, IDS, TEXTS, open_async_collection, open_collection, params
from dialects.recorded import live_chains
from groundwire.model import Usage
from groundwire.records import from_readable
from groundwire_instrumentation.weaviate import PROVIDER

TASK = "Which is higher, and by how much?"
MODELS: list[tuple[Any, str]] = []
if hasattr(GenerativeConfig, "google_gemini"):
    MODELS += [(GenerativeConfig.google_gemini(model="m"), "gcp.gemini")]
    MODELS += [(GenerativeConfig.google_vertex(model="m", project_id="p"), "gcp.vertex_ai")]
else:  # one for both, before
    MODELS += [(GenerativeConfig.google(model="m", project_id="p"), "gcp.vertex_ai")]
IMAGE = base64.b64encode(b"a mountain").decode()
SEARCHES: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "near_text": (("mountains",), {}),
    "near_vector": (([1.0, 0.0],), {}),
    "near_object": ((IDS[0],), {}),
    "near_image": ((IMAGE,), {}),
    "near_media": ((IMAGE, NearMediaType.AUDIO), {}),
    "hybrid": (("mountains",), {"vector": [1.0, 0.0]}),
    "bm25": (("mountains",), {}),
    "fetch_objects": ((), {"filters": Filter.by_property("page").greater_than(0)}),
    "fetch_objects_by_ids": ((IDS,), {}),
}


async def collection(asynchronous: bool, **options: Any) -> Any:
    opened = (open_async_collection if asynchronous else open_collection)("answer", lambda: None, **options)
    return await finish(opened)


def contents(span: Any) -> list[str]:
    return [row["content"] for row in decoded(span.attributes)["gen_ai.retrieval.documents"]]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", SEARCHES)
async def test_every_search_is_a_retrieval(name: str, asynchronous: bool) -> None:
    args, kwargs = SEARCHES[name]
    with traced(PROVIDER) as tracing:
        found = await finish(getattr((await collection(asynchronous)).query, name)(*args, **kwargs))
        assert [o.properties["text"] for o in found.objects] == TEXTS
        assert tracing.span.name == "retrieval Mountains"
        assert contents(tracing.span) == TEXTS
        query = "mountains" if args == ("mountains",) else None
        assert (tracing.span.attributes or {}).get("gen_ai.retrieval.query.text") == query


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("name", SEARCHES)
async def test_every_search_with_a_task_is_an_answer_that_lists_its_passages(name: str, asynchronous: bool) -> None:
    args, kwargs = SEARCHES[name]
    with traced(PROVIDER) as tracing:
        search = getattr((await collection(asynchronous)).generate, name)
        given = {"grouped_task": TASK, "grouped_properties": ["text"], "single_prompt": "Shout: {text}"}
        found = await finish(search(*args, **kwargs, **given))
        assert found.generative.text == ANSWER
        assert tracing.span.name == "chat Mountains"
        assert contents(tracing.span) == TEXTS
        (chain,) = live_chains([from_readable(tracing.span)])
    assert (chain.answer, chain.question) == (ANSWER, "mountains" if args == ("mountains",) else TASK)
    assert [(p.text, p.in_prompt) for p in chain.passages] == [(text, True) for text in TEXTS]
    assert (chain.model, chain.usage) == (None, None)


async def test_what_was_generated_for_a_group_is_beside_its_objects() -> None:
    pages = GroupBy(prop="page", number_of_groups=2, objects_per_group=1)
    with traced(PROVIDER) as tracing:
        (await collection(False)).generate.bm25("mountains", single_prompt="Shout: {text}", group_by=pages)
        found = decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]
    assert [row["metadata"]["generated"] for row in found] == [text.upper() for text in TEXTS]


async def test_a_list_of_the_store_is_no_retrieval() -> None:
    with traced(PROVIDER) as tracing:
        assert len((await collection(False)).query.fetch_objects().objects) == 2
        assert tracing.spans == []


async def test_an_object_that_is_not_there_is_an_empty_retrieval() -> None:
    with traced(PROVIDER) as tracing:
        assert (await collection(False)).query.fetch_object_by_id("00000000-0000-0000-0000-000000000007") is None
        assert contents(tracing.span) == []


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
async def test_a_client_that_starts_up_is_traced(asynchronous: bool) -> None:
    kind = weaviate.WeaviateAsyncClient if asynchronous else weaviate.WeaviateClient
    with traced(PROVIDER) as tracing:
        client = kind(params(), skip_init_checks=True)
        await finish(client.connect())
        try:
            found = client.collections.use("Mountains").with_tenant("alps").query.bm25("mountains")
            assert len((await finish(found)).objects) == 2
        finally:
            await finish(client.close())
        assert (tracing.span.attributes or {})["weaviate.tenant"] == "alps"


# --- who answers, and what it took ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        (GenerativeConfig.openai(model="m"), "openai"),
        (GenerativeConfig.openai(model="m", base_url="https://api.deepseek.com"), "deepseek"),
        (GenerativeConfig.openai(model="m", base_url="http://localhost:8000/v1"), "openai_compatible"),
        (GenerativeConfig.azure_openai(model="m", resource_name="r", deployment_id="d"), "azure.ai.openai"),
        (GenerativeConfig.anthropic(model="m"), "anthropic"),
        (GenerativeConfig.anthropic(model="m", base_url="http://proxy.test"), "anthropic"),
        (GenerativeConfig.mistral(model="m"), "mistral_ai"),
        (GenerativeConfig.cohere(model="m"), "cohere"),
        *MODELS,
        (GenerativeConfig.xai(model="m"), "x_ai"),
        (GenerativeConfig.ollama(model="m"), "ollama"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_the_provider_is_who_answers(model: Any, provider: str) -> None:
    with traced(PROVIDER) as tracing:
        (await collection(False)).generate.bm25("mountains", grouped_task=TASK, generative_provider=model)
        assert (tracing.span.attributes or {})["gen_ai.provider.name"] == provider
        assert (tracing.span.attributes or {})["gen_ai.request.model"] == "m"


@pytest.mark.parametrize(
    ("metadata", "usage"),
    [
        ({"openai": {"usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}}, Usage(7, 3)),
        ({"anthropic": {"usage": {"input_tokens": 7, "output_tokens": 0}}}, Usage(7, 0)),
        ({"google": {"usage_metadata": {"prompt_token_count": 7, "candidates_token_count": 3}}}, Usage(7, 3)),
        ({"cohere": {"billed_units": {"input_tokens": 7.0, "output_tokens": 3.0}}}, Usage(7, 3)),
        ({"mistral": {"usage": {"prompt_tokens": 7}}}, Usage(7, None)),
        ({"ollama": {}}, None),
        ({"openai": {}}, None),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_tokens_are_as_the_model_s_server_told_them(metadata: dict[str, Any], usage: Usage | None) -> None:
    told = generative_pb2.GenerativeMetadata(**metadata)
    with traced(PROVIDER) as tracing:
        mountains = await collection(False)
        search = mountains.generate._connection.grpc_search

        def answered(request: Any) -> Any:
            reply = search(request)
            reply.generative_grouped_results.values[0].metadata.CopyFrom(told)
            return reply

        mountains.generate._connection.grpc_search = answered
        task = GenerativeParameters.grouped_task(TASK, metadata=True)
        mountains.generate.bm25("mountains", grouped_task=task)
        (chain,) = live_chains([from_readable(tracing.span)])
    assert chain.usage == usage
