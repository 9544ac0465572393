"""The bodies of reports on arms and shadows, as OpenAPI describes them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Share(BaseModel):
    """So many of so many, and where the true share lies: Wilson's interval at 95 %."""

    count: int = Field(examples=[3])
    share: float = Field(examples=[0.003], description="0 to 1; 0 where there is nothing yet.")
    lower: float = Field(examples=[0.001])
    upper: float = Field(examples=[0.0088])


class LatencyQuantiles(BaseModel):
    """Time waited for Triton in ms, to 2.4 %; null where nothing was answered."""

    p50_ms: float | None = Field(examples=[3.1])
    p95_ms: float | None = Field(examples=[4.4])
    p99_ms: float | None = Field(examples=[7.9])


class LabelShare(BaseModel):
    """How often a label was the first one."""

    label: str = Field(examples=["7"], description="Empty: all labels that are not told apart.")
    of_items: Share


class ArmReport(BaseModel):
    """What one release answered to callers."""

    release: str = Field(examples=["digits_r2"])
    arm: str = Field(examples=["candidate"], description="The route's name for it.")
    weight: int = Field(examples=[5], description="Of the route now; 0 where it names it no more.")
    requests: int = Field(
        description="Answered or failed. Not those that a cache answered, that were turned away "
        "for overload, or that were the caller's errors."
    )
    failures: Share
    items: int = Field(description="Images or texts that were answered.")
    latency: LatencyQuantiles
    labels: list[LabelShare] = Field(description="The 20 most frequent first labels.")


class RouteReport(BaseModel):
    """What the arms of a route were seen to do, over all gateways, up to a second ago."""

    alias: str = Field(examples=["digits"])
    since_revision: int = Field(examples=[3], description="The first revision that is counted.")
    revision: int = Field(examples=[3], description="The last one.")
    arms: list[ArmReport]


class SideOfDisagreement(BaseModel):
    """What one release made of an item."""

    release: str = Field(examples=["digits_r2"])
    outcome: str = Field(examples=["ok"], description="The item's status, or `failed`.")
    labels: list[str] = Field(examples=[["7", "1"]], description="Highest score first, at most 5.")
    scores: list[float] = Field(examples=[[0.61, 0.3]])


class DisagreementDescription(BaseModel):
    """An item of which two releases thought differently."""

    id: int
    revision: int
    at: datetime
    request_id: str
    serving: SideOfDisagreement
    shadow: SideOfDisagreement
    has_item: bool = Field(description="Whether its bytes were kept: GATEWAY_SHADOW_ITEMS_KEPT.")


class ShadowReport(BaseModel):
    """How a shadow compares with whoever answered, item by item, over all gateways."""

    alias: str = Field(examples=["digits"])
    release: str = Field(examples=["digits_r2"], description="The shadow.")
    since_revision: int = Field(examples=[3], description="The first revision that is counted.")
    revision: int = Field(examples=[3], description="The last one.")
    pairs: int = Field(description="Items that both were asked.")
    top1_agreement: Share = Field(description="The same first label, or both refused the item.")
    top_k_agreement: Share = Field(description="The same first 5 labels in the same order.")
    outcome_differed: Share = Field(description="One answered, the other refused or failed.")
    serving_failures: Share
    shadow_failures: Share
    dropped: int = Field(description="Requests that were to be copied and were not, for load.")
    score_differences: list[int] = Field(
        description="Items by the difference of their first scores: 20 bins of 0.05 each."
    )
    serving_latency: LatencyQuantiles
    shadow_latency: LatencyQuantiles
    median_difference_ms: float | None = Field(description="The shadow's median less the other's.")
    disagreements: list[DisagreementDescription] = Field(description="The newest 50.")
