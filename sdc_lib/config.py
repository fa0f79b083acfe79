"""Every setting of a run, as frozen dataclasses.

A run is described completely by one `PretrainConfig`; it is stored as JSON beside the results and
inside exported weights. Unknown keys raise. The command line derives its flags from these fields,
so their docstrings are its help. `check_config` refuses what lies outside the ranges.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Annotated, Literal

from sdc_lib.support.settings import (
    Count,
    Fold,
    Former,
    NotNegative,
    Positive,
    Range,
    Seed,
    Share,
    check_settings,
)
from sdc_lib.support.settings import from_dict as from_dict
from sdc_lib.support.settings import to_json as to_json
from sdc_lib.terms import LossWeights as LossWeights

Temperature = Annotated[float, Range(1e-4, 1000)]
Epoch = Annotated[int, Range(0, 1_000_000)]


@dataclass(frozen=True)
class AugmentConfig:
    """Random augmentation of one clip, the same for all its frames."""

    size: Annotated[int, Range(8, 4096)] = 128
    """Side of the square output, pixels."""
    crop_scale: Annotated[tuple[float, float], Range(0, 1, above=True)] = (0.08, 1.0)
    """Smallest and largest share of the frame's area that a crop keeps."""
    flip: Share = 0.5
    """Probability of a left-right flip; 0 where the direction of motion is a label."""
    grayscale: Share = 0.5
    """Probability of losing all colour."""
    brightness: NotNegative = 0.5
    """Strength of the brightness jitter."""
    contrast: NotNegative = 0.5
    """Strength of the contrast jitter."""
    saturation: NotNegative = 0.5
    """Strength of the saturation jitter."""
    hue: Annotated[float, Range(0, 0.5)] = 0.25
    """Strength of the hue jitter, 0 to 0.5."""


@dataclass(frozen=True)
class DataConfig:
    """Which videos, and how clips are taken from them."""

    dataset: str = "motion-factors"
    """Name of the data set; the help of sdc data check lists them."""
    size: Literal["toy", "tiny", "small", "standard"] = "tiny"
    """Which MotionFactors; other data sets ignore it."""
    fold: Annotated[Fold, Former("split")] = 1
    """Official split number, where there are several."""
    num_frames: Annotated[int, Range(2, 1024)] = 16
    """T, frames in a clip."""
    max_stride: Annotated[float, Range(1, 1024)] = 3.0
    """Largest temporal stride; one stride a video is drawn from [1, max_stride]."""
    own_strides: bool = False
    """Draw a stride for each of the two clips (ours), so that a pair shows two speeds."""
    same_frames: bool = False
    """Show the same frames in both clips of a pair (ours) instead of two consecutive clips."""
    short_videos: Literal["drop", "pad"] = "drop"
    """Videos of 2T frames or fewer: left out (released, but counted here) or padded."""
    boundary: Literal["wrap", "zero"] = "wrap"
    """First frame of a frame difference: wraps round to the last (released) or is zero."""
    workers: Annotated[int, Range(-1, 1024)] = 2
    """Processes that decode and augment: 0 decodes in the training process, -1 takes the cores that
    are left."""
    cache_mb: Annotated[int, Range(0, 1_000_000)] = 0
    """Decoded videos that each worker keeps in memory, MB; for small data sets."""
    max_replaced: Share = 0.05
    """Share of samples that may be replaced because their file broke before the run stops."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Random augmentation."""
    augment_on: Literal["auto", "worker", "device"] = "auto"
    """Where flips and colours are changed: in the workers, or batched on the device; auto takes the
    device where it is a GPU. The draws are the same; bytes differ by a level or two at most."""


@dataclass(frozen=True)
class ModelConfig:
    """Backbone and heads."""

    backbone: str = "r2plus1d_18_released"
    """tiny, r2plus1d_18_released (one block a stage), r2plus1d_18, r3d_18 or mc3_18."""
    num_concepts: Annotated[int, Range(2, 65536)] = 100
    """K: static concepts, and as many dynamic ones."""
    projection_dim: Annotated[int, Range(1, 65536)] = 128
    """P, width of the space in which views are contrasted."""
    shared_codebooks: bool = False
    """One codebook for all streams (ours) instead of one each (released)."""
    split_video_projection: bool = False
    """Two concept projections for the video, one per half (ours), instead of one (released)."""


@dataclass(frozen=True)
class ObjectiveConfig:
    """Constants of the loss terms; the defaults are the released ones."""

    contrast_temperature: Temperature = 0.07
    """τ of InfoNCE."""
    alignment_temperature: Temperature = 0.1
    """τ of the predicted concept distributions."""
    dynamic_alignment_temperature: Temperature | None = None
    """τ of those of the dynamic half, where it differs from that of the static one (ours)."""
    align_video_alone: bool = False
    """Align the two clips of the video with each other only, as SwAV does; for comparison."""
    sinkhorn_epsilon: Temperature = 0.05
    """ε of the assignments; smaller is harder."""
    sinkhorn_iterations: Annotated[int, Range(1, 1000)] = 3
    """How often rows and columns are scaled."""
    diversity_temperature: Temperature = 0.1
    """τ of the distributions that must stay flat."""
    filter_top_k: Annotated[int, Range(0, 65536)] = 10
    """Rank that sets the threshold of the concept filter, from 2 unless it is inclusive; 0 for no
    filter."""
    filter_inclusive: bool = False
    """Keep the concept at that rank, too; the released code does not and keeps one fewer."""
    local_margin: Positive = 1.4
    """Distance from which other samples' descriptors cost nothing."""
    global_batch: bool = True
    """With several processes, contrast and partition over all of them; released: each its own."""
    global_local_contrast: bool = False
    """With several processes, local contrast over all of them, too."""

    @property
    def alignment_temperatures(self) -> tuple[float, float]:
        """τ of the predicted concept distributions in the static and in the dynamic half."""
        static, dynamic = self.alignment_temperature, self.dynamic_alignment_temperature
        return static, static if dynamic is None else dynamic


@dataclass(frozen=True)
class OptimConfig:
    """Optimiser, schedule and precision."""

    epochs: Count = 100
    """Passes over the training videos."""
    batch_size: Count = 64
    """Videos a step and process; at least two over all processes, to be told apart."""
    accumulate: Count = 1
    """Batches whose gradients are added up before a step."""
    lr: Annotated[float, Range(0, 10, above=True)] = 1e-3
    """Adam's learning rate."""
    weight_decay: Annotated[float, Range(0, 10)] = 1e-5
    """Adam's L2 penalty."""
    schedule: Literal["step", "cosine"] = "step"
    """Multiply by 0.1 at the milestones (released), or follow a cosine down to 0."""
    milestones: Annotated[tuple[int, ...], Range(0, 1_000_000)] = (70,)
    """Epochs after which the step schedule drops."""
    warmup_epochs: NotNegative = 0.0
    """Linear warm-up, in epochs."""
    precision: Literal["32-true", "bf16-mixed", "64-true"] = "32-true"
    """Arithmetic of the network; losses run in float32 or better in any case."""
    channels_last: bool = False
    """Memory format channels_last_3d for the backbone: about twice as fast on most CPUs."""
    compile: bool = False
    """Compile the backbone with torch.compile."""
    freeze_backbone: bool = False
    """Train the heads only; the backbone, its BatchNorm statistics included, stays as it is."""
    stored_passes: Annotated[int, Range(0, 1000)] = 0
    """With a frozen backbone: encode every video under so many augmentations first and train on
    these features; 0 encodes anew in every epoch."""
    stored_grid: Annotated[tuple[int, int, int], Range(1, 256)] = (2, 3, 3)
    """Time, rows and columns to which stored local maps are averaged down."""
    checkpoint_activations: bool = False
    """Recompute the backbone's activations in the backward pass: less memory, more time."""


@dataclass(frozen=True)
class CurriculumConfig:
    """What starts when, in epochs counted from 0."""

    queue_size: Annotated[int, Range(0, 10_000_000)] = 1024
    """Videos whose scores are kept for Sinkhorn; 0 for no queue."""
    queue_from_epoch: Epoch = 1
    """First epoch in which the queue joins Sinkhorn."""
    codebooks_from_epoch: Epoch = 1
    """First epoch in which the codebooks are updated."""
    local_from_epoch: Epoch = 10
    """First epoch in which the local terms count."""
    decorrelation: NotNegative = 0.0
    """Final weight of our decorrelation term; 0 is the paper's objective."""
    decorrelation_from_epoch: Epoch = 0
    """First epoch in which it counts."""
    decorrelation_ramp_epochs: NotNegative = 0.0
    """Epochs over which its weight rises linearly."""
    decorrelation_detach_backbone: bool = False
    """Keep its gradient out of the backbone: only heads and codebooks change for it."""


@dataclass(frozen=True)
class PretrainConfig:
    """One pretraining run."""

    name: str = "run"
    """Preset or run name, written beside all results."""
    seed: Seed = 0
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


def check_config(config: PretrainConfig) -> None:
    """Refuse settings that make no sense, alone or together.

    Raises:
        ValueError: The first such setting, its value, and what would be right.
    """
    check_settings(config)
    if config.data.same_frames and config.data.own_strides:
        raise ValueError(
            "data.own_strides is True; clips of the same frames share their stride: set "
            "data.same_frames or data.own_strides, not both"
        )
    low, high = config.data.augment.crop_scale
    milestones = config.optim.milestones
    top_k, concepts = config.objective.filter_top_k, config.model.num_concepts
    if low > high:
        raise ValueError(
            f"data.augment.crop_scale is {low}, {high}; the smaller share must come first"
        )
    if list(milestones) != sorted(set(milestones)):
        raise ValueError(f"optim.milestones are {milestones}; every one must be above the last")
    if top_k > concepts:
        raise ValueError(
            f"objective.filter_top_k is {top_k}; it must be at most model.num_concepts, {concepts}"
        )
    if top_k == 1 and not config.objective.filter_inclusive:
        raise ValueError(
            "objective.filter_top_k is 1; no concept is above the strongest, so the local terms "
            "would stay 0: give 2 or more, or set objective.filter_inclusive"
        )
    if config.optim.stored_passes and not config.optim.freeze_backbone:
        raise ValueError(
            f"optim.stored_passes is {config.optim.stored_passes}; stored features go stale when "
            "the backbone learns: set optim.freeze_backbone, or optim.stored_passes to 0"
        )
