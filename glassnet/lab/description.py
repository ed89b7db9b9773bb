"""The requests of the lab as OpenAPI 3.1 has them: for tools that try them all, and for whoever writes another page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from glassnet.lab.endpoint import TEXT, Endpoint, Schema
from glassnet.lab.guard import TOKEN_HEADER

_IN_PATH = re.compile(r"{(\w+)(?::(\w+))?}")
_REFUSED: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": TEXT, "message": TEXT},
        }
    },
}
_REFUSALS = {
    400: "A value that is wrong", 401: "No token, or another", 403: "A page of another site", 404: "No such thing",
    405: "No such method", 408: "A body that came too slowly", 409: "Not as things are", 413: "Too large",
    421: "Another host", 422: "Data that cannot be used", 503: "Too much at once",
}  # fmt: skip


def of(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = _IN_PATH.sub(r"{\1}", endpoint.path)
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The lab of glassnet", "version": version("glassnet")},
        "paths": paths,
        "components": {
            "schemas": {"Refused": _REFUSED},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": TOKEN_HEADER}},
        },
        "security": [{"token": []}],
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "integer"} if kind == "int" else TEXT}
        for name, kind in _IN_PATH.findall(endpoint.path)
    ]
    in_query = [
        {"name": name, "in": "query", "required": name in endpoint.required, "schema": schema}
        for name, schema in endpoint.query.items()
    ]
    return {
        "summary": endpoint.summary,
        "parameters": [*in_path, *in_query],
        **({} if endpoint.body is None else {"requestBody": _body(endpoint.body)}),
        "responses": {str(endpoint.status): _answer(endpoint), **_refusals()},
    }


def _body(body: Schema | str) -> dict[str, Any]:
    if isinstance(body, str):
        return {"required": True, "content": {body: {"schema": {"type": "string", "format": "binary"}}}}
    return {"required": True, "content": {"application/json": {"schema": body}}}


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    schema: Schema = {"type": "object"} if endpoint.answer == "application/json" else TEXT
    content = {} if endpoint.status == 204 else {"content": {endpoint.answer: {"schema": schema}}}
    return {"description": endpoint.summary, **content}


def _refusals() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refused"}}}
    return {str(status): {"description": words, "content": content} for status, words in _REFUSALS.items()}
