"""A whole Dockerfile: ``parse`` makes it from text."""

from __future__ import annotations

from ci_builder.dockerfile.directives import Directives
from ci_builder.dockerfile.instructions import Instruction, parse_instruction
from ci_builder.dockerfile.instructions.arg import Arg
from ci_builder.dockerfile.instructions.from_ import From
from ci_builder.dockerfile.reader import Line, read, read_trigger
from ci_builder.dockerfile.stages import Stage
from ci_builder.span import Source
from ci_builder.values import dataclass


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """``global_args`` are the ARGs above the first FROM; there is at least one stage."""

    source: Source
    directives: Directives
    global_args: tuple[Arg, ...]
    stages: tuple[Stage, ...]


def parse(source: Source) -> Dockerfile:
    """Parse the text of a Dockerfile. Raises DockerfileError, UnsupportedSyntax."""
    reading = read(source)
    global_args: list[Arg] = []
    stages: list[tuple[From, list[Instruction]]] = []
    for line in reading.lines:
        instruction = parse_instruction(line)
        if isinstance(instruction, From):
            stages.append((instruction, []))
        elif stages:
            stages[-1][1].append(instruction)
        elif isinstance(instruction, Arg):
            global_args.append(instruction)
        else:
            name = line.keyword.upper()
            raise line.error(f"{name} comes before the first FROM", hint="only ARG may stand there")
    if not stages:
        raise reading.lines[-1].error("there is no FROM in this file, so nothing to build")
    made = tuple(Stage(index, base, tuple(body)) for index, (base, body) in enumerate(stages))
    return Dockerfile(source, reading.directives, tuple(global_args), made)


def parse_trigger(text: str, line: Line) -> Instruction:
    """The instruction of an ONBUILD trigger; ``line`` is the FROM that sets it off, where errors point.
    Raises DockerfileError, UnsupportedSyntax."""
    instruction = parse_instruction(read_trigger(text, line))
    if isinstance(instruction, From):
        raise line.error("FROM isn't allowed as an ONBUILD trigger")
    return instruction
