"""One Triton kept right: watched, proven with golden inputs, healed, started again."""
