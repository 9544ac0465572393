"""The control plane's loops, in a process of their own: `python -m gateway.worker`."""
