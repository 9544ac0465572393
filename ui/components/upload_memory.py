"""The bytes of uploads, which Streamlit would keep as long as the tab is open.

It forgets a file when the person takes it out of its field, but not when the field goes away.
A single picture stays in its field: it is shown, and asked about again with another model.
"""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from ui.session import HELD_UPLOADS


def keep_only(files: Iterable[UploadedFile]) -> None:
    """Let go of all uploads of this session but these, which are in a field now."""
    held = {file.file_id for file in files}
    gone: set[str] = st.session_state.get(HELD_UPLOADS, set()) - held
    st.session_state[HELD_UPLOADS] = held
    context = get_script_run_ctx()
    # Streamlit's own chat field removes files in this way; only this store can.
    if context is None or not isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        return
    for file_id in gone:
        context.uploaded_file_mgr.remove_file(context.session_id, file_id)
