"""What a browser still holds after somebody has signed in or out: nothing of another person's."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.local_stack import LocalStack
from tests import pictures
from tests.e2e.operators_hand import open_as_admin
from tests.e2e.test_predict_page import expect_prediction, open_page, upload

# Of an element's text to what is behind it, as WCAG 2.2 reckons it.
_CONTRAST = """element => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = rgb => rgb.map(it => it / 255)
    .map(it => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4)
    .reduce((sum, it, place) => sum + it * [0.2126, 0.7152, 0.0722][place], 0);
  let [r, g, b, alpha = 1] = parts(getComputedStyle(element).color), behind = null;
  for (let it = element; it && !behind; it = it.parentElement) {
    const style = getComputedStyle(it), ground = parts(style.backgroundColor);
    alpha *= Number(style.opacity);
    if (ground.length === 3) behind = ground;
  }
  const seen = [r, g, b].map((it, place) => it * alpha + behind[place] * (1 - alpha));
  const [dark, bright] = [light(seen), light(behind)].sort((one, other) => one - other);
  return (bright + 0.05) / (dark + 0.05);
}"""


def test_a_refused_key_does_not_stay_in_its_field(page: Page, stack: LocalStack) -> None:
    open_page(page, stack)
    key = page.get_by_label("API key", exact=True)

    key.fill("tri_nobody_knows_this_one")
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_text("The service does not know this key")).to_be_visible()
    expect(key).to_have_value("")


def test_whoever_comes_next_finds_no_picture_of_the_last_person(
    page: Page, stack: LocalStack
) -> None:
    open_as_admin(page, stack, "API")
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Predict").click()
    sample = pictures.sample_files()[0]
    upload(page, sample)
    expect_prediction(page, sample)

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("tab", name="Samples").click()
    page.get_by_role("tab", name="Upload").click()

    field = page.get_by_test_id("stFileUploader")
    expect(field).to_be_visible()
    expect(field).not_to_contain_text(sample.name)
    expect(page.get_by_text("the answer appears here")).to_be_visible()


def test_small_print_can_be_read_in_the_light_theme(page: Page, stack: LocalStack) -> None:
    open_page(page, stack)

    caption = page.get_by_text("Using this page's own key")

    assert caption.evaluate(_CONTRAST) >= 4.5
