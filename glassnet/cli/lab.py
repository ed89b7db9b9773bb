"""`glassnet lab`: the page on which trainings are started, watched and taken apart."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from threading import Thread

import click


@click.command()
@click.option("--runs", type=click.Path(path_type=Path), default=Path("runs"), help="Directory of the runs.  [runs]")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of this machine.  [default: a free one]")
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
def lab(runs: Path, port: int, no_open: bool) -> None:
    """A page on this machine to start trainings, to watch them and to take networks apart.

    The address holds a secret of this session: who has it can do with the lab what you can. Ctrl-C ends the lab and
    stops the trainings that were started in it, saved; those of other terminals go on.
    """
    from glassnet.lab.server import serve

    def open_at(address: str) -> None:
        click.echo(f"the lab is at {address}")
        say("Ctrl-C ends it")
        if not no_open:
            # Some browsers return only when they are closed.
            Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    def say(words: str) -> None:
        click.echo(f"glassnet: {words}", err=True)

    serve(runs, port, open_at, say)
