"""The backbone that a run begins from, where that is not a random one."""

from sdc_lib.config import PretrainConfig
from sdc_lib.model import SDC
from sdc_lib.weights import load, load_config


def begin_from(model: SDC, config: PretrainConfig) -> None:
    """Give a model the backbone of the weights that `PretrainConfig.init_backbone` names.

    Raises:
        ValueError: If these have another kind of backbone.
    """
    name, wanted = config.init_backbone, config.model.backbone
    if (found := load_config(name).model.backbone) != wanted:
        raise ValueError(
            f"init_backbone {name} has the backbone {found}, the run has {wanted}: "
            f"give --model.backbone {found}, or other weights"
        )
    model.backbone.load_state_dict(load(name).backbone.state_dict())
