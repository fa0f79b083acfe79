"""CONTRIBUTING.md and docs/modules.md name files and names that are there, and leave none out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from sdc_lib.backbones import BACKBONES, BackboneOutput
from sdc_lib.config import DataConfig, ModelConfig
from sdc_lib.datasets import VideoFolder, open_dataset
from sdc_lib.datasets.names import DATASETS, Known
from sdc_lib.model import build_model
from tests.conftest import NumberedWriter
from tools.modules import PAGE, first_line, with_listing

ROOT = Path(__file__).resolve().parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MODULES = PAGE.read_text(encoding="utf-8")
TOUCHED = {
    "New data set": 2,
    "New backbone": 1,
    "New loss term": 2,
    "Change of augmentation": 1,
    "New protocol": 3,
    "New explorer": 2,
}


class Row(NamedTuple):
    """One row of either table."""

    task: str
    files: list[str]
    names: list[str]


def rows(page: str) -> list[Row]:
    """Rows whose second column names files and whose third names what is in them."""
    found = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE)
    quoted = [
        Row(task, re.findall(r"`([\w/]+\.\w+)`", files), re.findall(r"`([^`]+)`", names))
        for task, files, names in found
    ]
    return [row for row in quoted if row.files]


TABLES = [*rows(CONTRIBUTING), *rows(MODULES)]


@pytest.mark.parametrize("row", TABLES, ids=lambda row: row.task)
def test_the_files_are_there_and_the_names_in_them(row: Row) -> None:
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in row.files)
    assert row.names
    assert [name for name in row.names if not re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_every_task_touches_as_few_files_as_promised() -> None:
    assert {row.task: len(row.files) for row in rows(CONTRIBUTING)} == TOUCHED


def test_enough_questions_are_answered() -> None:
    assert len(rows(MODULES)) > 20


def test_the_list_of_files_is_the_package() -> None:
    assert with_listing(MODULES) == MODULES, "make results writes the list again"


def test_every_file_says_what_it_is_for() -> None:
    assert [path for path in (ROOT / "sdc_lib").rglob("*.py") if not first_line(path)] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/modules.md", "docs/data.md"])
def test_links_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


class Flat(nn.Module):
    """The least that a backbone can be."""

    dim = 3

    def forward(self, clips: Tensor) -> BackboneOutput:
        return BackboneOutput(clips.mean(dim=(2, 3, 4)), clips)


def test_a_backbone_is_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKBONES, "flat", Flat)
    model = build_model(ModelConfig(backbone="flat", num_concepts=4, projection_dim=5))
    output = model(torch.rand(2, 6, 3, 2, 4, 4))
    assert output.scores.shape == (2, 6, 8)


def test_a_data_set_is_one_row(
    tmp_path: Path, numbered_video: NumberedWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for length, split in enumerate(("train", "test"), start=20):
        numbered_video(tmp_path / split / "a" / f"{split}.mp4", length)
    monkeypatch.setitem(DATASETS, "mine", Known("folder:VideoFolder", ("train", "test")))
    videos = open_dataset(DataConfig(dataset="mine"), tmp_path, "test")
    assert isinstance(videos, VideoFolder)
    assert len(videos) == 1
