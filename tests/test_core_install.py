"""The core in an environment of its own: no torch comes with it, and the main job runs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_core_installs_and_augments_without_torch(photos: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT], check=True
    )
    subprocess.run([python, "-c", "import genmix"], check=True)
    without_torch = subprocess.run([python, "-c", "import torch"], capture_output=True, check=False)
    assert b"ModuleNotFoundError" in without_torch.stderr
    command: list[str | Path] = [
        python.with_name("genmix"), "augment", photos, "-o", tmp_path / "out", "--size", "48",
        "--prompts", "snowy,fog", "--workers", "2",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    assert list((tmp_path / "out" / "images").rglob("*.jpg"))
