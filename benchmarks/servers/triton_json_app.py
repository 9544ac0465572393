"""The design that tutorials show: FastAPI before Triton's HTTP, tensors as nested lists in JSON."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI, UploadFile
from PIL import Image

app = FastAPI()
triton = httpx.AsyncClient(base_url=Path("triton-http").read_text(), trust_env=False, timeout=60)
model = Path("triton-model").read_text()
mean = np.array([0.485, 0.456, 0.406], np.float32)
std = np.array([0.229, 0.224, 0.225], np.float32)


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, Any]:
    """Classify one picture."""
    image = Image.open(io.BytesIO(await file.read())).convert("RGB")
    image = image.resize((224, 224), Image.Resampling.BILINEAR)
    pixels = (np.asarray(image, np.float32) / 255 - mean) / std
    data = pixels.transpose(2, 0, 1)[np.newaxis].tolist()
    tensor = {"name": "input", "shape": [1, 3, 224, 224], "datatype": "FP32", "data": data}
    response = await triton.post(f"/v2/models/{model}/infer", json={"inputs": [tensor]})
    response.raise_for_status()
    logits = np.array(response.json()["outputs"][0]["data"])
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argsort(scores)[::-1][:5]
    return {"labels": best.tolist(), "scores": scores[best].tolist()}
