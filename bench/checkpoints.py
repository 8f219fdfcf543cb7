"""What whole checkpoints cost: writing files, hashing them for the manifest, and looking through them before a resume.

    python -m bench.checkpoints --mb 512 --files 4

The files are random bytes; hashing reads them from the page cache, as right after a trainer has written them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.machine import heading
from crrl.train.manifest import damage, files_of, hash_files, write_manifest


def main() -> None:
    """Print seconds of the clock and of the processor for each part, the best of three."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mb", type=int, default=512, help="size of the checkpoint")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--folder", default=None, help="where to write; default: the folder for temporary files")
    given = parser.parse_args()
    print(heading())
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        block = os.urandom(1 << 20)
        each = given.mb // given.files

        def write() -> None:
            for number in range(given.files):
                with (folder / f"part-{number}").open("wb") as stream:
                    for _ in range(each):
                        stream.write(block)
                    stream.flush()
                    os.fsync(stream.fileno())

        _show("write and fsync", each * given.files, write)
        _show("hash (BLAKE2b, threads)", each * given.files, lambda: hash_files(folder, files_of(folder)))
        write_manifest(folder, hash_files(folder, files_of(folder)), processes=1)
        _show("look through", each * given.files, lambda: damage(folder))


def _show(what: str, mb: int, work: Callable[[], object]) -> None:
    runs = [_timed(work) for _ in range(3)]
    seconds, cpu = min(run[0] for run in runs), min(run[1] for run in runs)
    print(
        f"{what:<24} {seconds:6.2f} s ({mb / seconds:5.0f} MB/s)   processor {cpu:6.2f} s ({mb / cpu:5.0f} MB/s a core)"
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    main()
