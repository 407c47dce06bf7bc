"""Imports go down the layers only."""

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src" / "mien"
LAYERS = [
    {"errors", "devices", "seeds", "secrets", "console"},
    {"jpeg", "labels", "files", "face_results", "world", "processes"},
    {"types", "results"},
    {"config", "environment", "cache"},
    {"runs"},
    {"data", "models", "augment", "mix", "optim", "metrics"},
    {"training", "evaluation", "detection"},
    {"endtoend"},
    {"report"},
    {"opening", "scoring", "recognition", "comparison", "audit"},
    {"loggers"},
    {"stages"},
    {"pipeline", "ensembling", "search"},
    {"sweep"},
    {"reproduction"},
    {"cli"},
]
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
FILES = sorted(path for path in SRC.rglob("*.py") if path != SRC / "__init__.py")


def part_of(path):
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def imported_parts(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mien."):
            yield node.module.split(".")[1]
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("mien."))


def test_every_part_has_a_layer():
    assert {part_of(path) for path in FILES} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_imports_go_down(path):
    own = part_of(path)
    wrong = {part for part in imported_parts(path) if part != own and LEVEL[part] >= LEVEL[own]}
    assert not wrong, f"{path.name} ({own}) imports {wrong}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SRC)))
def test_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 280
