"""Where readers are: cities with their time zone, languages and networks.

The networks are those that nobody has: 198.18.0.0/15, kept for benchmarks, and 2001:db8::/32, kept for documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from math import fsum
from typing import NamedTuple

from footfall.transfer.demo.choices import Choices, shares

#: How busy the hours of a reader's day are, by his clock.
HOURS = (9, 6, 4, 3, 3, 5, 11, 22, 38, 52, 60, 62, 55, 56, 60, 60, 57, 50, 43, 41, 42, 40, 31, 18)
#: How busy the days of his week are, from Monday.
WEEKDAYS = (1.0, 1.05, 1.06, 1.03, 0.93, 0.55, 0.6)

#: Country, weight, languages, and cities, larger ones first: hours ahead of UTC in winter, region/city.
_COUNTRIES = (
    ("US", 260, "en-US en-US en-US en-US en-US es-US", "-5 New York/New York City,-8 California/San Francisco,"
     "-6 Texas/Austin,-8 Washington/Seattle,-6 Illinois/Chicago,-5 Massachusetts/Boston,-7 Colorado/Denver"),
    ("DE", 110, "de-DE de-DE de-DE de en-US", "1 Land Berlin/Berlin,1 Bavaria/Munich,1 Hamburg/Hamburg,1 Hesse/Kassel"),
    ("GB", 80, "en-GB en-GB en-GB en-US", "0 England/London,0 England/Manchester,0 Scotland/Edinburgh,0 Wales/Cardiff"),
    ("IN", 80, "en-IN en-IN en-US hi-IN", "5.5 Karnataka/Bengaluru,5.5 Maharashtra/Mumbai,5.5 Telangana/Hyderabad"),
    ("FR", 52, "fr-FR fr-FR fr en-US", "1 Île-de-France/Paris,1 Auvergne-Rhône-Alpes/Lyon,1 Occitanie/Toulouse"),
    ("CA", 45, "en-CA en-CA en-US fr-CA", "-5 Ontario/Toronto,-5 Quebec/Montreal,-8 British Columbia/Vancouver"),
    ("NL", 36, "nl-NL nl-NL en-US en-GB", "1 North Holland/Amsterdam,1 South Holland/Rotterdam,1 Utrecht/Utrecht"),
    ("BR", 36, "pt-BR pt-BR pt-BR en-US", "-3 São Paulo/São Paulo,-3 Rio de Janeiro/Rio de Janeiro,-3 Bahia/Salvador"),
    ("AU", 30, "en-AU en-AU en-US", "10 New South Wales/Sydney,10 Victoria/Melbourne,10 Queensland/Brisbane"),
    ("JP", 30, "ja-JP ja-JP ja en-US", "9 Tokyo/Tokyo,9 Osaka/Osaka,9 Aichi/Nagoya"),
    ("PL", 26, "pl-PL pl-PL en-US", "1 Mazovia/Warsaw,1 Lesser Poland/Krakow,1 Lower Silesia/Wroclaw"),
    ("ES", 26, "es-ES es-ES en-US ca-ES", "1 Madrid/Madrid,1 Catalonia/Barcelona,1 Valencia/Valencia"),
    ("IT", 25, "it-IT it-IT it en-US", "1 Lombardy/Milan,1 Lazio/Rome,1 Piedmont/Turin"),
    ("CH", 20, "de-CH de-DE fr-CH en-US", "1 Zurich/Zurich,1 Geneva/Geneva,1 Bern/Bern"),
    ("SE", 19, "sv-SE sv-SE en-US", "1 Stockholm/Stockholm,1 Västra Götaland/Gothenburg,1 Skåne/Malmo"),
    ("AT", 15, "de-AT de-DE de", "1 Vienna/Vienna,1 Styria/Graz,1 Upper Austria/Linz"),
    ("BE", 13, "nl-BE fr-BE en-US", "1 Brussels Capital/Brussels,1 Flanders/Antwerp,1 Flanders/Ghent"),
    ("DK", 12, "da-DK da-DK en-US", "1 Capital Region/Copenhagen,1 Central Jutland/Aarhus"),
    ("NO", 11, "nb-NO nb-NO en-US", "1 Oslo/Oslo,1 Vestland/Bergen,1 Trøndelag/Trondheim"),
    ("FI", 12, "fi-FI fi-FI en-US", "2 Uusimaa/Helsinki,2 Pirkanmaa/Tampere,2 North Ostrobothnia/Oulu"),
    ("CZ", 12, "cs-CZ cs-CZ en-US", "1 Prague/Prague,1 South Moravian/Brno"),
    ("UA", 12, "uk-UA uk-UA ru-UA en-US", "2 Kyiv City/Kyiv,2 Lviv/Lviv,2 Kharkiv/Kharkiv"),
    ("SG", 14, "en-SG en-US zh-SG", "8 Singapore/Singapore"),
    ("KR", 15, "ko-KR ko-KR en-US", "9 Seoul/Seoul,9 Busan/Busan"),
    ("CN", 18, "zh-CN zh-CN en-US", "8 Shanghai/Shanghai,8 Beijing/Beijing,8 Guangdong/Shenzhen"),
    ("ID", 14, "id-ID id-ID en-US", "7 Jakarta/Jakarta,7 West Java/Bandung,7 East Java/Surabaya"),
    ("MX", 14, "es-MX es-MX en-US", "-6 Mexico City/Mexico City,-6 Jalisco/Guadalajara,-6 Nuevo León/Monterrey"),
    ("AR", 11, "es-AR es-AR en-US", "-3 Buenos Aires F.D./Buenos Aires,-3 Cordoba/Córdoba,-3 Santa Fe/Rosario"),
    ("PT", 9, "pt-PT pt-PT en-US", "0 Lisbon/Lisbon,0 Porto/Porto"),
    ("TR", 12, "tr-TR tr-TR en-US", "3 Istanbul/Istanbul,3 Ankara/Ankara,3 İzmir/İzmir"),
    ("IL", 9, "he-IL he-IL en-US", "2 Tel Aviv/Tel Aviv,2 Haifa/Haifa"),
    ("ZA", 9, "en-ZA en-ZA en-GB", "2 Gauteng/Johannesburg,2 Western Cape/Cape Town"),
    ("NG", 7, "en-NG en-US en-GB", "1 Lagos/Lagos,1 FCT/Abuja"),
)
_NETWORKS = 512
#: Networks of IPv6 for each of IPv4.
_LONG_NETWORKS = 100


class Place(NamedTuple):
    """A city.

    :param fields: what is stored of it with an event.
    :param languages: of its readers' browsers.
    :param minutes_ahead: of UTC, the year round.
    :param network: the number of its first network, of those that nobody has.
    :param networks: how many it has.
    """

    fields: Mapping[str, str]
    languages: tuple[str, ...]
    minutes_ahead: int
    network: int
    networks: int

    @property
    def country(self) -> dict[str, str]:
        """What is stored where no more is known."""
        return {"country": self.fields["country"]}

    def address(self, part: float, other: float) -> str:
        """Return a network of the city by its address, which is what is kept of an address: six in ten of IPv4."""
        number = self.network + int(part * self.networks)
        if other < 0.6:
            return f"198.{18 + number // 256}.{number % 256}.0"
        return f"2001:db8:{number * _LONG_NETWORKS + int(other * _LONG_NETWORKS) + 1:x}::"


def _cities() -> list[tuple[float, Place]]:
    found = []
    for country, weight, languages, cities in _COUNTRIES:
        named = cities.split(",")
        ranks = [1 / (rank + 2) for rank in range(len(named))]
        for rank, text in zip(ranks, named, strict=True):
            ahead, _, name = text.partition(" ")
            region, _, city = name.partition("/")
            fields = {"country": country, "region": region, "city": city}
            place = Place(fields, tuple(languages.split()), int(float(ahead) * 60), 0, 0)
            found.append((weight * rank / fsum(ranks), place))
    # One each, and the others as busy as they are.
    networks = [1 + more for more in shares(_NETWORKS - len(found), (weight for weight, _ in found))]
    firsts = [0, *accumulate(networks)]
    return [(weight, place._replace(network=first, networks=count))
            for (weight, place), first, count in zip(found, firsts, networks, strict=False)]


PLACES = _cities()


@cache
def awake(weekday: int, hour: int) -> Choices[Place]:
    """Return the places as busy as they are in an hour of UTC.

    :param weekday: 0 for Monday, by UTC.
    """
    return Choices((weight * busy(weekday, hour, place), place) for weight, place in PLACES)


def busy(weekday: int, hour: int, place: Place) -> float:
    """Return how busy a place is in an hour of UTC, by the clock and the week of its own.

    :param weekday: 0 for Monday, by UTC.
    """
    minutes = hour * 60 + 30 + place.minutes_ahead
    return WEEKDAYS[(weekday + minutes // 1440) % 7] * HOURS[minutes % 1440 // 60]
