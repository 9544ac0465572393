"""How an automatic rollout decides: counters, statistics, policy. Pure: no clock, no I/O."""
