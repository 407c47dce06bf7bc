"""Classification scores: from probabilities to an :class:`EvalResult`, and a running score for training."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error, multiclass_confusion_matrix

from mien.labels import LabelSet
from mien.metrics.intervals import wilson_interval
from mien.results import ClassScore, EvalResult


def check_labels(labels: NDArray[np.int64], num_classes: int) -> None:
    """Refuse labels that a metric would miscount in silence.

    Raises:
        ValueError: A label outside 0..K-1, or none at all.
    """
    if len(labels) == 0:
        raise ValueError("expected at least one label, got none")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise ValueError(f"expected labels in 0..{num_classes - 1}, got {labels.min()}..{labels.max()}")


def evaluate_predictions(probabilities: NDArray[np.float32], labels: NDArray[np.int64], names: LabelSet) -> EvalResult:
    """All scores of a test.

    Args:
        probabilities: (N, K) in 0..1, rows summing to 1.
        labels: (N,) class indices.
        names: The K class names.

    Raises:
        ValueError: Shapes do not fit, or a label is out of range.

    Examples:
        >>> p = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], np.float32)
        >>> evaluate_predictions(p, np.array([0, 1, 1]), LabelSet(("no", "yes"))).accuracy
        0.6666666666666666
    """
    n, k = len(labels), len(names)
    if probabilities.shape != (n, k):
        raise ValueError(f"expected probabilities ({n}, {k}), got {probabilities.shape}")
    check_labels(labels, k)
    p, y = torch.from_numpy(probabilities), torch.from_numpy(labels)
    confusion = multiclass_confusion_matrix(p.argmax(1), y, k).numpy()
    right = int(np.trace(confusion))
    picked = np.maximum(probabilities[np.arange(n), labels].astype(np.float64), np.finfo(np.float32).tiny)
    classes = per_class(confusion, names)
    present = [row for row in classes if row.support]
    return EvalResult(
        n=n,
        accuracy=right / n,
        accuracy_ci95=wilson_interval(right, n),
        macro_recall=float(np.mean([row.recall for row in present])),
        macro_f1=float(np.mean([row.f1 for row in present])),
        ece=float(multiclass_calibration_error(p, y, k, n_bins=15, norm="l1")),
        loss=float(-np.log(picked).mean()),
        per_class=classes,
        confusion=tuple(tuple(int(count) for count in row) for row in confusion),
    )


def per_class(confusion: NDArray[np.int64], names: LabelSet) -> tuple[ClassScore, ...]:
    """Recall, precision, F1 and support of each class; ``None`` where there is nothing to divide by.

    Args:
        confusion: (K, K) counts, rows true, columns predicted.
        names: The K class names.
    """
    rows = []
    for k, name in enumerate(names):
        hits, support, predicted = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
        rows.append(
            ClassScore(
                label=name,
                recall=hits / support if support else None,
                precision=hits / predicted if predicted else None,
                f1=2 * hits / (support + predicted) if support else None,
                support=support,
            )
        )
    return tuple(rows)


class RunningScore:
    """Loss, accuracy and macro recall over an epoch, kept on the device and read once at its end.

    No module: as buffers its totals would be overwritten by the first process's in distributed training.

    Args:
        num_classes: K.
    """

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes
        self.confusion = torch.zeros(num_classes**2, dtype=torch.long)
        self.loss = torch.zeros(())

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor, loss: Tensor) -> None:
        """Count a batch: logits (B, K), labels (B,), mean loss (); of none, nothing is counted."""
        pairs = labels * self.num_classes + logits.argmax(1)
        ones = torch.ones_like(pairs)
        self.confusion = self.confusion.to(pairs.device).index_add(0, pairs, ones)  # bincount would wait for the device
        self.loss = self.loss.to(loss.device) + loss.float() * len(labels)

    def sum_over_processes(self) -> None:
        """Add up the totals of all processes of a distributed training."""
        for total in (self.confusion, self.loss):
            torch.distributed.all_reduce(total)

    def compute(self) -> dict[str, Tensor]:
        """``loss``, ``accuracy`` and ``macro_recall`` (of the classes present) of all samples counted."""
        matrix = self.confusion.view(self.num_classes, self.num_classes)
        support, n = matrix.sum(1), self.confusion.sum()
        present = support > 0
        recall = matrix.diagonal()[present] / support[present]
        values = {"loss": self.loss / n, "accuracy": matrix.trace() / n, "macro_recall": recall.mean()}
        return {name: value.float() for name, value in values.items()}

    def reset(self) -> None:
        """Forget everything, for the next epoch."""
        self.confusion, self.loss = torch.zeros_like(self.confusion), torch.zeros_like(self.loss)
