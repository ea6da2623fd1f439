"""Datasets: questions to ask again, with where they come from. docs/datasets.md tells the format.

`case` is one question, `file` reads and writes files of them, `shapes` reads what other tools write. Cases of stored
answers: `streamed` reads those, `choosing` and `drafting` say which and what of them, `building` puts it together.
"""

from groundwire.datasets.case import FORMAT, Case, case_id
from groundwire.datasets.file import Dataset, added, dataset

__all__ = ["FORMAT", "Case", "Dataset", "added", "case_id", "dataset"]
