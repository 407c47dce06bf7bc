"""Checks of the protocol: what it says it does, and what the rest of the config needs of it."""

from collections.abc import Iterator

from mien.config.check_images import choice
from mien.config.schema import Config, ProtocolConfig

MONITORS = ("accuracy", "loss", "macro_recall")


def protocol_problems(config: Config) -> Iterator[str]:
    """Everything that is wrong with the protocol, alone and beside the other settings."""
    yield from rule_problems(config.protocol)
    yield from _selection(config)
    yield from _ten_crop(config)


def rule_problems(c: ProtocolConfig) -> Iterator[str]:
    """A protocol must say what it does: selection on the test split is refused under any name but ``published``."""
    yield from choice("protocol.name", c.name, ("clean", "published"))
    yield from choice("protocol.checkpoint", c.checkpoint, ("best", "last"))
    yield from choice("protocol.monitor", c.monitor, MONITORS)
    yield from choice("protocol.selection", c.selection, ("validation", "test", "none"))
    yield from choice("protocol.report", c.report, ("test", "validation"))
    chosen_too = c.selection == c.report
    if c.name != "published" and (c.selection == "test" or chosen_too):
        yield (
            f"protocol.selection: choosing on the {c.selection} split{' and reporting it' if chosen_too else ''} is no "
            "clean protocol; use selection=validation, or protocol=published, which then stands in every table"
        )
    elif c.name == "clean" and c.selection != "validation":
        yield f"protocol.selection: protocol=clean selects on validation, got {c.selection!r}"
    if c.report_curve and c.name != "published":
        yield "protocol.report_curve: a clean protocol looks at the reported split once; use protocol=published"
    elif c.report_curve and chosen_too:
        yield f"protocol.report_curve: epochs are chosen on {c.report} already, and their scores stand in val_*"
    if c.name == "clean" and c.report != "test":
        yield f"protocol.report: protocol=clean reports the test split, got {c.report!r}"


def _ten_crop(config: Config) -> Iterator[str]:
    side, size, decoded = config.protocol.ten_crop, config.backbone.image_size, config.dataset.decode_size
    if not side:
        return
    if side <= size:
        yield (
            f"protocol.ten_crop: images of {side} px leave no room for crops of backbone.image_size={size}; "
            "expected a larger number of pixels, or 0 for none"
        )
    if config.protocol.flip_average:
        yield "protocol.ten_crop: five of the ten are mirror images already; set protocol.flip_average=false"
    if decoded is not None and decoded < side:
        yield f"dataset.decode_size: expected protocol.ten_crop={side} or more, got {decoded}"


def _selection(config: Config) -> Iterator[str]:
    yield from choice("trainer.early_stopping_monitor", config.trainer.early_stopping_monitor, MONITORS)
    if config.protocol.selection != "none":
        return
    needing = {
        "protocol.checkpoint=best": config.protocol.checkpoint == "best",
        "schedule=plateau": config.schedule.name == "plateau",
        "trainer.early_stopping": config.trainer.early_stopping is not None,
    }
    for key, used in needing.items():
        if used:
            yield f"{key} needs a selection split, but protocol.selection is none"
