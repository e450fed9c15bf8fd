"""What the Vertex and the Kubeflow runner share: settings, checks, compiling."""
