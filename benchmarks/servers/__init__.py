"""What the report compares: each module starts one server, and `with` ends it."""
