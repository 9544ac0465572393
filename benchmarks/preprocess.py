"""What preprocessing costs, and how near it comes to what training did, by every way.

    python -m benchmarks.preprocess [--network224 model.onnx]

Costs are CPU time of this process and its children; all ways take turns within one run, and the
median of the rounds goes to benchmarks/results/preprocess.md. Decoders keep freed memory (see
decode_nursery.py); for the ways in process to do so, too, run it with
MALLOC_MMAP_THRESHOLD_=4194304 MALLOC_TRIM_THRESHOLD_=16777216 in the environment.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from benchmarks.preprocess_cost import Cost, measure_cost
from benchmarks.preprocess_fidelity import Fidelity, Network, measure_fidelity
from benchmarks.preprocess_pictures import photograph, varied_pictures
from benchmarks.preprocess_stages import stage_table
from benchmarks.preprocess_ways import REFERENCE, ways
from benchmarks.report import footnotes
from python_backends.shared.image_transform import ImageTransform, ResizeFilter, ShortestEdge

PROJECT: Final = Path(__file__).parents[1]
RESULTS: Final = Path(__file__).parent / "results" / "preprocess.md"
NETWORK_48: Final = PROJECT / "model_repository" / "digits_r1_model" / "1" / "model.onnx"
NETWORK_224: Final = PROJECT / ".cache" / "bench" / "resnet_r1_model" / "1" / "model.onnx"
TRANSFORMS: Final = {
    "Stretched to 224x224, bilinear": ImageTransform(224, 224),
    "Shortest edge 256, the middle 224x224, bilinear": ImageTransform(
        224, 224, resize=ShortestEdge(256)
    ),
    "Stretched to 224x224, bicubic": ImageTransform(224, 224, ResizeFilter.BICUBIC),
    "Stretched to 48x48, bilinear": ImageTransform(48, 48),
}
USUAL, LARGE = (500, 375), (4000, 3000)
# Fewer of the large ones, so that the whole takes minutes.
LARGE_SHARE: Final = 20


def transform_table(
    transform: ImageTransform, network: Network | None, rounds: int, images: int
) -> list[str]:
    """Cost and fidelity of every way to this transform."""
    pictures = list(varied_pictures())
    with ExitStack() as cleanup:
        found = ways(transform, cleanup)
        usual = measure_cost(found, photograph(*USUAL), rounds, images)
        large = measure_cost(found, photograph(*LARGE), max(rounds // 3, 1), images // LARGE_SHARE)
        near = measure_fidelity(found, transform, pictures, network)
    lines = [
        "| way | 500x375, CPU ms | 12 MP, CPU ms | mean | worst picture's mean | largest "
        "| top-1 flips | largest change of a score |",
        "| --- |" + " ---: |" * 7,
    ]
    for name in found:
        cells = (_cost(usual, name), _cost(large, name), *_nearness(near[name], len(pictures)))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _cost(costs: dict[str, Cost], name: str) -> str:
    return f"{costs[name].cpu_ms:.2f} ({costs[name].cpu_ms / costs[REFERENCE].cpu_ms:.2f})"


def _nearness(near: Fidelity, pictures: int) -> tuple[str, ...]:
    network = ("", "")
    if near.flips is not None and near.score is not None:
        network = (f"{near.flips} of {pictures}", f"{near.score:.4f}")
    return (f"{near.mean:.2f}", f"{near.worst_mean:.2f}", str(near.largest), *network)


def page(network_224: Path, rounds: int, images: int) -> str:
    """Everything, as it is committed."""
    networks = {48: Network(NETWORK_48)}
    if network_224.is_file():
        networks[224] = Network(network_224)
    lines = [
        "# What preprocessing costs, and how near it comes to training",
        "",
        "CPU ms per image of every process that works on it, in brackets as a share of Pillow's",
        "(open, convert to RGB, resize, numpy). Differences to Pillow are in levels of 255, over",
        "the pictures of `benchmarks/preprocess_pictures.py`, many of them worse than photographs;",
        "top-1 flips and scores are those of a trained network (digits) on the same pictures.",
        "Written by `python -m benchmarks.preprocess`.",
    ]
    for title, transform in TRANSFORMS.items():
        network = networks.get(transform.height_pixels)
        lines += ["", f"## {title}", "", *transform_table(transform, network, rounds, images)]
    lines += ["", "## By stage, in process", "", *stage_table(rounds), "", *footnotes()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--images", type=int, default=40, help="per way and round")
    parser.add_argument("--network224", type=Path, default=NETWORK_224)
    options = parser.parse_args()
    RESULTS.write_text(page(options.network224, options.rounds, options.images), encoding="utf-8")


if __name__ == "__main__":
    main()
