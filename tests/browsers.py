"""Current browsers' user agents, by browser, version and platform, each with its kind of device."""

import itertools

WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"

DESKTOPS = ("Windows NT 10.0; Win64; x64", "Windows NT 6.1; WOW64", "Macintosh; Intel Mac OS X 10_15_7",
            "X11; Linux x86_64", "X11; CrOS x86_64 14541.0.0", "X11; Ubuntu; Linux x86_64", "X11; FreeBSD amd64")
PHONES = ("Linux; Android 10; K", "Linux; Android 15; Pixel 9 Pro", "Linux; Android 14; SM-S928B",
          "Linux; Android 13; CUBOT_X50", "Linux; Android 12; moto g(30)",
          "Linux; U; Android 11; en-us; Redmi Note 9 Build/RP1A.200720.011")
TABLETS = ("Linux; Android 14; SM-X910", "Linux; Android 12; Lenovo TB-J606F", "Linux; Android 11; KFTRWI")
IPHONES = ("iPhone; CPU iPhone OS 18_5 like Mac OS X", "iPhone; CPU iPhone OS 17_6_1 like Mac OS X",
           "iPhone; CPU iPhone OS 15_8 like Mac OS X")
IPADS = ("iPad; CPU OS 18_5 like Mac OS X", "iPad; CPU OS 16_7_2 like Mac OS X")
CHROMES = ("109.0.0.0", "126.0.0.0", "138.0.0.0", "140.0.0.0", "142.0.0.0")
FIREFOXES = ("115.0", "128.0", "140.0", "144.0")
SAFARIS = ("13.1.2", "15.6.1", "16.6", "17.6", "18.5", "26.0")

#: Between engine and end, as browsers of Apple's phones have it.
IOS_BROWSERS = ("Version/18.5 ", "Version/17.6 ", "CriOS/138.0.7204.53 ", "FxiOS/140.0 ", "GSA/373.0.772160735 ",
                "EdgiOS/138.0.3351.65 Version/17.0 ", "Version/18.0 OPT/5.5.0 ", "DuckDuckGo/7 ")
#: At the end, as apps have it that show pages.
IOS_APPS = (
    "", " [FBAN/FBIOS;FBAV/512.0.0.40.108;FBBV/735;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/18.5;FBSS/3;FBLC/de_DE]",
    " Instagram 385.0.0.26.79 (iPhone15,2; iOS 18_5; de_DE; de; scale=3.00; 1179x2556; 745)",
    " MicroMessenger/8.0.60(0x18003c2b) NetType/WIFI Language/zh_CN", " Safari Line/15.8.0 LIAPP", " KAKAOTALK 25.5.0",
    " Twitter for iPhone/10.50", " LinkedInApp/9.31.2432", " [Pinterest/iOS]", " Threads 390.0.0.20.77 (iPhone15,2)",
    " Snapchat/13.50.0.45 (like Safari/8621)", " NAVER(inapp; search; 1010; 12.11.0; 15PRO)",
    " musical_ly_40.0.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/de Region/DE BytedanceWebview/d8a21c6",
)
ANDROID_APPS = (
    " [FB_IAB/FB4A;FBAV/512.0.0.50.105;]", " [FBAN/EMA;FBLC/de_DE;FBAV/470.0.0.9.103;FBCX/modulariab;]",
    " Instagram 385.0.0.47.74 Android (35/15; 480dpi; 1080x2120; samsung; SM-S928B; e3q; qcom; de_DE; 745)",
    " GSA/16.24.51.ve.arm64", " Line/15.8.2/IAB", " MMWEBID/1 MicroMessenger/8.0.60.2860(0x28003C35) WeChat/arm64",
    " Snapchat/13.50.0.45 (SM-S928B; Android 15#S928B#35; gzip; )", " trill_400004 BytedanceWebview/d8a21c6",
    " [Pinterest/Android]",
)
RARE = (
    (f"Mozilla/5.0 (Linux; Android 9; KFONWI) {BLINK} Silk/137.3.1 like Chrome/137.0.0.0 Safari/537.36", "tablet"),
    ("Opera/9.80 (Android; Opera Mini/36.2/191.303; U; en) Presto/2.12.423 Version/12.16", "mobile"),
    ("Mozilla/5.0 (Mobile; Nokia_2720_Flip; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.2.1", "mobile"),
    (f"Mozilla/5.0 (PlayStation; PlayStation 5/9.00) {WEBKIT} Version/15.4 Safari/605.1.15", "console"),
    (f"Mozilla/5.0 (Nintendo Switch; WifiWebAuthApplet) {BLINK} NF/6.0.3.25.0 NintendoBrowser/5.1.0.32061", "console"),
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) {BLINK} Chrome/138.0.0.0 Edg/138.0.0.0", "console"),
    (f"Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36", "tv"),
    (f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/108.0.5359.211 Safari/537.36 WebAppManager", "tv"),
    (f"Mozilla/5.0 (Linux; Android 9; AFTKA) {BLINK} Silk/120.4.1 like Chrome/120.0.0.0 Safari/537.36", "tv"),
    (f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) {BLINK} Chrome/138.0.0.0 Safari/537.36", "tv"),
    (f"Mozilla/5.0 (X11; Linux armv7l) {BLINK} Chrome/138.0.0.0 Safari/537.36 CrKey/1.56.500000", "tv"),
)


def browsers():
    """Yield pairs of user agent and kind of device."""
    for platform, version in itertools.product(DESKTOPS, CHROMES):
        chrome = f"Mozilla/5.0 ({platform}) {BLINK} Chrome/{version} Safari/537.36"
        for mark in ("", f" Edg/{version}", " OPR/118.0.0.0", " Vivaldi/7.4.3684.46", " YaBrowser/25.6.0.0"):
            yield chrome + mark, "desktop"
    for platform, version in itertools.product(DESKTOPS, FIREFOXES):
        yield f"Mozilla/5.0 ({platform}; rv:{version}) Gecko/20100101 Firefox/{version}", "desktop"
    for version in SAFARIS:
        yield f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Version/{version} Safari/605.1.15", "desktop"
    for platforms, mobile, device in ((PHONES, "Mobile ", "mobile"), (TABLETS, "", "tablet")):
        for platform, version in itertools.product(platforms, CHROMES):
            chrome = f"Mozilla/5.0 ({platform}) {BLINK} Chrome/{version} {mobile}Safari/537.36"
            for mark in ("", f" EdgA/{version}", " OPR/89.0.0.0"):
                yield chrome + mark, device
            yield chrome.replace(" Chrome/", " SamsungBrowser/28.0 Chrome/"), device
            yield chrome.replace(" Chrome/", " Version/4.0 Chrome/"), device
    for version in FIREFOXES:
        yield f"Mozilla/5.0 (Android 14; Mobile; rv:{version}) Gecko/{version} Firefox/{version}", "mobile"
        yield f"Mozilla/5.0 (Android 14; Tablet; rv:{version}) Gecko/{version} Firefox/{version}", "tablet"
    for platform in IPHONES + IPADS:
        ios, device = f"Mozilla/5.0 ({platform}) {WEBKIT}", "mobile" if platform in IPHONES else "tablet"
        for mark in IOS_BROWSERS:
            yield f"{ios} {mark}Mobile/15E148 Safari/604.1", device
        for mark in IOS_APPS:
            yield f"{ios} Mobile/15E148{mark}", device
    for mark in ANDROID_APPS:
        yield (f"Mozilla/5.0 (Linux; Android 15; SM-S928B Build/AP3A; wv) {BLINK} Version/4.0 "
               f"Chrome/138.0.7204.63 Mobile Safari/537.36{mark}"), "mobile"
    yield from RARE
