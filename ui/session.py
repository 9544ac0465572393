"""What one browser tab holds: its key, its language, the last request. Nothing else is global.

A key is kept here, in the memory of this process, until the person signs out or closes the tab.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import streamlit as st

from ui.services import Services, Visit
from ui.texts import LANGUAGES, Texts, language_of, load_texts

# Keys in session_state.
VISIT = "session_visit"
LANGUAGE = "session_language"
LAST_REQUEST = "session_last_request"
ONLY_ON_PAGE = "session_only_on_page"
VISITOR = "session_visitor"
PAGE = "session_page"
# Ids of the files that this session uploaded, by which Streamlit can be told to forget them.
HELD_UPLOADS = "held_upload_ids"

# What is nobody's own, or has to be known to forget the rest.
_OUTLASTING = (LANGUAGE, VISITOR, PAGE, HELD_UPLOADS)


@dataclass(frozen=True)
class LastRequest:
    """The request that this session made last, without its bytes: the API page writes it out.

    Attributes:
        alias: Which model, or release, was asked.
        top_k: How many labels.
        file_name: Of the picture; None for texts.
        content_type: Of the picture.
        texts: What was asked about, for text models.
    """

    alias: str
    top_k: int
    file_name: str | None = None
    content_type: str = "image/jpeg"
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageSecret:
    """What only one page may show, such as a key that was made there."""

    page: str
    secret: object = field(repr=False)


def is_signed_in() -> bool:
    """Whether the person gave a key of their own."""
    return VISIT in st.session_state


def current_visit(services: Services) -> Visit:
    """The gateway as this session sees it: with the person's key, else with the page's own."""
    visit: Visit = st.session_state.get(VISIT, services.guest)
    return visit


def sign_in(visit: Visit) -> None:
    """Use a person's own key from now on."""
    sign_out()
    st.session_state[VISIT] = visit


def sign_out() -> None:
    """Forget the key and everything that it brought onto the page; the language stays."""
    kept = {name: st.session_state[name] for name in _OUTLASTING if name in st.session_state}
    st.session_state.clear()
    st.session_state.update(kept)
    st.session_state[VISITOR] = kept.get(VISITOR, 0) + 1


def visitors_own(field_key: str) -> str:
    """Name a field that holds what a person brings, in session_state, for whoever is here now.

    The browser remembers what is in a field and sends it again, whatever was forgotten here: the
    next person needs another field.
    """
    visitor = st.session_state.get(VISITOR, 0)
    return f"{field_key}-of-{visitor}" if visitor else field_key


def current_texts() -> Texts:
    """The sentences in the language that the person chose, else in the browser's."""
    chosen = st.session_state.get(LANGUAGE)
    language = chosen if chosen in LANGUAGES else language_of(st.context.locale)
    return load_texts(language)


def note_request(request: LastRequest) -> None:
    """Remember what was asked."""
    st.session_state[LAST_REQUEST] = request


def last_request() -> LastRequest | None:
    """What was asked last, if anything was."""
    request: LastRequest | None = st.session_state.get(LAST_REQUEST)
    return request


def keep_on_page(page: str, secret: object) -> None:
    """Hold something as long as this page is open, and no longer."""
    st.session_state[ONLY_ON_PAGE] = PageSecret(page, secret)


def kept_on_page(page: str) -> object | None:
    """What is held for this page, if anything is."""
    kept: PageSecret | None = st.session_state.get(ONLY_ON_PAGE)
    return kept.secret if kept is not None and kept.page == page else None


def enter_page(page: str) -> bool:
    """Forget what was held for another page; tell whether this is another one than before."""
    if kept_on_page(page) is None:
        leave_page()
    is_another = st.session_state.get(PAGE) != page
    st.session_state[PAGE] = page
    return is_another


def leave_page() -> None:
    """Forget what was held for any page."""
    st.session_state.pop(ONLY_ON_PAGE, None)
