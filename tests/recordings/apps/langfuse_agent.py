"""Langfuse: its callback handler for an agent of LangChain."""

import os

os.environ |= {
    "LANGFUSE_PUBLIC_KEY": "pk-lf-recording",
    "LANGFUSE_SECRET_KEY": "sk-lf-recording",
    "LANGFUSE_BASE_URL": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

from langfuse import get_client
from langfuse.langchain import CallbackHandler

from recordings import agent_shop, shop

shop.run(agent_shop.application(callbacks=[CallbackHandler()]))
get_client().shutdown()
