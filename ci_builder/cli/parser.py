"""argparse with this program's errors, and the options that are known elsewhere but not here."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

from ci_builder.cli.kaniko.words import go_boolean
from ci_builder.errors import OutputError, Unsupported, UsageError, did_you_mean

SubParsers: TypeAlias = "argparse._SubParsersAction[Parser]"


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of exiting, and takes no abbreviations of options."""

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("allow_abbrev", False)
        settings.setdefault("formatter_class", Formatter)
        super().__init__(**settings)

    def error(self, message: str) -> NoReturn:
        """Called by argparse for everything that is wrong with the arguments."""
        raise UsageError(message, hint=f"see {self.prog} --help")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse, but one option that is not known is named alone, with one that is like it."""
        found, unknown = self.parse_known_args(args, namespace)
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        if options:
            known = [name for parser in self._chosen(args) for name in parser._known()]
            if options[0] in known:
                raise UsageError(f"the option {options[0]} stands before the command", hint="write it behind")
            hint = did_you_mean(options[0], known) or self._see(args)
            raise UsageError(f"unknown option {options[0]}", hint=hint)
        if unknown:
            raise UsageError(f"too many words: {' '.join(unknown)}", hint=self._see(args))
        return found

    def _chosen(self, args: Any) -> list[Parser]:
        """This parser, and that of the command that is in ``args``."""
        commands = self._subparsers._group_actions if self._subparsers is not None else []
        parsers = [parser for action in commands for parser in dict(action.choices or {}).items()]
        return [self, *(parser for name, parser in parsers if name in (args or ()))]

    def _known(self) -> list[str]:
        """The options that there are: what is not supported is no good hint."""
        actions = self._option_string_actions
        return [name for name, action in actions.items() if not isinstance(action, NotHere | SwitchNotHere)]

    def _see(self, args: Any) -> str:
        return f"see {self._chosen(args)[-1].prog} --help"

    def _print_message(self, message: str, file: Any = None) -> None:
        """Called by argparse for --help and --version, whose own method ignores that nothing was written.
        Raises OutputError, BrokenPipeError."""
        try:
            print(message, end="", file=file, flush=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(f"standard output cannot be written: {error.strerror}") from error

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Called by argparse for the words of one command: a Switch alone gets its value first."""
        words = list(args or ())
        end = words.index("--") if "--" in words else len(words)
        switches = [action for action in self._actions if isinstance(action, Switch)]
        names = {name for action in switches for name in action.option_strings}
        given = [f"{word}=true" if word in names else word for word in words[:end]]
        return super().parse_known_args([*given, *words[end:]], namespace)


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Help with room for the long names."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=100)


class Switch(argparse.Action):
    """A switch as docker's command line has it: ``--name`` alone or ``--name=true``, ``--name=false``.

    The value is never the next word. Sources: Go's strconv.ParseBool, pflag's NoOptDefVal.
    """

    def __init__(self, option_strings: Sequence[str], dest: str, *, help: str | None = None) -> None:
        super().__init__(option_strings, dest, default=False, metavar="[=true|false]", help=help)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Called by argparse when the option is met. Raises UsageError."""
        setattr(namespace, self.dest, go_boolean(values, str(option)))


class SwitchNotHere(Switch):
    """A switch of docker that this version does not have, which may have the values ``allowed``: they ask for
    what is done anyway. ``hint`` says what to do instead."""

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        *,
        allowed: Sequence[bool] = (),
        hint: str = "",
        help: str | None = None,
    ) -> None:
        super().__init__(option_strings, dest, help=help)
        self.allowed = tuple(allowed)
        self.hint = hint

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Called by argparse when the option is met. Raises Unsupported, UsageError."""
        if go_boolean(values, str(option)) not in self.allowed:
            raise Unsupported(f"{option}={values} is not supported in this version", hint=self.hint)


def need_value(option: str, text: str) -> None:
    """Raises UsageError for an empty one: what an unset variable makes of a limit or a name is not to be
    taken for none at all."""
    if not text.strip():
        raise UsageError(f"{option} is empty", hint="leave it out, or look at the variable that it is from")


class Once(argparse.Action):
    """An option with a value that is given once, and not empty."""

    def __init__(self, option_strings: Sequence[str], dest: str, **settings: Any) -> None:
        settings.setdefault("default", "")
        super().__init__(option_strings, dest, **settings)

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Called by argparse when the option is met. Raises UsageError."""
        need_value(str(option), values)
        seen = f"{self.dest}_was_given"
        if getattr(namespace, seen, False):
            raise UsageError(f"{option} is given twice")
        setattr(namespace, seen, True)
        setattr(namespace, self.dest, values)


class NotHere(argparse.Action):
    """An option of docker that this version does not have: a clear error instead of an unknown option.

    ``allowed`` values ask for what this program does anyway; ``hint`` says what to do instead.
    """

    def __init__(
        self,
        option_strings: Sequence[str],
        dest: str,
        *,
        allowed: Sequence[str] = (),
        hint: str = "",
        help: str | None = None,
    ) -> None:
        super().__init__(option_strings, dest, nargs="?", default=argparse.SUPPRESS, help=help)
        self.allowed = tuple(allowed)
        self.hint = hint

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: Any = None
    ) -> None:
        """Called by argparse when the option is met. Raises Unsupported."""
        if values not in self.allowed:
            raise Unsupported(f"{option} is not supported in this version", hint=self.hint)
