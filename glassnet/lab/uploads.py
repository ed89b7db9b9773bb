"""Networks that a page sends for a training to begin with: kept for the session, under names of the lab's own."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from glassnet.errors import DataError
from glassnet.lab.answers import NotFoundError, json_answer, pieces
from glassnet.lab.endpoint import Endpoint
from glassnet.lab.lab import Lab
from glassnet.lab.worker import in_worker

MOST_BYTES = 200 * 10**6
_MOST_KEPT = 4
_ID = re.compile(r"upload-[0-9a-f]{16}")


async def upload(request: Request) -> Response:
    lab: Lab = request.app.state.lab
    name = f"upload-{secrets.token_hex(8)}"
    file = lab.scratch / name
    try:
        with file.open("wb") as stream:
            async for piece in pieces(request, MOST_BYTES):
                stream.write(piece)
        await in_worker(check, file)
    except BaseException:
        file.unlink()
        raise
    _forget_oldest(lab.scratch)
    return json_answer({"start": name}, 201)


def check(file: Path) -> None:
    """Raises DataError unless it is whole; of what network the weights are, a training will see."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy") as opened:
            names = list(opened.keys())
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"expected a network as .safetensors; got something else ({error}). To fix: choose another file."
        ) from error
    if not names:
        raise DataError("expected weights in the file; got none. To fix: choose another file.")


def is_upload(start: str) -> bool:
    return _ID.fullmatch(start) is not None


def file_of(lab: Lab, start: str) -> Path:
    """Raises NotFoundError."""
    file = lab.scratch / start
    if not is_upload(start) or not file.is_file():
        raise NotFoundError("expected a network that was sent before; got none. To fix: send it again.")
    return file


def _forget_oldest(scratch: Path) -> None:
    files = sorted(scratch.glob("upload-*"), key=lambda file: file.stat().st_mtime)
    for file in files[:-_MOST_KEPT]:
        file.unlink()


ENDPOINTS = (
    Endpoint(
        "POST",
        "/api/networks",
        upload,
        "Weights to begin a training with; what is answered is named as its start",
        body="application/octet-stream",
        status=201,
    ),
)
