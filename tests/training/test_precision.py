"""What ``trainer.precision=auto`` becomes, and the allocator."""

import subprocess
import sys
from pathlib import Path

import pytest
from torch import nn

from mien.training import precision
from mien.training.precision import resolve_precision

PLAIN, DEPTHWISE = nn.Sequential(nn.Conv2d(8, 8, 3)), nn.Sequential(nn.Conv2d(8, 8, 3, groups=8))


@pytest.mark.parametrize("asked", ["32-true", "bf16-mixed", "16-mixed"])
def test_what_is_asked_for_is_taken(asked):
    assert resolve_precision(asked, "cpu", DEPTHWISE) == asked


@pytest.mark.parametrize(
    ("has_bf16", "network", "expected"),
    [(True, PLAIN, "bf16-mixed"), (True, DEPTHWISE, "32-true"), (False, PLAIN, "32-true")],
)
def test_on_processors(has_bf16, network, expected, monkeypatch):
    monkeypatch.setattr(precision, "_processor_has_bf16", lambda: has_bf16)
    assert resolve_precision("auto", "cpu", network) == expected


@pytest.mark.parametrize("has_bf16", [True, False])
def test_on_gpus(has_bf16, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: has_bf16)
    assert resolve_precision("auto", "cuda", DEPTHWISE) == ("bf16-mixed" if has_bf16 else "32-true")


def test_the_probe_agrees_with_the_processor():
    flags = Path("/proc/cpuinfo").read_text() if sys.platform == "linux" else ""
    if "flags" not in flags:
        pytest.skip("this system does not list the processor's abilities")
    assert precision._processor_has_bf16() == ("avx512_bf16" in flags or "amx_tile" in flags)


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are glibc's")
def test_freed_memory_is_kept():
    code = """
        import resource, torch
        from mien.training.allocator import keep_freed_memory
        assert keep_freed_memory()
        def faults():
            for _ in range(15):
                torch.ones(20_000_000)
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        first = faults()
        print(faults() - first)
    """
    lines = "\n".join(line[8:] for line in code.splitlines())
    result = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 1000
