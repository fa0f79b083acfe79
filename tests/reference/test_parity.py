"""Our numbers against those of the authors' released code (see goldens/README.md)."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sdc_lib.codebook import sinkhorn
from sdc_lib.contrast import info_nce
from sdc_lib.model import ConceptHeads, HeadsOutput
from sdc_lib.objective import LossTerms, SDCObjective
from sdc_lib.weights import load_released_weights

GOLDENS = Path(__file__).parent / "goldens"


class Reference:
    """One file of reference values, and our heads run on its inputs."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as archive:
            self.values = {key: torch.from_numpy(np.asarray(archive[key])) for key in archive}
        weights = {
            key.removeprefix("weights/"): value
            for key, value in self.values.items()
            if key.startswith("weights/")
        }
        projection_dim, dim = weights["fvv.2.weight"].shape
        self.heads = ConceptHeads(dim, len(weights["prototype.weight"]) // 2, projection_dim)
        self.heads.double()
        load_released_weights(self.heads, weights)
        self.features = self.values["inputs/features"].clone().requires_grad_()
        self.maps = self.values["inputs/maps"].clone().requires_grad_()
        self.queue: Tensor | None = None
        if self.values["meta/use_queue"]:
            self.queue = self.values["inputs/queue"]

    def run(self) -> tuple[HeadsOutput, LossTerms]:
        output = self.heads(self.features, self.maps)
        return output, SDCObjective()(output, self.queue)

    def check(self, ours: Tensor, key: str) -> None:
        assert_close(ours.detach(), self.values[key], rtol=1e-10, atol=1e-13)


@pytest.fixture(params=["small_with_queue", "small_without_queue"])
def reference(request: pytest.FixtureRequest) -> Reference:
    return Reference(GOLDENS / f"{request.param}.npz")


def test_every_term_and_the_total(reference: Reference) -> None:
    output, terms = reference.run()
    reference.check(output.scores, "outputs/scores")
    for name in LossTerms._fields:
        reference.check(getattr(terms, name), f"losses/{name}")
    reference.check(terms.total(), "losses/total")


def test_gradients_of_the_total(reference: Reference) -> None:
    _, terms = reference.run()
    terms.total().backward()
    gradients = {
        "features": reference.features,
        "maps": reference.maps,
        "prototype.weight": reference.heads.codebooks["video"].weight,
        "prototype_s.weight": reference.heads.codebooks["static"].weight,
        "prototype_d.weight": reference.heads.codebooks["dynamic"].weight,
    }
    for name, tensor in gradients.items():
        assert isinstance(tensor, Tensor)
        assert tensor.grad is not None
        reference.check(tensor.grad, f"grads/{name}")


def test_single_functions(reference: Reference) -> None:
    values = reference.values
    reference.check(sinkhorn(values["sinkhorn/scores"]), "sinkhorn/assignments")
    loss = info_nce(values["info_nce/query"], values["info_nce/key"])
    reference.check(loss, "info_nce/loss")
    concepts = reference.heads.concepts("video")
    descriptors, _ = reference.heads.attention(values["inputs/maps"][:, 0], concepts)
    reference.check(descriptors, "attention/output")


def test_sinkhorn_is_finite_where_the_released_one_is_not(reference: Reference) -> None:
    assert reference.values["sinkhorn/assignments_large"].isnan().all()
    ours = sinkhorn(reference.values["sinkhorn/scores_large"])
    assert_close(ours.sum(dim=-1), torch.ones(len(ours), dtype=torch.float64))
