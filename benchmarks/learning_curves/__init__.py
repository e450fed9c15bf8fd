"""Generated tasks whose best learning rate is known at every horizon."""
