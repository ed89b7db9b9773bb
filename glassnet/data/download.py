"""The only room that reaches the internet: one file, to a temporary name, resumed, checked, renamed."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from glassnet.errors import DataError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes received so far and the bytes expected in all (0 where the server does not say)."""

CHUNK_BYTES = 2**18
TIMEOUT_S = 20


def download(url: str, target: Path, check: Callable[[Path], object], progress: Progress | None = None) -> Path:
    """Fetch `url` to `target`; `check` raises DataError if what came is not what was meant.

    Half a file from an earlier try lies beside the target as `.part` and is continued.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("ab") as file:
            _receive(url, file, progress)
    # Also every error of the network: those of requests are OSErrors.
    except OSError as error:
        raise DataError(
            f"expected to download {url}; got {_reason(error)}. "
            f"To fix: try again with a network, or download it by hand and place it at {target}"
        ) from error
    try:
        check(part)
    except DataError as error:
        part.unlink()
        what = str(error).split(". To fix: ")[0]
        raise DataError(
            f"expected the known file from {url}; got another one ({what}). "
            f"To fix: try again, or download it by hand and place it at {target}"
        ) from error
    os.replace(part, target)
    return target


def download_first(
    urls: Sequence[str], target: Path, check: Callable[[Path], object], progress: Progress | None = None
) -> Path:
    """Fetch `target` from the first of several places that has it; each goes on where the last one broke off."""
    part = target.with_name(target.name + ".part")
    failures: list[str] = []
    for url in urls:
        # What came may be right and what it continued wrong: then the place deserves a second try.
        for _ in range(2):
            was_continued = part.is_file() and part.stat().st_size > 0
            try:
                return download(url, target, check, progress)
            except DataError as error:
                failures.append(f"{url}: {str(error).split('; got ', 1)[1].split('. To fix: ')[0]}")
            if part.exists() or not was_continued:
                break
    raise DataError(
        f"expected to download {target.name} from one of {len(urls)} places; got {'; '.join(failures)}. "
        f"To fix: try again with a network, or download it by hand and place it at {target}"
    )


def _receive(url: str, file: BinaryIO, progress: Progress | None) -> None:
    # Imported here: a second of import for something done once.
    from pooch import HTTPDownloader  # type: ignore[import-untyped]

    have_bytes = file.tell()
    with ExitStack() as stack:
        fetch = HTTPDownloader(
            progressbar=_Bar(have_bytes, progress) if progress else False,
            chunk_size=CHUNK_BYTES,
            timeout=TIMEOUT_S,
            # identity: with compression, the bytes counted would not be the bytes of the file.
            headers={"Range": f"bytes={have_bytes}-", "Accept-Encoding": "identity"},
            hooks={"response": partial(_begin_anew_unless_continued, file, stack)},
        )
        fetch(url, file, None)


def _begin_anew_unless_continued(file: BinaryIO, stack: ExitStack, response: Any, **_: object) -> None:
    """A server may ignore the range and send everything (200), or have nothing left to send (416)."""
    # pooch leaves the connection open when it breaks off.
    stack.callback(response.close)
    if response.status_code in (200, 416):
        file.truncate(0)


def _reason(error: OSError) -> str:
    """What happened, in a few words: errors of requests wrap the one of the system, at length."""
    innermost: BaseException = error
    while innermost.__context__ is not None:
        innermost = innermost.__context__
    words = innermost.strerror if isinstance(innermost, OSError) else None
    return words or str(innermost).split(" for url: ")[0] or type(innermost).__name__


class _Bar:
    """The bar pooch wants to draw on, passing what it hears to `progress`."""

    def __init__(self, have_bytes: int, progress: Progress) -> None:
        self.total = 0
        self._have_bytes, self._received, self._progress = have_bytes, 0, progress

    def update(self, num_bytes: int) -> None:
        # pooch counts the last chunk as a full one.
        self._received += num_bytes
        if self.total:
            self._received = min(self._received, self.total)
        self._progress(self._have_bytes + self._received, self._have_bytes + self.total)

    def reset(self) -> None:
        self._received = 0

    def close(self) -> None:
        pass
