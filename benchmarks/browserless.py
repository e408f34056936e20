"""A signed-in person without a browser: the real sign-in over HTTP, the real WebSocket after it."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

_HIDDEN: Final = re.compile(r'name="csrf" value="([^"]*)"')
_ACTION: Final = re.compile(r'action="([^"]*)"')
_TAG: Final = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)
_RUN_PATIENCE_S: Final = 60
_IN_PAGE: Final = 0  # where Streamlit draws what is neither in the sidebar nor at the foot


def sign_in(url: str, email: str, password: str) -> httpx.Client:
    """A cookie jar of somebody who pressed the button and went through the sign-in form."""
    client = httpx.Client(base_url=url, follow_redirects=True, trust_env=False, timeout=60)
    client.get("/")
    with tab(url, client) as opened:
        opened.run()
        way = opened.press(opened.buttons["Sign in"])
    form = client.get(way)
    hidden, action = _HIDDEN.search(form.text), _ACTION.search(form.text)
    if hidden is None or action is None:
        msg = f"no sign-in form at {form.url}: {form.status_code}"
        raise RuntimeError(msg)
    fields = {"csrf": html.unescape(hidden[1]), "email": email, "password": password}
    client.post(html.unescape(action[1]), data=fields)
    client.get("/_stcore/health")  # sets the token that the WebSocket must show
    if not any("_streamlit_user" in name for name in client.cookies):
        msg = f"{email} could not sign in"
        raise RuntimeError(msg)
    return client


class Tab:
    """An open tab: it asks for a page and waits until the script has run.

    `said` are the words that the last run drew into the page, `problems` what it refused.
    """

    def __init__(self, socket: ClientConnection, url: str) -> None:
        self._socket = socket
        self._url = url
        self.page_hashes: dict[str, str] = {}
        self.buttons: dict[str, str] = {}
        self.redirect = ""
        self.elements = 0
        self.problems: list[str] = []
        self.said: list[str] = []

    def run(self, page: str = "", query: str = "") -> float:
        """Run a page once. Returns the seconds until it had finished."""
        asked = BackMsg()
        asked.rerun_script.query_string = query
        asked.rerun_script.page_script_hash = self.page_hashes.get(page, "")
        asked.rerun_script.page_name = "" if page in self.page_hashes else page
        asked.rerun_script.context_info.url = f"{self._url}/{page}"
        asked.rerun_script.context_info.timezone = "UTC"
        return self._until_finished(asked, page)

    def press(self, button: str) -> str:
        """Press a button of the page that is shown. Returns where it leads outside the page."""
        asked = BackMsg()
        pressed = asked.rerun_script.widget_states.widgets.add()
        pressed.id, pressed.trigger_value = button, True
        self._until_finished(asked, "")
        return self.redirect

    def _until_finished(self, asked: BackMsg, page: str) -> float:
        began = time.perf_counter()
        self._socket.send(asked.SerializeToString())
        self.elements = 0
        self.problems, self.said = [], []
        while not self._is_finished(self._told(), page):
            pass
        return time.perf_counter() - began

    def _told(self) -> ForwardMsg:
        raw = self._socket.recv(timeout=_RUN_PATIENCE_S)
        told = ForwardMsg()
        told.ParseFromString(raw if isinstance(raw, bytes) else raw.encode())
        return told

    def _is_finished(self, told: ForwardMsg, page: str) -> bool:
        """Take one message in. Returns whether it was the last of a run that went through."""
        kind = told.WhichOneof("type")
        if kind == "delta":
            self._drawn(told)
        elif kind == "auth_redirect":
            self.redirect = told.auth_redirect.url
        elif kind == "navigation":
            for shown in told.navigation.app_pages:
                name = "" if shown.is_default else shown.url_pathname
                self.page_hashes[name] = shown.page_script_hash
        elif kind == "script_finished":
            status = told.script_finished
            if status == ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY:
                return True
            if status != ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN:
                msg = f"{page or 'home'} ended with status {status}"
                raise RuntimeError(msg)
        return False

    def _drawn(self, told: ForwardMsg) -> None:
        self.elements += 1
        element = told.delta.new_element
        kind = element.WhichOneof("type")
        if kind == "html" and told.metadata.delta_path[0] == _IN_PAGE:
            self.said.append(" ".join(_TAG.sub(" ", element.html.body).split()))
        if kind == "button":
            self.buttons[element.button.label] = element.button.id
        elif element.alert.format == Alert.Format.ERROR:
            self.problems.append(element.alert.body)


@contextmanager
def tab(url: str, client: httpx.Client) -> Iterator[Tab]:
    """A tab of the person whose cookies these are."""
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in client.cookies.jar)
    xsrf = (client.cookies.get("_streamlit_xsrf") or "none").strip('"')
    with connect(
        url.replace("http", "ws", 1) + "/_stcore/stream",
        additional_headers={"Cookie": cookies, "Origin": url},
        subprotocols=["streamlit", xsrf],  # type: ignore[list-item] # plain words, as the page sends
        max_size=None,
        proxy=None,
    ) as socket:
        yield Tab(socket, url)
