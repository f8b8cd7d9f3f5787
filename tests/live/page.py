# SPDX-License-Identifier: MIT
"""The dashboard in a real browser, as a user sees it: by the words on it."""

import os

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from harness import DEADLINE, until

PICTURES = os.path.join(os.path.dirname(__file__), "../../build/pictures")
WIDTHS = {"wide": (1280, 900), "phone": (390, 844)}


def new_browser(folder):
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                   "--disable-background-networking", "--disable-component-update", "--no-first-run",
                   "--user-data-dir=" + folder + "/browser"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    browser.set_page_load_timeout(DEADLINE)
    browser.set_script_timeout(DEADLINE)
    return browser


def quoted(text):
    return "concat('', '" + text.replace("'", "', \"'\", '") + "')"


class Page:
    """`browser` shows the page of `daemon`."""

    def __init__(self, browser, daemon):
        self.browser, self.daemon = browser, daemon
        self.url = "http%s://%s:%d/" % ("s" if daemon.tls else "", *daemon.address)
        browser.get("about:blank")
        browser.delete_all_cookies()
        self.resize("wide")

    def resize(self, width, dark=False):
        columns, rows = WIDTHS[width]
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": columns, "height": rows, "deviceScaleFactor": 1, "mobile": width == "phone"})
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})

    def open(self, view=""):
        self.browser.get(self.url + ("#/" + view if view else ""))

    def log_in(self, token):
        self.open()
        self.type("Token", token)
        self.press("Log in")
        self.see("Log out")

    @property
    def text(self):
        return self.browser.execute_script("return document.body.innerText")

    def see(self, words):
        until(lambda: words in self.text, f"{words!r} on the page:\n{self.text}")

    def see_no(self, words):
        until(lambda: words not in self.text, f"no {words!r} on the page:\n{self.text}")

    def element(self, xpath):
        """The first that is shown."""
        found = []

        def look():
            try:
                found[:] = [each for each in self.browser.find_elements(By.XPATH, xpath) if each.is_displayed()]
            except StaleElementReferenceException:
                found.clear()
            return found

        until(look, f"{xpath} on the page:\n{self.text}")
        return found[0]

    def press(self, label):
        """A button or link with this text or name: of the dialog, if one is open."""
        name = quoted(label)
        dialog = "//dialog[@open]" if self.browser.find_elements(By.XPATH, "//dialog[@open]") else ""
        xpath = f"{dialog}//*[self::button or self::a][normalize-space()={name} or @aria-label={name}]"

        def pressed():
            try:
                self.element(xpath).click()
                return True
            except StaleElementReferenceException:  # a table was written anew meanwhile
                return False

        until(pressed, f"a press of {label!r}")

    def field(self, label):
        node = self.element(f"//label[normalize-space()={quoted(label)}]").get_attribute("for")
        return self.browser.find_element(By.ID, node)

    def type(self, label, text):
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def figure(self, name):
        """What the tile of that name shows."""
        return self.browser.execute_script("""
            for (const tile of document.querySelectorAll(".tile"))
              if (tile.querySelector("dt").innerText === arguments[0]) return tile.querySelector("b").innerText;
            return null;""", name)

    def settle(self):
        """Waits until the view has its data: no request is under way, and something was drawn."""
        until(lambda: self.browser.execute_script("""
            const last = performance.getEntriesByType("resource").at(-1);
            return document.querySelector(".view")?.childElementCount > 0 &&
              performance.now() - last.responseEnd > 200;"""), "the view's data")

    def picture(self, name):
        os.makedirs(PICTURES, exist_ok=True)
        self.browser.save_screenshot(os.path.join(PICTURES, name + ".png"))

    def complaints(self):
        """What the browser's console says of us: errors, and violations of the page's policy."""
        return [entry["message"] for entry in self.browser.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]
