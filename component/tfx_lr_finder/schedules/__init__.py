"""Learning-rate schedules after Smith: OneCycle, Cyclical, MomentumCycle."""
