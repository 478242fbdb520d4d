"""The package itself: what importing it costs, and what it offers."""

import importlib.util
import subprocess
import sys

import pytest

import genmix
from genmix.errors import MissingExtraError


def python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_genmix_imports_nothing_heavy_and_a_mixer_imports_torch() -> None:
    heavy = "{'torch', 'numpy', 'cv2', 'PIL', 'pyarrow', 'pydantic'}"
    python(f"import sys, genmix; assert not {heavy} & set(sys.modules)")
    python("import sys, genmix; genmix.MixUp; assert 'torch' in sys.modules")


@pytest.mark.parametrize("missing", ["torch", "numba"])
def test_without_torch_or_numba_a_mixer_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(genmix, "find_spec", lambda name: None if name == missing else find(name))
    with pytest.raises(MissingExtraError, match=r"genmix\.MixUp .*pip install 'genmix\[torch\]'"):
        _ = genmix.MixUp
    assert genmix.load_recipe("paper").size == 512


def test_a_room_that_needs_numba_says_which_extra_to_install() -> None:
    code = "import sys; sys.modules['numba'] = None; import genmix.mixing"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "MissingExtraError: mixing needs an extra: pip install 'genmix[torch]'" in done.stderr


def test_every_public_name_can_be_had_and_others_are_refused() -> None:
    for name in genmix._HOMES:
        assert getattr(genmix, name).__name__ == name
        assert name in dir(genmix)
    with pytest.raises(AttributeError, match="no attribute 'Mixup'"):
        _ = genmix.Mixup
