"""How many altered copies the audit finds, and a sheet of the pairs that it finds, to be judged by eye.

    python bench/near_duplicates.py --data <class folders> [--dataset fer2013] [--images 500] [--sheet pairs.png]

Images drawn at random are altered in ways that copies on the web are, and held against the originals as the audit does
(``mien.audit.duplicates``): the share found is the recall of that alteration, at several bounds of the perceptual
hashes' distance. With ``--sheet`` 96 pairs are drawn at random from all that the audit finds in the data set itself.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageEnhance
import PIL.ImageOps
from common import add_data_options, command_parser, print_table, write

from mien.audit.duplicates import FLAT, LIKENESS, Pairs, likeness, near_pairs
from mien.audit.images import SIDE, Images, look_at, perceptual_hash
from mien.config.audit import NEAR
from mien.config.schema import DatasetConfig
from mien.data.catalog import load_source
from mien.report import style
from mien.report.contact_sheet import Tile, contact_sheet

BOUNDS = (4, 6, 8, 10, 12)
ALONE = f"{NEAR}, hashes alone"
PAIRS = 96
Picture = PIL.Image.Image


def compressed(picture: Picture, quality: int = 20) -> Picture:
    """As JPEG, and back."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return PIL.Image.open(file).convert("RGB")


def cropped(picture: Picture, share: float) -> Picture:
    """A share of width and height cut off, all of it at the left and the top."""
    width, height = picture.size
    return picture.crop((round(share * width), round(share * height), width, height))


def inside(picture: Picture, share: float) -> Picture:
    """A share of width and height cut off, half of it on each side."""
    return PIL.ImageOps.crop(picture, round(share * picture.width / 2))


def marked(picture: Picture) -> Picture:
    """With a white band of text over the middle, a sixth of the height, half transparent."""
    top, bottom = (round(picture.height * share) for share in (0.42, 0.58))
    layer = picture.copy()
    PIL.ImageDraw.Draw(layer).rectangle((0, top, picture.width, bottom), "white")
    return PIL.Image.blend(picture, layer, 0.5)


ALTERATIONS: dict[str, Callable[[Picture], Picture]] = {
    "JPEG, quality 20": compressed,
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "brightness x 0.6": lambda picture: PIL.ImageEnhance.Brightness(picture).enhance(0.6),
    "contrast x 0.5": lambda picture: PIL.ImageEnhance.Contrast(picture).enhance(0.5),
    "no colour": lambda picture: picture.convert("L").convert("RGB"),
    "half-transparent band": marked,
    "left and top cut by 3 %": lambda picture: cropped(picture, 0.03),
    "left and top cut by 6 %": lambda picture: cropped(picture, 0.06),
    "left and top cut by 10 %": lambda picture: cropped(picture, 0.10),
    "enlarged by 5 %": lambda picture: inside(picture, 0.05),
    "enlarged by 10 %": lambda picture: inside(picture, 0.10),
    "turned by 3 degrees": lambda picture: picture.rotate(3, PIL.Image.Resampling.BICUBIC),
    "mirrored": PIL.ImageOps.mirror,
    "mirrored, JPEG, quality 20": lambda picture: compressed(PIL.ImageOps.mirror(picture)),
}


def recall(pictures: list[Picture], alter: Callable[[Picture], Picture]) -> dict[str, float]:
    """The share of altered pictures that the audit takes for copies, at each bound of the hashes' distance."""
    distances, alike = [], []
    for picture in pictures:
        one, other = (thumbnail(version) for version in (picture, alter(picture)))
        for copy in (other, PIL.ImageOps.mirror(other)):
            distances.append((perceptual_hash(one) ^ perceptual_hash(copy)).bit_count())
            alike.append(likeness(np.asarray(one)[None], np.asarray(copy)[None])[0])
    close, same = np.array(distances).reshape(-1, 2), np.array(alike).reshape(-1, 2) >= LIKENESS
    found = {str(bound): float(((close <= bound) & same).any(1).mean()) for bound in BOUNDS}
    return found | {ALONE: float((close <= NEAR).any(1).mean())}


def thumbnail(picture: Picture) -> Picture:
    """As the audit makes it."""
    return picture.convert("L").resize((SIDE, SIDE), PIL.Image.Resampling.LANCZOS)


def draw_pairs(images: Images, pairs: Pairs, path: Path, rng: np.random.Generator) -> None:
    """Pairs at random, four a row, each with distance and likeness; mirror images are turned back."""
    tiles: list[Tile | None] = []
    first = {int(content): index for index, content in reversed(list(enumerate(images.contents)))}
    for pair in np.sort(rng.permutation(len(pairs))[:PAIRS]).tolist():
        a, b = (images.read(first[int(contents[pair])]) for contents in (pairs.first, pairs.second))
        flip = " mirrored" if pairs.mirrored[pair] else ""
        tiles.append(Tile(a, ("", f"{len(tiles) // 2 + 1}: {pairs.distance[pair]} bits{flip}"), style.SOFT))
        tiles.append(Tile(b[:, ::-1] if flip else b, ("", f"likeness {pairs.likeness[pair]:.2f}"), style.SOFT))
    contact_sheet(tiles, 12, f"{len(tiles) // 2} of {len(pairs)} pairs at random", path)


def main() -> None:
    """Measure, print a table, write the JSON."""
    parser = command_parser(__doc__, "near_duplicates", rounds=1)
    add_data_options(parser, "none: it must be given")
    parser.add_argument("--images", type=int, default=500, help="images to alter (default: %(default)s)")
    parser.add_argument("--sheet", default="", help="a PNG for pairs of the data set, to be judged (default: none)")
    options = parser.parse_args()
    if options.data is None:
        parser.error("--data is needed: a folder of images")
    rng = np.random.default_rng(0)
    images, _ = look_at(load_source(DatasetConfig(options.dataset, root=str(options.data.absolute()))))
    chosen = rng.permutation(np.flatnonzero(images.contrast >= FLAT))[: options.images].tolist()
    pictures = [PIL.Image.fromarray(images.read(index)) for index in chosen]
    results: dict[str, Any] = {name: recall(pictures, alter) for name, alter in ALTERATIONS.items()}
    columns = [*map(str, BOUNDS), ALONE]
    rows = [[name, *(f"{100 * found[column]:.1f} %" for column in columns)] for name, found in results.items()]
    print_table(f"copies found of {len(pictures)}, by bits of distance", ["alteration", *columns], rows)
    if options.sheet:
        draw_pairs(images, near_pairs(images, NEAR), Path(options.sheet), rng)
    options.sheet = Path(options.sheet).name
    write(options, {"recall": results})


if __name__ == "__main__":
    main()
