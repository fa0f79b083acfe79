"""BatchNorm in parts equals BatchNorm of the whole: values, gradients, running statistics."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from sdc_lib.support import batchnorm
from sdc_lib.support.batchnorm import SyncBatchNorm, normalise_parts, unchanged_statistics
from tests.helpers.ranks import make_ranks

CHANNELS = 3


def draw(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) + 1


def filled(norm: nn.Module) -> nn.Module:
    """A norm in which no parameter or statistic has its first value."""
    with torch.no_grad():
        for number, value in enumerate([*norm.parameters(), *norm.buffers()][:4]):
            value.copy_(draw(CHANNELS, seed=number + 50).abs() + 0.1)
    return norm.double()


def gradients(outputs: Sequence[Tensor], inputs: Sequence[Tensor]) -> list[Tensor]:
    loss = torch.stack([(out * out.detach().cos()).sum() for out in outputs]).sum()
    return list(torch.autograd.grad(loss, inputs))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels_last", [True, False])
def test_parts_with_a_repeated_frame_equal_the_whole(training: bool, channels_last: bool) -> None:
    clips, stills = draw(4, CHANNELS, 5, 2, 2), draw(2, CHANNELS, 3, 2, 2, seed=1)
    if channels_last:
        clips = clips.contiguous(memory_format=torch.channels_last_3d)
        stills = stills.contiguous(memory_format=torch.channels_last_3d)
    clips.requires_grad_()
    stills.requires_grad_()
    whole, parted = (filled(nn.BatchNorm3d(CHANNELS)).train(training) for _ in range(2))
    order = [0, 1, 1, 1, 2]
    expected = whole(torch.cat([clips, stills[:, :, order]]))
    moving, short = normalise_parts(parted, [clips, stills], [1, 3])  # type: ignore[arg-type]
    got = torch.cat([moving, short[:, :, order]])
    assert_close(got, expected, rtol=0, atol=1e-12)
    assert_close(dict(parted.named_buffers()), dict(whole.named_buffers()), rtol=0, atol=1e-12)
    leaves = [clips, stills]
    assert_close(
        gradients([got], [*leaves, *parted.parameters()]),
        gradients([expected], [*leaves, *whole.parameters()]),
        rtol=0,
        atol=1e-12,
    )


def test_filling_channels_stay_zero_and_leave_no_trace() -> None:
    x = draw(6, CHANNELS, 2, 2, 2).requires_grad_()
    plain, padded = (filled(nn.BatchNorm3d(CHANNELS)) for _ in range(2))
    wide = torch.nn.functional.pad(x, (0, 0, 0, 0, 0, 0, 0, 5))
    out = normalise_parts(padded, [wide])[0]  # type: ignore[arg-type]
    assert not out[:, CHANNELS:].any()
    expected = plain(x)
    assert_close(out[:, :CHANNELS], expected, rtol=0, atol=1e-12)
    assert_close(dict(padded.named_buffers()), dict(plain.named_buffers()), rtol=0, atol=1e-12)
    assert_close(
        gradients([out], [x, *padded.parameters()]),
        gradients([expected], [x, *plain.parameters()]),
        rtol=0,
        atol=1e-12,
    )


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("shape", [(6, CHANNELS), (6, CHANNELS, 2, 3)])
def test_ranks_together_equal_one_process(
    size: int, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    x = draw(*shape).requires_grad_()
    whole = filled(nn.BatchNorm1d(CHANNELS) if len(shape) == 2 else nn.BatchNorm2d(CHANNELS))
    expected = whole(x)
    norms = [filled(SyncBatchNorm(CHANNELS)) for _ in range(size)]
    ranks = make_ranks(monkeypatch, size)
    parts = ranks.run(lambda rank: norms[rank](x.chunk(size)[rank]))
    assert_close(torch.cat(parts), expected, rtol=0, atol=1e-12)
    for norm in norms:
        assert_close(dict(norm.named_buffers()), dict(whole.named_buffers()), rtol=0, atol=1e-12)
    # what the loss asks of each rank's output, and what each rank then asks of its input
    asked = torch.autograd.grad((expected * expected.detach().cos()).sum(), expected)[0]
    got = ranks.run(
        lambda rank: torch.autograd.grad(
            parts[rank], [x, *norms[rank].parameters()], asked.chunk(size)[rank]
        )
    )
    theirs = torch.autograd.grad(expected, [x, *whole.parameters()], asked)
    for number, gradient in enumerate(theirs):
        assert_close(sum(part[number] for part in got), gradient, rtol=0, atol=1e-11)


def test_evaluation_uses_the_running_statistics() -> None:
    x, plain = draw(4, CHANNELS, 2), filled(nn.BatchNorm1d(CHANNELS)).eval()
    other = filled(SyncBatchNorm(CHANNELS)).eval()
    assert_close(other(x), plain(x))
    with pytest.raises(ValueError, match=r"must be \(N, C, ...\), got \(4,\)"):
        other(x[:, 0, 0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_has_statistics_in_float32(dtype: torch.dtype) -> None:
    x = draw(64, CHANNELS, 2, 4, 4).to(dtype).requires_grad_()
    exact, half = filled(nn.BatchNorm3d(CHANNELS)), filled(SyncBatchNorm(CHANNELS)).float()
    out = half(x)
    assert out.dtype == dtype
    out.square().sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()
    expected = exact(x.detach().double())
    for name, buffer in half.named_buffers():
        assert_close(buffer, exact.get_buffer(name), check_dtype=False, rtol=1e-5, atol=1e-6)
    assert_close(out, expected.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=1e-2)


def test_one_value_a_channel_has_no_variance() -> None:
    norm = filled(nn.BatchNorm1d(CHANNELS))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        normalise_parts(norm, [draw(1, CHANNELS)])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [nn.BatchNorm1d, SyncBatchNorm])
def test_statistics_can_be_kept_between_two_passes(kind: type[nn.Module]) -> None:
    norm, x = filled(kind(CHANNELS)), draw(4, CHANNELS).requires_grad_()
    first = norm(x)
    before = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    names = list(norm.state_dict())
    with unchanged_statistics(nn.Sequential(norm)):
        again = norm(x)
    assert_close(again, first)
    assert_close(dict(norm.named_buffers()), before, rtol=0, atol=0)
    assert list(norm.state_dict()) == names
    (first.square() + again).sum().backward()  # nothing that autograd kept was written to
    assert x.grad is not None


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_sums_by_hand_are_those_of_the_operation_that_fails_on_a_gpu(dtype: torch.dtype) -> None:
    """PyTorch 2.11 on an H200: channels_last in eager mode ends with an internal assertion."""
    x, gradient = draw(4, CHANNELS, 5, 2, 2).to(dtype), draw(4, CHANNELS, 5, 2, 2, seed=1).to(dtype)
    exact = torch.promote_types(dtype, torch.float32)
    mean, variance = draw(CHANNELS, seed=2).to(exact), draw(CHANNELS, seed=3).abs().to(exact) + 0.1
    by_operation = batchnorm._sums(gradient, x, torch.ones_like(mean), mean, variance, 1e-5)
    by_hand = batchnorm._plain_sums(gradient, x, mean, variance, 1e-5)
    assert_close(by_hand, by_operation, rtol=1e-5, atol=1e-5)
