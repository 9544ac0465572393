"""What arms and shadows were seen to do: the record of it, and reports."""
