"""Headings, texts, tables and pictures, and how they become an HTML page or a Markdown file with pictures beside it.

Texts may hold ``**bold**`` and `` `code` ``, as in Markdown.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepmd_tf.export.files import write_atomic


@dataclass(frozen=True)
class Heading:
    """A heading; ``level`` 1 is the title of the page."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of texts below a header; columns from ``numbers`` on are aligned to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int = 1


@dataclass(frozen=True)
class Picture:
    """A PNG; ``name`` tells its file, ``caption`` what it shows."""

    name: str
    caption: str
    content: bytes


Block = Heading | Text | Table | Picture

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #2b2f33; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1.5rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; border-bottom: 1px solid #d5d9dd; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; display: block;
  overflow-x: auto; }
th, td { padding: 0.2rem 0.9rem; border-bottom: 1px solid #e4e7ea; text-align: left; vertical-align: top; }
th { border-bottom: 2px solid #b9c0c6; } .number { text-align: right; white-space: nowrap; }
code { font-size: 0.9em; background: #f3f5f6; padding: 0 0.2em; overflow-wrap: break-word; }
figure { margin: 1.2rem 0; } img { max-width: 100%; } figcaption { font-size: 0.9em; color: #59636b; }
@media print { body { max-width: none; margin: 0; } figure, table { break-inside: avoid; } }
"""


def picture_files(path: Path, names: Sequence[str]) -> list[Path]:
    """Where the pictures of a Markdown file are written: NAME_picture.png beside NAME.md."""
    return [path.with_name(f"{path.stem}_{name}.png") for name in names]


def write_html(path: Path, blocks: Sequence[Block]) -> None:
    """Write one file that holds its pictures.

    Raises
    ------
    SaveError
        It cannot be written.
    """
    title = next(block.text for block in blocks if isinstance(block, Heading))
    head = f'<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n<style>{STYLE}</style>'
    body = "\n".join(map(_html, blocks))
    page = f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'
    write_atomic(path, page.encode())


def write_markdown(path: Path, blocks: Sequence[Block]) -> None:
    """Write the pictures, then the file that shows them.

    Raises
    ------
    SaveError
        One of them cannot be written.
    """
    for block in blocks:
        if isinstance(block, Picture):
            write_atomic(*picture_files(path, [block.name]), block.content)
    write_atomic(path, "\n\n".join(_markdown(block, path) for block in blocks).encode() + b"\n")


WRITERS = {".html": write_html, ".md": write_markdown}


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{_marked(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f"<p>{_marked(block.text)}</p>"
    if isinstance(block, Picture):
        source = base64.b64encode(block.content).decode()
        caption = _marked(block.caption)
        image = f'<img alt="{html.escape(block.name)}" src="data:image/png;base64,{source}">'
        return f"<figure>{image}<figcaption>{caption}</figcaption></figure>"
    rows = [_row("th", block.header, block.numbers), *(_row("td", row, block.numbers) for row in block.rows)]
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _row(tag: str, cells: Sequence[str], numbers: int) -> str:
    classes = [' class="number"' if place >= numbers else "" for place in range(len(cells))]
    inside = "".join(f"<{tag}{of}>{_marked(cell)}</{tag}>" for of, cell in zip(classes, cells))
    return f"<tr>{inside}</tr>"


def _marked(text: str) -> str:
    text = re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)


def _markdown(block: Block, path: Path) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Text):
        return block.text
    if isinstance(block, Picture):
        return f"![{block.name}]({picture_files(path, [block.name])[0].name})\n\n{block.caption}"
    rules = ["---" if place < block.numbers else "---:" for place in range(len(block.header))]
    rows = [block.header, rules, *block.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
