"""Tests of cropping avatars of users and groups: in the browser by mouse and keys; without scripts, on the server."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.async_api import Page, expect

from accounts.models import User
from chat.models import Conversation
from tests.browser.files import run_with_orm

pytestmark = pytest.mark.browser


def make_two_coloured_jpeg(width: int = 1200, height: int = 600) -> dict:
    """Returns a JPEG file that is red on the left, blue on the right, and has private EXIF data."""
    drawn = Image.new("RGB", (width, height), "red")
    drawn.paste("blue", (width // 2, 0, width, height))
    written = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "SECRET PLACE"
    drawn.save(written, "JPEG", exif=exif)
    return {"name": "me.jpg", "mimeType": "image/jpeg", "buffer": written.getvalue()}


def colours(content: bytes) -> tuple[str, str]:
    """Returns the colours near the left and right edge of a picture, at half height.

    The picture must have 256 × 256 pixels.
    """
    shown = Image.open(io.BytesIO(content)).convert("RGB")
    assert shown.size == (256, 256)
    return tuple("red" if shown.getpixel((x, 128))[0] > 128 else "blue" for x in (8, 247))  # type: ignore[return-value]


async def choose(page: Page) -> None:
    await page.set_input_files("input[name=picture]", [make_two_coloured_jpeg()])
    await expect(page.locator("dialog.crop")).to_be_visible()


async def get_avatar_colours(site, kind, **who) -> tuple[str, str]:
    """Returns the colours near the left and right edge of the avatar that the server has stored for a user or group."""
    name = await run_with_orm(site, lambda: kind.objects.get(**who).avatar.name)
    return colours((site.folder / "data" / "media" / name).read_bytes())


async def test_a_person_moves_the_picture_by_mouse_and_keys_and_sees_it_before_it_is_saved(open_pages):
    alice, _bob = await open_pages()
    page = alice.page
    await page.goto("/settings/")
    await choose(page)
    stage = page.locator(".crop-stage")
    await expect(stage).to_be_focused()
    await expect(stage).to_have_class(re.compile("round"))
    box = await stage.bounding_box()
    assert box
    await page.mouse.move(box["x"] + 40, box["y"] + 100)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 240, box["y"] + 100, steps=4)
    await page.mouse.up()
    await page.get_by_role("button", name="Done").click()
    await expect(page.locator("dialog.crop")).to_have_count(0)
    await expect(page.locator("[data-part=chosen]")).to_have_text("me.jpg")
    await expect(page.locator("form .who-row .avatar img")).to_have_attribute("src", re.compile("^blob:"))
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.locator("form .who-row .avatar img")).to_have_attribute("src", re.compile(r"\.webp$"))
    assert await get_avatar_colours(open_pages.site, User, username="alice") == ("red", "red")

    # By keys only: move right and zoom. Then a second choice is cancelled, and the form has no file any more.
    await choose(page)
    for _step in range(20):
        await page.keyboard.press("ArrowRight")
    await page.keyboard.press("+")
    await page.keyboard.press("Tab")
    await page.keyboard.press("ArrowRight")
    await page.get_by_role("button", name="Done").press("Enter")
    await expect(page.locator("dialog.crop")).to_have_count(0)
    await choose(page)
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog.crop")).to_have_count(0)
    await expect(page.locator("[data-part=chosen]")).to_have_text("")
    assert await page.evaluate("document.querySelector('input[name=picture]').files.length") == 0
    await expect(page.locator("input[name=picture]")).to_be_focused()
    await choose(page)
    for _step in range(20):
        await page.keyboard.press("ArrowRight")
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.locator("[data-part=chosen]")).to_have_text("")
    assert await get_avatar_colours(open_pages.site, User, username="alice") == ("blue", "blue")


async def test_a_groups_picture_is_square_and_everybody_gets_it(open_pages):
    alice, bob = await open_pages()
    page = alice.page
    await page.goto(f"{alice.url}settings/")
    await choose(page)
    await expect(page.locator(".crop-stage")).not_to_have_class(re.compile("round"))
    await page.get_by_role("button", name="Done").click()
    await page.get_by_role("button", name="Save changes").first.click()
    await expect(
        bob.page.locator(".conversation-head .avatar img, .conversation header .avatar img").first
    ).to_be_attached(timeout=10_000)
    assert await get_avatar_colours(open_pages.site, Conversation, title="Room") == ("red", "blue")


async def test_without_scripts_the_server_takes_the_middle(open_pages, browser_for):
    await open_pages()
    plain = await browser_for(open_pages.site, "alice", scripts=False)
    await plain.goto("/settings/")
    await plain.set_input_files("input[name=picture]", [make_two_coloured_jpeg()])
    await plain.get_by_role("button", name="Save changes").click()
    await expect(plain.locator("form .who-row .avatar img")).to_have_count(1)
    assert await get_avatar_colours(open_pages.site, User, username="alice") == ("red", "blue")


async def test_what_is_no_picture_is_said_by_the_server(open_pages, page_errors):
    page_errors.allow("422")
    alice, _bob = await open_pages()
    await alice.page.goto("/settings/")
    await alice.page.set_input_files(
        "input[name=picture]", [{"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}]
    )
    await expect(alice.page.locator("[data-part=chosen]")).to_have_text("a.png")
    await expect(alice.page.locator("dialog.crop")).to_have_count(0)
    await alice.page.get_by_role("button", name="Save changes").click()
    await expect(alice.page.locator("main form")).to_contain_text("This photo can’t be read")
