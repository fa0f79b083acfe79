"""Small trees in the exact formats of the official data sets; most of their videos are empty."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sdc_lib.video import write_video

HMDB_ODD = "50_FIRST_DATES_[x](y)_kick_f_cm_np1_ba_bad_3.avi"
HMDB_SHOUT = "Fellowship_5!_(a)_kick_u_nm_np1_fr_med_0.avi"


def touch(path: Path) -> Path:
    """An empty file; readers of annotations open no video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def ucf101(
    root: Path,
    classes: Sequence[str] = ("ApplyEyeMakeup", "HandstandPushups", "iceSkating", "YoYo"),
    missing: Iterable[str] = (),
) -> Path:
    """UCF-101: CRLF lists, class order that ignores case, the folder with other capitals."""
    lists = root / "ucfTrainTestlist"
    lists.mkdir(parents=True)
    index = "".join(f"{number} {name}\r\n" for number, name in enumerate(classes, 1))
    (lists / "classInd.txt").write_bytes(index.encode())
    left_out = set(missing)
    for fold, test_group in ((1, 1), (2, 8), (3, 15)):
        train: list[tuple[str, int]] = []
        test: list[tuple[str, int]] = []
        for number, name in enumerate(classes, 1):
            file = "HandStandPushups" if name == "HandstandPushups" else name
            for group in (1, 8, 15):
                listed = f"{name}/v_{file}_g{group:02d}_c01.avi"
                if listed not in left_out:
                    touch(root / "UCF-101" / listed)
                (test if group == test_group else train).append((listed, number))
        write_lines(lists / f"trainlist0{fold}.txt", [f"{name} {label}" for name, label in train])
        write_lines(lists / f"testlist0{fold}.txt", [name for name, _ in test])
    return root


def real_ucf101(root: Path) -> Path:
    """The tree of `ucf101` with videos that can be decoded: 20 frames of 48x32 pixels each."""
    ucf101(root)
    rng = np.random.default_rng(0)
    for number, path in enumerate(sorted((root / "UCF-101").rglob("*.avi"))):
        picture = rng.integers(0, 255, (8, 12, 3)).astype(np.uint8).repeat(4, 0).repeat(4, 1)
        shifts = [np.roll(picture, t * (number % 3), axis=number % 2) for t in range(20)]
        write_video(path, np.stack(shifts))
    return root


def hmdb51(root: Path) -> Path:
    """HMDB-51: 51-class naming with two classes, trailing spaces, odd names, unused clips."""
    clips = {
        "brush_hair": [
            ("April_09_brush_hair_u_nm_np1_ba_goo_0.avi", 1),
            ("April_09_brush_hair_u_nm_np1_ba_goo_1.avi", 1),
            ("atheletic_brush_hair_u_nm_np1_fr_med_2.avi", 2),
            ("unused_brush_hair_u_nm_np1_fr_med_2.avi", 0),
        ],
        "kick": [(HMDB_ODD, 1), (HMDB_SHOUT, 2)],
    }
    lists = root / "testTrainMulti_7030_splits"
    lists.mkdir(parents=True)
    for name, files in clips.items():
        for file, _ in files:
            touch(root / name / file)
        for fold in (1, 2, 3):
            lines = [f"{file} {flag} " for file, flag in files]
            (lists / f"{name}_test_split{fold}.txt").write_text("\n".join(lines) + "\n")
    return root


def diving48(root: Path, train: int = 4, test: int = 2, version: str = "_V2") -> Path:
    """Diving-48: the two lists, the vocabulary of 48 dives, videos in ``rgb``."""
    root.mkdir(parents=True, exist_ok=True)
    vocabulary = [["Back", "15som", f"{number:02d}Twis", "FREE"] for number in range(48)]
    (root / "Diving48_vocab.json").write_text(json.dumps(vocabulary))
    for side, count, first in (("train", train, 0), ("test", test, 100)):
        entries = [
            {
                "vid_name": f"-mmq0PT-u8k_{first + number:05d}",
                "label": 47 - number,
                "start_frame": 0,
                "end_frame": 48,
            }
            for number in range(count)
        ]
        (root / f"Diving48{version}_{side}.json").write_text(json.dumps(entries))
        for entry in entries:
            touch(root / "rgb" / f"{entry['vid_name']}.mp4")
    return root


KINETICS: Mapping[str, str] = {
    "train": (
        "label,youtube_id,time_start,time_end,split,is_cc\r\n"
        "zumba,---QUuC4vJs,84,94,train,0\r\n"
        '"tickling, gently",_0-abcdEFGh,5,15,train,0\r\n'
        "abseiling,gone0000000,0,10,train,0\r\n"
    ),
    "validate": (
        "label,youtube_id,time_start,time_end,split\n"
        "abseiling,-3B32lodo2M,59,69,validate\n"
        "zumba,1234567890a,1000,1010,validate\n"
    ),
    "test": "youtube_id,time_start,time_end,split\n--6bJUbfpnQ,17,27,test\n",
}


def kinetics400(root: Path, csv: Mapping[str, str] = KINETICS) -> Path:
    """Kinetics-400: csv files with quoted labels, and the four usual ways to lay out videos."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in csv.items():
        (root / f"{name}.csv").write_bytes(text.encode())
    touch(root / "train" / "zumba" / "---QUuC4vJs_000084_000094.mp4")
    touch(root / "train" / "tickling,_gently" / "_0-abcdEFGh_000005_000015.mkv")
    touch(root / "abseiling" / "-3B32lodo2M_000059_000069.mp4")
    touch(root / "validate" / "zumba" / "1234567890a_001000_001010.mp4")
    touch(root / "test" / "--6bJUbfpnQ_000017_000027.mp4")
    return root


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines that end as on Windows, as in the official lists of UCF-101."""
    path.write_bytes("".join(f"{line}\r\n" for line in lines).encode())
