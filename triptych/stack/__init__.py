"""Find, start and watch Triton; start gateway and UI on one machine."""
