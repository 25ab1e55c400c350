"""Results kept between runs, by a hash of what they were computed from.

They lie in ``$DEEPMD_TF_CACHE``, else ``$XDG_CACHE_HOME/deepmd-tf``, else ``~/.cache/deepmd-tf``. A cache that
cannot be read or written is no fault: the result is computed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)


def cache_folder() -> Path:
    """Where results are kept."""
    own = os.environ.get("DEEPMD_TF_CACHE")
    if own:
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "deepmd-tf"


def content_key(kind: str, content) -> str:
    """The name of the result of ``kind`` for ``content``, which has to be plain JSON."""
    return f"{kind}-{hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()}"


def load(key: str) -> dict | None:
    """The stored result, or None."""
    try:
        with open(cache_folder() / f"{key}.json", encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def store(key: str, value: dict) -> None:
    """Keep a result; a reader sees the whole of it or nothing."""
    folder = cache_folder()
    temporary = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, suffix=".part", delete=False, encoding="utf-8") as stream:
            temporary = stream.name
            json.dump(value, stream)
        os.replace(temporary, folder / f"{key}.json")
    except OSError as error:
        log.debug("statistics are not kept: %s", error)
        if temporary is not None and os.path.exists(temporary):
            os.unlink(temporary)
