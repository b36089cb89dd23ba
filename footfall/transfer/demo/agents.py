"""Browsers of today and what they run on, as they tell it; and bots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from footfall.transfer.demo.choices import Choices

_WIN = "Windows NT 10.0; Win64; x64"
_MAC = "Macintosh; Intel Mac OS X 10_15_7"
_LINUX = "X11; Linux x86_64"
_PHONE = "Linux; Android 10; K"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

#: The sizes of screens, by what has them.
SCREENS = {
    "pc": "1920x1080 1920x1080 1920x1080 1536x864 1536x864 1366x768 2560x1440 1440x900 1280x720 1600x900 3840x2160",
    "mac": "1440x900 1512x982 1470x956 1728x1117 1680x1050 2560x1440",
    "iphone": "390x844 393x852 402x874 430x932 375x812 414x896",
    "android": "360x800 412x915 393x873 384x832 360x780 412x892",
    "ipad": "820x1180 810x1080 834x1194 1024x1366",
    "tablet": "800x1280 753x1205 962x601",
}


class Agent(NamedTuple):
    """A browser on a device.

    :param user_agent: its header.
    :param screens: sizes of the device's screen.
    """

    user_agent: str
    screens: tuple[str, ...]


def _chrome(platform: str, version: int, mark: str = "", mobile: str = "") -> str:
    return f"Mozilla/5.0 ({platform}) {_BLINK} Chrome/{version}.0.0.0 {mobile}Safari/537.36{mark}"


def _firefox(platform: str, version: int, engine: str = "20100101") -> str:
    return f"Mozilla/5.0 ({platform}; rv:{version}.0) Gecko/{engine} Firefox/{version}.0"


def _safari(version: str) -> str:
    return f"Mozilla/5.0 ({_MAC}) {_WEBKIT} Version/{version} Safari/605.1.15"


def _ios(device: str, system: str, browser: str, end: str = " Safari/604.1") -> str:
    platform = f"iPhone; CPU iPhone OS {system}" if device == "iPhone" else f"iPad; CPU OS {system}"
    return f"Mozilla/5.0 ({platform} like Mac OS X) {_WEBKIT} {browser}Mobile/15E148{end}"


def _web_view(device: str, mark: str) -> str:
    return (f"Mozilla/5.0 (Linux; Android 15; {device}; wv) {_BLINK} Version/4.0 Chrome/142.0.7444.102 "
            f"Mobile Safari/537.36{mark}")


_WEIGHTED = (
    (170, "pc", _chrome(_WIN, 142)),
    (60, "pc", _chrome(_WIN, 141)),
    (18, "pc", _chrome(_WIN, 140)),
    (10, "pc", _chrome(_WIN, 138)),
    (8, "pc", _chrome(_WIN, 109)),
    (58, "mac", _chrome(_MAC, 142)),
    (20, "mac", _chrome(_MAC, 141)),
    (6, "mac", _chrome(_MAC, 139)),
    (16, "pc", _chrome(_LINUX, 142)),
    (7, "pc", _chrome(_LINUX, 141)),
    (7, "pc", _chrome("X11; CrOS x86_64 14541.0.0", 142)),
    (48, "pc", _chrome(_WIN, 142, " Edg/142.0.0.0")),
    (16, "pc", _chrome(_WIN, 141, " Edg/141.0.0.0")),
    (4, "mac", _chrome(_MAC, 142, " Edg/142.0.0.0")),
    (9, "pc", _chrome(_WIN, 140, " OPR/124.0.0.0")),
    (3, "mac", _chrome(_MAC, 140, " OPR/124.0.0.0")),
    (2, "pc", _chrome(_LINUX, 140, " OPR/124.0.0.0")),
    (4, "pc", _chrome(_WIN, 142, " Vivaldi/7.6.3797.63")),
    (3, "pc", _chrome(_WIN, 140, " YaBrowser/25.10.0.0")),
    (34, "pc", _firefox(_WIN, 145)),
    (14, "pc", _firefox(_WIN, 144)),
    (7, "pc", _firefox(_WIN, 140)),
    (4, "pc", _firefox(_WIN, 128)),
    (3, "pc", _firefox(_WIN, 115)),
    (9, "mac", _firefox("Macintosh; Intel Mac OS X 10.15", 145)),
    (4, "mac", _firefox("Macintosh; Intel Mac OS X 10.15", 144)),
    (13, "pc", _firefox(_LINUX, 145)),
    (6, "pc", _firefox(_LINUX, 140)),
    (7, "pc", _firefox("X11; Ubuntu; Linux x86_64", 145)),
    (28, "mac", _safari("26.1")),
    (22, "mac", _safari("26.0")),
    (20, "mac", _safari("18.6")),
    (6, "mac", _safari("18.5")),
    (6, "mac", _safari("17.6")),
    (2, "mac", _safari("16.6")),
    (130, "android", _chrome(_PHONE, 142, mobile="Mobile ")),
    (45, "android", _chrome(_PHONE, 141, mobile="Mobile ")),
    (14, "android", _chrome(_PHONE, 139, mobile="Mobile ")),
    (6, "android", _chrome(_PHONE, 142, " EdgA/142.0.0.0", "Mobile ")),
    (6, "android", _chrome(_PHONE, 139, " OPR/92.0.0.0", "Mobile ")),
    (28, "android", f"Mozilla/5.0 ({_PHONE}) {_BLINK} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36"),
    (9, "android", f"Mozilla/5.0 ({_PHONE}) {_BLINK} SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"),
    (9, "android", _firefox("Android 15; Mobile", 145, "145.0")),
    (4, "android", _firefox("Android 14; Mobile", 144, "144.0")),
    (5, "android", _web_view("SM-S931B Build/AP3A.240905.015", " [FB_IAB/FB4A;FBAV/537.0.0.40.73;]")),
    (4, "android", _web_view("Pixel 9 Build/BP3A.251105.015", " Instagram 406.0.0.42.105 Android")),
    (4, "android", _web_view("SM-A556B Build/AP3A.240905.015", " GSA/16.45.39.sa.arm64")),
    (70, "iphone", _ios("iPhone", "18_6", "Version/26.1 ")),
    (40, "iphone", _ios("iPhone", "18_6", "Version/26.0 ")),
    (50, "iphone", _ios("iPhone", "18_6", "Version/18.6 ")),
    (16, "iphone", _ios("iPhone", "18_5", "Version/18.5 ")),
    (9, "iphone", _ios("iPhone", "17_6_1", "Version/17.6 ")),
    (3, "iphone", _ios("iPhone", "16_7_12", "Version/16.6 ")),
    (18, "iphone", _ios("iPhone", "18_7", "CriOS/142.0.7444.148 ")),
    (4, "iphone", _ios("iPhone", "18_7", "FxiOS/145.0 ")),
    (8, "iphone", _ios("iPhone", "18_7", "GSA/395.0.833690390 ")),
    (3, "iphone", _ios("iPhone", "18_6", "Version/18.0 ", " Safari/604.1 Ddg/18.6")),
    (5, "iphone", _ios("iPhone", "18_7", "", " Instagram 406.0.0.32.73 (iPhone16,1; iOS 18_7; en_US; en)")),
    (4, "iphone", _ios("iPhone", "18_7", "", " [FBAN/FBIOS;FBAV/537.0.0.42.104;FBDV/iPhone15,2;FBSV/18.7]")),
    (3, "iphone", _ios("iPhone", "18_7", "", " LinkedInApp/9.31.6512")),
    (12, "ipad", _ios("iPad", "18_6", "Version/18.6 ")),
    (4, "ipad", _ios("iPad", "17_6_1", "Version/17.6 ")),
    (2, "ipad", _ios("iPad", "18_7", "CriOS/142.0.7444.148 ")),
    (9, "tablet", _chrome(_PHONE, 142)),
    (3, "tablet", f"Mozilla/5.0 (Linux; Android 14; SM-X710) {_BLINK} Chrome/141.0.0.0 Safari/537.36"),
    (2, "tablet", f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {_BLINK} Silk/140.2.3 like Chrome/140.0.0.0 Safari/537.36"),
)

#: Browsers, as often as they are met.
AGENTS = Choices((weight, Agent(user_agent, tuple(SCREENS[device].split())))
                 for weight, device, user_agent in _WEIGHTED)


class Bot(NamedTuple):
    """What is kept apart.

    :param reason: the collector's. It is written down here, as a newer list of bots may give another name.
    :param user_agent: its header.
    :param referrer: what it says that it came from.
    :param more: what else the tracker tells, of a browser that a program drives.
    """

    reason: str
    user_agent: str
    referrer: str = ""
    more: Mapping[str, str] = {}


#: What is kept apart, as often as it is met.
BOTS = Choices((
    (30, Bot("bot: Googlebot", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")),
    (16, Bot("bot: bingbot", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)")),
    (12, Bot("bot: GPTBot", f"Mozilla/5.0 {_BLINK}; compatible; GPTBot/1.2; +https://openai.com/gptbot)")),
    (10, Bot("bot: claudebot", f"Mozilla/5.0 {_BLINK}; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)")),
    (10, Bot("bot: AhrefsBot", "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)")),
    (6, Bot("bot: curl", "curl/8.16.0")),
    (6, Bot("bot: python-requests", "python-requests/2.32.5")),
    (4, Bot("bot: empty", "")),
    (8, Bot("headless: webdriver", _chrome(_LINUX, 141), more={"screen": "1280x720", "bot": "webdriver"})),
    (5, Bot("spam: semalt.com", _chrome(_WIN, 109), "https://semalt.com/crawler.php")),
    (3, Bot("spam: buttons-for-website.com", _chrome(_WIN, 109), "http://buttons-for-website.com/")),
))
