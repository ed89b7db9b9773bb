"""Parts of files that lie in a folder or behind a URL: whatever fsspec can open."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

from glassnet.data.classfolders import shown_text
from glassnet.errors import DataError, RuntimeUnavailableError

Range: TypeAlias = tuple[str, int, int]
"""Name of a file, and where in it a part begins and ends."""
INSTALL = "pip install 'glassnet[shards]'"
TIMEOUT_S = 60
PAUSES_S = (0.2, 1.0)
"""Before a part is asked for again: a server that is busy for a moment must not cost a picture."""
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


def is_url(place: str) -> bool:
    """Whether it is an address rather than the path of a folder."""
    return "://" in place


def read_ranges(root: str, ranges: Sequence[Range]) -> list[bytes | str]:
    """What lies in these parts of files below a folder or URL, or why it cannot be had, in order.

    Where a file ends earlier, less than was asked for. Raises DataError or RuntimeUnavailableError if nothing can be
    opened there at all.
    """
    system, base = _opened(root)
    results: list[Any] = _asked(system, base, ranges)
    for pause_s in PAUSES_S:
        again = [i for i, result in enumerate(results) if _may_come(result)]
        if not again:
            break
        time.sleep(pause_s)
        for i, result in zip(again, _asked(system, base, [ranges[i] for i in again]), strict=True):
            results[i] = result
    return [result if isinstance(result, bytes) else _reason(result) for result in results]


def is_shared(root: str) -> bool:
    """Whether other processes of this machine find there what this one finds."""
    return _opened(root)[0].protocol not in ("memory", ("memory",))


def _asked(system: Any, base: str, ranges: Sequence[Range]) -> list[Any]:
    """Bytes or exceptions."""
    paths = [f"{base}/{name}" for name, _, _ in ranges]
    return list(system.cat_ranges(paths, [begin for _, begin, _ in ranges], [end for _, _, end in ranges]))


def _may_come(result: object) -> bool:
    return isinstance(result, Exception) and not isinstance(result, _FINAL)


def _opened(root: str) -> tuple[Any, str]:
    """fsspec's file system, and what it calls the place."""
    try:
        import fsspec
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"expected fsspec, which reads shards; got no such package. To fix: {INSTALL}"
        ) from error
    try:
        if not is_url(root):
            return fsspec.filesystem("file"), root.rstrip("/")
        system, base = fsspec.url_to_fs(root, **_options(root))
        return system, base.rstrip("/")
    except ImportError as error:
        raise RuntimeUnavailableError(
            f"expected what fsspec needs to open {shown_text(root)}; got '{error}'. To fix: {INSTALL}, or what it names"
        ) from error
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"expected a folder or a URL that fsspec can open; got {shown_text(root)} ({error}). To fix: check it"
        ) from error


def _options(root: str) -> dict[str, Any]:
    if not root.startswith(("http://", "https://")):
        return {}
    import aiohttp

    return {"client_kwargs": {"timeout": aiohttp.ClientTimeout(total=TIMEOUT_S)}}


def _reason(error: BaseException) -> str:
    """In a few words."""
    if isinstance(error, FileNotFoundError):
        return "nothing there"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shown_text(said)[:100] or type(error).__name__
