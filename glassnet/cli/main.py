"""The verbs: parse, call, print. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import os

import click

from glassnet.cli.bench import bench
from glassnet.cli.compare import compare
from glassnet.cli.data import data
from glassnet.cli.draw import draw, film
from glassnet.cli.enroll import enroll, forget, people
from glassnet.cli.evaluate import evaluate
from glassnet.cli.explain import explain
from glassnet.cli.export import export
from glassnet.cli.import_state import import_state
from glassnet.cli.lab import lab
from glassnet.cli.look import look
from glassnet.cli.nudge import nudge
from glassnet.cli.predict import predict
from glassnet.cli.report import report
from glassnet.cli.runs import runs
from glassnet.cli.train import train
from glassnet.errors import GlassnetError, SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="glassnet")
def glassnet() -> None:
    """A neural network you can see through: train it from random weights and look at how it learns."""


for command in (
    train, evaluate, predict, enroll, forget, people, look, nudge, explain, draw, film, runs, data, bench, compare, lab,
    report, export, import_state,
):  # fmt: skip
    glassnet.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is 0, 1 for a foreseen failure, 2 for wrong usage, 130 after Ctrl-C."""
    try:
        code = glassnet.main(arguments, prog_name="glassnet", standalone_mode=False)
        return code if isinstance(code, int) else 0
    except GlassnetError as error:
        _complain(str(error))
        return 2 if isinstance(error, SettingsError) else 1
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        context = error.ctx if isinstance(error, click.UsageError) else None
        _complain(error.format_message() + (f" (see '{context.command_path} --help')" if context else ""))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("glassnet: stopped", err=True)
        return 130
    except (BrokenPipeError, SystemExit):  # click and rich make the second of the first
        _stop_talking()
        return 1


def _stop_talking() -> None:
    """The reader of our output went away, as in `glassnet runs | head -1`: what is still to be flushed goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _complain(message: str) -> None:
    """One line on stderr, whatever the message holds."""
    click.echo(f"glassnet: {' '.join(message.split())}", err=True)
