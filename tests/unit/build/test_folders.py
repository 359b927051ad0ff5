"""What lies beside the folders of RUN --mount=type=cache."""

from __future__ import annotations

import threading
from pathlib import Path

from ci_builder.build.mounts.folders import ABOUT, tell_name
from ci_builder.cache.mounts import MountName


def test_stages_of_one_build_tell_a_name_at_once(tmp_path: Path) -> None:
    name = MountName("", "pip", "", "", "")
    failures: list[Exception] = []
    together = threading.Barrier(4)

    def tell(base: Path) -> None:
        together.wait()
        try:
            tell_name(base, name)
        except OSError as error:
            failures.append(error)

    for number in range(100):
        base = tmp_path / str(number)
        base.mkdir()
        threads = [threading.Thread(target=tell, args=(base,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [item.name for item in base.iterdir()] == [ABOUT]
    assert failures == []
