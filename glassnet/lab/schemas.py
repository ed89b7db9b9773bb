"""Whether a value fits a JSON Schema, as far as the requests of the lab use it; any other word in one is our mistake.

The same schemas describe the requests to others (see `description`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from starlette.datastructures import QueryParams

from glassnet.errors import SettingsError
from glassnet.lab.endpoint import Schema

_Rule: TypeAlias = Callable[[Any, Any], bool]

_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and value == value // 1,
    "number": lambda value: _is_number(value),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
}

# Each says nothing of values of another type.
_RULES: Mapping[str, tuple[str, _Rule]] = {
    "minimum": ("at least {}", lambda value, bound: not _is_number(value) or value >= bound),
    "maximum": ("at most {}", lambda value, bound: not _is_number(value) or value <= bound),
    "exclusiveMinimum": ("above {}", lambda value, bound: not _is_number(value) or value > bound),
    "exclusiveMaximum": ("below {}", lambda value, bound: not _is_number(value) or value < bound),
    "minLength": ("at least {} characters", lambda value, n: not isinstance(value, str) or len(value) >= n),
    "maxLength": ("at most {} characters", lambda value, n: not isinstance(value, str) or len(value) <= n),
    "pattern": ("like {}", lambda value, form: not isinstance(value, str) or re.search(form, value) is not None),
    "minItems": ("at least {} of them", lambda value, n: not isinstance(value, list) or len(value) >= n),
    "maxItems": ("at most {} of them", lambda value, n: not isinstance(value, list) or len(value) <= n),
    "uniqueItems": (
        "all different",
        lambda value, wanted: (
            not isinstance(value, list) or not wanted or len({repr(one) for one in value}) == len(value)
        ),
    ),
    "minProperties": ("at least {} of them", lambda value, n: not isinstance(value, dict) or len(value) >= n),
}
_STRUCTURE = {"type", "enum", "required", "properties", "additionalProperties", "items"}
_SAID = {"description", "default", "examples", "format"}  # words for people
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


def check(value: Any, schema: Schema, where: str) -> None:
    """Raises SettingsError; ``where`` names the value for it."""
    unknown = schema.keys() - _RULES.keys() - _STRUCTURE - _SAID
    assert not unknown, f"a schema with {unknown}"
    _check_type(value, schema, where)
    if "enum" in schema and not any(value == one and type(value) is type(one) for one in schema["enum"]):
        raise _wrong(where, f"one of {', '.join(map(str, schema['enum']))}", value)
    for name, (words, holds) in _RULES.items():
        if name in schema and not holds(value, schema[name]):
            raise _wrong(where, words.format(schema[name]), value)
    if isinstance(value, dict):
        _check_object(value, schema, where)
    if isinstance(value, list) and "items" in schema:
        for i, item in enumerate(value):
            check(item, schema["items"], f"{where}[{i}]")


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
        return json.loads(text)
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _check_type(value: Any, schema: Schema, where: str) -> None:
    wanted = schema.get("type")
    if wanted is None:
        return
    names = [wanted] if isinstance(wanted, str) else wanted
    if not any(_TYPES[name](value) for name in names):
        raise _wrong(where, " or ".join(names), value)


def _check_object(value: Mapping[str, Any], schema: Schema, where: str) -> None:
    known: Mapping[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            raise SettingsError(f"expected {name} in {where}; got none. To fix: give it.")
    for name, inner in value.items():
        if name in known:
            check(inner, known[name], name)
        elif schema.get("additionalProperties") is False:
            raise SettingsError(
                f"expected {', '.join(known) or 'nothing'} in {where}; got '{name[:50]}'. To fix: leave it out."
            )


def _is_number(value: Any) -> bool:
    """JSON may say 1e400, which becomes infinite here."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _wrong(where: str, expected: str, value: Any) -> SettingsError:
    told = value if isinstance(value, str | int | float | None) else type(value).__name__
    return SettingsError(f"expected {where} to be {expected}; got {str(told)[:100]}. To fix: choose another value.")
