"""Whatever is sent to the port: it is refused in one line, and neither the page nor a training suffers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data.drawn import draw_houses
from glassnet.lab import answers, server
from glassnet.lab.answers import MOST_JSON_BYTES
from glassnet.lab.guard import TOKEN_HEADER
from glassnet.lab.server import HOST
from tests.lab.conftest import TOKEN, Served, make_run, serving, stepped, write

pytestmark = pytest.mark.slow
ME = f"Host: 127.0.0.1:{{port}}\r\n{TOKEN_HEADER}: {TOKEN}\r\n"


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The same with a second of patience instead of ten."""
    monkeypatch.setattr(server, "_REQUEST_WITHIN_S", 1.0)
    monkeypatch.setattr(answers, "_WAIT_S", 1.0)
    with serving(tmp_path) as it:
        yield it


def connect(served: Served) -> socket.socket:
    return socket.create_connection((HOST, served.port), timeout=30)


def send(served: Served, text: str | bytes) -> bytes:
    """All that comes back until the other side closes, or has nothing more to say."""
    data = text.format(me=ME.format(port=served.port)).encode() if isinstance(text, str) else text
    with connect(served) as opened:
        opened.sendall(data)
        opened.settimeout(2)
        return everything(opened)


def everything(opened: socket.socket) -> bytes:
    found = b""
    try:
        while piece := opened.recv(2**16):
            found += piece
    except (ConnectionResetError, TimeoutError):
        pass
    return found


def is_well(served: Served) -> bool:
    return served.ask("GET", "/api/runs").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\nHost: 127.0.0.1:2\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "GET /api/runs HTTP/1.1\r\n{me}Content-Length: -1\r\n\r\n",
        "GET /api/runs HTTP/1.1\r\n{me}Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /api/runs HTTP/1.1\r\n{me}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/runs HTTP/1.1\r\n{me}Transfer-Encoding: chunked\r\n\r\nzz\r\nx",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\r\n\r\n\r\n",
        "GET /" + "a" * 100_000 + " HTTP/1.1\r\n{me}\r\n",
        "GET / HTTP/1.1\r\n{me}" + "X: y\r\n" * 20_000 + "\r\n",
        "GET /api/runs HTTP/1.1\r\n{me}Connection: Upgrade\r\nUpgrade: websocket\r\nOrigin: http://evil.example\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0" * 1000,
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused(served: Served, text: str | bytes) -> None:
    answer = send(served, text)
    status = int(answer.split(b" ", 2)[1]) if answer else 400
    assert 400 <= status < 500, answer
    assert b"Traceback" not in answer
    assert is_well(served)


@pytest.mark.parametrize("path", ["/api/runs/..", "/api/runs/../../etc/passwd", "/../../../etc/passwd", "/./../x"])
def test_paths_that_no_client_would_send(served: Served, path: str) -> None:
    answer = send(served, f"GET {path} HTTP/1.1\r\n{{me}}Connection: close\r\n\r\n")
    assert answer.split(b" ", 2)[1] in (b"400", b"404"), answer


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"houses"',
        b"1e400",
        b"NaN",
        b'{"task": NaN}',
        b'{"task": Infinity}',
        b"\xff\xfe",
        b'\xef\xbb\xbf{"task": "houses"}',
        b'{"task": "\\ud800"}',
        b'{"task": "houses", "steps": 1e400}',
        b"9" * 5000,
        b'{"task": "houses", "data": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b"[" * 100_000,
        json.dumps({"task": {"task": {"task": 1}}}).encode(),
    ],
)
def test_malformed_json_gets_one_clear_line(served: Served, body: bytes) -> None:
    answer = served.ask("POST", "/api/runs", content=body)
    assert answer.status_code in (400, 413), answer.text
    message = answer.json()["error"]["message"]
    assert message.startswith("expected")
    assert "\n" not in message
    assert len(message) < 1000
    assert is_well(served)


@pytest.mark.parametrize("said", ["Content-Length: 10", "Content-Length: 99999999999", "Transfer-Encoding: chunked"])
def test_bodies_end_at_the_cap_whatever_was_said_of_them(served: Served, said: str) -> None:
    piece = b"a" * 2**16
    if "chunked" in said:
        piece = b"10000\r\n" + piece + b"\r\n"
    with connect(served) as opened:
        opened.sendall(f"POST /api/runs HTTP/1.1\r\n{ME.format(port=served.port)}{said}\r\n\r\n".encode())
        opened.settimeout(2)
        try:
            for _ in range(2_000):
                opened.sendall(piece)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
        answer = everything(opened)
    assert answer == b"" or answer.split(b" ", 2)[1] in (b"400", b"413"), answer
    assert is_well(served)


def test_a_body_of_exactly_the_cap_is_read(served: Served) -> None:
    body = b'{"task": "' + b"a" * (MOST_JSON_BYTES - 12) + b'"}'
    assert served.ask("POST", "/api/runs", content=body).status_code == 400
    assert served.ask("POST", "/api/runs", content=body + b" ").status_code == 413


def test_a_body_that_nobody_reads_does_not_keep_the_server(served: Served) -> None:
    with connect(served) as opened:
        head = f"POST /nowhere HTTP/1.1\r\n{ME.format(port=served.port)}Content-Length: 1000000\r\n\r\n"
        opened.sendall(head.encode())
        opened.sendall(b"a" * 1000)
        assert b" 40" in opened.recv(2**16)
    assert is_well(served)


def test_slow_bodies_are_given_up(impatient: Served) -> None:
    with connect(impatient) as opened:
        head = f"POST /api/runs HTTP/1.1\r\n{ME.format(port=impatient.port)}Content-Length: 100\r\n\r\n"
        opened.sendall(head.encode() + b'{"task"')
        begun = time.monotonic()
        assert b" 408 " in opened.recv(2**16)
    assert time.monotonic() - begun < 10
    assert is_well(impatient)


@pytest.mark.parametrize("said", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: a\r\nX: "])
def test_who_says_nothing_or_half_is_hung_up_on(impatient: Served, said: bytes) -> None:
    with connect(impatient) as opened:
        opened.sendall(said)
        begun = time.monotonic()
        everything(opened)
    assert time.monotonic() - begun < 10


def test_a_header_that_drips_is_hung_up_on_too(impatient: Served) -> None:
    with connect(impatient) as opened:
        begun = time.monotonic()
        try:
            for i in range(200):
                opened.sendall(b"GET / HTTP/1.1\r\n" if i == 0 else b"X: y\r\n")
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert time.monotonic() - begun < 8


def test_thousands_of_half_open_connections_keep_nobody_out(served: Served, tmp_path: Path) -> None:
    np.save(tmp_path / "houses.npy", draw_houses(40, seed=1))
    wanted = {"task": "houses", "data": str(tmp_path / "houses.npy"), "steps": 5, "batch_size": 1}
    training = served.ask("POST", "/api/runs", json=wanted).json()["run"]
    run = make_run(served.lab, "watched", num_steps=2)
    watching = served.client()
    with watching, watching.stream("GET", "/api/runs/watched/events") as stream, ExitStack() as stack:
        lines = stream.iter_lines()
        next(lines)
        for i in range(2_000):
            # 400 of ours at a time: a process has only so many files.
            if i % 400 == 0:
                stack.close()
            opened = stack.enter_context(connect(served))
            if i % 2:
                opened.sendall(b"GET / HTTP/1.1\r\n")
            if i % 200 == 0:
                assert is_well(served)
        assert is_well(served)
        # Who has something under way is not the one who gives way.
        write(run, stepped(3))
        assert any('"step": 3' in line for line in lines)
        served.wait_for(training, "finished")


def test_many_questions_at_once_wait_or_are_refused(served: Served) -> None:
    def ask(_: int) -> int:
        return served.ask("GET", "/api/runs").status_code

    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(ask, range(200))) == {200}


def test_a_mistake_of_ours_is_told_without_its_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path) as served:

        def fail(*_: Any) -> None:
            raise KeyError("/secret/path")

        monkeypatch.setattr(served.lab.overview, "summaries", fail)
        answer = served.ask("GET", "/api/runs")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "failed"
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
