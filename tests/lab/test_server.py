"""`glassnet lab` as a person starts it: the address, the port, the end; and that it is light."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from glassnet.lab.guard import TOKEN_HEADER
from glassnet.lab.lab import Lab
from glassnet.lab.server import HOST
from tests.lab.conftest import make_run

HEAVY = {"onnx", "onnxruntime", "torch", "cv2", "scipy", "sklearn", "rich", "skimage", "matplotlib", "schemathesis"}


@contextmanager
def lab(where: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "glassnet", "lab", "--no-open", *options]
    process = subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def address_and_token(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    found = re.fullmatch(r"the lab is at (http://127\.0\.0\.1:\d+)/#token=([\w-]{43})\n", process.stdout.readline())
    assert found
    return found[1], found[2]


@pytest.mark.slow
def test_from_the_address_to_ctrl_c(tmp_path: Path) -> None:
    with lab(tmp_path) as process, lab(tmp_path) as other:
        address, token = address_and_token(process)
        begun = time.monotonic()
        page = httpx.get(address, verify=False)
        assert page.status_code == 200
        assert "main.js" in page.text
        assert token not in page.text
        assert time.monotonic() - begun < 1.0
        assert httpx.get(f"{address}/api/home", headers={TOKEN_HEADER: token}, verify=False, timeout=60).json()["tasks"]
        assert address_and_token(other)[1] != token
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
        assert process.stdout
        assert process.stderr
        assert process.stdout.read() == ""
        assert process.stderr.read().split("\n") == ["glassnet: Ctrl-C ends it", "", "glassnet: stopped", ""]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_it_ends_quickly_and_quietly_while_pages_watch(tmp_path: Path) -> None:
    make_run(Lab(tmp_path / "runs", tmp_path), "run")
    with lab(tmp_path) as process:
        address, token = address_and_token(process)
        headers = {TOKEN_HEADER: token}
        with httpx.stream("GET", f"{address}/api/runs/run/events", headers=headers, verify=False) as answer:
            next(answer.iter_raw())
            # The worker has something to do as well.
            with socket.create_connection((HOST, int(address.rpartition(":")[2]))) as other:
                asked = f"GET /api/home HTTP/1.1\r\nHost: {address[7:]}\r\n{TOKEN_HEADER}: {token}\r\n\r\n"
                other.sendall(asked.encode())
                begun = time.monotonic()
                process.send_signal(signal.SIGINT)
                assert process.wait(timeout=30) == 130
        assert time.monotonic() - begun < 10
        assert process.stderr
        assert process.stderr.read().split("\n") == ["glassnet: Ctrl-C ends it", "", "glassnet: stopped", ""]


@pytest.mark.slow
def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with lab(tmp_path, "--port", str(port)) as process:
            out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == ""
    expected = f"glassnet: expected port {port} to be free; got 'Address already in use'. "
    assert err == expected + "To fix: choose another --port, or none.\n"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is one loopback address")
def test_it_listens_on_this_machine_only(tmp_path: Path) -> None:
    with lab(tmp_path) as process:
        port = int(address_and_token(process)[0].rpartition(":")[2])
        for other in ("127.0.0.2", "::1"):
            with pytest.raises(OSError, match=r"refused|assign|unreachable|not supported"):
                socket.create_connection((other, port), timeout=5)


def test_the_server_is_light() -> None:
    program = f"import sys, glassnet.lab.server; print(sorted({HEAVY!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
