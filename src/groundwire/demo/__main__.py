"""Serve the recorded answers until interrupted: `python -m groundwire.demo`, with the examples beside it."""

import contextlib
import threading

from groundwire.demo.server import CHAT_MODEL, EMBEDDING_MODEL, ReplayServer


def main() -> None:
    """Print what to set, and serve."""
    with ReplayServer() as server, contextlib.suppress(KeyboardInterrupt):
        print(f"export OPENAI_BASE_URL={server.url} OPENAI_API_KEY=recorded")
        print(f"export CHAT_MODEL={CHAT_MODEL} EMBEDDING_MODEL={EMBEDDING_MODEL}", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
