"""Train a small Keras network on the digits and save it: python -m examples.shapes.keras_digits.

It is there to show the way from Keras to a release, not to be good at digits; digits_r1 is.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from examples.digits.pictures import clean_scan
from examples.digits.scans import DIGIT_WORDS, Scans, load_split
from python_backends.shared.image_transform import ImageTransform

SIDE_PIXELS: Final = 48
_TRANSFORM: Final = ImageTransform(SIDE_PIXELS, SIDE_PIXELS)


def make_model() -> keras.Model:
    """Pixels of 0 to 255, [N, 48, 48, 3], to probabilities [N, 10]."""
    return keras.Sequential(
        [
            keras.Input((SIDE_PIXELS, SIDE_PIXELS, 3)),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(32, 3, strides=2, activation="relu"),
            keras.layers.Conv2D(64, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def to_pixels(scans: Scans) -> NDArray[np.float32]:
    """[N, 48, 48, 3], float32, 0 to 255, through the serving transform."""
    greys = (clean_scan(image) for image in scans.images)
    pictures = [_TRANSFORM.apply(np.repeat(grey[:, :, None], 3, axis=2)) for grey in greys]
    return np.stack(pictures).astype(np.float32)


def main() -> int:
    """Train, measure on the held-out third, save."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "checkpoints/keras-digits/digits.keras")
    target.parent.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(0)
    split = load_split()
    model = make_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(to_pixels(split.train), split.train.digits, batch_size=64, epochs=20, verbose=0)
    _, accuracy = model.evaluate(to_pixels(split.held_out), split.held_out.digits, verbose=0)
    print(f"held-out clean scans: {accuracy:.2%} of {len(split.held_out)}")
    model.save(target)
    (target.parent / "labels.txt").write_text("\n".join(map(str, range(len(DIGIT_WORDS)))) + "\n")
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
