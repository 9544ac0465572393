"""The pages, one module each; ui/app.py lists them."""
