"""Write docs/bad-input.md: every malformed input that the tests try, with the message it gets.

``python -m tests.bad_input_page`` collects the tables ``tests/*/bad_inputs.py``; each has ``TITLE`` and
``ROWS``, whose entries have ``what`` and ``message``. A test holds page and tables together.
"""

from __future__ import annotations

import importlib
from pathlib import Path

TESTS = Path(__file__).resolve().parent
PAGE = TESTS.parent / "docs" / "bad-input.md"
HEAD = """# What is refused, and with which message

Faults that a user can make end the program with exit code 2 and one line for each fault on standard error, after
`dp COMMAND: error:`. The tests try every row of this page, and the page is written by `python -m tests.bad_input_page`.
"""


def page() -> str:
    """The text of the page."""
    tables = [
        importlib.import_module(f"tests.{path.parent.name}.bad_inputs")
        for path in sorted(TESTS.glob("*/bad_inputs.py"))
    ]
    return "\n".join([HEAD, *(_table(table) for table in tables)])


def _table(table) -> str:
    lines = [f"## {table.TITLE}", "", "| fault | message |", "| --- | --- |"]
    for row in table.ROWS:
        message = "<br>".join(f"`{line}`" for line in row.message.replace("|", "\\|").split("\n"))
        lines.append(f"| {row.what} | {message} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
