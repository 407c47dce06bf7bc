"""Batches by index look-up: order, shards, views; and the same read ahead."""

import threading
from itertools import chain

import pytest
import torch

from mien.data.batches import Batches, Labelled, Shard, whole
from mien.data.prefetch import Prefetched

VALUES = torch.arange(23, dtype=torch.uint8).view(23, 1, 1, 1)
DATA = whole(VALUES, torch.arange(23) + 100)
SOME = Labelled(VALUES, torch.tensor([20, 3, 7]), torch.tensor([0, 1, 2]))


def flat(batches):
    """All values and all labels, in the order of the batches."""
    pairs = [(values.flatten(1)[:, 0], labels) for values, labels in batches]
    return [torch.cat(parts).tolist() for parts in zip(*pairs, strict=True)]


def test_in_order():
    batches = Batches(DATA, 5)
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3]
    assert len(batches) == 5
    assert flat(batches) == [list(range(23)), list(range(100, 123))]


def test_only_the_rows_that_are_meant():
    assert flat(Batches(SOME, 2)) == [[20, 3, 7], [0, 1, 2]]
    values, labels = flat(Batches(SOME, 3, order_seed=1))
    assert dict(zip(labels, values, strict=True)) == {0: 20, 1: 3, 2: 7}
    assert SOME.nbytes == 3


def test_all_of_it_moves():
    moved = SOME.to(torch.device("meta"))
    assert {moved.values.device.type, moved.rows.device.type, moved.labels.device.type} == {"meta"}
    assert moved.values.shape == (3, 1, 1, 1)


def test_on_a_device_lies_only_what_is_meant():
    moved = SOME.to(torch.device("cpu"))
    assert moved.values.flatten().tolist() == [20, 3, 7]
    assert flat(Batches(moved, 2)) == flat(Batches(SOME, 2))


def test_the_order_follows_from_the_seed():
    assert flat(Batches(DATA, 5, 0)) == flat(Batches(DATA, 5, 0))
    assert flat(Batches(DATA, 5, 0)) != flat(Batches(DATA, 5, 1))
    values, labels = flat(Batches(DATA, 5, 0))
    assert sorted(values) == list(range(23))
    assert [label - 100 for label in labels] == values


def test_a_last_training_batch_of_one_is_left_out():
    assert len(flat(Batches(DATA, 11, 0))[0]) == 22
    assert len(flat(Batches(DATA, 11))[0]) == 23


@pytest.mark.parametrize("world", [2, 3])
def test_shards_together_are_the_whole(world):
    shards = [flat(Batches(DATA, 4, shard=Shard(rank, world)))[0] for rank in range(world)]
    assert sorted(chain.from_iterable(shards)) == list(range(23))
    shuffled = [flat(Batches(DATA, 4, 0, Shard(rank, world)))[0] for rank in range(world)]
    assert {len(shard) for shard in shuffled} == {23 // world}
    assert len(set(chain.from_iterable(shuffled))) == 23 // world * world


def test_an_epoch_draws_one_view_of_every_image():
    views = Labelled(torch.arange(30.0).view(30, 1), torch.tensor([0, 4, 9]), torch.tensor([0, 1, 2]), views=3)
    seen = {label: set() for label in range(3)}
    for seed in range(50):
        for value, label in zip(*flat(Batches(views, 2, seed)), strict=True):
            seen[label].add(int(value))
    assert seen == {0: {0, 10, 20}, 1: {4, 14, 24}, 2: {9, 19, 29}}
    assert flat(Batches(views, 2))[0] == [0, 4, 9]


def test_reading_ahead_changes_nothing():
    batches = Batches(DATA, 5, 0)
    ahead = Prefetched(batches, pin=False)
    assert len(ahead) == 5
    assert flat(ahead) == flat(ahead) == flat(batches)


def test_reading_ahead_tells_errors_and_ends_early():
    class Broken:
        def __iter__(self):
            yield DATA.values[:2], DATA.labels[:2]
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(Prefetched(Broken(), pin=False))
    batches = iter(Prefetched(Batches(DATA, 1), pin=False))
    next(batches)
    assert any(thread.name.startswith("mien-prefetch") for thread in threading.enumerate())
    batches.close()
    assert not any(thread.name.startswith("mien-prefetch") for thread in threading.enumerate())
