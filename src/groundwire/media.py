"""Images, audio, files and documents in messages, as message parts of the GenAI conventions.

Bytes never go onto a span: size, MIME type and SHA-256 stand for them.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal


def blob_part(modality: str, mime_type: str, data: Any) -> dict[str, Any]:
    """Inline bytes (raw or base64): their size and hash; invalid base64 is measured as it stands.

    A file that a library is yet to open has neither: only the library reads it.
    """
    if not isinstance(data, str | bytes):
        return {"type": "blob", "mime_type": mime_type, "modality": modality}
    if isinstance(data, str):
        try:
            raw = base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raw = data.encode("utf-8", "replace")
    else:
        raw = data
    return {
        "type": "blob",
        "mime_type": mime_type,
        "modality": modality,
        "size": len(raw),
        "sha256": hashlib.sha256(raw).hexdigest(),
    }


def uri_part(modality: str, url: Any) -> dict[str, Any]:
    """A reference; a `data:` URL is the bytes themselves and treated so."""
    text = str(url)
    if text.startswith("data:"):
        head, _, data = text[5:].partition(",")
        mime_type, _, encoding = head.partition(";")
        return blob_part(modality, mime_type or "text/plain", data if "base64" in encoding else data.encode())
    return {"type": "uri", "modality": modality, "uri": text}


def file_part(modality: str, identity: Any) -> dict[str, Any]:
    """A file that was uploaded before."""
    return {"type": "file", "modality": modality, "file_id": identity}


def document_part(text: str, kind: Literal["document", "search_result"] = "document", **about: Any) -> dict[str, Any]:
    """A text that is handed over to answer from: one passage, whole, with what is known about it (id, title)."""
    return {"type": kind, "content": text, **{name: value for name, value in about.items() if value}}


def apart(parts: Sequence[Mapping[str, Any]]) -> Any:
    """What a tool returned in several parts: documents as they are, or texts apart, as several passages are."""
    if parts and all(part["type"] in ("document", "search_result") and "content" in part for part in parts):
        return list(parts)
    return "\n\n".join(text for part in parts if (text := part.get("content")))
