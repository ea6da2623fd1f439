"""An MCP server in a process of its own: `python library_server.py FILE [PORT]`, over stdio or streamable HTTP."""

import asyncio
import sys

from mcp.server.mcpserver import MCPServer

import groundwire

PASSAGE = "Everest is 8,849 m high."
server = MCPServer("library", log_level="ERROR")


@groundwire.retriever
def passages(query: str) -> list[str]:
    """Finds passages."""
    return [PASSAGE]


@server.tool()
async def search(query: str) -> str:
    """Finds what is known."""
    if query == "slow":
        await asyncio.sleep(30)
    if query == "impossible":
        raise ValueError("nothing")
    return passages(query)[0]


@server.resource("docs://everest")
def everest() -> str:
    """What is known of Everest."""
    return PASSAGE


if __name__ == "__main__":
    groundwire.instrument(export=sys.argv[1], service_name="library", evaluators=[])
    if len(sys.argv) > 2:
        server.run(transport="streamable-http", port=int(sys.argv[2]))
    else:
        server.run()
