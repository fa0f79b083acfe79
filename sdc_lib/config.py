"""Every setting of a run, as frozen dataclasses, and the presets.

A run is described completely by one `PretrainConfig`; it is stored as JSON beside the results and
inside exported weights. Unknown keys raise. The command line derives its flags from these fields,
so their docstrings are its help.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")

_FORMER = "former name"
"""Metadata of a field that files of earlier versions know by another name."""


@dataclass(frozen=True)
class AugmentConfig:
    """Random augmentation of one clip, the same for all its frames."""

    size: int = 128
    """Side of the square output, pixels."""
    crop_scale: tuple[float, float] = (0.08, 1.0)
    """Smallest and largest share of the frame's area that a crop keeps."""
    flip: float = 0.5
    """Probability of a left-right flip; 0 where the direction of motion is a label."""
    grayscale: float = 0.5
    """Probability of losing all colour."""
    brightness: float = 0.5
    """Strength of the brightness jitter."""
    contrast: float = 0.5
    """Strength of the contrast jitter."""
    saturation: float = 0.5
    """Strength of the saturation jitter."""
    hue: float = 0.25
    """Strength of the hue jitter, 0 to 0.5."""


@dataclass(frozen=True)
class DataConfig:
    """Which videos, and how clips are taken from them."""

    dataset: str = "motion-factors"
    """Name of the data set; the help of sdc data check lists them."""
    size: Literal["tiny", "standard"] = "tiny"
    """Which MotionFactors; other data sets ignore it."""
    fold: int = field(default=1, metadata={_FORMER: "split"})
    """Official split number, where there are several."""
    num_frames: int = 16
    """T, frames in a clip."""
    max_stride: float = 3.0
    """Largest temporal stride; one stride a video is drawn from [1, max_stride]."""
    own_strides: bool = False
    """Draw a stride for each of the two clips (ours), so that a pair shows two speeds."""
    short_videos: Literal["drop", "pad"] = "drop"
    """Videos of 2T frames or fewer: left out (released, but counted here) or padded."""
    boundary: Literal["wrap", "zero"] = "wrap"
    """First frame of a frame difference: wraps round to the last (released) or is zero."""
    workers: int = 2
    """Processes that decode and augment; 0 decodes in the training process."""
    cache_mb: int = 0
    """Decoded videos that each worker keeps in memory, MB; for small data sets."""
    max_replaced: float = 0.05
    """Share of samples that may be replaced because their file broke before the run stops."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random augmentation."""


@dataclass(frozen=True)
class ModelConfig:
    """Backbone and heads."""

    backbone: str = "r2plus1d_18_released"
    """tiny, r2plus1d_18_released (one block a stage), r2plus1d_18, r3d_18 or mc3_18."""
    num_concepts: int = 100
    """K: static concepts, and as many dynamic ones."""
    projection_dim: int = 128
    """P, width of the space in which views are contrasted."""
    shared_codebooks: bool = False
    """One codebook for all streams (ours) instead of one each (released)."""
    split_video_projection: bool = False
    """Two concept projections for the video, one per half (ours), instead of one (released)."""


@dataclass(frozen=True)
class LossWeights:
    """Weight of each family of terms."""

    contrast: float = 1.0
    """Contrast of video, static and dynamic projections."""
    align: float = 1.0
    """Aligned concept distributions."""
    diversity: float = 0.1
    """Flat distributions over the other half's concepts."""
    fidelity: float = 1.0
    """Features rebuilt from scores."""
    local: float = 1.0
    """Contrast of local concept descriptors."""


@dataclass(frozen=True)
class ObjectiveConfig:
    """Constants of the loss terms; the defaults are the released ones."""

    contrast_temperature: float = 0.07
    """τ of InfoNCE."""
    alignment_temperature: float = 0.1
    """τ of the predicted concept distributions."""
    align_video_alone: bool = False
    """Align the two clips of the video with each other only, as SwAV does; for comparison."""
    sinkhorn_epsilon: float = 0.05
    """ε of the assignments; smaller is harder."""
    sinkhorn_iterations: int = 3
    """How often rows and columns are scaled."""
    diversity_temperature: float = 0.1
    """τ of the distributions that must stay flat."""
    filter_top_k: int = 10
    """Rank that sets the threshold of the concept filter; 0 for no filter."""
    filter_inclusive: bool = False
    """Keep the concept at that rank, too; the released code does not and keeps one fewer."""
    local_margin: float = 1.4
    """Distance from which other samples' descriptors cost nothing."""
    global_batch: bool = True
    """With several processes, contrast and partition over all of them; released: each its own."""
    global_local_contrast: bool = False
    """With several processes, local contrast over all of them, too."""


@dataclass(frozen=True)
class OptimConfig:
    """Optimiser, schedule and precision."""

    epochs: int = 100
    """Passes over the training videos."""
    batch_size: int = 64
    """Videos a step and process."""
    accumulate: int = 1
    """Batches whose gradients are added up before a step."""
    lr: float = 1e-3
    """Adam's learning rate."""
    weight_decay: float = 1e-5
    """Adam's L2 penalty."""
    schedule: Literal["step", "cosine"] = "step"
    """Multiply by 0.1 at the milestones (released), or follow a cosine down to 0."""
    milestones: tuple[int, ...] = (70,)
    """Epochs after which the step schedule drops."""
    warmup_epochs: float = 0.0
    """Linear warm-up, in epochs."""
    precision: Literal["32-true", "bf16-mixed", "64-true"] = "32-true"
    """Arithmetic of the network; losses run in float32 or better in any case."""
    channels_last: bool = False
    """Memory format channels_last_3d for the network: about twice as fast on most CPUs."""
    compile: bool = False
    """Compile the network with torch.compile."""
    freeze_backbone: bool = False
    """Train the heads only; the backbone, its BatchNorm statistics included, stays as it is."""
    stored_passes: int = 0
    """With a frozen backbone: encode every video under so many augmentations first and train on
    these features; 0 encodes anew in every epoch."""
    stored_grid: tuple[int, int, int] = (2, 3, 3)
    """Time, rows and columns to which stored local maps are averaged down."""
    checkpoint_activations: bool = False
    """Recompute the backbone's activations in the backward pass: less memory, more time."""


@dataclass(frozen=True)
class CurriculumConfig:
    """What starts when, in epochs counted from 0."""

    queue_size: int = 1024
    """Score rows kept for Sinkhorn; 0 for no queue."""
    queue_from_epoch: int = 1
    """First epoch in which the queue joins Sinkhorn."""
    codebooks_from_epoch: int = 1
    """First epoch in which the codebooks are updated."""
    local_from_epoch: int = 10
    """First epoch in which the local terms count."""
    decorrelation: float = 0.0
    """Final weight of our decorrelation term; 0 is the paper's objective."""
    decorrelation_from_epoch: int = 0
    """First epoch in which it counts."""
    decorrelation_ramp_epochs: float = 0.0
    """Epochs over which its weight rises linearly."""
    decorrelation_detach_backbone: bool = False
    """Keep its gradient out of the backbone: only heads and codebooks change for it."""


@dataclass(frozen=True)
class PretrainConfig:
    """One pretraining run."""

    name: str = "run"
    """Preset or run name, written beside all results."""
    seed: int = 0
    """Of weights, data order, clips and augmentation."""
    init_backbone: str = ""
    """Weights whose backbone a run starts from, as for `sdc_lib.load`; empty for random ones."""
    data: DataConfig = field(default_factory=DataConfig)
    """Videos and clips."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Backbone and heads."""
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    """Loss terms."""
    weights: LossWeights = field(default_factory=LossWeights)
    """Loss weights."""
    curriculum: CurriculumConfig = field(default_factory=CurriculumConfig)
    """What starts when."""
    optim: OptimConfig = field(default_factory=OptimConfig)
    """Optimiser, schedule, precision."""

    def hash(self) -> str:
        """Twelve hex digits that identify this configuration."""
        return hashlib.sha256(to_json(self).encode()).hexdigest()[:12]


def to_json(config: Any) -> str:
    """Write a configuration as JSON with sorted keys."""
    return json.dumps(dataclasses.asdict(config), indent=2, sort_keys=True)


def from_dict(kind: type[T], values: Mapping[str, Any], where: str = "") -> T:
    """Rebuild a configuration from what `to_json` wrote.

    Args:
        kind: The dataclass to build.
        values: Field name to value; missing fields keep their defaults, former names still count.
        where: Name of the enclosing field, for messages.

    Raises:
        ValueError: If a key is not a field or a value is not of the field's type.
    """
    hints = get_type_hints(kind)
    if not isinstance(values, Mapping):
        raise ValueError(f"{where or kind.__name__} must be a group of settings, got {values!r}")
    values = _renamed(kind, values)
    unknown = sorted(set(values) - set(hints))
    if unknown:
        place = f" in {where}" if where else ""
        raise ValueError(
            f"unknown setting{place}: {', '.join(unknown)}; known are {', '.join(sorted(hints))}"
        )
    return kind(
        **{
            key: _checked(hints[key], value, f"{where}.{key}" if where else key)
            for key, value in values.items()
        }
    )


def _renamed(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings under the names that their fields have today."""
    today = dict(values)
    for known in dataclasses.fields(kind):
        former = known.metadata.get(_FORMER)
        if former in today and known.name not in today:
            today[known.name] = today.pop(former)
    return today


def _checked(hint: Any, value: Any, where: str) -> Any:
    """A value as its field's type wants it: lists become tuples, whole numbers floats."""
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
        raise ValueError(f"{where} must be one of {', '.join(get_args(hint))}, got {value!r}")
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if isinstance(value, (list, tuple)) and (kinds[-1] is ... or len(kinds) == len(value)):
            return tuple(_checked(kinds[0], item, where) for item in value)
        raise ValueError(f"{where} must be {hint}, got {value!r}")
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise ValueError(f"{where} must be {hint.__name__}, got {value!r}")
    return value
