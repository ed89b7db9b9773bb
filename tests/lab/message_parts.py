"""What the engine says to people, out of its source: parts of "expected ...; got .... To fix: ...", and sentences.

A part is a text with {0}, {1} for values. Where a value has a name, what that name can stand for is looked up in the
same file: what is assigned to it, and, of a parameter, what callers pass.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HOUSE = Path(__file__).parents[2] / "glassnet"
STATIC = HOUSE / "lab" / "static"
# What a page can be told comes from these. The others speak to programmers, or in a terminal.
ROOMS = ("lab", "data", "training", "tasks", "insight", "models", "export", "runtimes")
MESSAGE = re.compile(r"expected (.*?)(?:; got:? (.*?))?(?:\. To fix: (.*?))?\.?", re.DOTALL)
_TOLD = re.compile(r"_?(\w+_)?(notices?|doubts|complaints?)|at_most|drawn_of")  # lists of sentences, what makes them
_WORDS = ("insight/step_story.py", "lab/static/worker/parts.js")  # all of their texts are told
_ELSEWHERE = {"the body", "the picture"}  # names that are passed from one module to another
_VALUE = "\0"
_NAME = re.compile(r"[\w.:/<>-]*|https?:\S*|pip install .*", re.ASCII)  # in any language the same
_LITERAL = r'"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`'
_SENTENCE = re.compile(r"[A-Z\0].* .*\.", re.DOTALL)
_LITERALS = re.compile(rf"(?:{_LITERAL})(?:\s*\+\s*(?:{_LITERAL}))*")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Meaning = tuple[ast.expr, Function | None]  # with the function that it stands in
Text = tuple[str, list[ast.expr]]  # with _VALUE for each value


def python_parts() -> set[str]:
    paths = [path for room in ROOMS for path in sorted((HOUSE / room).rglob("*.py"))]
    return _ELSEWHERE | {part for path in paths for part in _Module(path).parts()}


def page_parts() -> set[str]:
    """Those of the modules of the page, without what their values stand for."""
    found: set[str] = set()
    for path in STATIC.rglob("*.js"):
        if "vendor" in path.parts:
            continue
        for match in _LITERALS.finditer(re.sub(r"^\s*(//|/?\*).*$", "", path.read_text(encoding="utf-8"), flags=re.M)):
            text = "".join(literal[1:-1] for literal in re.findall(_LITERAL, match[0]))
            text = re.sub(r"\$\{(?:[^{}]|\{[^{}]*\})*\}", _VALUE, text)
            if text.startswith("expected "):
                found |= set(_split(text))
            elif "worker" in path.parts and (_SENTENCE.fullmatch(text) or (_is_words(path) and " " in text)):
                found |= set(_whole(text))
    return found


def _is_words(path: Path) -> bool:
    return path.relative_to(HOUSE).as_posix() in _WORDS


class _Module:
    def __init__(self, path: Path) -> None:
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._is_words = _is_words(path)
        self._functions = [node for node in ast.walk(self._tree) if isinstance(node, Function)]

    def parts(self) -> Iterator[str]:
        owners: dict[ast.AST, Function] = {}
        for function in self._functions:  # inner ones come later
            owners |= dict.fromkeys(ast.walk(function), function)
        inside = {part for node in ast.walk(self._tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        inside |= {node.value for node in ast.walk(self._tree) if isinstance(node, ast.Expr)}  # what documents
        told = {inner for node in ast.walk(self._tree) if _tells(node) for inner in ast.walk(node)}
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Constant | ast.JoinedStr) or node in inside:
                continue
            for text, values in _texts(node):
                if text.startswith("expected "):
                    yield from _split(text)
                elif (node in told or self._is_words) and " " in text:
                    yield from _whole(text)
                else:
                    continue
                for value in values:
                    yield from self._named(value, owners.get(node), 3)

    def _named(self, value: ast.expr, function: Function | None, depth: int) -> Iterator[str]:
        """What a value of a message can stand for."""
        if isinstance(value, ast.Name):
            if depth:
                for expression, place in self._meanings(value.id, function):
                    yield from self._named(expression, place, depth - 1)
            return
        for text, values in _texts(value):
            if not text.startswith("expected ") and not _NAME.fullmatch(text):
                yield from _whole(text)
            for inner in values:
                yield from self._named(inner, function, depth)

    def _meanings(self, name: str, function: Function | None) -> Iterator[Meaning]:
        places = [*ast.walk(function)] if function else []
        for node in [*places, *self._tree.body]:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    pairs = [(target, node.value)]
                    if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        pairs = list(zip(target.elts, node.value.elts, strict=False))
                    yield from ((value, function) for one, value in pairs if getattr(one, "id", None) == name)
        if function:
            parameters = [one.arg for one in function.args.args]
            yield from ((default, None) for default in _defaults(function, name))
            if name in [*parameters, *(one.arg for one in function.args.kwonlyargs)]:
                yield from self._passed(function, parameters, name)

    def _passed(self, function: Function, parameters: list[str], name: str) -> Iterator[Meaning]:
        for place in self._functions:
            for call in ast.walk(place):
                if isinstance(call, ast.Call) and _called(call) == function.name:
                    is_method = isinstance(call.func, ast.Attribute) and parameters[:1] in (["self"], ["cls"])
                    given = dict(zip(parameters[is_method:], call.args, strict=False))
                    given |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
                    if name in given:
                        yield given[name], place


def _texts(node: ast.expr) -> list[Text]:
    """All that an expression of strings can be."""
    match node:
        case ast.Constant(value=str(text)):
            return [(text, [])]
        case ast.JoinedStr():
            pieces = [part.value if isinstance(part, ast.Constant) else _VALUE for part in node.values]
            values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            return [("".join(map(str, pieces)), values)]
        case ast.IfExp():
            return _texts(node.body) + _texts(node.orelse)
        case ast.BoolOp():
            return [text for value in node.values for text in _texts(value)]
        case _:
            return []


def _tells(node: ast.AST) -> bool:
    """Whether what is within is put into a list of sentences, or is one."""
    match node:
        case ast.Assign(targets=[target]) | ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return _is_told(target)
        case ast.Call(func=ast.Attribute(value=value, attr="append" | "insert")):
            return _is_told(value)
        case ast.FunctionDef(name=name):
            return _TOLD.fullmatch(name) is not None
        case _:
            return False


def _is_told(target: ast.expr) -> bool:
    names = [one.id if isinstance(one, ast.Name) else getattr(one, "attr", "") for one in ast.walk(target)]
    return any(_TOLD.fullmatch(name) for name in names)


def _split(message: str) -> Iterator[str]:
    match = MESSAGE.fullmatch(" ".join(message.split()))
    for part in match.groups() if match else ():
        yield from _whole(part or "")


def _whole(text: str) -> Iterator[str]:
    pieces = " ".join(text.split()).removesuffix(".").split(_VALUE)
    if any(re.search(r"[A-Za-z]", piece) for piece in pieces):
        yield pieces[0] + "".join(f"{{{i}}}{piece}" for i, piece in enumerate(pieces[1:]))


def _defaults(function: Function, name: str) -> list[ast.expr]:
    arguments = function.args
    pairs = list(zip(reversed(arguments.args), reversed(arguments.defaults), strict=False))
    pairs += [(one, value) for one, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    return [value for one, value in pairs if one.arg == name]


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
