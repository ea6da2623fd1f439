"""Serve the recorded answers until interrupted, or for as long as a program runs: no example needs a key then.

python -m groundwire.demo
python -m groundwire.demo python examples/first_script.py
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence

from groundwire.demo.server import CHAT_MODEL, EMBEDDING_MODEL, ReplayServer


def variables(server: ReplayServer) -> Mapping[str, str]:
    """What the clients of OpenAI, Anthropic and Ollama read, so that they ask the server."""
    return {
        "OPENAI_BASE_URL": server.url,
        "OPENAI_API_KEY": "recorded",
        "ANTHROPIC_BASE_URL": server.root,
        "ANTHROPIC_API_KEY": "recorded",
        "OLLAMA_HOST": server.root,
        "CHAT_MODEL": CHAT_MODEL,
        "EMBEDDING_MODEL": EMBEDDING_MODEL,
    }


def main(command: Sequence[str]) -> int:
    """Run the command, or print what to set and wait; its exit code."""
    with ReplayServer() as server:
        try:
            if command:
                own = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", **variables(server)}
                return subprocess.run(command, env=os.environ | own, check=False).returncode
            print("export", *(f"{name}={value}" for name, value in variables(server).items()), flush=True)
            threading.Event().wait()
        except KeyboardInterrupt:
            pass
        except OSError as error:
            print(f"{command[0]}: {error.strerror}", file=sys.stderr)
            return 127
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
