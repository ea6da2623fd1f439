"""The replay server, asked by the real `openai` client and over raw HTTP."""

import base64
import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import anthropic
import numpy as np
import ollama
import openai
import pytest

from groundwire.demo.answers import asked, recorded_answers
from groundwire.demo.server import CHAT_MODEL, EMBEDDING_MODEL, ReplayServer
from groundwire.tokens import estimate_tokens

FIRST = recorded_answers()[0]


@pytest.fixture(scope="module")
def server() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


@pytest.fixture
def client(server: ReplayServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, api_key="any", max_retries=0) as client:
        yield client


def ask(question: str) -> list[Any]:
    return [
        {"role": "system", "content": "Answer from the passages."},
        {"role": "user", "content": f"passage 1: Something.\n\nQuestion:  {question.upper()} ?\noutput:"},
    ]


def test_every_recorded_question_gets_the_answer_of_its_own_model(client: openai.OpenAI) -> None:
    for entry in recorded_answers():
        result = client.chat.completions.create(model=CHAT_MODEL, messages=ask(entry.question))
        assert result.choices[0].message.content == entry.answer
        assert result.choices[0].finish_reason == "stop"
        assert result.model == entry.generator
        assert result.usage is not None
        assert result.usage.completion_tokens == estimate_tokens(entry.answer) > 0
        assert result.usage.total_tokens == result.usage.prompt_tokens + result.usage.completion_tokens


def test_a_question_is_found_in_the_whole_prompt_of_the_example(client: openai.OpenAI) -> None:
    for entry in recorded_answers():
        others = [p for e in recorded_answers() if e is not entry for p in e.passages]
        prompt = "\n\n".join([*entry.passages, *others[:6], entry.question])
        assert asked(prompt, recorded_answers()) is entry


def test_a_stream_carries_the_same_answer_and_ends_with_the_usage(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model=CHAT_MODEL, messages=ask(FIRST.question))
    chunks = list(
        client.chat.completions.create(
            model=CHAT_MODEL,
            messages=ask(FIRST.question),
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == FIRST.answer
    assert len(chunks) > 20
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-2:] == [None, "stop"]
    assert not chunks[-1].choices
    assert chunks[-1].usage == whole.usage
    assert {c.usage for c in chunks[:-1]} == {None}


def test_a_stream_has_no_usage_unless_it_is_asked_for(client: openai.OpenAI) -> None:
    chunks = list(client.chat.completions.create(model=CHAT_MODEL, messages=ask(FIRST.question), stream=True))
    assert all(c.choices and c.usage is None for c in chunks)


def test_a_stream_that_is_broken_off_does_no_harm(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model=CHAT_MODEL, messages=ask(FIRST.question), stream=True) as stream:
        next(iter(stream))
    assert client.models.list().data


async def test_the_async_client_is_served_too(server: ReplayServer) -> None:
    async with openai.AsyncOpenAI(base_url=server.url, api_key="any") as client:
        result = await client.chat.completions.create(model=CHAT_MODEL, messages=ask(FIRST.question))
    assert result.choices[0].message.content == FIRST.answer


def test_embeddings_are_unit_vectors_and_the_same_in_both_encodings(client: openai.OpenAI) -> None:
    texts = ["bake a potato", "A potato needs an hour to bake.", "oil stain on concrete", "!!!"]
    usual = client.embeddings.create(model=EMBEDDING_MODEL, input=texts)  # the client asks for base64
    floats = client.embeddings.create(model=EMBEDDING_MODEL, input=texts, encoding_format="float")
    vectors = np.array([row.embedding for row in floats.data])
    assert vectors.shape == (4, 512)
    np.testing.assert_allclose(vectors, [row.embedding for row in usual.data], atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-6)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]
    assert usual.model == EMBEDDING_MODEL
    assert usual.usage.prompt_tokens == sum(estimate_tokens(text) for text in texts)


def test_embeddings_take_dimensions_and_token_ids(client: openai.OpenAI) -> None:
    short = client.embeddings.create(model="any", input="a text", dimensions=8, encoding_format="base64")
    assert len(base64.b64decode(str(short.data[0].embedding))) == 8 * 4
    ids = client.embeddings.create(model="any", input=[[1, 2, 3], [4]])
    assert len(ids.data) == 2
    assert ids.usage.total_tokens == 4


def test_models_are_listed_and_found_by_name(client: openai.OpenAI) -> None:
    names = [model.id for model in client.models.list()]
    assert len(names) == 8
    assert {"gpt-4-0613", "llama-2-7b-chat", CHAT_MODEL, EMBEDDING_MODEL} <= set(names)
    assert client.models.retrieve("gpt-4-0613").id == "gpt-4-0613"
    with pytest.raises(openai.NotFoundError, match="does not exist"):
        client.models.retrieve("gpt-99")


def test_a_question_that_was_not_recorded_is_refused_not_answered(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="No answer to this question was recorded") as caught:
        client.chat.completions.create(model=CHAT_MODEL, messages=ask("What is the capital of France"))
    assert caught.value.code == "not_recorded"
    assert caught.value.type == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/v1/chat/completions", {"messages": []}, 400, "model parameter"),
        ("/v1/chat/completions", {"model": "m"}, 400, "messages"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "system", "content": "x"}]}, 400, "user"),
        ("/v1/chat/completions", {"model": "m", "messages": ["x", 1]}, 400, "user"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": 1}]}, 400, "string"),
        ("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 2}, 400, "'n'"),
        ("/v1/embeddings", {"input": ""}, 400, "input"),
        ("/v1/embeddings", {"input": []}, 400, "input"),
        ("/v1/embeddings", {"input": ["a", 1]}, 400, "input"),
        ("/v1/embeddings", {"input": "a", "dimensions": True}, 400, "dimensions"),
        ("/v1/embeddings", {"input": "a", "encoding_format": "int8"}, 400, "int8"),
        ("/v1/embeddings", [], 400, "object"),
        ("/v1/responses", {}, 404, "Unknown request URL"),
    ],
)
def test_errors_are_json_in_the_shape_of_openai(
    server: ReplayServer, path: str, body: Any, status: int, message: str
) -> None:
    got, answer = post(server, path, json.dumps(body).encode())
    assert got == status
    assert set(answer["error"]) == {"message", "type", "param", "code"}
    assert message in answer["error"]["message"]


def test_a_body_that_is_no_json_is_a_400(server: ReplayServer) -> None:
    assert post(server, "/v1/embeddings", b"{not json")[0] == 400
    assert post(server, "/v1/embeddings", b"[" * 100_000)[0] == 400


def test_one_connection_serves_many_requests(server: ReplayServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    for _ in range(3):
        connection.request("GET", "/v1/models")
        assert json.loads(connection.getresponse().read())["object"] == "list"
    connection.request("POST", "/v1/embeddings")  # http.client says Content-Length: 0
    assert connection.getresponse().status == 400
    connection.close()


def test_a_closed_server_has_freed_its_port() -> None:
    server = ReplayServer()
    port = urlsplit(server.url).port
    assert port
    server.close()
    server.close()
    with ReplayServer(port=port) as again:
        assert urlsplit(again.url).port == port


def post(server: ReplayServer, path: str, body: bytes) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_the_same_answer_is_said_to_anthropics_client(server: ReplayServer) -> None:
    with anthropic.Anthropic(base_url=server.root, api_key="any", max_retries=0) as client:
        asked: Any = {"model": CHAT_MODEL, "max_tokens": 9, "messages": ask(FIRST.question)[1:]}
        whole = client.messages.create(**asked)
        with client.messages.stream(**asked) as stream:
            streamed = stream.get_final_message()
        for message in (whole, streamed):
            assert (message.content[0].text, message.stop_reason) == (FIRST.answer, "end_turn")
            assert (message.model, message.usage.output_tokens) == (FIRST.generator, estimate_tokens(FIRST.answer))
        counted = client.messages.count_tokens(model=CHAT_MODEL, messages=asked["messages"])
        assert counted.input_tokens == whole.usage.input_tokens == streamed.usage.input_tokens > 0
        with pytest.raises(anthropic.NotFoundError, match="No answer to this question was recorded") as refused:
            client.messages.create(**asked | {"messages": ask("who are you")[1:]})
        assert refused.value.body["error"]["type"] == "not_found_error"


def test_the_same_answer_is_said_to_ollamas_client(server: ReplayServer) -> None:
    with ollama.Client(server.root) as client:
        messages = ask(FIRST.question)
        whole = client.chat(CHAT_MODEL, messages)
        pieces = list(client.chat(CHAT_MODEL, messages, stream=True))
        assert whole.message.content == "".join(piece.message.content or "" for piece in pieces) == FIRST.answer
        assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        for last in (whole, pieces[-1]):
            assert (last.model, last.done_reason, last.eval_count) == (
                FIRST.generator,
                "stop",
                estimate_tokens(FIRST.answer),
            )
            assert last.prompt_eval_count
        with pytest.raises(ollama.ResponseError, match="No answer to this question was recorded"):
            client.chat(CHAT_MODEL, ask("who are you"))


def test_what_was_answered_is_kept_with_its_tokens() -> None:
    with ReplayServer() as server, openai.OpenAI(base_url=server.url, api_key="any", max_retries=0) as client:
        result = client.chat.completions.create(model=CHAT_MODEL, messages=ask(FIRST.question))
        with pytest.raises(openai.NotFoundError):
            client.chat.completions.create(model=CHAT_MODEL, messages=ask("who are you"))
        (reply,) = server.replies
        assert result.usage is not None
        assert reply.entry is FIRST
        assert (reply.input_tokens, reply.output_tokens) == (result.usage.prompt_tokens, result.usage.completion_tokens)


def test_a_program_is_run_with_the_server_beside_it() -> None:
    asks = "import openai, os; print(openai.OpenAI().models.list().data[0].id, os.environ['OLLAMA_HOST']); exit(3)"
    command = [sys.executable, "-m", "groundwire.demo"]
    done = subprocess.run([*command, sys.executable, "-c", asks], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (3, "")
    assert re.fullmatch(r"recorded http://127\.0\.0\.1:\d+\n", done.stdout)
    missing = subprocess.run([*command, "no-such-program"], capture_output=True, text=True, timeout=60)
    assert (missing.returncode, missing.stderr) == (127, "no-such-program: No such file or directory\n")
