"""`glassnet draw` and `glassnet film`: look at what a network of houses makes, and how it came to be."""

from __future__ import annotations

from pathlib import Path

import click

from glassnet.cli.options import json_option, print_result, run_argument


@click.command()
@run_argument
@click.option("-n", "--num", "num", type=click.IntRange(1, 100_000), default=16, show_default=True, help="How many.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the noise they begin as.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="FILE.png or FILE.npy  [default: RUN/drawings.png]"
)
@json_option
def draw(run: Path, num: int, seed: int, output: Path | None, as_json: bool) -> None:
    """Draw new houses with the network of RUN.

    A .png is a sheet of all drawings; a .npy holds uint8 (N, 28, 28), background 0, ink up to 255.
    """
    from glassnet.tasks.houses import draw_houses, write_drawings
    from glassnet.training import Run

    opened = Run(run)
    checkpoint, complaints = opened.newest_checkpoint()
    for complaint in complaints:
        click.echo(f"{complaint} Drawing with step {checkpoint.step}.", err=True)
    output = output or run / "drawings.png"
    write_drawings(output, lambda: draw_houses(opened, checkpoint, num, seed))
    print_result(as_json, {"run": run, "num": num, "seed": seed, "output": output}, f"{num} drawings: {output}")


@click.command()
@run_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), help="FILE.png or FILE.gif  [default: both, in RUN]")
@json_option
def film(run: Path, output: Path | None, as_json: bool) -> None:
    """How the drawings of RUN came to be: a strip of pictures, or an animation."""
    from glassnet.training import Run, write_film

    opened = Run(run)
    outputs = [
        write_film(opened.pictures, path) for path in ([output] if output else [run / "film.png", run / "film.gif"])
    ]
    print_result(as_json, {"run": run, "outputs": list(map(str, outputs))}, "\n".join(map(str, outputs)))
