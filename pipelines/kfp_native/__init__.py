"""A pipeline of the KFP SDK, without TFX: prepare, find the rate, train, evaluate."""
