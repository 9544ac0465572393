"""The thing that a user would write first: Pillow, numpy and ONNX Runtime in the endpoint."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()
session = onnxruntime.InferenceSession("model.onnx")
mean = np.array([0.485, 0.456, 0.406], np.float32)
std = np.array([0.229, 0.224, 0.225], np.float32)


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, Any]:
    """Classify one picture."""
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    image = image.resize((224, 224), Image.Resampling.BILINEAR)
    pixels = (np.asarray(image, np.float32) / 255 - mean) / std
    (logits,) = session.run(None, {"input": pixels.transpose(2, 0, 1)[np.newaxis]})
    scores = np.exp(logits[0] - logits[0].max())
    scores /= scores.sum()
    best = np.argsort(scores)[::-1][:5]
    return {"labels": best.tolist(), "scores": scores[best].tolist()}
