"""Long work: what is given now and answered later. docs/jobs.md is its page."""
