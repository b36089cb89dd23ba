"""Settings as flags: every command that reads some has them, made from the one list of settings."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from footfall import config as configuration

Command = Callable[..., Any]

#: What every command has a flag for.
COMMON = ("DATA", "STORE")


def with_settings(*names: str) -> Callable[[Command], Command]:
    """Give a command the flags of some settings, and call it with ``config``.

    :param names: settings besides :data:`COMMON`.
    """

    def decorate(command: Command) -> Command:
        # A flag's value is in the list of processes for all to see.
        settings = [setting for setting in configuration.SETTINGS
                    if setting.name in COMMON + names and not setting.name.endswith("PASSWORD")]

        @functools.wraps(command)
        def run(**arguments: Any) -> Any:
            flags = {key: arguments.pop(key) for key in ("config", *(setting.key for setting in settings))}
            return command(config=configuration.load(flags), **arguments)

        decorated: Command = run
        for setting in reversed(settings):
            decorated = click.option(setting.flag, setting.key, metavar="VALUE", help=(
                f"{setting.help} [{setting.variable}; {setting.default or 'empty'}]"))(decorated)
        config_help = "Settings file. [FOOTFALL_CONFIG; ./footfall.toml]"
        return click.option("--config", metavar="FILE", help=config_help)(decorated)

    return decorate
