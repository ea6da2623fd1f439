"""Results that are streams, watched as fits the call that gave them."""

from typing import Any

from groundwire import semconv, steps, streams
from groundwire.call import Call


def stream_watched(stream: Any, call: Call) -> Any:
    """A stream of either kind, watched; the result as it is where the call has no use for streams."""
    if call.operation.stream is None:
        call.succeed(stream)
        return stream
    if call.operation.kind in semconv.HOLDING:
        of_either_kind = hasattr(stream, "__anext__") and hasattr(stream, "__next__")
        return (streams if of_either_kind else steps).watched(stream, call)
    return streams.watched(stream, call)
