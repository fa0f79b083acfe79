"""BatchNorm over the samples of all processes."""

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from sdc_lib.model import SDC
from sdc_lib.support.batchnorm import SyncBatchNorm


def synchronize_batchnorm(model: SDC) -> SDC:
    """Replace every BatchNorm by one that sees the samples of all processes.

    ``nn.SyncBatchNorm`` runs on GPUs only and breaks what torch.compile has put together. Ours
    exchanges once a call each way, on any device.
    """
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(parent, name, _synchronized(child))
    return model


def _synchronized(norm: _BatchNorm) -> nn.Module:
    other = SyncBatchNorm(norm.num_features, norm.eps, norm.momentum).to(norm.weight)
    other.load_state_dict(norm.state_dict())
    return other.train(norm.training)
