"""The ``footfall`` command.

Each command reads the settings (flags, environment, footfall.toml, defaults), does one thing and says
in a line what was wrong: exit code 2 for a usage or a setting that cannot be, 1 for what failed.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from footfall import __version__
from footfall.errors import ConfigError, FootfallError, UsageError

__all__ = ["cli", "main"]

#: The module of each command, and its name there if it is another.
COMMANDS = {
    "alert": "alerts", "annotation": "defined", "audit": "audit:audit_", "cache": "cache", "check": "check",
    "copy": "copy", "demo": "demo", "drill": "drill", "export": "export", "filtered": "filtered", "forget": "forget",
    "funnel": "defined", "goal": "defined", "import": "imports:import_", "mail": "mail", "outbox": "outbox",
    "serve": "serve", "share": "shares", "shell": "shell", "site": "sites", "sql": "sql", "stats": "stats",
    "store": "stores", "token": "tokens", "user": "access",
}


class _Commands(click.Group):
    """The commands, each imported when it is asked for: to import all of them takes most of the time of a short one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{module}"), name or cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="footfall")
def cli() -> None:
    """Web analytics that you run yourself.

    Begin with `footfall site add ID` and `footfall serve`; docs/ tells the rest.
    """


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
