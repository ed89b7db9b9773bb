"""Who may ask: every request passes here first. Pages of other sites, and whoever lacks the token, get nothing.

A page of another site can make a browser send requests to this machine, and by DNS rebinding even pass for the lab's
own origin. So the Host must be ours, which a rebound name is not; the Origin, where there is one, too; and whatever
tells or changes anything takes a token that only the opened page knows.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glassnet.lab.answers import refusal

TOKEN_HEADER = "X-Glassnet-Token"
METHODS = ("GET", "HEAD", "POST", "DELETE")
API = "/api/"
_MOST_HEADERS = 100
_MOST_PATH = 1_000  # a number of more digits would be none that Python reads
_CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self' 'wasm-unsafe-eval'", "style-src 'self'", "img-src 'self' blob: data:",
        "connect-src 'self'", "worker-src 'self' blob:", "media-src 'self' blob:", "font-src 'self'", "base-uri 'none'",
        "form-action 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
_NOT_ALLOWED = (
    "accelerometer", "autoplay", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer",
    "microphone", "midi", "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking",
)  # fmt: skip
HEADERS = {
    "Content-Security-Policy": _CONTENT_POLICY,
    # With these two a page may use threads of WebAssembly, and shares no process with other sites.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": ", ".join(["camera=(self)", *(f"{name}=()" for name in _NOT_ALLOWED)]),
}


class Guard:
    """Around the app, for the address at ``port``."""

    def __init__(self, app: ASGIApp, port: int, token: str):
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        assert scope["type"] == "http", scope["type"]
        answer = self._refusal(scope) or self._app
        # A request is only ever cancelled when the server ends; nobody waits for the answer then.
        with suppress(asyncio.CancelledError):
            await answer(scope, receive, _with_headers(send, scope["path"].startswith(API)))
        return None

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if len(headers) > _MOST_HEADERS:
            return refusal(431, "too_large", f"expected at most {_MOST_HEADERS} lines of header; got more.")
        if len(scope["path"]) > _MOST_PATH:
            return refusal(414, "too_large", f"expected a path of at most {_MOST_PATH:,} letters; got more.")
        asked_for = headers.getlist("host")
        if len(asked_for) != 1 or asked_for[0].lower() not in self._hosts:
            return refusal(421, "wrong_host", "expected the address that the lab printed; got another host.")
        if scope["method"] not in METHODS:
            answer = refusal(405, "wrong_method", f"expected one of {', '.join(METHODS)}; got another method.")
            answer.headers["Allow"] = ", ".join(METHODS)
            return answer
        if any(origin.lower() not in self._origins() for origin in headers.getlist("origin")):
            return refusal(403, "wrong_origin", "expected a request of the lab's own page; got one of another site.")
        if not scope["path"].startswith(API):
            return None
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return refusal(403, "wrong_origin", "expected a request of the lab's own page; got one of another site.")
        given = headers.getlist(TOKEN_HEADER)
        if len(given) != 1 or not secrets.compare_digest(given[0].encode("latin-1"), self._token):
            return refusal(
                401,
                "wrong_token",
                f"expected this session's token in the header {TOKEN_HEADER}; got another or none. "
                "To fix: open the address that `glassnet lab` printed.",
            )
        return None

    def _origins(self) -> set[str]:
        return {f"http://{host}" for host in self._hosts}


def _with_headers(send: Send, is_api: bool) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.update(HEADERS)
            # Files are asked for anew each time, which an ETag answers with a few bytes.
            headers["Cache-Control"] = "no-store" if is_api else "no-cache"
        await send(message)

    return send_with_headers
