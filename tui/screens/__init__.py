"""The screens: one file each and a line here; the keys 1 to 5 are in this order."""

from tui.page import Page
from tui.screens.links import LinksPage
from tui.screens.overview import OverviewPage
from tui.screens.sip import SipPage
from tui.screens.sync import SyncPage
from tui.screens.timeline import TimelinePage

PAGES: dict[str, type[Page]] = {
    "overview": OverviewPage,
    "sip": SipPage,
    "links": LinksPage,
    "sync": SyncPage,
    "timeline": TimelinePage,
}
