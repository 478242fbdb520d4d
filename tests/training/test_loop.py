"""The loop: what it learns, that the same run gives the same bytes, and what stops it."""

import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from genmix.datasets.samples import synthetic_photos
from genmix.errors import ImageError, OutputError, TrainingError
from genmix.networks.models import Classifier, create_model
from genmix.training import building
from genmix.training.batches import Batches
from genmix.training.checkpoint import RunFolder, load_checkpoint
from genmix.training.data import Photos
from genmix.training.loop import Moment, train
from genmix.training.run import Run
from genmix.training.subsets import hold_out
from tests.training.runs import SIZE, run, settings


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty scenes of three classes."""
    place = tmp_path_factory.mktemp("training") / "photos"
    synthetic_photos(place, classes=3, per_class=10, size=48, seed=1)
    return place


@pytest.fixture(scope="module")
def photos(folder: Path) -> Photos:
    return Photos(folder, SIZE)


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def test_the_same_seed_gives_the_same_bytes_for_any_workers_and_another_seed_others(
    photos: Photos, tmp_path: Path
) -> None:
    runs = {"a": {}, "b": {"workers": 2}, "c": {"seed": 1}}
    for name, changes in runs.items():
        torch.manual_seed(len(name))
        before = torch.get_rng_state()
        train(settings(**changes), photos, None, tmp_path / name)
        assert torch.equal(before, torch.get_rng_state())
    assert weights(tmp_path / "a") == weights(tmp_path / "b") != weights(tmp_path / "c")
    cards = [(tmp_path / name / "model.json").read_bytes() for name in "ab"]
    assert cards[0] == cards[1]


def test_validation_changes_nothing_and_is_that_of_the_model_written(
    photos: Photos, tmp_path: Path
) -> None:
    stays, held = hold_out(photos, 0.25, 0)
    with_val = train(settings(), stays, held, tmp_path / "a")
    without = train(settings(), stays, None, tmp_path / "b")
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert all(moment.val_accuracy is None for moment in without.history)
    model = load_checkpoint(tmp_path / "a")
    batch = torch.stack([held[k][0] for k in range(len(held))]) / 255
    with torch.no_grad():
        right = (model(batch).argmax(1).numpy() == held.labels).mean()
    assert with_val.history[-1].val_accuracy == pytest.approx(right)
    assert torch.equal(with_val.model(batch), model(batch))
    validated = [m.step for m in with_val.history if m.val_accuracy is not None]
    assert validated == [3, 6, 9, 12]


def test_a_network_learns_what_it_is_shown(photos: Photos, tmp_path: Path) -> None:
    trained = train(
        settings(steps=60, mixer=None, transform="none", lr=3e-3), photos, photos, tmp_path
    )
    assert trained.history[-1].loss < 0.3
    assert trained.history[-1].val_accuracy is not None
    assert trained.history[-1].val_accuracy > 0.9


def test_a_linear_probe_changes_the_head_of_the_pre_trained_model_alone(
    photos: Photos, tmp_path: Path
) -> None:
    chosen = settings(model="efficientnet_lite0", weights="linear-probe", steps=3, mixer=None)
    trained = train(chosen, photos, None, tmp_path)
    fresh = create_model("efficientnet_lite0", photos.classes, size=SIZE, pretrained=True)
    own, packaged = trained.model.backbone.state_dict(), fresh.backbone.state_dict()
    assert all(torch.equal(own[name], packaged[name]) for name in packaged)
    assert trained.history[-1].loss < trained.history[0].loss


def test_fine_tuning_starts_from_the_pre_trained_model(photos: Photos, tmp_path: Path) -> None:
    chosen = settings(model="efficientnet_lite0", weights="fine-tune", steps=2, lr=1e-4)
    own = train(chosen, photos, None, tmp_path).model.backbone.state_dict()
    fresh = create_model("efficientnet_lite0", photos.classes, size=SIZE, pretrained=True)
    for name, value in fresh.backbone.named_parameters():
        assert not torch.equal(own[name], value)
        assert torch.allclose(own[name], value, atol=1e-3)
    for name, statistics in fresh.backbone.named_buffers():
        assert torch.equal(own[name], statistics)


def test_the_last_layer_of_a_fine_tuned_model_learns_ten_times_as_fast(photos: Photos) -> None:
    for chosen, rates in (("fine-tune", [1e-4, 1e-3]), ("linear-probe", [1e-4])):
        run_settings = settings(model="efficientnet_lite0", weights=chosen, lr=1e-4)
        model = building.build_classifier(run_settings, photos)
        optimizer = building.build_optimizer(run_settings, model)
        building.build_schedule(run_settings, optimizer).step_update(0)
        assert sorted({g["lr"] for g in optimizer.param_groups}) == pytest.approx(rates)
        assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0, 0.05}


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ("cosine", [1 / 3, 2 / 3, *(0.5 + 0.5 * math.cos(math.pi * t / 9) for t in range(2, 9))]),
        ("step", [1 / 3, 2 / 3, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01]),
        ("none", [1 / 3, 2 / 3, *[1] * 7]),
    ],
)
def test_the_learning_rate_rises_and_falls_as_the_schedule_says(
    photos: Photos, tmp_path: Path, schedule: str, wanted: list[float]
) -> None:
    chosen = settings(steps=9, schedule=schedule, warmup_steps=2, lr=1e-3)
    history = train(chosen, photos, None, tmp_path).history
    assert [moment.lr for moment in history] == pytest.approx([1e-3 * rate for rate in wanted])


@given(
    count=st.integers(1, 40),
    share=st.integers(1, 12),
    processes=st.integers(1, 3),
    steps=st.integers(1, 20),
    start=st.integers(0, 19),
)
def test_batches_are_whole_visit_all_once_an_epoch_and_do_not_depend_on_where_one_starts(
    count: int, share: int, processes: int, steps: int, start: int
) -> None:
    size = share * processes

    def batches(begin: int) -> list[list[tuple[int, int]]]:
        parts = [
            Batches(count, size, range(begin, steps), 7, (index, processes))
            for index in range(processes)
        ]
        return [list(chain(*step)) for step in zip(*parts, strict=True)]

    whole = batches(0)
    assert all(len(batch) == size for batch in whole)
    read = [item for batch in whole for item in batch]
    for epoch in range(steps * size // count):
        assert sorted(index for e, index in read if e == epoch) == list(range(count))
    assert max(Counter(read).values()) == 1
    assert batches(min(start, steps)) == whole[start:]


def test_a_finished_run_is_returned_and_not_trained_again(photos: Photos, tmp_path: Path) -> None:
    first = train(settings(), photos, None, tmp_path)
    steps: list[Moment] = []
    again = train(settings(workers=2), photos, None, tmp_path, steps.append)
    assert not steps
    assert again.history == first.history
    assert again.seconds == first.seconds > 0
    assert [moment.step for moment in again.history] == list(range(1, 13))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lr": 0.5}, "lr was not set there and is 0.5 now"),
        ({"mixer": "mixup"}, "mixer was cutmix there and is mixup now"),
        ({"steps": 13}, "steps was 12 there and is 13 now"),
    ],
)
def test_another_run_in_the_same_folder_is_refused(
    photos: Photos, tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    train(settings(), photos, None, tmp_path)
    with pytest.raises(OutputError, match=words):
        train(settings(**changes), photos, None, tmp_path)
    with pytest.raises(OutputError, match="not the same training pictures"):
        train(settings(), photos.subset(range(29)), None, tmp_path)


def started(folder: Path, out: Path, *more: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.training.runs", folder, out, *more]
    return subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)


def wait_for(process: "subprocess.Popen[str]", step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= step:
            return
    pytest.fail(f"the run ended with {process.wait()} before step {step}")


def test_killed_again_and_again_a_run_ends_with_the_same_bytes(
    folder: Path, tmp_path: Path
) -> None:
    whole = run(folder, tmp_path / "whole", 24)
    out = tmp_path / "killed"
    # It saves after every step, twice a second, and never: a kill costs none, some, or all of them.
    for step, workers, seconds in ((4, 0, 0), (11, 2, 0.5), (17, 0, 60)):
        with started(folder, out, 24, workers, seconds) as process:
            wait_for(process, step)
            process.send_signal(signal.SIGKILL)
        assert not (out / "model.safetensors").exists()
    time.sleep(1)  # TensorBoard orders its files by the second in which they were opened
    again = run(folder, out, 24)
    assert weights(out) == weights(tmp_path / "whole")
    assert (out / "model.json").read_bytes() == (tmp_path / "whole" / "model.json").read_bytes()
    assert again.history == whole.history
    assert not (out / ".genmix" / "state.pt").exists()
    logged = EventAccumulator(str(out / "tensorboard")).Reload().Scalars("train/loss")
    assert [event.step for event in logged] == list(range(1, 25))
    assert [event.value for event in logged] == pytest.approx([m.loss for m in whole.history])


def test_ctrl_c_ends_the_step_and_keeps_what_is_done(folder: Path, tmp_path: Path) -> None:
    with started(folder, tmp_path / "out", 4000, 2, 600) as process:
        wait_for(process, 3)
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        told = process.stdout.read()
    assert process.returncode not in {0, -signal.SIGKILL}
    done = 3 + len(told.split())
    state = RunFolder(tmp_path / "out").load_state()
    assert state is not None
    assert len(state["history"]) == done < 4000


def in_two_processes(program: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", program, *arguments,
    ]  # fmt: skip
    return subprocess.run(
        [str(part) for part in command],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "ACCELERATE_USE_CPU": "true"},
    )


def test_two_processes_share_every_batch_and_one_writes(folder: Path, tmp_path: Path) -> None:
    done = in_two_processes("tests.training.runs", folder, tmp_path / "two", 6, 0, 60)
    assert done.returncode == 0, done.stderr
    history = json.loads((tmp_path / "two" / "history.json").read_text())["history"]
    assert [moment["step"] for moment in history] == list(range(1, 7))
    assert history[-1]["val_accuracy"] is not None
    assert load_checkpoint(tmp_path / "two").classes == ("disc", "star", "triangle")
    with pytest.raises(OutputError, match="number of processes was 2 there and is 1 now"):
        run(folder, tmp_path / "two", 6)


def test_two_processes_validate_the_model_that_is_written(folder: Path, tmp_path: Path) -> None:
    done = in_two_processes("tests.training.ranks", folder, tmp_path / "two")
    assert done.returncode == 0, done.stderr


def test_a_loss_that_is_no_number_stops_with_a_line_about_the_learning_rate(
    photos: Photos, tmp_path: Path
) -> None:
    chosen = settings(optimizer="sgd", lr=1e30, mixer=None)
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step \d+: set a lower"):
        train(chosen, photos, None, tmp_path, save_seconds=0)


@pytest.mark.parametrize("changes", [{"steps": 6, "lr": 300.0}, {"steps": 1, "lr": 1e30}])
@pytest.mark.parametrize("validates", [True, False])
def test_a_model_that_is_lost_though_its_losses_are_numbers_is_not_written(
    photos: Photos, tmp_path: Path, changes: dict[str, object], validates: bool
) -> None:
    chosen = settings(optimizer="sgd", mixer=None, average=0.0, **changes)
    seen: list[Moment] = []
    words = r"outputs (for the validation pictures )?are no numbers: set a lower learning rate"
    with pytest.raises(TrainingError, match=words):
        train(chosen, photos, photos if validates else None, tmp_path, seen.append)
    assert all(math.isfinite(moment.loss) for moment in seen)
    assert not (tmp_path / "model.safetensors").exists()


def test_a_lost_weight_is_found_though_outputs_are_numbers(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(self: Run, *_: object) -> tuple[torch.Tensor, torch.Tensor, float]:
        for name, statistics in self.classifier.named_buffers():
            if name.endswith("running_var"):
                statistics.fill_(math.inf)
        return torch.zeros(()), torch.zeros(()), 0.0

    monkeypatch.setattr(Run, "_step", step)
    with pytest.raises(TrainingError, match="outputs are no numbers"):
        train(settings(average=0.0), photos, None, tmp_path)


def test_a_batch_that_memory_does_not_suffice_for_is_one_line(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Classifier, "forward", lambda *_: torch.empty(1 << 50))
    with pytest.raises(
        TrainingError,
        match=r"memory of cpu does not suffice for \w+ and batches of \d+ at 32",
    ):
        train(settings(), photos, None, tmp_path)


def test_precision_is_that_of_the_run_and_fp16_needs_a_gpu(photos: Photos, tmp_path: Path) -> None:
    for precision in ("no", "bf16", "no"):
        train(settings(precision=precision), photos, None, tmp_path / f"{precision}")
    with pytest.raises(TrainingError, match="precision fp16 needs a GPU"):
        train(settings(precision="fp16"), photos, None, tmp_path / "fp16")
    train(settings(), photos, None, tmp_path / "again")
    assert weights(tmp_path / "again") == weights(tmp_path / "no") != weights(tmp_path / "bf16")


def test_pictures_that_do_not_fit_the_settings_are_refused(folder: Path, tmp_path: Path) -> None:
    good = Photos(folder, SIZE)
    others = {
        "the pictures have 24 pixels and the model 32": (Photos(folder, 24), None),
        "class 'ring' has no picture to train on": (
            Photos(folder, SIZE, (*good.classes, "ring")), None
        ),
        "open both with the same": (good, Photos(folder, SIZE, (*good.classes, "ring"))),
    }  # fmt: skip
    for words, (data, val) in others.items():
        with pytest.raises(TrainingError, match=words):
            train(settings(), data, val, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_optimizer_that_cannot_run_here_is_one_line(photos: Photos, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="optimizer 'bnbadam' cannot be used here"):
        train(settings(optimizer="bnbadam"), photos, None, tmp_path)


def test_an_optimizer_of_second_order_is_refused_before_training(
    photos: Photos, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="optimizer 'adahessian' needs second derivatives"):
        train(settings(optimizer="adahessian", lr=0.1), photos, None, tmp_path)


@pytest.mark.parametrize("damage", ["{}", "[]", '{"history": [{"step": 1}], "seconds": 1.0}'])
def test_a_damaged_record_of_a_finished_run_is_one_line(
    photos: Photos, tmp_path: Path, damage: str
) -> None:
    train(settings(steps=1), photos, None, tmp_path)
    (tmp_path / "history.json").write_text(damage)
    with pytest.raises(OutputError, match=r"history\.json is damaged: remove .* and train again"):
        train(settings(steps=1), photos, None, tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_photo_that_cannot_be_read_is_one_line(tmp_path: Path, workers: int) -> None:
    synthetic_photos(tmp_path / "photos", classes=2, per_class=3, size=48)
    bad = tmp_path / "photos" / "disc" / "0001.jpg"
    bad.write_bytes(b"\xff\xd8\xff broken")
    opened = Photos(tmp_path / "photos", SIZE)
    with pytest.raises(ImageError, match=r"^disc/0001\.jpg: .*; remove it and run again$"):
        train(settings(workers=workers), opened, None, tmp_path / "out")


def test_a_full_disk_is_one_line_and_the_same_run_goes_on(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(settings(), photos, None, tmp_path / "whole")
    open_file = os.fdopen
    calls = 0

    def fills_up(handle: int, mode: str) -> object:
        nonlocal calls
        calls += 1
        if calls > 5:
            os.close(handle)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open_file(handle, mode)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdopen", fills_up)
        with pytest.raises(OutputError, match="the disk is full"):
            train(settings(), photos, None, tmp_path / "out", save_seconds=0)
    steps: list[Moment] = []
    train(settings(), photos, None, tmp_path / "out", steps.append)
    assert 0 < len(steps) < 12
    assert weights(tmp_path / "out") == weights(tmp_path / "whole")
