"""Takes out of a recording what tells of the machine on which it was made: paths, user and host names, process ids.

Nothing else is touched: spans, ids, times and texts stay as the SDK exported them.
"""

import re
from collections.abc import Mapping
from typing import Any

_OF_THE_MACHINE = re.compile(
    r"^(host\.|process\.|os\.|enduser\.|user\.name$|mlflow\.user$)|hostname$|(^|[._])pid$|username$"
)
"""Attributes whose value is of the machine, whatever it is."""


def scrub(document: Any, places: Mapping[str, str]) -> Any:
    """The document without them.

    Args:
        document: an export request, as parsed JSON.
        places: paths and names of this machine, and what is written in their stead. Longer ones are replaced first.
    """
    if isinstance(document, dict):
        if isinstance(document.get("key"), str) and _OF_THE_MACHINE.search(document["key"]):
            return {"key": document["key"], "value": {"stringValue": "removed"}}
        return {key: scrub(value, places) for key, value in document.items()}
    if isinstance(document, list):
        return [scrub(entry, places) for entry in document]
    if isinstance(document, str):
        for place in sorted(places, key=len, reverse=True):
            document = document.replace(place, places[place])
    return document
