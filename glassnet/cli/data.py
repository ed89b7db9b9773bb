"""`glassnet data`: which data sets there are, where they lie, and whether they are whole."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from glassnet.cli.options import json_option, print_result


@click.group()
def data() -> None:
    """Data sets: list them, get one, check those that are here."""


@data.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """The data sets by name, and where they are on this machine."""
    from glassnet.data.catalog import DATA_SETS

    found = {s.name: [str(path) for path in s.find()] for s in DATA_SETS}
    sets = [
        {"name": s.name, "what": s.what, "size_bytes": s.size_bytes, "license": s.license, "home": s.home,
         "files": found[s.name]}
        for s in DATA_SETS
    ]  # fmt: skip
    lines = [
        f"{s.name}: {s.what}\n  {s.size_bytes / 1e6:.0f} MB, {s.license}\n  "
        + ("\n  ".join(found[s.name]) or f"not on this machine; `glassnet data get {s.name}` downloads it")
        for s in DATA_SETS
    ]
    print_result(as_json, {"data_sets": sets}, "\n".join(lines))


@data.command()
@click.argument("name")
@json_option
def get(name: str, as_json: bool) -> None:
    """Download NAME, or go on with a download that broke off."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from glassnet.data.catalog import named

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=None)
        path = named(name).get(
            lambda received, expected: progress.update(bar, completed=received, total=expected or None)
        )
    print_result(as_json, {"name": name, "path": str(path)}, str(path))


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--shard-mb", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Size of a shard.")
@json_option
def shard(folder: Path, out: Path, shard_mb: int, as_json: bool) -> None:
    """Write the pictures of FOLDER, a folder per class, as tar shards to OUT.

    `glassnet train OUT` learns from them as from FOLDER; OUT may then lie behind a URL.
    """
    from rich.console import Console
    from rich.progress import Progress

    from glassnet.cli.using import notify
    from glassnet.data.shardwriter import write_shards

    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=None)
        written = write_shards(
            folder, out, shard_mb * 10**6, lambda done, num: progress.update(bar, completed=done, total=num)
        )
    notify(written.notices)
    shards = written.index.shards
    size_bytes = sum(shard.bytes for shard in shards)
    values = {
        "path": str(out), "shards": len(shards), "pictures": written.index.count,
        "classes": list(written.index.classes), "bytes": size_bytes, "notices": written.notices,
    }  # fmt: skip
    num_shards = f"{len(shards):,} shard{'s' * (len(shards) > 1)}"
    lines = [
        f"{written.index.count:,} pictures of {len(written.index.classes)} classes in {num_shards}, "
        f"{size_bytes / 1e6:,.1f} MB, in {out}",
        "next:",
        f"  glassnet train {shlex.quote(str(out))}    # learn from them",
    ]
    print_result(as_json, values, "\n".join(lines))


@data.command()
@json_option
def check(as_json: bool) -> None:
    """Check every data set on this machine; exit code 1 if one is damaged."""
    from glassnet.data.catalog import check_all

    findings = check_all()
    listed = [
        {"data_set": f.data_set, "path": str(f.path), "is_good": f.is_good, "verdict": f.verdict} for f in findings
    ]
    lines = [f"{f.data_set}: {f.path}: {f.verdict}" for f in findings]
    print_result(as_json, {"findings": listed}, "\n".join(lines) or "no data set is on this machine")
    if not all(finding.is_good for finding in findings):
        click.get_current_context().exit(1)
