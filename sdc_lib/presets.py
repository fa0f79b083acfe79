"""Named configurations: the released ones, and smaller ones for MotionFactors.

``sdc pretrain PRESET`` runs one; every field can be overridden on the command line.
"""

from dataclasses import replace

from sdc_lib.config import (
    AugmentConfig,
    CurriculumConfig,
    DataConfig,
    ModelConfig,
    ObjectiveConfig,
    OptimConfig,
    PretrainConfig,
)

RELEASED_OBJECTIVE = ObjectiveConfig(global_batch=False)
"""The objective as the authors' code computes it, its per-replica negatives included."""

RELEASED_KINETICS400 = PretrainConfig(
    name="released_kinetics400",
    data=DataConfig(dataset="kinetics400"),
    model=ModelConfig(num_concepts=100),
    objective=RELEASED_OBJECTIVE,
    optim=OptimConfig(epochs=100, milestones=(70,)),
)

RELEASED_UCF101 = PretrainConfig(
    name="released_ucf101",
    data=DataConfig(dataset="ucf101"),
    model=ModelConfig(num_concepts=50),
    objective=RELEASED_OBJECTIVE,
    optim=OptimConfig(epochs=300, milestones=(200,)),
)

_FAST = OptimConfig(precision="bf16-mixed", channels_last=True, compile=True)

KINETICS400 = replace(
    RELEASED_KINETICS400,
    name="kinetics400",
    data=DataConfig(dataset="kinetics400", workers=-1),
    objective=ObjectiveConfig(),
    optim=replace(_FAST, epochs=100, milestones=(70,)),
)

UCF101 = replace(
    RELEASED_UCF101,
    name="ucf101",
    data=DataConfig(dataset="ucf101", workers=-1),
    objective=ObjectiveConfig(),
    optim=replace(_FAST, epochs=300, milestones=(200,)),
)

MOTION_FACTORS_TINY = PretrainConfig(
    name="motion_factors_tiny",
    data=DataConfig(
        dataset="motion-factors",
        num_frames=8,
        augment=AugmentConfig(size=48, crop_scale=(0.5, 1.0), flip=0.0),
        cache_mb=400,
    ),
    model=ModelConfig(backbone="tiny", num_concepts=16, projection_dim=64),
    optim=OptimConfig(
        epochs=80,
        batch_size=64,
        lr=4e-3,
        schedule="cosine",
        warmup_epochs=4.0,
        channels_last=True,
    ),
    curriculum=CurriculumConfig(queue_size=512, local_from_epoch=20),
)

MOTION_FACTORS_TINY_DECORRELATED = replace(
    MOTION_FACTORS_TINY,
    name="motion_factors_tiny_decorrelated",
    init_backbone="motion_factors_small",
    data=replace(MOTION_FACTORS_TINY.data, own_strides=True),
    model=replace(
        MOTION_FACTORS_TINY.model,
        num_concepts=32,
        shared_codebooks=True,
        split_video_projection=True,
    ),
    optim=replace(
        MOTION_FACTORS_TINY.optim,
        epochs=1000,
        batch_size=500,
        lr=2e-3,
        schedule="step",
        milestones=(960,),
        warmup_epochs=0.0,
        freeze_backbone=True,
        stored_passes=6,
    ),
    curriculum=CurriculumConfig(
        queue_size=1000,
        local_from_epoch=940,
        decorrelation=100.0,
        decorrelation_ramp_epochs=10.0,
    ),
)
"""Ours: new heads on the shipped backbone, with the halves of the video's concepts kept apart."""

MOTION_FACTORS_SMALL = replace(
    MOTION_FACTORS_TINY,
    name="motion_factors_small",
    data=replace(MOTION_FACTORS_TINY.data, size="small", workers=-1, cache_mb=0),
    optim=replace(_FAST, epochs=114, batch_size=256, lr=4e-3, schedule="cosine", warmup_epochs=6.0),
    curriculum=CurriculumConfig(queue_size=512, local_from_epoch=28),
)
"""Nine times the videos of tiny and 4,000 steps of 256: for a GPU, in minutes."""

MOTION_FACTORS_SMALL_DECORRELATED = replace(
    MOTION_FACTORS_TINY_DECORRELATED,
    name="motion_factors_small_decorrelated",
    init_backbone="motion_factors_small",
    data=replace(MOTION_FACTORS_TINY_DECORRELATED.data, size="small", workers=-1, cache_mb=0),
    model=replace(MOTION_FACTORS_TINY_DECORRELATED.model, num_concepts=128),
    objective=ObjectiveConfig(alignment_temperature=0.07, dynamic_alignment_temperature=0.06),
    optim=replace(MOTION_FACTORS_TINY_DECORRELATED.optim, epochs=112, milestones=(107,)),
    curriculum=CurriculumConfig(
        queue_size=1000, local_from_epoch=105, decorrelation=100.0, decorrelation_ramp_epochs=1.0
    ),
)
"""Ours: 2,000 steps of new heads on the shipped backbone of `motion_factors_small`. A
distribution over 128 concepts can name a scene and a shape, or a shape and a motion; 32 cannot."""

MOTION_FACTORS = PretrainConfig(
    name="motion_factors",
    data=DataConfig(
        dataset="motion-factors",
        size="standard",
        augment=AugmentConfig(crop_scale=(0.4, 1.0), flip=0.0),
        workers=-1,
    ),
    model=ModelConfig(num_concepts=50),
    optim=replace(_FAST, epochs=10, schedule="cosine", warmup_epochs=0.5),
    curriculum=CurriculumConfig(local_from_epoch=3),
)

PRESETS: dict[str, PretrainConfig] = {
    preset.name: preset
    for preset in (
        MOTION_FACTORS_TINY,
        MOTION_FACTORS_TINY_DECORRELATED,
        MOTION_FACTORS_SMALL,
        MOTION_FACTORS_SMALL_DECORRELATED,
        MOTION_FACTORS,
        UCF101,
        KINETICS400,
        RELEASED_UCF101,
        RELEASED_KINETICS400,
    )
}


def at_toy_size(preset: PretrainConfig) -> PretrainConfig:
    """The same run made so small that a CPU rehearses it in seconds.

    Data set, objective, schedule and curriculum stay, and every part of them but the warm-up is
    still reached; the network, the clips, the batch and the number of epochs shrink.
    """
    augment = replace(preset.data.augment, size=24)
    return replace(
        preset,
        name=f"{preset.name}_toy",
        data=replace(preset.data, size="toy", num_frames=4, augment=augment, workers=0),
        model=replace(preset.model, backbone="tiny", num_concepts=12, projection_dim=16),
        curriculum=replace(preset.curriculum, queue_size=16, local_from_epoch=2),
        optim=replace(
            preset.optim,
            epochs=3,
            batch_size=8,
            milestones=(2,),
            warmup_epochs=0.0,
            precision="32-true",
            compile=False,
        ),
    )
