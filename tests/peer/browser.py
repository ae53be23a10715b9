#!/usr/bin/env python3
"""Debian's Chromium, headless, at the console: signs in, adds and deletes a key, sees the state change. Screenshots of each page, light and
dark, wide and narrow, go to the folder named by SCREENSHOTS (kept) or a temporary one."""
import base64
import json
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

from common import OWNER, Lab, check, finish, folder, needs, start, until

needs("chromium", "chromedriver", "dig")
lab = Lab("browser", 24)
work = folder("chromium")
shots = Path(os.environ.get("SCREENSHOTS", work / "screenshots"))
shots.mkdir(parents=True, exist_ok=True)
PORT = 9724
start(["chromedriver", f"--port={PORT}", "--allowed-ips=127.0.0.1"], work / "chromedriver.log")


class Browser:
    """As much of the WebDriver protocol as a person needs."""

    def __init__(self, dark=False, script=True):
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                   "--disable-component-update", "--disable-sync", f"--user-data-dir={work}/profile-{dark}-{script}", "--hide-scrollbars"]
        if dark:
            options.append("--force-dark-mode")
            options.append("--blink-settings=preferredColorScheme=0")
        chrome = {"args": options, "binary": "/usr/bin/chromium"}
        if not script:
            chrome["prefs"] = {"profile.managed_default_content_settings.javascript": 2}
        answer = self.send("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": chrome}}})
        self.session = "/session/" + answer["sessionId"]

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def call(self, path, body=None, method="POST"):
        return self.send(method, self.session + path, {} if body is None and method == "POST" else body)

    def open(self, path):
        self.call("/url", {"url": lab.url() + path})

    def find(self, how, what):
        found = self.call("/elements", {"using": how, "value": what})
        return [next(iter(f.values())) for f in found]

    def click(self, how, what):
        def once():
            found = self.find(how, what)
            if not found:
                return None
            try:
                self.call(f"/element/{found[0]}/click")
            except urllib.error.HTTPError:
                return None  # the page it was found on is gone
            return True
        self.settle()
        if not until(once, 5, 0.05):
            raise LookupError(f"nothing to click: {what}; the page says: {self.text()[:600]}")

    def type(self, name, text):
        element = self.find("css selector", f"[name={name}]")[0]
        self.call(f"/element/{element}/value", {"text": text})

    def choose(self, name, value):
        self.click("css selector", f"select[name={name}] option[value='{value}'], input[name={name}][value='{value}']")

    def link(self, text):
        self.click("xpath", f"//a[contains(normalize-space(.), '{text}')]")

    def button(self, text, within=""):
        self.click("xpath", f"{within}//button[contains(normalize-space(.), '{text}')]")

    def text(self):
        # Right after a click the old page may be gone and the new one not there yet.
        def read():
            try:
                return self.call("/element/" + self.find("css selector", "body")[0] + "/text", method="GET")
            except (IndexError, urllib.error.HTTPError):
                return None
        self.settle()
        return until(read, 5, 0.05) or ""

    def shows(self, *words):
        """The page says all of these, now or within a moment: a click may still be on its way."""
        return until(lambda: all(w in (text := self.text()) for w in words), 5, 0.1)

    def settle(self):
        until(lambda: self.call("/execute/sync", {"script": "return document.readyState", "args": []}) == "complete", 5, 0.05)

    def size(self, width, height):
        self.call("/window/rect", {"width": width, "height": height})

    def shoot(self, name):
        (shots / f"{name}.png").write_bytes(base64.b64decode(self.call("/screenshot", method="GET")))

    def overflow(self):
        """How far the page is wider than the window, in pixels. Scripts of the driver run where the page's own are switched off too."""
        return self.call("/execute/sync", {"script": "return document.documentElement.scrollWidth - window.innerWidth", "args": []})

    def quit(self):
        self.send("DELETE", self.session)


def sign_in(browser):
    browser.open("/")
    browser.type("email", OWNER)
    browser.type("password", lab.secret("owner-password"))
    browser.button("Sign in")
    browser.shows("Registered domains")  # what is opened before the answer came takes it away


def wait_text(browser, words, seconds=20):
    def there():
        text = browser.text()
        return text if words in text else browser.call("/refresh") and None
    return until(there, seconds, 0.3)


until(lambda: b"started" in (work / "chromedriver.log").read_bytes(), 20)
key = lab.keys("4.1", "example.nz")[0]

for script in (True, False):
    label = "with JavaScript" if script else "without JavaScript"
    browser = Browser(script=script)
    browser.size(1280, 900)
    browser.open("/")
    browser.shoot("1-sign-in")
    browser.type("email", OWNER)
    browser.type("password", "not the password")
    browser.button("Sign in")
    check("Registered domains" not in browser.text(), f"a wrong password does not sign in, {label}", browser.text())
    browser.shoot("2-sign-in-refused")
    sign_in(browser)
    check(browser.shows("Registered domains", "example.nz"), f"signs in and sees the domains, {label}", browser.text())
    browser.shoot("3-domains")
    browser.link("example.nz")
    check(browser.shows("DNSSEC status"), f"the domain's page has its DNSSEC status, {label}", browser.text())
    browser.shoot("4-domain")
    browser.link("Manage keys")
    check(browser.shows("Key type", "Algorithm"), f"Manage keys has the form, {label}", browser.text())
    browser.shoot("5-manage-keys")
    browser.choose("type", "ksk")
    browser.choose("algorithm", "13")
    browser.type("public_key", "this is no key")
    browser.button("Add")
    check(browser.shows("base64"), f"a malformed key is refused with its reason, {label}", browser.text())
    browser.shoot("6-refused")
    browser.link("Show the operation")
    check(browser.shows("Refused at once", "this is no key", "Notice"), f"the refusal is an operation with its notice, {label}", browser.text())
    browser.shoot("6-refused-operation")
    lab.control("registry-two", "pause")
    browser.open("/")
    browser.link("example.nz")
    browser.link("Manage keys")
    browser.choose("type", "ksk")
    browser.choose("algorithm", "13")
    browser.type("public_key", key)
    browser.button("Add")
    check(browser.shows("Pending: Add a key"), f"Add shows the pending state, {label}", browser.text())
    browser.shoot("7-pending")
    lab.control("registry-two", "resume")
    browser.link("Registered domains")
    browser.link("example.nz")
    check(wait_text(browser, "confirmed the chain of trust", 25), f"the domain becomes secure on its page, {label}", browser.text())
    browser.shoot("8-domain-secure")
    browser.link("Manage keys")
    browser.shoot("9-keys-with-delete")
    browser.button("Delete")
    check(browser.shows("insecure"), f"deleting the last key names the consequence first, {label}", browser.text())
    browser.shoot("10-confirm")
    boxes = browser.find("css selector", "input[type=checkbox]")
    if boxes:
        browser.call(f"/element/{boxes[0]}/click")
    browser.button("Delete")
    done = wait_text(browser, "No keys", 25)
    browser.open("/")
    browser.link("example.nz")
    browser.link("Manage keys")
    check(done or wait_text(browser, "No keys", 25), f"the key is gone after the registry's answer, {label}", browser.text())
    browser.link("Operations")
    check(browser.shows("example.nz"), f"operations are listed, {label}", browser.text())
    browser.shoot("11-operations")
    browser.link("TLD")
    check(browser.shows("com", "13"), f"the TLDs are listed with their limits, {label}")
    browser.shoot("12-tlds")
    browser.link("API tokens")
    browser.type("label", "robot " + label)
    browser.button("Make a token")
    check(browser.shows("shown only once", "vouch_"), f"a token is made and shown, {label}", browser.text())
    browser.shoot("13-token-made")
    browser.link("API tokens")
    check(browser.shows("robot " + label, "never") and "vouch_" not in browser.text(), f"and never shown again, {label}", browser.text())
    browser.shoot("14-tokens")
    browser.button("Revoke", f"//tr[contains(., 'robot {label}')]")
    check(until(lambda: "robot " + label not in browser.text(), 5), f"it is revoked, {label}", browser.text())
    browser.button("Sign out")
    browser.open("/")
    check("Registered domains" not in browser.text(), f"signs out, {label}")
    browser.quit()

# Its provider switches DNSSEC off while the key is at the registry (S45): the page shows it and the registrant is told, once; and once again
# when it is well.
careless = lab.add_and_wait("careless.com", lab.keys("4.1", "careless.com")[0])
check(careless.get("Status") == "SUCCESSFUL", "careless.com has its key at the registry", careless)
browser = Browser()
browser.size(1280, 900)
sign_in(browser)
BROKEN, WELL = "careless.com: the DNSSEC chain of trust is broken", "careless.com: the DNSSEC chain of trust is well again"
for words, page in (("sign", "Secure"), ("unsign", "Broken"), ("sign", "Secure")):
    lab.control("provider-signer", words, "careless.com")
    browser.open("/")
    browser.link("careless.com")
    check(wait_text(browser, page, 40) and browser.shows("Checked"), f"after {words} at the provider the page says {page}, and when it was checked", browser.text())
    browser.shoot("15-careless-" + words)
    if words == "unsign":
        check(until(lambda: len(lab.mails(BROKEN)) == 1, 30), "one notice says that it is broken", lab.mails(BROKEN))
check(until(lambda: len(lab.mails(WELL)) == 1, 30), "one notice says that it is well again", lab.mails(WELL))
check(len(lab.mails(BROKEN)) == 1, "and none was sent twice")
browser.quit()

for name, dark, width, height in (("dark", True, 1280, 900), ("phone", False, 390, 844), ("phone-dark", True, 390, 844)):
    browser = Browser(dark=dark)
    browser.size(width, height)
    sign_in(browser)
    wide = []
    for page, steps in (("domains", ()), ("domain", ("example.com",)), ("keys", ("example.com", "Manage keys")), ("tokens", ("API tokens",))):
        browser.open("/")
        for step in steps:
            browser.link(step)
        browser.shoot(f"{name}-{page}")
        wide.append(browser.overflow())
    check(all(w <= 0 for w in wide), f"no page is wider than the window: {name}", wide)
    browser.quit()
check(lab.stop() == 0, "the lab ends cleanly", lab.output()[-2000:])
finish()
