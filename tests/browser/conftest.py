"""Chromium for the tests: the distribution's, headless, with example.com's names on this machine."""

import shutil
import subprocess
import time

import pytest

from tests.browser.recorder import Recorder
from tests.conftest import ROOT

# A browser's start-up asks its maker for this and that; the tests' browser talks to this machine alone.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", "--disable-quic", "--host-resolver-rules=MAP * 127.0.0.1",
         # Else it says that a program drives it, and what it does is kept apart.
         "--disable-blink-features=AutomationControlled"]


@pytest.fixture(scope="session")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


def wait_for(page, condition, seconds=30):
    """Wait until a condition holds, and let the browser's messages through meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        page.wait_for_timeout(10)


def follow(page, element):
    """Click what leads to another page, and wait until that is there: a click alone waits until its answer begins."""
    with page.expect_navigation():
        element.click()


@pytest.fixture
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture
def context(browser):
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def page(context):
    """A page whose errors and warnings are kept in its ``problems``."""
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    return page


@pytest.fixture(scope="session")
def npm():
    """The folder of npm's packages, those of package-lock.json."""
    subprocess.run(["make", "--silent", "npm"], cwd=ROOT, check=True, capture_output=True)
    return ROOT / "build" / "npm" / "node_modules"
