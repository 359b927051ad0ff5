"""The commands by name, and what each is for: known before any of them is imported.

The command NAME is the module ``ci_builder.cli.NAME``, with ``add_parser``; only the one that is asked for
is imported, since imports are most of a start.
"""

from __future__ import annotations

ABOUT = {
    "build": "build an image from a Dockerfile",
    "plan": "what a build would run, find in the cache, unpack and push",
    "explain": "why a build finds a step in the cache, or does not",
    "du": "what takes the room: images, caches",
    "prune": "remove what is old, unused or too much",
    "verify": "build twice and compare",
    "ci": "build and push what the CI job's variables ask for",
    "executor": "build with the flags of kaniko's executor",
    "doctor": "what works here, and why",
    "demo": "build examples/hello offline, on this machine's own shell",
    "login": "log in at a registry",
    "logout": "forget the login for a registry",
}
"""In the order of the help."""

_BY_BUILD = "build does it: --tag NAME --push"
_TO_A_FILE = "build writes a file: --output type=docker,dest=image.tar (or type=oci)"
ELSEWHERE = {
    "push": _BY_BUILD,
    "tag": f"{_BY_BUILD}, with as many --tag as there are names",
    "pull": "build pulls what it needs; --pull looks for newer bases",
    "save": _TO_A_FILE,
    "export": _TO_A_FILE,
    "load": f"there is no daemon; {_TO_A_FILE}",
    "images": "du says what this machine keeps",
    "ls": "du says what this machine keeps",
    "rmi": "prune removes images",
    "rm": "prune removes images",
    "run": "images are built here, and run elsewhere",
    "buildx": "leave out buildx: build has its options",
    "kaniko": "kaniko's flags are those of the command executor",
    "help": "write --help, also behind a command",
    "version": "write --version",
    "builder": "prune cleans up; there are no builders here",
}
"""Commands of docker, buildx and img that are none here, and what to do instead."""
