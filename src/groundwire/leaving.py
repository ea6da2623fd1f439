"""Leaving a context inside a coroutine."""

from contextvars import Token

from opentelemetry.context import Context


def leave(token: Token[Context]) -> None:
    """Put back what was current before.

    A coroutine that is dropped while it waits (its loop was closed, its task is gone) is closed by whoever collects it,
    in a context of its own, where there is nothing to put back; `opentelemetry.context.detach` logs that as an error.
    """
    try:
        token.var.reset(token)
    except ValueError:
        return
