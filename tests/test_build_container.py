"""How build_container.sh asks Apptainer for an image. The Apptainer here only writes down what it is asked."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from crrl.cluster.apptainer import ROOT

APPTAINER = """\
#!/bin/sh
if [ "$*" = "build --help" ]; then echo "--build-arg {options}"; exit; fi
if [ "$1" != build ]; then echo "apptainer version 1.3"; exit; fi
printf "%s\\n" "$@" >{asked}
for word in "$@"; do last=$before before=$word; done
echo image >"$last"
"""
OTHERS = {
    "df": "#!/bin/sh\necho header; echo disk 0 0 99999999 0 /\n",
    "unshare": "#!/bin/sh\n",
    "uname": "#!/bin/sh\necho x86_64\n",
}


def build(folder: Path, *words: str, options: str = "--mksquashfs-args") -> subprocess.CompletedProcess[str]:
    tools = folder / "bin"
    tools.mkdir()
    for name, text in {"apptainer": APPTAINER.format(asked=folder / "asked", options=options), **OTHERS}.items():
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (folder / "base.sif").touch()
    command = [
        ROOT / "build_container.sh",
        "--cpu",
        "--base",
        folder / "base.sif",
        "--output",
        folder / "crrl.sif",
        *words,
    ]
    environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TMPDIR": str(folder)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=60)


@pytest.mark.parametrize(("words", "packs_with_zstd"), [((), False), (("--zstd",), True)])
def test_an_image_is_one_that_every_kernel_mounts_unless_zstd_is_asked_for(
    words: tuple[str, ...], packs_with_zstd: bool, tmp_path: Path
) -> None:
    done = build(tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert ("zstd" in (tmp_path / "asked").read_text()) is packs_with_zstd
    assert (tmp_path / "crrl.sif").read_text() == "image\n"


def test_zstd_is_refused_where_it_cannot_be_had(tmp_path: Path) -> None:
    done = build(tmp_path, "--zstd", options="")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: apptainer version 1.3 cannot pack with zstd; leave --zstd out"
    assert not (tmp_path / "crrl.sif").exists()


def test_the_image_for_gpus_has_rdma_in_user_space() -> None:
    recipe = (ROOT / "container.def").read_text()
    assert "libibverbs1 ibverbs-providers librdmacm1" in recipe
    assert 'ctypes.CDLL("libibverbs.so.1")' in recipe.split("%test")[1]
