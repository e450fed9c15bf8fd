"""How fast a sweep is, against the article's loop, callbacks, `fit` and the limit."""
