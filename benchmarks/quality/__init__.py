"""How good the suggested learning rates are, against the peers', by measured regret."""
