"""Only the page that was opened gets answers: not other sites, not rebound names, nobody without the token."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from glassnet.lab.guard import HEADERS, TOKEN_HEADER
from glassnet.lab.lab import Lab
from tests.lab.conftest import TOKEN, Served, make_run

OWN = ("127.0.0.1", "localhost")


@pytest.mark.parametrize("host", OWN)
def test_the_page_and_its_requests_are_answered(served: Served, host: str) -> None:
    address = f"{host}:{served.port}"
    with served.client(host=address, origin=f"http://{address}") as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/runs", headers={"sec-fetch-site": "same-origin"}).json() == {"runs": []}


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", ""])
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_a_rebound_name_is_another_host(served: Served, host: str, path: str) -> None:
    with served.client(host=host.format(port=served.port)) as client:
        assert client.get(path).status_code == 421


@pytest.mark.parametrize("token", [None, "", "a", TOKEN[:-1], TOKEN + "a", TOKEN.upper(), "é"])
@pytest.mark.parametrize("path", ["/api/runs", "/api/home", "/api/openapi.json", "/api/", "/api/no-such-thing"])
def test_nothing_is_told_without_the_token(served: Served, token: str | None, path: str) -> None:
    headers = {} if token is None else {TOKEN_HEADER: token.encode("latin-1")}
    for method in ("GET", "POST", "DELETE"):
        answer = httpx.request(method, served.address + path, headers=headers, verify=False)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "wrong_token"


def test_the_token_is_taken_from_the_header_only(served: Served) -> None:
    for elsewhere in ({"params": {"token": TOKEN}}, {"headers": {"cookie": f"token={TOKEN}"}}):
        assert httpx.get(f"{served.address}/api/runs", verify=False, **elsewhere).status_code == 401


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_pages_of_other_sites_are_refused_even_with_the_token(served: Served, origin: str, method: str) -> None:
    with served.client(origin=origin.format(port=served.port)) as client:
        assert client.request(method, "/api/runs").status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_a_browser_sends_for_another_site_is_refused(served: Served, site: str) -> None:
    with served.client(**{"sec-fetch-site": site}) as client:
        assert client.get("/api/runs").status_code == 403


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "PATCH", "TRACE", "CONNECT", "BREW"])
@pytest.mark.parametrize("path", ["/", "/api/runs"])
def test_other_methods_are_refused(served: Served, method: str, path: str) -> None:
    with served.client(origin="http://evil.example", **{"access-control-request-method": "POST"}) as client:
        answer = client.request(method, path)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize("path", ["/", "/main.js", "/no-such-file", "/api/runs", "/api/no-such-thing"])
def test_every_answer_has_the_headers(served: Served, path: str) -> None:
    for headers in ({}, {"host": "evil.example"}, {TOKEN_HEADER: "wrong"}):
        with served.client(**headers) as client:
            answer = client.get(path)
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert answer.headers["cache-control"] == ("no-store" if path.startswith("/api/") else "no-cache")
        assert "server" not in answer.headers
        assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_file_that_has_not_changed_is_not_sent_again(served: Served) -> None:
    with served.client() as client:
        first = client.get("/main.js")
        again = client.get("/main.js", headers={"if-none-match": first.headers["etag"]})
    assert first.headers["content-type"].startswith("text/javascript")
    assert (again.status_code, again.content) == (304, b"")


def test_no_path_leads_out_of_the_page(served: Served) -> None:
    for path in ("/../app.py", "/%2e%2e/app.py", "/..%2fapp.py", "/%2e%2e%2fapp.py", "//etc/passwd", "/static/../../x"):
        answer = served.ask("GET", httpx.URL(served.address).copy_with(raw_path=path.encode()))
        assert answer.status_code in (400, 404), path


@pytest.mark.parametrize(
    "name", ["%2e", "%2e%2e", "..%2fother", "%2fetc", "a%00b", "a%5c..%5cb", "link", ".hidden", "x" * 300, "nothing"]
)
def test_no_name_of_a_run_leads_out_of_the_runs(served: Served, tmp_path: Path, name: str) -> None:
    for hidden in served.lab.runs.glob("*"):
        hidden.rename(tmp_path / f"before-{hidden.name}")
    outside = make_run(served.lab, "outside").path.rename(tmp_path / "other")
    (served.lab.runs / "link").symlink_to(outside)
    (outside / "events.jsonl").write_text("secret")
    make_run(served.lab, "hidden").path.rename(served.lab.runs / ".hidden")
    for method, rest in (("GET", ""), ("GET", "/events"), ("DELETE", ""), ("POST", "/resume"), ("POST", "/control")):
        url = httpx.URL(served.address).copy_with(raw_path=f"/api/runs/{name}{rest}".encode())
        answer = served.ask(method, url, json={"is_paused": True} if method == "POST" else None)
        assert answer.status_code in (400, 404, 405), (method, rest, answer.text)
        assert "secret" not in answer.text
        assert str(tmp_path) not in answer.text
    assert (outside / "settings.json").exists()
    assert served.ask("GET", "/api/runs").json() == {"runs": []}
    shutil.rmtree(served.lab.runs)


def test_a_link_in_place_of_a_log_is_not_followed(served: Served, tmp_path: Path) -> None:
    run = make_run(served.lab, "linked")
    secret = tmp_path / "secret"
    secret.write_text('{"event": "noticed", "step": 1, "message": "secret"}\n')
    for name in ("events.jsonl", "log.txt"):
        (run.path / name).unlink(missing_ok=True)
        (run.path / name).symlink_to(secret)
    assert "secret" not in served.ask("GET", "/api/runs/linked").text
    with served.client() as client, client.stream("GET", "/api/runs/linked/events") as answer:
        assert "secret" not in next(answer.iter_text())


@pytest.mark.parametrize("path", ["/api/runs/x/pictures/", "/api/runs/", "/"])
def test_a_path_without_end_is_refused(served: Served, path: str) -> None:
    answer = served.ask("GET", f"{path}{'9' * 5000}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (414, "too_large")


def test_names_are_checked_before_anything_else(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "runs", tmp_path)
    for name in ("", "a/b", "../a", "a\\b", "a\0b"):
        with pytest.raises(Exception, match="expected the name of a run"):
            lab.path(name)
