"""How often the verdict is wrong: on data of nothing, and on clean tasks."""
