"""The picture of heat maps: which predictions, in which place, under which words."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from mien.report import explanations
from mien.report.explanations import Explained, choose_explained, overlaid, plot_explanations

NAMES = ("anger", "fear", "joy")


def table(*pairs):
    return pd.DataFrame(pairs, columns=["label", "predicted"])


def test_three_right_and_three_wrong_of_every_class_are_drawn():
    predictions = table(*[("anger", "anger")] * 9, *[("anger", "fear")] * 5, *[("fear", "fear")] * 2, ("joy", "fear"))
    rows = choose_explained(predictions, seed=0)
    chosen = predictions.iloc[rows].value_counts().to_dict()
    assert chosen == {("anger", "anger"): 3, ("anger", "fear"): 3, ("fear", "fear"): 2, ("joy", "fear"): 1}
    assert choose_explained(predictions, seed=0) == rows
    assert choose_explained(predictions, seed=1) != rows


def explained(label, predicted, probability=0.5):
    return Explained(np.full((48, 48, 3), 90, np.uint8), np.eye(48, dtype=np.float32), label, predicted, probability)


@pytest.fixture
def words(monkeypatch):
    """All words of the pictures, each with its place in inches from the lower left corner."""
    seen, write = {}, explanations._words

    def note(figure, place, text, **look):
        seen.setdefault(text, []).append(place)
        write(figure, place, text, **look)

    monkeypatch.setattr(explanations, "_words", note)
    return seen


def test_a_class_has_a_row_and_right_and_wrong_have_their_halves(tmp_path, words):
    shown = [explained("anger", "anger", 0.934), explained("anger", "joy", 0.51), explained("joy", "joy", 0.6)]
    path = plot_explanations(shown, NAMES, 4, tmp_path / "explain.png")
    assert path == tmp_path / "explain.png"
    assert imread(path).shape[1] > 1500
    assert "fear" not in words
    (right,), (wrong,) = words["93 %"], words["→ joy 51 %"]
    assert right[1] == wrong[1]
    assert right[0] < words["✗ wrong, and what it was taken for"][0][0] == wrong[0]
    assert words["anger"][0][1] > words["joy"][0][1]
    assert len(words["none"]) == 1  # of joy nothing was taken for something else
    assert any("Maps of 4 x 4 cells, enlarged" in text for text in words)


def test_many_classes_are_cut_and_long_names_shortened(tmp_path, words):
    names = [f"class {n} of a long list" for n in range(22)]
    plot_explanations([explained(name, names[0]) for name in names], names, 7, tmp_path / "explain.png")
    assert any("2 more classes are left out." in text for text in words)
    assert "class 19 of\na long list" in words
    assert "class 20 of\na long list" not in words
    assert len(words["→ class 0 of a lon… 50 %"]) == 19


def test_a_map_covers_the_gray_image_from_a_quarter_to_three_quarters():
    """Viridis begins at (68, 1, 84) and ends at (253, 231, 37) of 255."""
    image = np.full((1, 2, 3), 100, np.uint8)
    low, high = overlaid(image, np.array([[0.0, 1.0]], np.float32))[0].astype(int)
    assert low == pytest.approx(0.75 * 100 + 0.25 * np.array([68, 1, 84]), abs=1)
    assert high == pytest.approx(0.25 * 100 + 0.75 * np.array([253, 231, 37]), abs=1)
