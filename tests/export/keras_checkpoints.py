"""A small Keras network that tells colours, as .keras, .h5 and SavedModel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow

from tests.export.coloured_pictures import coloured_picture


def fitted_model() -> Any:
    """Pixels of 0 to 255 in, probabilities out; 32 x 32, NHWC."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Rescaling(1 / 127.5, offset=-1),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    pixels = np.stack(
        [
            np.asarray(coloured_picture(colour, 100 + number).resize((32, 32)), np.float32)
            for colour in range(3)
            for number in range(24)
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy")
    model.fit(pixels, np.repeat(np.arange(3), 24), epochs=30, batch_size=24, verbose=0)
    return model


def save_all(folder: Path) -> dict[str, Path]:
    """Write the three forms; the answer has their paths by name."""
    folder.mkdir(parents=True, exist_ok=True)
    model = fitted_model()
    files = {"keras": folder / "colours.keras", "h5": folder / "colours.h5"}
    for file in files.values():
        model.save(file)
    saved_model = folder / "saved_model"
    tensorflow.saved_model.save(model, str(saved_model))
    return {**files, "savedmodel": saved_model}
