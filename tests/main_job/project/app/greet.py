"""Says what it sees of itself, as JSON: the tests compare it."""

import json
import os
import subprocess
import sys

sys.path.insert(0, "/opt/app/lib")

import idna
from packaging.version import Version


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


with open("/opt/app/template.txt") as template, open("/srv/releases/1/settings.json") as settings:
    print(
        json.dumps(
            {
                "greeting": output("/usr/local/bin/hello", sys.argv[1]),
                "uid": os.getuid(),
                "home": os.environ.get("HOME"),
                "cwd": os.getcwd(),
                "root": output("/usr/local/bin/whoami-root"),
                "listen": output("/usr/local/bin/listen"),
                "idna": idna.encode("käse.example").decode(),
                "newer": Version("1.10") > Version("1.9"),
                "template": template.read(),
                "settings": json.load(settings),
                "links": os.stat("/usr/local/bin/hello").st_nlink,
            },
            sort_keys=True,
        )
    )
