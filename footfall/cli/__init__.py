"""The ``footfall`` command.

Each command reads the settings (flags, environment, footfall.toml, defaults), does one thing and says
in a line what was wrong: exit code 2 for a usage or a setting that cannot be, 1 for what failed.
"""

from __future__ import annotations

import os
import sys

import click

from footfall import __version__
from footfall.cli.access import user
from footfall.cli.alerts import alert
from footfall.cli.audit import audit_
from footfall.cli.cache import cache
from footfall.cli.check import check
from footfall.cli.copy import copy
from footfall.cli.defined import annotation, funnel, goal
from footfall.cli.demo import demo
from footfall.cli.drill import drill
from footfall.cli.export import export, import_export
from footfall.cli.filtered import filtered
from footfall.cli.forget import forget
from footfall.cli.imports import import_
from footfall.cli.mail import mail
from footfall.cli.outbox import outbox
from footfall.cli.serve import serve
from footfall.cli.shares import share
from footfall.cli.shell import shell
from footfall.cli.sites import site
from footfall.cli.sql import sql
from footfall.cli.stats import stats
from footfall.cli.stores import store
from footfall.cli.tokens import token
from footfall.errors import ConfigError, FootfallError, UsageError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="footfall")
def cli() -> None:
    """Web analytics that you run yourself.

    Begin with `footfall site add ID` and `footfall serve`; docs/ tells the rest.
    """


for command in (serve, site, user, token, share, audit_, goal, funnel, annotation, store, outbox, import_, copy, export,
                demo, forget, stats, filtered, cache, shell, sql, mail, alert, check, drill):
    cli.add_command(command)
import_.add_command(import_export)


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    try:
        return cli.main(arguments, prog_name="footfall", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.ClickException as error:
        _say(error.format_message())
        return error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        _say("stopped")
        return 130
    except FootfallError as error:
        _say(str(error))
        return 2 if isinstance(error, ConfigError | UsageError) else 1
    except BrokenPipeError:
        # Whoever read our output, such as head, has seen enough; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        _say(f"{error.filename or 'system'}: {error.strerror}")
    return 1


def _say(message: str) -> None:
    click.echo(f"footfall: {' '.join(message.splitlines())}", err=True)
