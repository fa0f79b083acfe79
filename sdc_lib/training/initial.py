"""The backbone that a run begins from, where that is not a random one."""

from sdc_lib.config import PretrainConfig
from sdc_lib.model import SDC
from sdc_lib.weights import load, load_config


def load_initial_backbone(model: SDC, config: PretrainConfig) -> None:
    """Give a model the backbone of the weights that `PretrainConfig.init_backbone` names.

    Its provenance says which file that was, as ``init_backbone_sha256``.

    Raises:
        ValueError: If these have another kind of backbone.
    """
    name, wanted = config.init_backbone, config.model.backbone
    if (found := load_config(name).model.backbone) != wanted:
        raise ValueError(
            f"init_backbone {name} has the backbone {found}, the run has {wanted}: "
            f"give --model.backbone {found}, or other weights"
        )
    start = load(name)
    model.backbone.load_state_dict(start.backbone.state_dict())
    model.provenance["init_backbone_sha256"] = start.provenance["sha256"]
