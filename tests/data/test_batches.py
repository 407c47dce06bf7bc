"""Batches by index look-up: order, shards, views; and the same read ahead."""

import threading
from dataclasses import replace
from itertools import chain

import pytest
import torch

from mien.data.batches import Batch, Batches, Labelled, Shard, whole
from mien.data.prefetch import Prefetched

VALUES = torch.arange(23, dtype=torch.uint8).view(23, 1, 1, 1)
DATA = whole(VALUES, torch.arange(23) + 100)
SOME = Labelled(VALUES, torch.tensor([20, 3, 7]), torch.tensor([0, 1, 2]))


def flat(batches):
    """All values and all labels that count, in the order of the batches."""
    pairs = [(batch.images.flatten(1)[: batch.counted, 0], batch.labels[: batch.counted]) for batch in batches]
    return [torch.cat(parts).tolist() for parts in zip(*pairs, strict=True)]


def test_in_order():
    batches = Batches(DATA, 5)
    assert [len(batch.labels) for batch in batches] == [5, 5, 5, 5, 3]
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
    assert sorted(chain.from_iterable(shuffled)) == list(range(23))


@pytest.mark.parametrize(("seed", "least"), [(None, 1), (0, 2)])
@pytest.mark.parametrize(("world", "size", "count"), [(2, 4, 23), (3, 4, 14), (3, 2, 8), (4, 3, 12), (2, 6, 13)])
def test_processes_step_through_the_batches_of_one(world, size, count, seed, least):
    data = whole(VALUES[:count], torch.arange(count))
    one = list(Batches(data, size * world, seed))
    shares = [list(Batches(data, size, seed, Shard(rank, world))) for rank in range(world)]
    assert {len(batches) for batches in shares} == {len(one)}
    for step, together in enumerate(one):
        own = [batches[step] for batches in shares]
        drawn = [label for batch in own for label in batch.labels[: batch.counted].tolist()]
        assert sorted(drawn) == sorted(together.labels.tolist())
        assert all(len(batch.labels) >= max(least, batch.counted) for batch in own)
        assert sum(batch.weight for batch in own) == pytest.approx(world)
        assert [batch.weight for batch in own] == [batch.counted * world / len(drawn) for batch in own]
    assert sum(len(batch.labels) for batch in one) == count - (seed == 0 and count % (size * world) == 1)


def test_one_process_fills_nothing_up():
    (batch,) = Batches(whole(VALUES[:1], torch.zeros(1)), 4, 0)
    assert (len(batch.labels), batch.counted, batch.weight) == (1, 1, 1.0)


def test_an_epoch_draws_one_view_of_every_image():
    views = Labelled(torch.arange(30.0).view(30, 1), torch.tensor([0, 4, 9]), torch.tensor([0, 1, 2]), views=3)
    seen = {label: set() for label in range(3)}
    for seed in range(50):
        for value, label in zip(*flat(Batches(views, 2, seed)), strict=True):
            seen[label].add(int(value))
    assert seen == {0: {0, 10, 20}, 1: {4, 14, 24}, 2: {9, 19, 29}}
    assert flat(Batches(views, 2))[0] == [0, 4, 9]


def weighted(*weights):
    """As many images as weights; image i is the value i and has the label 100 + i."""
    data = whole(torch.arange(len(weights), dtype=torch.uint8).view(-1, 1, 1, 1), 100 + torch.arange(len(weights)))
    return replace(data, weights=torch.tensor(weights, dtype=torch.float64))


def test_weights_of_one_change_nothing():
    weights = torch.ones(23, dtype=torch.float64)
    for shard in (Shard(), Shard(1, 2)):
        plain, ones = (Batches(data, 5, 3, shard) for data in (DATA, replace(DATA, weights=weights)))
        assert plain.order.tolist() == ones.order.tolist()
        assert flat(plain) == flat(ones)


def test_the_order_of_an_epoch_is_the_one_of_old():
    """Runs from before there were weights are continued in the same order."""
    generator = torch.Generator().manual_seed(7)
    order = torch.randperm(23, generator=generator)
    rows = torch.arange(23) + 23 * torch.randint(3, (23,), generator=generator)
    views = Labelled(torch.arange(69).view(-1, 1), torch.arange(23), torch.arange(23), views=3)
    assert flat(Batches(views, 4, 7)) == [rows[order].tolist(), order.tolist()]


def test_images_are_drawn_as_often_as_they_weigh():
    data = weighted(*[1.0] * 4, *[2.5] * 6, *[0.25] * 8)
    seen = []
    for seed in range(200):
        values, labels = flat(Batches(data, 11, seed))
        assert [label - 100 for label in labels] == values
        counts = torch.bincount(torch.tensor(values), minlength=18)
        assert counts[:4].tolist() == [1] * 4
        assert sorted(counts[4:10].tolist()) == [2, 2, 2, 3, 3, 3]
        assert sorted(counts[10:].tolist()) == [0] * 6 + [1, 1]
        seen.append(counts)
    mean = torch.stack(seen).double().mean(0)
    assert torch.allclose(mean, data.weights, atol=0.12)  # 3.4 standard deviations: sqrt(0.25 / 200)
    assert len({tuple(counts.tolist()) for counts in seen}) > 100
    assert flat(Batches(data, 5))[0] == list(range(18))  # a test sees every image once, whatever it weighs


def test_all_epochs_and_shards_are_equally_long():
    data = weighted(*[0.3] * 7, *[1.7] * 9)
    total = 2 + 9 + 6  # round(0.3 * 7), and round(0.7 * 9) second draws
    for seed in range(20):
        assert len(flat(Batches(data, 4, seed))[0]) == total - 1  # the last batch would have one image
        shards = [flat(Batches(data, 4, seed, Shard(rank, 2)))[0] for rank in range(2)]
        assert [len(shard) for shard in shards] == [8, 8]  # nor the processes theirs
        single = torch.bincount(torch.tensor(shards[0] + shards[1]), minlength=16)
        assert single[7:].max() <= 2


def test_a_light_set_is_never_left_out_entirely():
    assert {len(flat(Batches(weighted(1.0, 1.0, 0.01, 0.01), 8, seed))[0]) for seed in range(5)} == {3}


def test_each_copy_of_an_image_draws_a_view_of_its_own():
    data = Labelled(
        torch.arange(4).view(-1, 1), torch.arange(2), torch.arange(2), views=2, weights=torch.tensor([2.0, 1.0])
    )
    pairs = {tuple(sorted(v for v in flat(Batches(data, 3, seed))[0] if v % 2 == 0)) for seed in range(30)}
    assert pairs == {(0, 0), (0, 2), (2, 2)}


def test_classes_count_as_often_as_they_are_drawn():
    labels = torch.tensor([0, 2, 2])
    assert replace(SOME, labels=labels).per_class(4) == (1, 0, 2, 0)
    assert replace(SOME, labels=labels, weights=torch.tensor([0.5, 3, 1])).per_class(4) == (0.5, 0, 4, 0)


def test_weights_go_to_the_device_with_their_images():
    data = replace(SOME, weights=torch.tensor([1.0, 2.0, 3.0]))
    assert flat(Batches(data.to(torch.device("cpu")), 2, 5)) == flat(Batches(data, 2, 5))
    assert sorted(flat(Batches(data.to(torch.device("cpu")), 2, 5))[0]) == [3, 3, 7, 7, 7, 20]


def test_reading_ahead_changes_nothing():
    batches = Batches(DATA, 5, 0)
    ahead = Prefetched(batches, pin=False)
    assert len(ahead) == 5
    assert flat(ahead) == flat(ahead) == flat(batches)


def test_reading_ahead_tells_errors_and_ends_early():
    class Broken:
        def __iter__(self):
            yield Batch(DATA.values[:2], DATA.labels[:2], 2, 1.0)
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(Prefetched(Broken(), pin=False))
    batches = iter(Prefetched(Batches(DATA, 1), pin=False))
    next(batches)
    assert any(thread.name.startswith("mien-prefetch") for thread in threading.enumerate())
    batches.close()
    assert not any(thread.name.startswith("mien-prefetch") for thread in threading.enumerate())
