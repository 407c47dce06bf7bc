"""Exact and near duplicates, against truth tables and brute force."""

import io
from itertools import combinations

import numpy as np
import PIL.Image
import PIL.ImageEnhance
import PIL.ImageOps
import pytest
from made_up_set import images_of, photo

from mien.audit.duplicates import LIKENESS, exact_groups, likeness, near_groups, near_pairs
from mien.audit.images import SIDE, perceptual_hash

PARTS = {
    "train": [("a", "anger"), ("b", "fear"), ("a", "anger"), ("c", "fear")],
    "test": [("b", "sadness"), ("d", "fear"), ("e", "fear")],
}


def saved_again(picture, quality=40):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return PIL.Image.open(file)


CHANGES = {
    "compressed": saved_again,
    "smaller": lambda picture: picture.resize((40, 40)),
    "darker": lambda picture: PIL.ImageEnhance.Brightness(picture).enhance(0.6),
    "less contrast": lambda picture: PIL.ImageEnhance.Contrast(picture).enhance(0.5),
    "gray": lambda picture: picture.convert("L"),
    "cropped": lambda picture: picture.crop((1, 0, 64, 63)),
    "mirrored": PIL.ImageOps.mirror,
    "mirrored and compressed": lambda picture: saved_again(PIL.ImageOps.mirror(picture)),
}


def thumbnail(picture):
    return picture.convert("L").resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)


def images_from(pictures):
    thumbs = [thumbnail(picture) for picture in pictures]
    return images_of(
        {"train": [(str(number), "anger") for number in range(len(pictures))]},
        thumbs=np.stack([np.asarray(thumb) for thumb in thumbs]),
        hashes=np.array([perceptual_hash(thumb) for thumb in thumbs], np.uint64),
        mirrored=np.array([perceptual_hash(PIL.ImageOps.mirror(thumb)) for thumb in thumbs], np.uint64),
    )


def test_exact_groups():
    across, within = exact_groups(images_of(PARTS))
    assert (across.members, across.splits, across.labels) == ((1, 4), ("train", "test"), ("fear", "sadness"))
    assert (across.kind, across.across, across.conflicting) == ("exact", True, True)
    assert (within.members, within.across, within.conflicting) == ((0, 2), False, False)


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found(change):
    pairs = near_pairs(images_from([photo(1), photo(2), CHANGES[change](photo(1))]), 10)
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [2])
    assert pairs.mirrored.tolist() == ["mirrored" in change]
    assert pairs.likeness[0] >= LIKENESS


def test_different_pictures_are_no_pair():
    assert len(near_pairs(images_from([photo(seed) for seed in range(60)]), 10)) == 0


def test_the_same_pairs_as_by_brute_force():
    rng = np.random.default_rng(3)
    hashes, mirrored = (rng.integers(0, 16, 40).astype(np.uint64) << np.uint64(20) for _ in range(2))
    thumbs = np.zeros((40, SIDE, SIDE), np.uint8)
    thumbs[:] = np.arange(SIDE) + np.arange(SIDE)[::-1]  # alike, and alike their mirror images
    thumbs[:, :, SIDE // 2] = 200
    thumbs[:, :, SIDE // 2 - 1] = 200
    images = images_of(
        {"train": [(str(number), "anger") for number in range(40)]}, hashes=hashes, mirrored=mirrored, thumbs=thumbs
    )
    expected = {
        (a, b)
        for a, b in combinations(range(40), 2)
        if min((int(hashes[a]) ^ int(other[b])).bit_count() for other in (hashes, mirrored)) <= 1
    }
    pairs = near_pairs(images, 1)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == expected
    assert len(pairs) == len(expected) > 20


def test_flat_images_and_equal_bytes_are_no_near_duplicates():
    parts = {"train": [("a", "anger"), ("a", "anger"), ("b", "fear"), ("c", "fear")]}
    pairs = near_pairs(images_of(parts, contrast=np.array([50.0, 50.0, 50.0, 1.9])), 10)
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [1])  # the contents a and b


def test_near_groups_join_what_is_connected_with_its_copies():
    hashes = np.array([0b0, 0b11, 0b0, 0b1111 << 40, 0b11, 0b1111, 0b11111111 << 20], np.uint64)
    images = images_of(PARTS, hashes=hashes)  # contents: a 0b0, b 0b11, d 0b1111; c and e stand alone
    groups = near_groups(images, near_pairs(images, 2))
    assert [group.members for group in groups] == [(0, 1, 2, 4, 5)]
    assert groups[0].conflicting
    assert groups[0].across


def test_likeness():
    rng = np.random.default_rng(0)
    a = np.asarray(thumbnail(photo(1)))
    noise = rng.integers(0, 256, (SIDE, SIDE), np.uint8)
    shifted = np.roll(a, (2, -3), (0, 1))
    others = np.stack([a, a // 2 + 20, shifted, np.full_like(a, 9), noise])
    same, darker, moved, flat, unlike = likeness(np.stack([a] * 5), others)
    assert same == pytest.approx(1, abs=1e-5)
    assert darker == pytest.approx(1, abs=1e-3)
    assert moved == pytest.approx(1, abs=1e-5)
    assert flat == 0
    assert abs(unlike) < 0.3


def test_likeness_is_a_correlation():
    a, b = (np.random.default_rng(seed).integers(0, 256, (1, SIDE, SIDE), np.uint8) for seed in (1, 2))
    inner = a[0, 3:29, 3:29].ravel()
    windows = [b[0, y : y + 26, x : x + 26].ravel() for y in range(7) for x in range(7)]
    assert likeness(a, b)[0] == pytest.approx(max(np.corrcoef(inner, window)[0, 1] for window in windows), abs=1e-5)
