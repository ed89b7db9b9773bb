"""Write docs/commands.md from the command line itself; `tests/test_docs.py` compares, so it cannot grow old."""

from collections.abc import Iterator
from pathlib import Path

import click

from glassnet.cli.main import glassnet

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"
HEAD = """# Commands

Written by `make docs`; do not edit. What each training setting does is in [settings.md](settings.md).

Progress goes to stderr, results to stdout; with `--json` stdout is exactly one JSON object. The exit code is 0 on
success, 1 on a failure that is explained in one line, 2 on wrong usage, and 130 after Ctrl-C, when the training has
saved itself.
"""
WIDTH = 100


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    sections = (f"\n## {name}\n\n```\n{text}\n```\n" for name, text in helps(glassnet, None, "glassnet"))
    return HEAD + "".join(sections)


def helps(command: click.Command, parent: click.Context | None, name: str) -> Iterator[tuple[str, str]]:
    """(name, help) of the command and all below it."""
    context = click.Context(command, parent, name, terminal_width=WIDTH, **command.context_settings)
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            yield from helps(command.commands[child], context, child)


if __name__ == "__main__":
    main()
