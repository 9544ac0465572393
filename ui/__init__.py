"""The Streamlit face: a person gives a picture and reads the answer. Talks to the gateway only."""
