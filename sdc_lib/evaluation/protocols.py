"""Named settings: which clips go with which protocol."""

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sdc_lib.config import PretrainConfig
from sdc_lib.evaluation.linear import LinearProbeConfig
from sdc_lib.evaluation.online import FINETUNE, OnlineConfig
from sdc_lib.features import ClipSettings
from sdc_lib.support.settings import Count, check_value

Protocol = Literal["linear", "linear_online", "finetune", "retrieval", "knn", "disentanglement"]
PROTOCOLS: tuple[Protocol, ...] = (
    "linear",
    "linear_online",
    "finetune",
    "retrieval",
    "knn",
    "disentanglement",
)
TRAINED: tuple[Protocol, ...] = ("linear_online", "finetune")
"""Those that train on videos; the others need nothing but features."""
ClipChoice = Literal["own", "released", "coclr"]


@dataclass(frozen=True)
class EvalSettings:
    """Everything that a number depends on besides weights and videos."""

    clips: ClipSettings = field(default_factory=ClipSettings)
    """How videos become clips."""
    linear: LinearProbeConfig = field(default_factory=LinearProbeConfig)
    """Offline linear probe."""
    online: OnlineConfig = field(default_factory=OnlineConfig)
    """Online linear probe."""
    finetune: OnlineConfig = FINETUNE
    """Fine-tuning."""
    centre: bool = True
    """Retrieval and kNN subtract each set's own mean (transductive)."""
    neighbours: Count = 20
    """k of kNN."""


CLIPS: dict[str, ClipSettings] = {
    "released": ClipSettings(num_frames=16, size=128),
    "coclr": ClipSettings(num_frames=32, size=128),
}
"""Clips of the method's own length, and of CoCLR's; dense, centre crop."""


def settings_for(
    clips: ClipChoice,
    config: PretrainConfig,
    epochs: int | None = None,
    stride: int | None = None,
    flip: bool = False,
) -> EvalSettings:
    """Settings for weights and a choice of clips.

    Args:
        clips: ``"released"``, ``"coclr"``, or ``"own"``: as the weights were trained on, with the
            middle of their strides.
        config: The run that the weights come from.
        epochs: Epochs of the protocols that train; milestones move in proportion.
        stride: Another stride than that of the choice.
        flip: Whether the protocols that train on videos mirror half of the clips: only right where
            that changes no label to be learned, however the weights were trained.

    Raises:
        ValueError: If the choice is unknown, or epochs or stride are below 1.
    """
    if clips == "own":
        middle = max(1, round((1 + config.data.max_stride) / 2))
        settings = EvalSettings(
            ClipSettings(config.data.num_frames, config.data.augment.size, middle)
        )
    elif clips in CLIPS:
        settings = EvalSettings(CLIPS[clips])
    else:
        raise ValueError(f"clips are {clips!r}; choose own, {', '.join(CLIPS)}")
    if not flip:
        settings = replace(
            settings,
            online=replace(settings.online, flip=0.0),
            finetune=replace(settings.finetune, flip=0.0),
        )
    if stride is not None:
        check_value("stride", stride, Count)
        settings = replace(settings, clips=replace(settings.clips, stride=stride))
    if epochs is None:
        return settings
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}; it must be at least 1")

    def moved(part: OnlineConfig | LinearProbeConfig) -> dict[str, Any]:
        milestones = tuple(round(m * epochs / part.epochs) for m in part.milestones)
        return {"epochs": epochs, "milestones": milestones}

    return replace(
        settings,
        linear=replace(settings.linear, **moved(settings.linear)),
        online=replace(settings.online, **moved(settings.online)),
        finetune=replace(settings.finetune, **moved(settings.finetune)),
    )
