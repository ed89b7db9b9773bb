"""What several verbs share: the --json option and how results are printed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
run_argument = click.argument("run", type=click.Path(path_type=Path))


def print_result(as_json: bool, values: Mapping[str, Any], text: str) -> None:
    """The result on stdout: one JSON object, or words."""
    click.echo(json.dumps(values, default=str, allow_nan=False) if as_json else text)
