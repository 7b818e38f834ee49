"""From notebooks to a book: Papermill executes, Jupyter Book renders, a check reads the pages."""

from __future__ import annotations
