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
