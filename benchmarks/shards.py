"""Pictures read out of shards: how many per second, and how much memory for each of a million?

    python benchmarks/shards.py [--num 20000] [--size 64] [--batch-size 128] [--rounds 5] [--shard-mb 100] [--http]

Writes that many small JPEG pictures (of 64 by 64 pixels some 2 kB, in 50 classes) straight into shards in a temporary
folder, which is deleted at the end (--folder keeps it, and takes what is there). They are a few thousand different
ones, of which each copy ends in a number of its own, so that none is a copy to `glassnet`. Prints how long it takes
to open the set; pictures per second of the input side alone, in batches in the order of a training, of one and of two
processes, with the spread over the rounds; and the largest resident set of the main process above that at its start,
when all was imported. --http reads from a server on this machine, which is one more process and takes its part of the
cores.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from glassnet.baselines.machine import describe
from glassnet.data import shards
from glassnet.data.pictures import LargeLabeledPictures
from glassnet.data.shardindex import INDEX, read_index
from glassnet.data.shardlist import UNDECIDED
from glassnet.data.shardwriter import Sample, ShardWriter
from glassnet.data.storage import read_ranges
from glassnet.data.stream import Stream
from glassnet.training.batches import Batches

NUM_CLASSES, NUM_DIFFERENT = 50, 4000
TURN_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--num", type=int, default=20_000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--shard-mb", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--http", action="store_true")
    arguments = parser.parse_args()
    what = f"batch {arguments.batch_size}, n {arguments.rounds}, {'http' if arguments.http else 'files'}"
    print(describe(what), flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "shards"
        if not (folder / INDEX).is_file():
            began = time.perf_counter()
            # In a process of its own, whose memory is not that of the input side.
            with ProcessPoolExecutor(1, get_context("spawn")) as writer:
                writer.submit(write, folder, arguments.num, arguments.size, arguments.shard_mb * 10**6).result()
            took_s = time.perf_counter() - began
            print(f"written: {arguments.num:,} pictures in {took_s:.0f} s", flush=True)
        with served(folder) if arguments.http else here(folder) as root:
            measure(root, arguments.batch_size, arguments.rounds)


def write(folder: Path, num: int, size_px: int, shard_bytes: int) -> None:
    """The shards, as `glassnet data shard` would have made them of a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = np.random.default_rng(0)
    different = [_picture(numbers, size_px) for _ in range(min(num, NUM_DIFFERENT))]
    writer = ShardWriter(folder, shard_bytes)
    per_class = -(-num // NUM_CLASSES)
    for row in numbers.permutation(num).tolist():
        content = different[row % len(different)] + row.to_bytes(8)
        name = f"{row % per_class:07}.jpg".encode()
        writer.add(Sample(content, "jpg", row // per_class, UNDECIDED, size_px, row, name))
    writer.finish(tuple(f"class {label:02}" for label in range(NUM_CLASSES)))


def _picture(numbers: np.random.Generator, size_px: int) -> bytes:
    few = Image.fromarray(numbers.integers(0, 256, (8, 8, 3), np.uint8))
    content = BytesIO()
    few.resize((size_px, size_px), Image.Resampling.BICUBIC).save(content, "JPEG", quality=85)
    return content.getvalue()


def measure(root: str, batch_size: int, rounds: int) -> None:
    """Open, read; one line for each."""
    read_ranges(root, [(INDEX, 0, 1)])  # what is imported late is imported now
    start_bytes, began = _resident_bytes("VmRSS"), time.perf_counter()
    loaded = shards.load(root, max_pixel_bytes=2**20)
    opened_s, num = time.perf_counter() - began, read_index(root).count
    assert isinstance(loaded, LargeLabeledPictures)
    stream = loaded.training.images
    print(f"{loaded.source}\nopened, divided and {len(loaded.test.labels)} of the test read in {opened_s:.1f} s")
    print(f"main process after opening: {_above(start_bytes, num)}", flush=True)
    for processes in (1, 2):
        rates = [_reading(stream, processes, batch_size, round_) for round_ in range(rounds)]
        spread = f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"
        print(f"reading, {processes} process{'es' * (processes > 1)}: {spread} pictures/s", flush=True)
    print(f"main process after all: {_above(start_bytes, num)}")


def _reading(stream: Stream, num_processes: int, batch_size: int, round_: int) -> float:
    """Pictures per second of whole batches in the order of a training."""
    stream.num_processes = num_processes
    batches = Batches({"images": stream}, batch_size, round_)
    batches.batch(0)
    began, step = time.perf_counter(), 0
    while time.perf_counter() - began < TURN_S:
        step += 1
        batches.batch(step)
    rate = step * batch_size / (time.perf_counter() - began)
    assert batches.notices() == []
    batches.close()
    return rate


def _above(start_bytes: int, num: int) -> str:
    peak_bytes = _resident_bytes("VmHWM") - start_bytes
    return f"at most {peak_bytes / 2**20:,.0f} MiB resident above its start, {peak_bytes / num:,.0f} bytes a picture"


def _resident_bytes(field: str) -> int:
    """Of this process, as Linux counts: now (VmRSS), or the most so far (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


@contextmanager
def here(folder: Path) -> Iterator[str]:
    yield str(folder)


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The URL of the folder on a server in a process of its own."""
    context = get_context("spawn")
    told, telling = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(folder, telling), daemon=True)
    server.start()
    yield f"http://127.0.0.1:{told.recv()}"
    server.kill()
    server.join()


def _serve(folder: Path, telling: object) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            first, last = map(int, re.findall(r"\d+", self.headers.get("Range", "bytes=0-")))
            with (folder / self.path.lstrip("/")).open("rb") as file:
                file.seek(first)
                body = file.read(last + 1 - first)
            self.send_response(206)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Processes that read end without taking leave."""

    server = Server(("127.0.0.1", 0), Handler)
    telling.send(server.server_port)  # type: ignore[attr-defined]
    server.serve_forever()


if __name__ == "__main__":
    main()
