"""The pages, one module each, listed in ui/navigation.py.

Not named `pages`: Streamlit lists the files of a folder of that name by itself.
"""
