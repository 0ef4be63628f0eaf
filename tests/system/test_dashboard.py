"""The dashboard in Chromium: what it shows and does, by pointer and by keyboard, and that nothing that others wrote becomes markup.

BRIDGE_TEST_SCREENSHOTS   a folder: pictures of the views, light and dark, are written there
"""

import functools
import json
import os
import pathlib
import re
import sqlite3
import time
import urllib.parse
import uuid

import pytest
from conftest import free_port, package
from service import token_of

webdriver = package("selenium.webdriver")
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"
pytestmark = pytest.mark.skipif(not os.environ.get("BRIDGE_TEST_ALL") and not pathlib.Path(DRIVER).exists(), reason="chromium-driver is not installed")

HOSTILE = '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>'
USERS = {
    "operator": [("*", "read_write")],
    "reporting": [("dbo.*", "read"), ("dbo.Orders", "read_write", 500)],
    "nobody": [],
}
FLAGS = [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--force-device-scale-factor=1",
]
# Runs before the page's own scripts: what the browser refuses is kept where the test can look, and how many requests have no answer yet.
WATCH = """
window.violations = [];
window.unanswered = 0;
{
  const request = window.fetch;
  window.fetch = (...what) => {
    window.unanswered++;
    return request(...what).finally(() => window.unanswered--);
  };
}
document.addEventListener("securitypolicyviolation", (e) => window.violations.push(e.violatedDirective + " " + e.blockedURI));
window.addEventListener("error", (e) => window.violations.push("error " + e.message));
window.addEventListener("unhandledrejection", (e) => window.violations.push("rejection " + e.reason));
"""


class Browser:
    """Chromium with a fresh profile; waits instead of sleeping."""

    def __init__(self, profile, service):
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in [*FLAGS, f"--user-data-dir={profile}"]:
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        self.service = service
        self.origin = f"http://127.0.0.1:{service.port}"
        self.requests = []
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        self.size(1280, 900)

    def size(self, width, height):
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False},
        )

    def scheme(self, name):
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def open(self, path="/ui/"):
        self.driver.get(self.origin + path)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, condition, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                value = condition()
                if value:
                    return value
            except (webdriver.remote.errorhandler.StaleElementReferenceException,
                    webdriver.remote.errorhandler.NoSuchElementException):
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s; the page says:\n{self.text()[:3000]}")

    def text(self):
        return self.driver.find_element(By.TAG_NAME, "body").text

    def has(self, text):
        return self.until(lambda: text in self.text())

    def find(self, selector):
        return self.until(lambda: next((e for e in self.driver.find_elements(By.CSS_SELECTOR, selector) if e.is_displayed()), None))

    def button(self, label, within="body"):
        """The shown button with this text or accessible name."""
        def look():
            for found in self.driver.find_elements(By.CSS_SELECTOR, f"{within} button"):
                if found.is_displayed() and label in (found.text, found.get_attribute("aria-label")):
                    return found
        return self.until(look)

    def keys(self, *keys):
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def sign_in(self, user="operator"):
        self.until(lambda: self.find("#token"))
        self.find("#token").send_keys(token_of(user), Keys.ENTER)
        self.until(lambda: self.find("#main"))
        self.has("Sign out")

    def view(self, name):
        self.find(f"nav a[data-view={name}]").click()
        self.until(lambda: self.find(f"#view-{name}"))

    def problems(self):
        """Violations of the policy, errors of scripts, and what stands in the console."""
        console = [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        return self.run("return window.violations") + console

    def addresses(self):
        """Every address that pages asked for."""
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            # The browser's own first page is none of ours.
            if message["method"] == "Network.requestWillBeSent" and not message["params"]["documentURL"].startswith("chrome:"):
                self.requests.append(message["params"]["request"]["url"])
        return self.requests

    def screenshot(self, path):
        self.driver.save_screenshot(str(path))


FILES = {
    "q/customers.sql": "SELECT 1 AS a UNION ALL SELECT 2",
    "q/orders.sql": "SELECT 2 AS a UNION ALL SELECT 3",
    "bad/broken.sql": f"SELECT '{HOSTILE.replace(chr(39), chr(39) * 2)}' AS a FROM dbo.Nowhere",
    "slow/slow.sql": "WAITFOR DELAY '00:10:00'; SELECT 1 AS a",
    "c/common_params.yaml": "x: y\n",
    "c/Northland.yaml": "country_code: NO\n",
    "c/Eastmark.yaml": "country_code: EA\n",
}


@pytest.fixture
def start(make_service):
    """Starts services with queries and tables of the tests."""
    return functools.partial(make_service, users=USERS, files=FILES)


@pytest.fixture
def open_browser(tmp_path):
    opened = []

    def make(service):
        opened.append(Browser(tmp_path / f"profile{len(opened)}", service))
        return opened[-1]

    yield make
    for one in opened:
        one.driver.quit()


@pytest.fixture
def service(start):
    return start()


@pytest.fixture
def browser(service, open_browser):
    """A browser whose page must end without a problem and without having asked anybody else."""
    one = open_browser(service)
    one.open()
    yield one
    assert one.problems() == []
    for url in one.addresses():
        assert url.startswith((one.origin + "/", "data:")), url
        assert "token" not in url.lower()


def extract(service, queries="q", country="Northland", destination=None, **more):
    wish = {"queries_path": queries, "config_path": "c", "country": country, "destination": destination or f"out/{uuid.uuid4().hex[:6]}", **more}
    reply = service.post("/extract", wish, token="operator")
    assert reply.status == 202, reply
    return reply.json()["job_id"]


def make_tables(service):
    # Its first look is over: with a long interval nothing is looked for any more unless it is asked for.
    service.until(lambda: service.get("/sync/poller/status", token="operator").json()["polls"] > 0)
    service.bridge.sql("sqlserver", "CREATE TABLE dbo.Orders (id int NOT NULL PRIMARY KEY, name nvarchar(20))")
    service.bridge.sql("databricks", "CREATE TABLE main.default.source (id INT, name STRING)")
    service.bridge.sql("databricks", "INSERT INTO main.default.source VALUES (1, 'a'), (2, 'b')")


def send(service, event_id, wait=True, **changes):
    event = {"event_id": event_id, "operation": "INSERT", "source_table": "main.default.source", "target_table": "dbo.Orders", **changes}
    reply = service.post(f"/sync/events?process_immediately={str(wait).lower()}", event, token="operator")
    assert reply.status == 202, reply
    if wait:
        service.until(lambda: service.get(f"/sync/events/{urllib.parse.quote(event_id, safe='')}", token="operator").json()["status"] in ("completed", "failed", "blocked"))


# ---- the files ----


def test_files_and_their_headers(service):
    page = service.get("/ui/", token=None)
    assert page.status == 200 and page.headers["Content-Type"] == "text/html; charset=utf-8"
    names = set(re.findall(r'(?:src|href)="([\w.]+)"', page.body.decode()))
    assert {"app.js", "style.css", "favicon.svg"} <= names
    for name in ["index.html", *names, "store.js"]:
        reply = service.get(f"/ui/{name}", token=None)
        kind = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "html": "text/html; charset=utf-8"}
        assert reply.status == 200 and reply.headers["Content-Type"] == kind[name.rsplit(".")[-1]], name
        assert reply.headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        assert reply.headers.get_all("Cache-Control") == ["no-cache"]
        tag = reply.headers["ETag"]
        again = service.get(f"/ui/{name}", token=None, headers={"If-None-Match": f'W/"other", {tag}'})
        assert again.status == 304 and again.body == b"" and again.headers["ETag"] == tag
        assert service.get(f"/ui/{name}", token=None, headers={"If-None-Match": '"other"'}).status == 200
    for path in ("/ui", "/api/v1/ui"):
        reply = service.get(path, token=None)
        assert reply.status == 307 and reply.headers["Location"] == "ui/"
    for path in ("/ui/none.js", "/ui/..", "/ui/%2e%2e%2fapp.js", "/ui/embed.py"):
        assert service.get(path, token=None).status == 404, path
    assert service.get("/jobs", token=None).headers.get_all("Cache-Control") == ["no-store"]


def test_me_and_audit(service, start):
    me = service.get("/me", token="reporting").json()
    assert me["name"] == "reporting" and me["auth_enabled"] and not me["reads_all"] and not me["administers"]
    assert me["permissions"] == [
        {"table": "dbo.*", "access": "read", "max_delete_rows": None},
        {"table": "dbo.Orders", "access": "read_write", "max_delete_rows": 500},
    ]
    assert service.get("/me", token="operator").json()["administers"]
    assert service.get("/me", token=None).status == 401
    for user in ("reporting", "nobody"):
        assert service.get("/audit", token=user).status == 403
        last = service.audit()[-1]
        assert (last["event_type"], last["user_name"], last["action"]) == ("permission_denied", user, "read_audit")
    service.get("/jobs", token=None)
    lines = service.get("/audit?limit=1000", token="operator").json()
    logins = [line["resource"] for line in lines if line["event_type"] == "auth_success" and line["user_name"] == "operator"]
    assert logins == ["/me"], "the first request's; those that follow are not written"
    assert lines == service.audit()[::-1]
    quiet = service.get("/audit?logins=false&limit=1", token="operator").json()
    assert [line["event_type"] for line in quiet] == ["auth_failure"]
    assert service.get("/audit?limit=0", token="operator").status == 422
    on_stdout = start(env={"AUDIT_FILE": "-"})
    assert on_stdout.get("/audit", token="operator").status == 404


# ---- signing in ----


def test_signing_in_and_out(service, open_browser):
    browser = open_browser(service)
    browser.open("/ui")
    assert browser.driver.current_url.endswith("/ui/")
    field = browser.find("#token")
    browser.until(lambda: browser.focused() == field)
    browser.keys(Keys.ENTER)
    browser.has("Type or paste a token.")
    field.send_keys("no-such-token", Keys.ENTER)
    browser.has("The service does not know this token.")
    assert field.get_attribute("value") == ""
    field.send_keys("two words", Keys.ENTER)
    browser.has("no blanks")
    field.clear()
    browser.sign_in("reporting")
    assert "reporting" in browser.find("#user").text
    assert browser.run("return Object.values(localStorage).join() + document.cookie") == ""
    assert browser.run("return Object.values(sessionStorage)") == [token_of("reporting")]
    browser.driver.refresh()  # the tab keeps it
    browser.has("Sign out")
    assert not browser.driver.find_element(By.ID, "nav-audit").is_displayed()
    browser.view("access")
    browser.has("This token belongs to reporting and sees only its own jobs.")
    rows = [row.text.split() for row in browser.driver.find_elements(By.CSS_SELECTOR, "#view-access tbody tr")]
    assert rows[0][:3] == ["dbo.*", "yes", "no"] and rows[1][:4] == ["dbo.Orders", "yes", "yes", "500"]
    # A token that is taken away ends the session with a word.
    service.set_users({"operator": USERS["operator"]})
    service.until(lambda: service.get("/me", token="reporting").status == 401)
    browser.has("Not authenticated.")
    assert browser.run("return Object.values(sessionStorage)") == []
    browser.sign_in("operator")
    browser.button("Sign out").click()
    browser.until(lambda: browser.find("#token"))
    assert browser.run("return Object.values(sessionStorage)") == []
    assert [p for p in browser.problems() if "a status of 401" not in p] == []
    assert all("token" not in url.lower() for url in browser.addresses())


def test_without_authentication(start, open_browser):
    browser = open_browser(start(users=None, env={"AUTH_ENABLED": "false"}))
    browser.open()
    browser.has("no sign-in needed")
    assert not browser.driver.find_element(By.ID, "signout").is_displayed()
    assert browser.problems() == []


# ---- what it shows and does ----


def test_jobs(service, browser):
    done = extract(service)
    service.ended(done, token="operator")
    failed = extract(service, "bad", "Eastmark")
    service.ended(failed, token="operator")
    slow = extract(service, "slow")
    browser.sign_in()
    browser.view("jobs")
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-jobs tbody tr")) == 3)
    browser.until(lambda: "running" in browser.find("#view-jobs tbody tr").text)
    # A refresh keeps the rows: the same elements stay.
    browser.run("window.row = document.querySelector('#view-jobs tbody tr')")
    browser.driver.find_elements(By.CSS_SELECTOR, "#view-jobs tbody tr")[1].click()
    browser.has("Nowhere")
    assert "broken" in browser.find("#detail").text
    browser.keys(Keys.ESCAPE)
    browser.until(lambda: not browser.driver.find_element(By.ID, "detail").is_displayed())
    browser.driver.find_elements(By.CSS_SELECTOR, "#view-jobs tbody tr")[2].click()
    browser.button("Manifest of customers").click()
    browser.until(lambda: '"customers.parquet"' in browser.find("#detail .manifest").text)
    browser.keys(Keys.ESCAPE)
    browser.until(lambda: not browser.driver.find_element(By.ID, "detail").is_displayed())
    browser.button(f"Cancel the job of Northland, {slow[:8]}").click()
    browser.button("Keep it").click()
    assert service.get(f"/jobs/{slow}", token="operator").json()["status"] == "running"
    browser.button(f"Cancel the job of Northland, {slow[:8]}").click()
    browser.button("Cancel the job").click()
    assert service.ended(slow, token="operator")["status"] == "cancelled"
    browser.until(lambda: "cancelled" in browser.find("#view-jobs tbody tr").text)
    assert browser.run("return window.row === document.querySelector('#view-jobs tbody tr')")
    assert "is cancelled" in browser.driver.find_element(By.ID, "live").get_attribute("textContent")
    browser.driver.find_element(By.CSS_SELECTOR, "input[value=failed]").click()
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-jobs tbody tr")) == 1)
    browser.driver.find_element(By.CSS_SELECTOR, "input[value=pending]").click()
    browser.has("No job is pending.")


def test_events_with_hostile_texts(service, browser):
    make_tables(service)
    send(service, "first")
    send(service, f"twice {HOSTILE}", metadata={HOSTILE: HOSTILE})  # the keys are there already
    send(service, "gone", target_table=f"dbo.[{HOSTILE[:90]}]")
    browser.sign_in()
    browser.has("Events that need somebody")
    browser.has(HOSTILE)
    browser.view("events")
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-events tbody tr")) == 3)
    browser.button(f"twice {HOSTILE}").click()
    assert HOSTILE in browser.find("#detail-title").text
    assert json.dumps(HOSTILE) in browser.find("#detail .facts").text
    service.bridge.sql("sqlserver", "DELETE FROM dbo.Orders")
    browser.button("Retry", "#detail").click()
    browser.until(lambda: "completed" in browser.find("#detail .badge").text)
    browser.button("Close").click()
    for field, text, left in (("select", "failed", 1), ("select", "completed", 2)):
        Select(browser.find(f"#view-events {field}")).select_by_visible_text(text)
        browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-events tbody tr")) == left)
    browser.find("#view-events input[type=search]").send_keys("first")
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-events tbody tr")) == 1)
    browser.find("#view-events input[type=search]").send_keys("nowhere")
    browser.has("No event fits these filters.")
    assert browser.driver.title == "Events · SQL-Databricks Bridge"
    assert browser.run("return document.querySelectorAll('img[src=x], #app script, td img').length") == 0


def test_pending_events_and_look_now(start, open_browser):
    service = start(env={"POLLING_INTERVAL_SECONDS": "3600"})
    make_tables(service)
    send(service, "one", wait=False)
    send(service, "two", wait=False)
    browser = open_browser(service)
    browser.open("/api/v1/ui/#/events")  # below the prefix, and at a view
    browser.sign_in()
    browser.button("Cancel event one").click()
    browser.button("Cancel the event").click()
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-events tbody tr")) == 1)
    assert service.get("/sync/events/one", token="operator").status == 404
    browser.button("Look now").click()
    browser.has("Looked: 1 event ended")
    browser.until(lambda: "completed" in browser.find("#view-events tbody tr").text)
    browser.view("overview")
    browser.until(lambda: "1 event in the table" in browser.text())
    assert browser.problems() == []


def test_what_the_token_may_not(service, open_browser):
    make_tables(service)
    send(service, "twice")
    send(service, "twice-again")
    browser = open_browser(service)
    browser.open("/ui/#/events")
    browser.sign_in("nobody")
    browser.has("No events yet.")
    browser.view("access")
    browser.has("No rights yet")
    browser.open("/ui/#/audit")
    browser.has("The audit is for users with read_write on *.")
    assert browser.problems() == []


def test_audit(service, browser):
    service.get("/jobs", token=None)
    browser.sign_in()
    browser.view("audit")
    browser.has("auth failure")
    assert "auth success" not in browser.find("#view-audit").text
    browser.find("#audit-logins").click()
    browser.has("auth success")


def test_the_service_goes_and_comes_back(start, open_browser):
    service = start(options=("--port", str(free_port())))
    job = extract(service)
    service.ended(job, token="operator")
    browser = open_browser(service)
    browser.open()
    browser.sign_in()
    browser.has("Northland")
    service.kill()
    browser.until(lambda: browser.find("#banner"))
    assert "can't be reached" in browser.find("#banner").text and "Trying again" in browser.find("#banner").text
    assert "Northland" in browser.text()  # what was known stays
    browser.button("Try now").click()
    service.start()
    browser.run("document.getElementById('retry-now').click()")  # where the page has not come back by itself meanwhile
    browser.until(lambda: not browser.driver.find_element(By.ID, "banner").is_displayed())
    browser.until(lambda: browser.find("#live-text").text == "Live")
    # What the browser says of requests that met no service differs: refused, reset, a socket not connected any more.
    assert [p for p in browser.problems() if "net::ERR_" not in p] == []


def test_a_side_that_is_down(start, open_browser, sandbox):
    env = {**sandbox.sqlserver, **sandbox.databricks, "DATABRICKS_HOST": "http://127.0.0.1:9"}
    service = start(env=env, ready=False)
    service.until(lambda: service.get("/health/ready", token=None).json()["components"]["databricks"]["status"] == "unhealthy")
    browser = open_browser(service)
    browser.open("/ui/#/events")
    browser.sign_in()
    browser.until(lambda: browser.find("#view-events .notice[data-kind=error]"))
    browser.view("overview")
    browser.until(lambda: "unhealthy" in browser.find("#view-overview .cards").text)
    assert [p for p in browser.problems() if "a status of 503" not in p] == []


def test_paused_and_hidden_pages_ask_nothing(service, browser):
    browser.sign_in()
    browser.has("Looks every")
    browser.find("#live-button").click()
    assert browser.find("#live-text").text == "Paused"

    def asked():
        return service.metric("http_requests_total", '{method="GET",route="/sync/poller/status",status="200"}')

    service.until(lambda: browser.run("return window.unanswered") == 0)
    before = asked()
    time.sleep(6)  # longer than any pause between two requests for it
    assert asked() == before
    browser.find("#live-button").click()
    service.until(lambda: asked() > before)


# ---- keyboard, colours, sizes ----


def test_by_keyboard_alone(service, browser):
    make_tables(service)
    send(service, "first")
    send(service, "second")
    browser.until(lambda: browser.focused().get_attribute("id") == "token")
    browser.keys(token_of("operator"), Keys.ENTER)
    browser.until(lambda: browser.focused().get_attribute("id") == "main")
    browser.driver.refresh()
    browser.has("Sign out")

    def tab_to(label, limit=40):
        """Presses Tab until the element with this text or name has the focus, which must be visible."""
        seen = []
        for _ in range(limit):
            browser.keys(Keys.TAB)
            now = browser.focused()
            seen.append(now.get_attribute("aria-label") or now.text)
            outline = browser.run("const s = getComputedStyle(arguments[0]); return s.outlineStyle + parseFloat(s.outlineWidth)", now)
            assert outline == "solid2" or now.get_attribute("type") in ("radio",), (seen, outline)
            if label in (now.text, now.get_attribute("aria-label")):
                return seen
        raise AssertionError(f"{label} not reached: {seen}")

    order = tab_to("Events")
    assert order == ["Skip to the content", "Overview", "Jobs", "Events"]
    browser.keys(Keys.ENTER)
    browser.until(lambda: browser.find("#view-events"))
    browser.until(lambda: len(browser.driver.find_elements(By.CSS_SELECTOR, "#view-events tbody tr")) == 2)
    tab_to("second")
    browser.keys(Keys.SPACE)
    browser.until(lambda: browser.driver.find_element(By.ID, "detail").is_displayed())
    for _ in range(6):  # the focus stays inside, or with the browser itself
        browser.keys(Keys.TAB)
        assert browser.run("return document.activeElement === document.body || document.getElementById('detail').contains(document.activeElement)")
    browser.keys(Keys.ESCAPE)
    browser.until(lambda: not browser.driver.find_element(By.ID, "detail").is_displayed())
    assert browser.focused().text == "second"
    service.bridge.sql("sqlserver", "DELETE FROM dbo.Orders")
    tab_to("Retry event second")
    browser.keys(Keys.ENTER)
    browser.until(lambda: "failed" not in browser.find("#view-events tbody").text)
    browser.driver.refresh()
    browser.has("Sign out")
    browser.keys(Keys.TAB, Keys.ENTER)
    browser.until(lambda: browser.focused().get_attribute("id") == "main")


# Text and its ground, for each element that has text of its own: where the contrast is under 4.5.
CONTRAST = """
const luminance = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const parse = (text) => { const p = text.match(/[\\d.]+/g).map(Number); return [p[0], p[1], p[2], p[3] ?? 1]; };
const ground = (node) => {
  for (; node; node = node.parentElement) {
    const color = parse(getComputedStyle(node).backgroundColor);
    if (color[3] === 1) return color;
  }
  return [255, 255, 255, 1];
};
const poor = [];
for (const node of document.querySelectorAll("body *")) {
  const own = [...node.childNodes].some((c) => c.nodeType === 3 && c.textContent.trim() !== "");
  if (!own || !node.checkVisibility() || node.closest(".unseen, .skip, svg, :disabled")) continue;
  const a = luminance(parse(getComputedStyle(node).color)), b = luminance(ground(node));
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) poor.push(`${node.tagName}.${node.className} ${ratio.toFixed(2)} ${node.textContent.slice(0, 40)}`);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_and_a_narrow_screen(service, browser, scheme):
    make_tables(service)
    send(service, "first")
    send(service, "x" * 300)
    service.ended(extract(service, "bad"), token="operator")
    browser.scheme(scheme)
    browser.sign_in()
    light = scheme == "light"
    ground = "return getComputedStyle(document.body).backgroundColor"
    before = browser.run(ground)
    assert (max(map(int, re.findall(r"\d+", before))) > 200) == light
    for width in (1280, 768, 360):
        browser.size(width, 800)
        for view in ("overview", "jobs", "events", "audit", "access"):
            browser.view(view)
            browser.until(lambda: not browser.driver.find_elements(By.CSS_SELECTOR, f"#view-{view} .notice[data-kind=loading]:not([hidden])"))
            wide = browser.run("return document.documentElement.scrollWidth")
            assert wide <= width, (view, width, wide)
            assert browser.run(CONTRAST) == [], (view, width)
        browser.view("events")
        browser.button("first").click()
        browser.until(lambda: browser.driver.find_element(By.ID, "detail").is_displayed())
        assert browser.run("return document.getElementById('detail').scrollWidth") <= width
        assert browser.run(CONTRAST) == []
        browser.button("Close").click()
    browser.size(1280, 900)
    browser.button(f"Switch to {'dark' if light else 'light'} colours").click()
    after = browser.run(ground)
    assert after != before
    browser.driver.refresh()
    browser.has("Sign out")
    assert browser.run(ground) == after


# ---- pictures ----


@pytest.mark.skipif(not os.environ.get("BRIDGE_TEST_SCREENSHOTS"), reason="BRIDGE_TEST_SCREENSHOTS names no folder")
def test_screenshots(start, open_browser):
    folder = pathlib.Path(os.environ["BRIDGE_TEST_SCREENSHOTS"])
    service = start(env={"SYNC_MAX_DELETE_ROWS": "1"})
    staged(service)
    browser = open_browser(service)
    browser.size(1280, 1310)
    browser.open()
    browser.sign_in()
    work_for_a_while(service)
    for view, name, height in (("overview", "dashboard", 1310), ("jobs", "dashboard-jobs", 640), ("events", "dashboard-events", 640)):
        browser.size(1280, height)
        browser.view(view)
        for scheme in ("light", "dark"):
            browser.scheme(scheme)
            time.sleep(2)
            browser.screenshot(folder / f"{name}-{scheme}.png")
    for view in ("access", "audit"):
        browser.view(view)
        time.sleep(2)
        browser.screenshot(folder / f"view-{view}.png")
    browser.view("events")
    browser.find("#view-events tbody button").click()
    time.sleep(1)
    browser.screenshot(folder / "view-event.png")
    browser.keys(Keys.ESCAPE)
    browser.view("jobs")
    browser.find("#view-jobs tbody button").click()
    time.sleep(2)
    browser.screenshot(folder / "view-job.png")
    browser.keys(Keys.ESCAPE)
    browser.scheme("light")
    browser.size(360, 740)
    for view in ("overview", "events", "jobs"):
        browser.view(view)
        time.sleep(2)
        browser.screenshot(folder / f"narrow-{view}.png")


VOLUME = "/Volumes/main/default/landing"
NUMBERS = """
WITH d AS (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5
UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)
SELECT a.n + 10 * b.n + 100 * c.n + 1000 * e.n + 10000 * f.n + 100000 * g.n AS id, 'item' AS name
FROM d a CROSS JOIN d b CROSS JOIN d c CROSS JOIN d e CROSS JOIN d f CROSS JOIN d g
"""


def staged(service):
    make_tables(service)
    service.bridge.write("stock/stock.sql", NUMBERS)
    service.bridge.write("stock/prices.sql", NUMBERS)
    send(service, "orders-2026-11-26", rows_expected=2)
    send(service, "orders-2026-11-26-again")
    send(service, "orders-cleanup", operation="DELETE", source_table="", filter_conditions={"name": "a"}, primary_keys=["id"])
    send(service, "orders-2026-11-27", primary_keys=["id"], metadata={"mode": "upsert"}, rows_expected=3)


def work_for_a_while(service):
    for round in range(4):
        service.ended(extract(service, "stock", ("Northland", "Eastmark")[round % 2], f"{VOLUME}/run{round}"), token="operator")
        for i in range(6):
            send(service, f"orders-{round}-{i}", operation="UPDATE", primary_keys=["id"])
        time.sleep(8)
    send(service, "prices-0412", target_table="dbo.Prices")
    send(service, "orders-closed", operation="DELETE", source_table="", filter_conditions={"name": ["a", "b"]}, primary_keys=["id"])
    service.ended(extract(service, "bad", "Eastmark", f"{VOLUME}/trial"), token="operator")
    # A ledger that last time had as many rows as it will have now.
    service.bridge.write("long/ledger.sql", NUMBERS)
    service.ended(extract(service, "long", "Northland", f"{VOLUME}/ledger"), token="operator")
    with sqlite3.connect(service.bridge.data / "jobs.db", timeout=30) as store:
        store.execute("UPDATE job_query SET rows_extracted=100000000 WHERE name='ledger'")
    service.bridge.write("long/ledger.sql", NUMBERS + " CROSS JOIN d h CROSS JOIN d i")
    extract(service, "long", "Northland", f"{VOLUME}/ledger", overwrite=True)
    time.sleep(20)
