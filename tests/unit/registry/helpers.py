"""A real credential helper: a small program with its store in a file beside it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

_PROGRAM = """#!{python}
import json, os, sys
path, behaviour, verb = {path!r}, {behaviour!r}, sys.argv[1]
text = sys.stdin.read()
kept = json.load(open(path))
if behaviour == "fail":
    print("it is broken"); sys.exit(3)
if behaviour == "garbage":
    print("no json"); sys.exit(0)
if behaviour == "secret-garbage":
    print(json.dumps({{"Secret": "hidden"}})); sys.exit(0)
if behaviour == "environment":
    print(json.dumps({{"ServerURL": text, "Username": os.environ["MARK"], "Secret": "x"}})); sys.exit(0)
if verb == "get":
    if text.strip() not in kept:
        print("credentials not found in native keychain"); sys.exit(1)
    user, secret = kept[text.strip()]
    print(json.dumps({{"ServerURL": text, "Username": user, "Secret": secret}}))
elif verb == "store":
    value = json.loads(text)
    kept[value["ServerURL"]] = [value["Username"], value["Secret"]]
elif verb == "erase":
    if kept.pop(text.strip(), None) is None:
        print("credentials not found in native keychain"); sys.exit(1)
with open(path, "w") as file:
    json.dump(kept, file)
"""


def install_helper(folder: Path, name: str, kept: dict[str, list[str]], behaviour: str = "") -> Path:
    """Install ``docker-credential-NAME`` into ``folder``; returns the path of what it keeps."""
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / f"{name}.json"
    store.write_text(json.dumps(kept))
    program = folder / f"docker-credential-{name}"
    program.write_text(_PROGRAM.format(python=sys.executable, path=str(store), behaviour=behaviour))
    program.chmod(0o755)
    return store
