"""Views of a report: pictures, tables, TensorBoard curves and the HTML page."""
