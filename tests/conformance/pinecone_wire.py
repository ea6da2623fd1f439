"""A Pinecone of this process that speaks its gRPC, over loopback: what `GrpcIndex` asks, and nothing else."""

import atexit
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

_TEXT, _FLOAT, _NUMBER, _FLAG, _MESSAGE = 9, 2, 13, 8, 11
# Of the service's public definition, what is asked and answered here: name, number, type, repeated, type of messages.
_MESSAGES: dict[str, list[tuple[str, int, int, bool, str]]] = {
    "QueryRequest": [
        ("namespace", 1, _TEXT, False, ""),
        ("top_k", 2, _NUMBER, False, ""),
        ("include_metadata", 5, _FLAG, False, ""),
        ("vector", 7, _FLOAT, True, ""),
        ("id", 8, _TEXT, False, ""),
    ],
    "ScoredVector": [
        ("id", 1, _TEXT, False, ""),
        ("score", 2, _FLOAT, False, ""),
        ("metadata", 4, _MESSAGE, False, ".google.protobuf.Struct"),
    ],
    "QueryResponse": [("matches", 2, _MESSAGE, True, ".ScoredVector"), ("namespace", 3, _TEXT, False, "")],
}


@cache
def _types() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="pinecone_of_the_tests.proto", syntax="proto3")
    file.dependency.append("google/protobuf/struct.proto")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, repeated, of in fields:
            message.field.add(name=field, number=number, type=kind, label=3 if repeated else 1, type_name=of or None)
    pool = descriptor_pool.DescriptorPool()
    for needed in (struct_pb2.DESCRIPTOR.serialized_pb, file.SerializeToString()):
        pool.AddSerializedFile(needed)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in _MESSAGES}


class _Index(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, matches: list[dict[str, Any]]) -> None:
        self._matches = matches

    def service(self, call: Any) -> Any:
        if call.method != "/VectorService/Query":
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._query,
            request_deserializer=_types()["QueryRequest"].FromString,
            response_serializer=_types()["QueryResponse"].SerializeToString,
        )

    def _query(self, request: Any, context: Any) -> Any:
        if request.namespace == "wrong":
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Vector dimension 2 does not match")
        reply = _types()["QueryResponse"](namespace=request.namespace)
        for match in [] if request.namespace == "empty" else self._matches[: request.top_k]:
            row = reply.matches.add(id=match["id"], score=match["score"])
            if request.include_metadata:
                row.metadata.update(match["metadata"])
        return reply


def serve(matches: list[dict[str, Any]]) -> int:
    """The port of a server that finds these, `{"id", "score", "metadata"}`, best first."""
    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((_Index(matches),))
    port = int(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    atexit.register(lambda: server.stop(None).wait())
    return port
