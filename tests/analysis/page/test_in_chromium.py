"""The page in a headless browser: skipped where there is none; `make page-test` installs one."""

import shutil
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from analysis_cases import write_cell, write_results
from page_cases import HOSTILE, PUBLISHED, hostile, whole

from analysis.load import load
from analysis.page.page import write_page
from analysis.plots.looks import style_of
from analysis.published import read_published

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright, or: make page-test")
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PLAIN, BOTH = (1400, 900), ((1400, 900), (400, 800))


@pytest.fixture(scope="module")
def browser():
    """Chromium of the system, or the one that playwright installed."""
    with playwright.sync_playwright() as driver:
        found = next(filter(None, map(shutil.which, NAMES)), driver.chromium.executable_path)
        if not Path(found).exists():
            pytest.skip("no Chromium: apt-get install chromium, or python -m playwright install chromium")
        started = driver.chromium.launch(executable_path=found, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """One page of ordinary results with a failed run and published curves, and one of hostile ones."""
    folder = write_results(tmp_path_factory.mktemp("results"))
    write_cell(folder, "Easy-v0", "climbs", 3, status="diverged", reached=3)
    (folder / "p.csv").write_text(PUBLISHED)
    results = load(folder)
    moving = results.evaluations.assign(gradient_evaluations=results.evaluations.grid_step / 10)
    results = replace(results, evaluations=moving)
    ordinary = write_page([whole(results)], folder / "a.html", read_published(folder / "p.csv"), True, "a clock")
    return {"ordinary": ordinary, "hostile": write_page([hostile(results)], folder / "h.html", None, True, HOSTILE)}


@contextmanager
def opened(browser, file, size=PLAIN):
    """The page, which must neither complain nor ask for anything but itself."""
    said, asked = [], []
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    page.wait_for_selector("#plot .main-svg .xtick")
    yield page
    page.close()
    assert said == [], "the console must stay silent"
    assert [url for url in asked if not url.startswith(("data:", "blob:"))] == [file.as_uri()]


def names(page):
    return page.evaluate("document.getElementById('plot').data.map((trace) => trace.name)")


def axis(page, which="xaxis"):
    return page.evaluate(f"document.getElementById('plot')._fullLayout.{which}.title.text")


def column(page, head):
    """Texts of a column of the first table of rules."""
    table = page.locator("#tables table").first
    heads = [text.strip() for text in table.locator("th").all_inner_texts()]
    return [row.locator("td").nth(heads.index(head)).inner_text() for row in table.locator("tbody tr").all()]


@pytest.mark.parametrize("size", BOTH, ids=str)
@pytest.mark.parametrize("kind", ["ordinary", "hostile"])
def test_it_renders_and_does_not_overflow(browser, files, kind, size):
    with opened(browser, files[kind], size) as page:
        assert page.locator("#plot .scatterlayer .trace").count() >= 4
        page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
        wide = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1]


def test_a_verdict_is_read_without_scrolling_on_a_telephone(browser, files):
    with opened(browser, files["ordinary"], BOTH[1]) as page:
        box = page.locator("#verdicts tbody td", has_text="undecided").bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= BOTH[1][0]
        page.locator("#provenance summary", has_text="Every run").click()
        tall = [row.bounding_box()["height"] for row in page.locator("#provenance details[open] tbody tr").all()]
        assert tall and max(tall) < 40, "a line each"


def test_a_rule_is_toggled_alone_and_all_at_once(browser, files):
    with opened(browser, files["ordinary"]) as page:
        assert {"climbs", "runs of climbs", "stays"} <= set(names(page))
        page.get_by_label("climbs", exact=True).uncheck()
        assert not [name for name in names(page) if "climbs" in name] and "stays" in names(page)
        page.locator("#none").click()
        assert not {"climbs", "stays"} & set(names(page))
        page.locator("#all").click()
        assert {"climbs", "stays"} <= set(names(page))


def test_runs_and_band_are_drawn_on_demand(browser, files):
    with opened(browser, files["ordinary"]) as page:
        page.locator("#runs").uncheck()
        assert "runs of climbs" not in names(page)
        page.locator("#band").check()
        assert names(page).count("band of climbs") == 2


def test_single_runs_of_a_seed_are_toggled_and_means_stay(browser, files):
    lines = "document.getElementById('plot').data.find((trace) => trace.name === 'runs of climbs')"
    runs = f"{lines}.x.filter((x) => x === null).length"
    with opened(browser, files["ordinary"]) as page:
        assert page.evaluate(runs) == 5
        page.locator("#seeds").get_by_label("0", exact=True).uncheck()
        assert page.evaluate(runs) == 4 and "climbs" in names(page)
        assert "Means and bands are of all seeds." in page.locator("#remark").inner_text()
        page.locator("#none-seeds").click()
        page.locator("#all-seeds").click()
        assert page.evaluate(runs) == 5


def test_a_failed_run_has_a_cross_and_goes_on_as_what_it_counts_as(browser, files):
    of = "document.getElementById('plot').data.find((t) => t.name === '%s of climbs')"
    with opened(browser, files["ordinary"]) as page:
        cross, after = (page.evaluate(of % name) for name in ("failures", "imputed runs"))
        assert (cross["x"][0], cross["y"][0]) == (100, 23) and after["x"][:9] == [*range(100, 401, 50), None]
        assert set(after["y"][1:7]) == {0} and "diverged" in cross["customdata"][0]


def test_the_tables_show_the_rules_and_seeds_that_are_chosen(browser, files):
    with opened(browser, files["ordinary"]) as page:
        page.get_by_label("climbs", exact=True).uncheck()
        rows = page.locator("#tables table").first.locator("tbody tr:visible td:first-child")
        assert rows.all_inner_texts() == ["stays"]
        assert page.locator("#verdicts tbody tr:visible").count() == 0, "a verdict is of both rules"
        page.get_by_label("climbs", exact=True).check()
        every = page.locator("#provenance details", has_text="Every run")
        every.locator("summary").click()
        assert every.locator("tbody tr:visible").count() == 20
        page.locator("#seeds").get_by_label("1", exact=True).uncheck()
        assert every.locator("tbody tr:visible").count() == 16


def test_rules_are_found_by_a_part_of_their_name(browser, files):
    with opened(browser, files["ordinary"]) as page:
        page.locator("#filter").fill("CLI")
        assert page.locator("#rules label:visible").all_inner_texts() == [" climbs"]
        page.locator("#none").click()
        assert "climbs" not in names(page) and "stays" in names(page), "only what is in sight is switched"


def test_colours_are_those_of_python_in_light_and_dark(browser, files):
    colour = "document.getElementById('plot').data.find((t) => t.name === 'climbs').line.color"
    ground = "document.getElementById('plot')._fullLayout.plot_bgcolor"
    seen = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(files["ordinary"].as_uri())
        page.wait_for_selector("#plot .main-svg .xtick")
        seen.add((page.evaluate(colour), page.evaluate(ground)))
        page.close()
    own = style_of(["climbs", "stays"], dict.fromkeys(["climbs", "stays"], "trpo"))["climbs"].color
    assert seen == {(own, "#ffffff")}, "contrasts are chosen for white"


def test_axes_switch(browser, files):
    with opened(browser, files["ordinary"]) as page:
        assert (axis(page), axis(page, "yaxis")) == ("environment steps", "return")
        page.locator("#horizontal").select_option("gradient_evaluations")
        assert axis(page) == "gradient evaluations" and "stays" in names(page)
        page.locator("#horizontal").select_option("fisher_products")
        assert "Not drawn, for they take none: stays." in page.locator("#remark").inner_text()
        page.locator("#horizontal").select_option("train_s")
        assert axis(page).startswith("training seconds")
        page.locator("#log").check()
        assert page.evaluate("document.getElementById('plot')._fullLayout.xaxis.type") == "log"
        page.locator("#vertical").select_option("score")
        assert axis(page, "yaxis").startswith("score")


def test_scores_and_environments_are_those_of_the_choice(browser, files):
    top = "Math.max(...document.getElementById('plot').data.find((t) => t.name === 'climbs').y)"
    with opened(browser, files["ordinary"]) as page:
        page.locator("#environment").select_option(label="Hard-v0")
        assert page.evaluate(top) == 82
        page.locator("#vertical").select_option("score")
        assert page.evaluate(top) == pytest.approx((82 + 10) / 20)


def test_a_point_says_whose_it_is(browser, files):
    hover = "Plotly.Fx.hover(document.getElementById('plot'), [{ curveNumber: %d, pointNumber: 1 }])"
    with opened(browser, files["hostile"]) as page:
        page.locator("#environment").select_option(label="Hard-v0")
        page.evaluate(hover % names(page).index(next(n for n in names(page) if n.startswith("climbs"))))
        text = page.locator("#plot .hoverlayer").text_content()
        assert text.startswith("climbs</script><b>b</b>") and "IQM 12" in text and "%{" not in text.replace("%{x}", "")


def test_published_curves_are_toggled_and_stand_in_steps_only(browser, files):
    theirs = "A2C, Easy-v5, them@1"
    with opened(browser, files["ordinary"]) as page:
        assert theirs not in names(page) and "TRPO(mpi), EASY-v0, them@1" in names(page)
        page.get_by_label(theirs).check()
        assert theirs in names(page) and "Rewards differ" in page.locator("#remark").inner_text()
        page.locator("#horizontal").select_option("train_s")
        assert theirs not in names(page) and page.locator("#others").is_hidden()


def test_a_table_is_sorted_by_click_and_by_key(browser, files):
    with opened(browser, files["ordinary"]) as page:
        head = page.locator("#tables th", has_text="final return").first
        assert column(page, "rule") == ["climbs", "stays"]
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "ascending" and column(page, "rule") == ["stays", "climbs"]
        head.locator("button").focus()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending" and column(page, "rule") == ["climbs", "stays"]


def test_numbers_are_sorted_as_numbers_and_what_is_unknown_stays_last(browser, files):
    with opened(browser, files["ordinary"]) as page:
        page.locator("#verdicts th", has_text="ratio").locator("button").click()
        ratios = page.locator("#verdicts tbody td:nth-child(10)")
        assert ratios.all_inner_texts() == ["3.9", "12.5"]
        head = page.locator("#verdicts th", has_text="seeds needed")
        for _ in range(2):
            head.locator("button").click()
            assert page.locator("#verdicts tbody td:last-child").all_inner_texts() == ["38", ""]


def test_hostile_text_runs_nothing_and_is_shown_as_it_is(browser, files):
    with opened(browser, files["hostile"]) as page:
        for box in ("log", "band"):
            page.locator(f"#{box}").check()
        for environment in range(2):
            page.locator("#environment").select_option(str(environment))
        assert page.evaluate("window.bad") is None
        assert (
            page.locator("img:not([src^='data:image/png;base64,'])").count() == 0
            and page.locator("script").count() == 3
        )
        assert page.locator("#rules b, #plot b, #remark b").count() == 0
        assert "</script><b>b</b><script>window.bad=1</script>" in page.locator("#rules").inner_text()
        page.get_by_label("climbs</script>").uncheck()
        assert not [name for name in names(page) if "climbs" in name]
