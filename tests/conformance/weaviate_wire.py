"""A Weaviate of this process: its REST for starting up, its gRPC for searching, over loopback."""

import asyncio
import atexit
import json
import struct
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import weaviate
from weaviate.connect import ConnectionParams
from weaviate.proto.v1 import generative_pb2, properties_pb2, search_get_pb2, weaviate_pb2_grpc

from conformance.cases import Mode

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]
IDS = [str(uuid.UUID(int=n)) for n in (1, 2)]
DISTANCES = [0.25, 0.5]
ANSWER = "Everest, by 5,073 m."


class _Rest(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"version": "1.37.0", "grpcMaxMessageSize": 1048576}).encode()
        self.send_response(200 if self.path.startswith(("/v1/meta", "/v1/.well-known/ready")) else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class _Mountains(weaviate_pb2_grpc.WeaviateServicer):  # type: ignore[misc]
    """Answers as a server does: with what was asked for, zeros where it has not what was asked for."""

    def Search(self, request: Any, context: Any) -> Any:
        if request.collection != "Mountains" or request.tenant not in ("", "alps"):
            context.abort(grpc.StatusCode.UNKNOWN, f"could not find class {request.collection} in schema")
        numbers = [n for n in (0, 1) if request.filters.value_text in ("", IDS[n])]
        results = [self._result(request, n) for n in numbers[: request.limit or None]]
        if request.HasField("group_by"):
            groups = [
                search_get_pb2.GroupByResult(
                    name=f"page {n + 1}",
                    objects=[row],
                    number_of_objects=1,
                    generative=generative_pb2.GenerativeReply(result=self._shouted(request, n)),
                )
                for n, row in enumerate(results)
            ]
            return search_get_pb2.SearchReply(group_by_results=groups, generative_grouped_result=self._said(request))
        reply = search_get_pb2.SearchReply(results=results)
        if request.generative.HasField("grouped"):
            made = reply.generative_grouped_results.values.add(result=ANSWER)
            if any(query.return_metadata for query in request.generative.grouped.queries):
                made.metadata.openai.usage.prompt_tokens = 60
                made.metadata.openai.usage.completion_tokens = 10
        return reply

    def _said(self, request: Any) -> str:
        return ANSWER if request.generative.HasField("grouped") else ""

    def _shouted(self, request: Any, n: int) -> str:
        return TEXTS[n].upper() if request.generative.HasField("single") else ""

    def _result(self, request: Any, n: int) -> Any:
        by_words = request.HasField("bm25_search") or request.HasField("hybrid_search")
        near = any(request.HasField(f"near_{kind}") for kind in ("text", "vector", "object", "image", "audio"))
        wanted, fields = request.metadata, properties_pb2.Properties()
        fields.fields["text"].text_value = TEXTS[n]
        fields.fields["page"].int_value = n + 1
        metadata = search_get_pb2.MetadataResult(id=IDS[n], id_as_bytes=uuid.UUID(IDS[n]).bytes)
        if wanted.distance and near:
            metadata.distance, metadata.distance_present = DISTANCES[n], True
        if wanted.certainty and near:
            metadata.certainty, metadata.certainty_present = 1 - DISTANCES[n] / 2, True
        if wanted.score:
            metadata.score, metadata.score_present = (1 - DISTANCES[n] if by_words else 0.0), True
        if request.HasField("rerank"):
            metadata.rerank_score, metadata.rerank_score_present = 4 - n, True
        if wanted.creation_time_unix:
            metadata.creation_time_unix, metadata.creation_time_unix_present = 1_700_000_000_000, True
            metadata.last_update_time_unix, metadata.last_update_time_unix_present = 1_700_000_000_000, True
        if wanted.vector:
            metadata.vectors.add(name="title", vector_bytes=struct.pack("<2f", 1.0, 0.0), type=1)
        row = search_get_pb2.PropertiesResult(non_ref_props=fields, target_collection="Mountains")
        made = generative_pb2.GenerativeResult()
        if request.HasField("generative"):  # with nothing in it, where the task is for all
            made.values.add(result=self._shouted(request, n))
        return search_get_pb2.SearchResult(properties=row, metadata=metadata, generative=made)


@cache
def ports() -> tuple[int, int]:
    """Where its REST and its gRPC listen."""
    rest = ThreadingHTTPServer(("127.0.0.1", 0), _Rest)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    rpc = grpc.server(ThreadPoolExecutor(8))
    weaviate_pb2_grpc.add_WeaviateServicer_to_server(_Mountains(), rpc)
    number = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()

    def stop() -> None:
        mountains().close()
        rest.shutdown()
        rest.server_close()
        rpc.stop(None).wait()

    atexit.register(stop)
    return rest.server_port, int(number)


def params() -> Any:
    """The address, as clients take it."""
    rest, rpc = ports()
    local = "127.0.0.1"
    return ConnectionParams.from_params(
        http_host=local, http_port=rest, http_secure=False, grpc_host=local, grpc_port=rpc, grpc_secure=False
    )


@cache
def mountains() -> weaviate.WeaviateClient:
    """A client of this server that has started up."""
    client = weaviate.WeaviateClient(params(), skip_init_checks=True)  # which ask the package index what is newest
    client.connect()
    return client


class Wire:
    """What is between a collection and its connection."""

    def __init__(self, connection: Any, mode: Mode, served: Callable[[], None]) -> None:
        self._connection = connection
        self._mode = mode
        self._served = served

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _play(self, request: Any) -> Any:
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        if self._mode == "error":
            request.collection = "Nowhere"
        return request

    def grpc_search(self, request: Any) -> Any:
        return self._connection.grpc_search(self._play(request))


class AsyncWire(Wire):
    """The same for asynchronous ones."""

    async def grpc_search(self, request: Any) -> Any:
        self._play(request)
        if self._mode == "hang":
            await asyncio.Event().wait()
        return await self._connection.grpc_search(request)


def _wired(collection: Any, wire: Any) -> Any:
    collection.query._connection = collection.generate._connection = wire
    return collection


def open_collection(mode: Mode, served: Callable[[], None], tenant: str | None = None) -> Any:
    collection = mountains().collections.use("Mountains")
    collection = collection if tenant is None else collection.with_tenant(tenant)
    return _wired(collection, Wire(mountains()._connection, mode, served))


async def open_async_collection(mode: Mode, served: Callable[[], None], tenant: str | None = None) -> Any:
    client = weaviate.WeaviateAsyncClient(params(), skip_init_checks=True)
    connection: Any = client._connection
    # It starts up as the other one does, which takes 50 ms: `tests/providers/test_weaviate.py` has it do so.
    connection._weaviate_version = mountains()._connection._weaviate_version
    connection.open_connection_grpc("async")
    connection._connected = True
    connection._grpc_channel = None  # it closes when it is dropped
    collection: Any = client.collections.use("Mountains")
    collection = collection if tenant is None else collection.with_tenant(tenant)
    return _wired(collection, AsyncWire(connection, mode, served))
