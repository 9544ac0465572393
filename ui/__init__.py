"""The Streamlit face: give a picture or a text, read the answer. Talks to the gateway only."""
