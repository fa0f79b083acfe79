from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from sdc_lib.evaluation.classification import average_clips, summarise
from sdc_lib.support.tables import format_table


def test_accuracies_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(200, 9))
    targets = rng.integers(0, 9, 200)
    scores[np.arange(200), targets] += 1
    ours = summarise("test", scores, targets, [str(i) for i in range(200)])
    guesses = scores.argmax(axis=1)
    top5 = metrics.top_k_accuracy_score(targets, scores, k=5)
    assert ours.top1 == pytest.approx(100 * metrics.accuracy_score(targets, guesses))
    assert ours.top5 == pytest.approx(100 * top5)
    assert ours.mean_per_class == pytest.approx(
        100 * metrics.balanced_accuracy_score(targets, guesses)
    )
    np.testing.assert_array_equal(ours.confusion, metrics.confusion_matrix(targets, guesses))
    assert ours.correct.mean() == pytest.approx(ours.top1 / 100)


def test_equal_scores_rank_in_the_order_of_classes() -> None:
    targets = np.arange(6)
    flat = summarise("test", np.zeros((6, 6)), targets, [str(i) for i in range(6)])
    assert flat.top1 == pytest.approx(100 / 6)
    assert flat.top5 == pytest.approx(500 / 6)
    np.testing.assert_array_equal(flat.predictions, 0)


def test_a_video_is_not_the_sum_of_its_clips() -> None:
    # Video 0: one sure clip is right, two unsure ones are wrong. Video 1: its only clip is right.
    logits = np.array([[6.0, 0.0], [0.0, 0.3], [0.0, 0.3], [0.0, 2.0]])
    videos, clip_targets = np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1])
    per_clip = (logits.argmax(axis=1) == clip_targets).mean()
    scores = average_clips(logits, videos, 2)
    per_video = summarise("test", scores, np.array([0, 1]), ["a", "b"])
    assert per_clip == 0.5
    assert per_video.top1 == 100
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_averaging_probabilities_and_logits_can_disagree() -> None:
    # Logits: one huge wrong vote outweighs two; probabilities cap it.
    logits = np.array([[9.0, 0.0], [0.0, 3.0], [0.0, 3.0]])
    videos = np.zeros(3, dtype=np.int64)
    assert average_clips(logits, videos, 1, "softmax").argmax() == 1
    assert average_clips(logits, videos, 1, "logits").argmax() == 0
    with pytest.raises(ValueError, match="'softmax' or 'logits', got 'max'"):
        average_clips(logits, videos, 1, "max")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"every one of 3 videos needs a clip; none for \[1, 2\]"):
        average_clips(logits, videos, 3)


def test_bad_input_is_named() -> None:
    with pytest.raises(ValueError, match="one row of scores, target and name"):
        summarise("test", np.zeros((2, 3)), np.zeros(2, np.int64), ["a"])
    with pytest.raises(ValueError, match="class 3 is beyond the 3 columns"):
        summarise("test", np.zeros((1, 3)), np.array([3]), ["a"])
    with pytest.raises(ValueError, match="expected 2 cells a row, got 1"):
        format_table(["a", "b"], [["x"]])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_scores_of_a_training_that_diverged_become_no_number(value: float) -> None:
    scores = np.zeros((3, 8))
    scores[1, 2] = value
    with pytest.raises(ValueError, match=r"linear of label: .* 1 of 3 videos .* learning rate"):
        summarise("linear", scores, np.arange(3), ["a", "b", "c"])
