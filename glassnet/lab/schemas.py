"""Whether what a request brings fits the JSON Schema in its description; the same schemas tell others of it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import fastjsonschema
from starlette.datastructures import QueryParams

from glassnet.errors import SettingsError
from glassnet.lab.endpoint import Schema

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def check(value: Any, schema: Schema, where: str) -> None:
    """Raises SettingsError; ``where`` names the value for it."""
    try:
        _checker(json.dumps(schema))(value)
    except fastjsonschema.JsonSchemaValueException as error:
        name = ".".join(error.path[1:]) or where
        reason = error.message.removeprefix(error.name or "").strip().removeprefix("must ")
        got = error.value if isinstance(error.value, str | int | float | None) else type(error.value).__name__
        raise SettingsError(
            f"expected {name} to {reason[:300]}; got {str(got)[:100]}. To fix: choose another value."
        ) from error


@lru_cache(maxsize=256)
def _checker(schema: str) -> Callable[[Any], Any]:
    checker: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema), use_default=False)
    return checker


def check_query(given: QueryParams, known: Mapping[str, Schema], required: Iterable[str]) -> None:
    """The same for what stands in a query, where all is text and a list is a name that comes several times."""
    for name in required:
        if name not in given:
            raise SettingsError(f"expected {name} in the query; got none. To fix: give it.")
    for name in given:
        if name not in known:
            raise SettingsError(
                f"expected {', '.join(known) or 'nothing'} in the query; got '{name[:50]}'. To fix: leave it out."
            )
        schema, texts = known[name], given.getlist(name)
        if schema.get("type") == "array":
            check([_read(text, schema.get("items", {})) for text in texts], schema, name)
        elif len(texts) > 1:
            raise SettingsError(f"expected {name} once in the query; got it {len(texts)} times. To fix: give one.")
        else:
            check(_read(texts[0], schema), schema, name)


def _read(text: str, schema: Schema) -> Any:
    """As a number or a truth if that is what is wanted and the text is one; ASCII as JSON has it."""
    kind = schema.get("type")
    if kind in ("integer", "number") and len(text) <= 40 and _NUMBER.fullmatch(text):
        value = json.loads(text)
        return value if math.isfinite(value) else text  # 1e400 is none that could be meant
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text
