"""The web page of `arcface serve` in headless Chromium: whole journeys at desktop and phone width, in both languages.

    journeys.py URL PHOTOS [SHOTS]    URL: a running server with an empty gallery; PHOTOS: shared data's photos; SHOTS: a folder for
                                      pictures of the page
Exit status 0: everything was as it should be.
"""
import os
import sys

from playwright.sync_api import expect, sync_playwright

url, photos = sys.argv[1], sys.argv[2]
shots = sys.argv[3] if len(sys.argv) > 3 else None
group = os.path.join(photos, "insightface/t1.jpg")
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


def anna(i):  # pictures of one person
    return os.path.join(photos, f"pairs/img{i}.jpg")


def shot(page, name):
    if shots:
        page.screenshot(path=os.path.join(shots, name + ".png"), full_page=True)


def go(page, view):
    page.goto(f"{url}/#{view}")
    expect(page.locator("h2")).to_be_visible()


def accessible(page, where):
    """What axe would say first: every control and picture has a name, ids are unique, the document has a language, and nothing is wider than the page."""
    said = page.evaluate("""() => {
      const wrong = [];
      const named = (e) => (e.labels && e.labels.length) || e.getAttribute('aria-label') || e.textContent.trim();
      for (const e of document.querySelectorAll('button, a, input, select'))
        if (e.offsetParent && !named(e)) wrong.push('no name: ' + e.outerHTML.slice(0, 120));
      for (const e of document.querySelectorAll('img'))
        if (!e.hasAttribute('alt')) wrong.push('no alt: ' + e.outerHTML.slice(0, 120));
      const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
      if (new Set(ids).size !== ids.length) wrong.push('an id twice');
      if (!document.documentElement.lang) wrong.push('no language');
      if (document.documentElement.scrollWidth > innerWidth) wrong.push('wider than the window: ' + document.documentElement.scrollWidth);
      // contrast of text against the nearest opaque background (WCAG 2: 4.5)
      const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
      const light = (c) => { const [r, g, b] = rgb(c).map((v) => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
      for (const e of document.querySelectorAll('main *, header *')) {
        if (!e.offsetParent || e.disabled || ![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) continue;
        let p = e;
        while (p && (rgb(getComputedStyle(p).backgroundColor)[3] ?? 1) === 0) p = p.parentElement;
        const a = light(getComputedStyle(e).color), b = light(p ? getComputedStyle(p).backgroundColor : 'rgb(255,255,255)');
        const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) wrong.push(`contrast ${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 100)}`);
      }
      return wrong;
    }""")
    assert not said, f"{where}: {said}"


def enrol(page, name, pictures):
    go(page, "enrol")
    page.locator("main input[type=file]").set_input_files(pictures)
    expect(page.locator("main article")).to_have_count(len(pictures), timeout=60000)
    page.get_by_label("Name", exact=True).fill(name)
    shot(page, "enrol")
    accessible(page, "enrol")
    page.get_by_role("button", name="Enrol", exact=True).click()
    expect(page.locator("#notice")).to_contain_text(name, timeout=60000)


def identify(page, picture):
    go(page, "identify")
    page.locator("main input[type=file]").set_input_files(picture)
    expect(page.locator("main article").first).to_be_visible(timeout=60000)


def identifying(page):
    identify(page, anna(2))
    expect(page.locator("article h3").first).to_have_text("Anna")
    shot(page, "identify_known")
    accessible(page, "identify")
    identify(page, group)
    faces = page.locator("main article")
    assert faces.count() >= 5, faces.count()
    expect(page.get_by_text("0 known")).to_be_visible()
    shot(page, "identify_unknown")


def naming(page):
    """Unknown faces are grouped; a group gets a name in one click. The same picture twice makes groups of two."""
    identify(page, group)
    page.locator("nav a", has_text="Unknown").click()
    first = page.locator("main article").first
    expect(first.locator("h3")).to_contain_text("2 like faces")
    shot(page, "unknown")
    accessible(page, "unknown")
    first.get_by_label("Name").fill(HOSTILE)
    first.get_by_role("button", name="Name them").click()
    expect(page.locator("#notice")).to_contain_text("onerror", timeout=60000)
    assert "broken" not in page.title()


def managing(page):
    go(page, "people")
    expect(page.locator("main article")).to_have_count(2)
    expect(page.locator("main article .faces img").first).to_be_visible(timeout=30000)
    shot(page, "people")
    accessible(page, "people")
    assert "broken" not in page.title()
    card = page.locator("main article", has_text="onerror")
    card.locator("summary").click()
    card.get_by_label("Name").fill("Chandler")
    card.get_by_role("button", name="Rename").click()
    expect(page.locator("main article h3", has_text="Chandler")).to_be_visible()
    card = page.locator("main article", has_text="Chandler")
    card.locator("summary").click()
    card.get_by_label("Name").fill("Anna")
    card.get_by_role("button", name="Merge").click()
    page.locator("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("main article")).to_have_count(2)
    card.get_by_role("button", name="Merge").click()
    page.locator("dialog").get_by_role("button", name="Merge").click()
    expect(page.locator("main article")).to_have_count(1)
    card = page.locator("main article", has_text="Anna")
    card.locator("summary").click()
    card.get_by_role("button", name="Remove", exact=True).click()
    page.locator("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Nobody is enrolled yet.")).to_be_visible()


def rejecting(page):
    enrol(page, "Anna", [anna(1)])
    identify(page, anna(2))
    page.get_by_role("button", name="Not Anna").click()
    expect(page.locator("#notice")).to_contain_text("Anna")
    identify(page, anna(2))
    expect(page.locator("article h3").first).to_have_text("Unknown")


def comparing(page):
    go(page, "verify")
    files = page.locator("main input[type=file]")
    files.nth(0).set_input_files(anna(1))
    files.nth(1).set_input_files(anna(2))
    expect(page.get_by_text("The same person", exact=True)).to_be_visible(timeout=60000)
    shot(page, "verify")
    accessible(page, "verify")


def watching(page):
    for view, word in (("audit", "bind"), ("server", "sqlite"), ("calibrate", "Show thresholds")):
        go(page, view)
        expect(page.get_by_text(word).first).to_be_visible()
        shot(page, view)
        accessible(page, view)


def by_camera(page):
    """Chromium's own fake camera shows no face: frames go out, answers come back, and the camera ends."""
    go(page, "identify")
    page.get_by_role("button", name="Live camera").click()
    expect(page.get_by_text("No face was found.")).to_be_visible(timeout=60000)
    page.get_by_role("button", name="Camera off").click()
    expect(page.locator("video")).to_have_count(0)


def by_keyboard(page):
    go(page, "identify")
    page.reload()
    expect(page.locator("h2")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator("#skip")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_have_text("Enrol")


def in_german_and_dark(page):
    page.get_by_label("Language").select_option("de")
    expect(page.locator("nav")).to_contain_text("Erkennen")
    page.get_by_label("Farben").select_option("dark")
    go(page, "people")
    expect(page.locator("main article").first).to_be_visible()
    shot(page, "people_german_dark")
    accessible(page, "dark")
    page.get_by_label("Farben").select_option("light")
    page.get_by_label("Sprache").select_option("en")


def without_server(page):
    go(page, "identify")
    page.route("**/v1/**", lambda route: route.abort())
    page.locator("main input[type=file]").set_input_files(anna(1))
    expect(page.locator("#notice")).to_contain_text("does not answer", timeout=30000)
    page.unroute("**/v1/**")


def journey(page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: errors.append("asks " + request.url) if not request.url.startswith((url, "blob:", "data:")) else None)
    go(page, "people")
    expect(page.get_by_text("Nobody is enrolled yet.")).to_be_visible()
    enrol(page, "Anna", [anna(1)])
    identifying(page)
    naming(page)
    managing(page)
    rejecting(page)
    comparing(page)
    watching(page)
    by_camera(page)
    by_keyboard(page)
    in_german_and_dark(page)
    without_server(page)
    assert not errors, errors


def on_a_phone(page):
    for view in ("identify", "enrol", "people", "unknown", "verify", "calibrate", "audit", "server"):
        go(page, view)
        page.wait_for_timeout(300)
        accessible(page, "phone " + view)
    go(page, "people")
    expect(page.locator("main article").first).to_be_visible()
    shot(page, "phone_people")
    identify(page, group)
    shot(page, "phone_identify")


with sync_playwright() as p:
    browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=[
        "--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"])
    for name, size, run in (("desktop", (1280, 900), journey), ("phone", (390, 844), on_a_phone)):
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="en-GB", permissions=["camera"])
        page = context.new_page()
        page.set_default_timeout(60000)
        try:
            run(page)
        except BaseException:
            shot(page, "failed")
            raise
        print(name, "fine")
        context.close()
    browser.close()
