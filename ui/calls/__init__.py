"""What the page asks the gateway: one module per subject, no Streamlit."""
