"""How `steroidsim` and its commands show help, and say what was wrong with a call."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ..errors import did_you_mean
from .examples import examples_text
from .reporting import BAD_INPUT, RUN_FAILED, complain

# Typer brings its own copy of click from some version on: one name for the class of either.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


class Command(TyperCommand):
    """A command whose help ends with its examples."""

    def get_help(self, ctx: Any) -> str:
        """Help; what rich prints itself comes before what is returned."""
        return f"{super().get_help(ctx)}\n{examples_text(str(self.name))}".lstrip("\n")

    def get_params(self, ctx: Any) -> Any:
        """Options and arguments, as help is to show them."""
        return _without_kinds(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: Any) -> Any:
        """Read what was given; a usage error knows of which command it is."""
        try:
            return super().parse_args(ctx, args)
        except UsageError as error:
            vars(error).update(ctx=ctx)
            raise


class Commands(TyperGroup):
    """`steroidsim`: a wrong call is one sentence and exit status 2, as any other bad input."""

    def get_help(self, ctx: Any) -> str:
        """Help, as of a command."""
        return f"{super().get_help(ctx)}\n{examples_text('')}".lstrip("\n")

    def get_params(self, ctx: Any) -> Any:
        """Options, as of a command."""
        return _without_kinds(super().get_params(ctx))

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        """The command that is called.  Raises a usage error for one that there is not."""
        if args[0] not in self.commands and not ctx.resilient_parsing:
            ctx.fail(f'there is no command "{args[0]}".{did_you_mean(args[0], self.commands)}')
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Any = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **options: Any,
    ) -> Any:
        """Run a call, and end the process with its exit status."""
        try:
            ended = super().main(
                args, prog_name, complete_var, False, windows_expand_args, **options
            )
        except UsageError as error:
            if not standalone_mode:
                raise
            # Called without a command, it has shown its help.
            if type(error).__name__ != "NoArgsIsHelpError":
                complain(_sentence(error))
            elif str(error).strip():
                typer.echo(str(error))
            sys.exit(BAD_INPUT)
        except typer.Abort:
            if not standalone_mode:
                raise
            sys.exit(RUN_FAILED)
        if not standalone_mode:
            return ended
        sys.exit(ended or 0)


def _without_kinds(params: Any) -> Any:
    """Options and arguments: no kind of value is shown of a switch, and only a name of others."""
    for param in params:
        if param.param_type_name == "argument":
            param.display_type_rich = lambda ctx: None
        elif param.is_flag:
            param.metavar = ""
    return params


def help_of(function: Callable[..., Any]) -> str:
    """The docstring of a command, each paragraph in one line for the terminal to wrap."""
    paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _sentence(error: Any) -> str:
    """What was wrong, the nearest valid name, and where to read on."""
    ctx = error.ctx
    if ctx is None:
        return str(error.format_message())
    known = [name for param in ctx.command.get_params(ctx) for name in param.opts]
    match type(error).__name__:
        case "NoSuchOption":
            text = f'there is no option "{error.option_name}".'
            text += did_you_mean(error.option_name, [name for name in known if name[0] == "-"])
        case "MissingParameter" if error.param is not None:
            text = f"the {error.param.param_type_name} {_name(error.param)} is missing."
        case "BadParameter" if error.param is not None:
            text = f"{_name(error.param)}: {error.message.removeprefix('Value error, ')}"
        case _:
            text = str(error.format_message())
    where = "" if ctx.parent is None else f"{ctx.info_name}: "
    return f"{where}{text.rstrip('.')}. See {ctx.command_path} --help."


def _name(param: Any) -> str:
    """An option or argument as help shows it."""
    name = param.metavar if param.param_type_name == "argument" else param.opts[0]
    return str(name or param.name)
